// Ages and the clock count against the server's `now`, never this machine's own time.
(function () {
  "use strict";
  const FALLBACK = {
    seconds: "{n} dtk", minutes: "{n} mnt", hours: "{n} jam", days: "{n} hari",
    lost: "Sambungan ke server terputus. Gambar terakhir tetap ditampilkan dan pulih sendiri.",
    store: "Penyimpanan bermasalah: data baru belum tersimpan. Ini gambar terakhir.", since: "Sudah {age}.",
    denied: "Peran Anda tidak boleh melakukan ini.",
  };
  const STEPS = [[60, "seconds", 1], [3600, "minutes", 60], [172800, "hours", 3600], [Infinity, "days", 86400]];
  let base = null; // {now: business ms, at: performance.now(), speed}
  let words = FALLBACK, from = "";
  const formats = {};

  function wordsOf() {
    const el = document.querySelector("[data-coc-words]"), text = el ? el.dataset.cocWords : "";
    if (text && text !== from) {
      try { words = Object.assign({}, FALLBACK, JSON.parse(text)); from = text; } catch (_) { words = FALLBACK; }
    }
    return words;
  }
  const now = () => base && base.now + (performance.now() - base.at) * base.speed;

  function ageText(seconds) {
    const whole = Math.max(0, Math.floor(seconds));
    const [, name, unit] = STEPS.find(([limit]) => whole < limit);
    return wordsOf()[name].replace("{n}", Math.floor(whole / unit));
  }
  const number = (value) => value.toLocaleString(document.documentElement.lang || "id");
  function momentText(el, text) {
    const at = Date.parse(text);
    if (Number.isNaN(at)) return text;
    // Of another day the page's own words stay: they name it.
    const zone = document.body.dataset.zone || "UTC", here = now();
    const day = (when) => new Date(when).toLocaleDateString("en-CA", { timeZone: zone });
    return here === null || day(at) !== day(here) ? el.textContent : clockText(el, at);
  }
  function clockText(el, at) {
    const zone = el.dataset.zone || document.body.dataset.zone || "UTC";
    const key = zone + (el.dataset.clock || "");
    const seconds = el.dataset.clock === "seconds";
    formats[key] = formats[key] || new Intl.DateTimeFormat("en-GB", {
      timeZone: zone, hour: "2-digit", minute: "2-digit", ...(seconds ? { second: "2-digit" } : {}), hourCycle: "h23",
    });
    const mark = document.documentElement.lang === "en" ? ":" : ".";
    return formats[key].format(new Date(at)).replaceAll(":", mark) + " " + document.body.dataset.zoneName;
  }
  // React keeps its own idea of the text; a single text child is replaced whole, so both stay right.
  function write(el, text) {
    if (el.textContent !== text) el.textContent = text;
  }
  function tick() {
    const at = now();
    if (at === null) return;
    for (const el of document.querySelectorAll("[data-age-of]")) {
      const then = Date.parse(el.dataset.ageOf);
      if (!Number.isNaN(then)) write(el, ageText((at - then) / 1000));
    }
    for (const el of document.querySelectorAll("[data-clock]")) write(el, clockText(el, at));
  }
  // What moves without an epoch: a pull that brings nothing new still proves that the data is current.
  let heard = {};
  function feeds(all, onlyYounger) {
    for (const [name, feed] of Object.entries(all || {})) {
      for (const mark of document.querySelectorAll(`[data-feed="${CSS.escape(name)}"]`)) {
        const old = mark.dataset.asOf || "";
        if (onlyYounger && !(Date.parse(feed.as_of) >= Date.parse(old))) continue;
        for (const el of mark.querySelectorAll("[data-age-of]")) {
          const field = el.dataset.ageField || (el.dataset.ageOf === old ? "as_of" : "");
          if (field && feed[field] && el.dataset.ageOf !== feed[field]) el.dataset.ageOf = feed[field];
        }
        for (const el of mark.querySelectorAll("[data-feed-field]")) {
          const value = feed[el.dataset.feedField];
          if (value !== undefined) write(el, typeof value === "number" ? number(value) : momentText(el, value));
        }
        if (feed.as_of && old !== feed.as_of) mark.dataset.asOf = feed.as_of;
      }
    }
  }
  // How many alerts fire that nobody has taken in hand: on the way to them, from every page.
  let firing = 0;
  function count() {
    for (const el of document.querySelectorAll('.coc-menu-button, .coc-nav a[href="/peringatan"]')) {
      if (firing > 0) el.dataset.firing = number(firing);
      else delete el.dataset.firing;
    }
  }
  window.cocAges = {
    words: wordsOf,
    said: ageText,
    // After a paint: what was painted may be older than what the last beat said.
    again() { feeds(heard, true); count(); tick(); },
    beat(data) {
      const speed = Number.isFinite(data.speed) ? data.speed : 1;
      base = { now: Date.parse(data.now), at: performance.now(), speed };
      heard = data.feeds || {};
      feeds(heard, false);
      firing = Number.isInteger(data.alerts) ? data.alerts : 0;
      count();
      tick();
    },
  };
  setInterval(tick, 1000);
})();
