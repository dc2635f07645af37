// "Data per pukul ..." in the header moves with the feeds' marks: a pull that brings nothing new makes no epoch.
(function () {
  "use strict";
  const formats = {};
  function parts(at) {
    const zone = document.body.dataset.zone || "UTC";
    formats[zone] = formats[zone] || new Intl.DateTimeFormat("en-CA", {
      timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
    });
    const found = {};
    for (const part of formats[zone].formatToParts(new Date(at))) found[part.type] = part.value;
    return found;
  }
  function tick() {
    const el = document.querySelector("[data-asof-text]");
    if (!el || !document.body.dataset.zone) return;
    const times = [...document.querySelectorAll("[data-feed][data-as-of]")]
      .filter((mark) => mark.dataset.state !== "disabled")
      .map((mark) => Date.parse(mark.dataset.asOf)).filter((at) => !Number.isNaN(at));
    if (!times.length) return;
    const oldest = parts(Math.min(...times)), newest = parts(Math.max(...times));
    if (oldest.day !== newest.day) return; // the server's words name the day
    const mark = document.documentElement.lang === "en" ? ":" : ".";
    const said = oldest.hour + mark + oldest.minute + " " + document.body.dataset.zoneName;
    const text = el.dataset.asofText.replace("{at}", said);
    if (el.textContent !== text) el.textContent = text;
  }
  setInterval(tick, 1000);
})();
