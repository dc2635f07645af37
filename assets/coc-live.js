// The browser's part: one stream per origin over all tabs; on a page's new epoch its frame is fetched and painted.
// The last good picture stays on every failure; recovery is by itself.
(function () {
  "use strict";
  const SILENCE = 12000, BROKEN = 3000, BEAT = 1000, SLOWEST = 10000, DRAWING = 6000;
  const body = document.body;
  const S = {
    es: null, opened: 0, tries: 0, retry: 0, broken: 0, solo: false, leads: false, bus: null,
    heard: performance.now(), data: null, done: null,
    el: null, key: "", have: 0, stamp: "", busy: false, failed: 0, turn: 0, reloading: false,
  };
  const jitter = (ms) => ms * (0.5 + Math.random() / 2);
  const backoff = (tries) => jitter(Math.min(SLOWEST, 500 * 2 ** tries));
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  // A hidden tab gets no animation frames.
  const painted = () => new Promise((done) => { requestAnimationFrame(done); setTimeout(done, 250); });
  const set = (el, name, value) => { if (el.dataset[name] !== value) el.dataset[name] = value; };

  // --- the connection, and the store behind it ---
  function live() {
    set(body, "connection", "live");
    tell();
  }
  function lost() {
    set(body, "connection", "lost");
    tell();
  }
  // One banner, for the worse of two: a server that is gone, or one whose store can neither be read nor written.
  function tell() {
    const words = window.cocAges.words(), store = S.data && S.data.store;
    const gone = body.dataset.connection === "lost";
    set(body, "store", store ? store.state : "ok");
    if (!gone && !store) return hide();
    const banner = document.getElementById("coc-banner") || made();
    const since = gone ? "" : window.cocAges.said(store.seconds + (performance.now() - S.heard) / 1000);
    write(banner.firstChild, gone ? words.lost : words[store.state] || words.store);
    write(banner.lastChild, gone ? "" : " " + words.since.replace("{age}", since));
    banner.hidden = false;
  }
  function hide() {
    const banner = document.getElementById("coc-banner");
    if (banner && !banner.hidden) banner.hidden = true;
  }
  function made() {
    const banner = document.createElement("div");
    banner.id = "coc-banner";
    banner.className = "coc-banner";
    banner.setAttribute("role", "alert");
    banner.append(document.createElement("span"), document.createElement("span"));
    banner.lastChild.setAttribute("aria-hidden", "true"); // it counts on: no voice should read every second
    body.prepend(banner); // it moves the page down rather than covering it
    return banner;
  }
  const write = (el, text) => { if (el.textContent !== text) el.textContent = text; };
  function disconnect() {
    if (S.es) S.es.close();
    S.es = null;
    clearTimeout(S.retry);
  }
  function connect() {
    disconnect();
    const es = S.es = new EventSource("/api/v1/stream");
    S.opened = performance.now();
    es.addEventListener("version", (e) => {
      let data;
      try { data = JSON.parse(e.data); } catch (_) { return; }
      S.tries = 0;
      if (S.bus && S.leads) S.bus.postMessage(data);
      take(data);
    });
    es.onerror = () => {
      es.close();
      if (S.es !== es) return;
      S.es = null;
      S.broken = S.broken || performance.now();
      S.retry = setTimeout(connect, backoff(S.tries++));
      window.cocDoor.ask();
    };
  }
  function take(data) {
    S.heard = performance.now();
    S.broken = 0;
    S.data = data;
    window.cocAges.beat(data);
    live();
    if (data.build && body.dataset.build && data.build !== body.dataset.build) renew(data.build);
    check();
  }
  function watch() {
    const now = performance.now(), silent = now - S.heard > SILENCE;
    if (silent || (S.broken && now - S.broken > BROKEN)) lost();
    else if (S.data && S.data.store) tell();
    if (!silent) return;
    // A server that hangs keeps the connection open and says nothing; a leading tab may have been stopped.
    if (S.es ? now - S.opened > SILENCE : !S.leads && S.bus && !S.solo) {
      S.solo = !S.leads;
      connect();
    }
  }
  function share() {
    if (!navigator.locks || !window.BroadcastChannel) return connect();
    S.bus = new BroadcastChannel("coc-stream");
    S.bus.onmessage = (e) => {
      if (e.data === "ask") {
        if (S.leads && S.data && performance.now() - S.heard < SILENCE) S.bus.postMessage(S.data);
        return;
      }
      if (S.solo) { S.solo = false; disconnect(); }
      take(e.data);
    };
    navigator.locks.request("coc-stream", () => {
      S.leads = true;
      S.solo = false;
      connect();
      return new Promise(() => {});
    }).catch(connect);
    S.bus.postMessage("ask");
  }
  // Another build answers: take its page, but only once it can be had.
  async function renew(build) {
    if (S.reloading) return;
    S.reloading = true;
    const asked = Number(sessionStorage.getItem("coc-build-" + build) || 0);
    await pause(Date.now() - asked < 60000 ? 60000 : jitter(2000));
    try {
      const answer = await fetch(location.href, { method: "HEAD", cache: "no-store" });
      if (answer.status < 500) {
        sessionStorage.setItem("coc-build-" + build, String(Date.now()));
        location.reload();
        return;
      }
    } catch (_) { /* it went again; the next beat asks anew */ }
    S.reloading = false;
  }

  // --- the page ---
  function look() {
    const el = document.querySelector("[data-coc-page]");
    if (!el) return;
    const d = el.dataset;
    const key = [d.cocPage, d.cocScope, d.cocWindow, d.cocPart, d.cocLang, d.cocTheme, d.cocLens, d.cocEpoch, d.cocStamp].join("|");
    if (el === S.el && key === S.key) return;
    Object.assign(S, { el, key, have: Number(d.cocEpoch || 0), stamp: d.cocStamp || "", done: null, failed: 0 });
    set(body, "page", d.cocPage);
    document.documentElement.lang = d.cocLang;
    document.documentElement.dataset.bsTheme = d.cocTheme;
    if (S.have >= 0) arrive(S.have, []);
    check();
  }
  // Another unit or window on the page in hand: its frame is fetched, and the choice is in the address, to be shared.
  function choose(name, value) {
    const d = S.el.dataset, address = new URL(location.href);
    // The whole city must be said where the account has a unit of its own: a page without a choice starts with that.
    const own = name === "unit" && /(?:^|; )coc_unit=/.test(document.cookie);
    if (value || own) address.searchParams.set(name, value || "kota");
    else address.searchParams.delete(name);
    history.replaceState(history.state, "", address);
    d[name === "unit" ? "cocScope" : "cocWindow"] = value;
    d.cocEpoch = "-1"; // nothing of this choice is painted yet
    for (const each of S.el.querySelectorAll(`button[data-coc-choice="${name}"]`)) {
      each.setAttribute("aria-pressed", String(each.dataset.cocValue === value));
    }
  }
  function check() {
    if (!S.el || !S.data || S.busy || S.data === S.done) return;
    const wanted = S.data.pages && S.data.pages[S.el.dataset.cocPage];
    S.done = S.data; // one fetch an event: a frame may be newer than the event that asked for it
    if (wanted !== undefined && (wanted !== S.have || (S.data.stamp || "") !== S.stamp)) refresh();
  }
  async function refresh() {
    S.busy = true;
    const key = S.key;
    try {
      const frame = await fetchFrame(S.el.dataset);
      if (key === S.key) await paint(frame);
      S.failed = 0;
    } catch (_) {
      setTimeout(() => { S.done = null; check(); }, backoff(S.failed++));
    }
    S.busy = false;
    check();
  }
  async function fetchFrame(d) {
    const query = new URLSearchParams({ page: d.cocPage, lang: d.cocLang, theme: d.cocTheme });
    if (d.cocScope) query.set("scope", d.cocScope);
    if (d.cocWindow) query.set("window", d.cocWindow);
    if (d.cocPart) query.set("part", d.cocPart);
    if (d.cocLens) query.set("lens", d.cocLens);
    const answer = await fetch("/live/frame?" + query, { signal: AbortSignal.timeout(SLOWEST) });
    if (!answer.ok) throw new Error("frame " + answer.status);
    return answer.json();
  }
  async function paint(frame) {
    const charts = [];
    for (const [id, props] of Object.entries(frame.props)) {
      if (props && props.figure) charts.push(redrawn(id));
      try { window.dash_clientside.set_props(id, props); } catch (_) { /* not in this layout */ }
    }
    S.have = frame.epoch;
    S.stamp = frame.stamp || "";
    await arrive(frame.epoch, charts);
  }
  function redrawn(id) {
    const outer = document.getElementById(id), plot = outer && outer.querySelector(".js-plotly-plot");
    if (!plot || !plot.once) return Promise.resolve();
    return new Promise((done) => plot.once("plotly_afterplot", done));
  }
  // data-epoch says what is painted: set when the last chart has drawn.
  async function arrive(epoch, charts) {
    window.cocAges.again();
    const turn = ++S.turn, until = performance.now() + DRAWING;
    await Promise.race([Promise.all(charts), pause(DRAWING)]);
    while (undrawn() && performance.now() < until) await pause(50);
    await painted();
    await painted();
    if (turn !== S.turn) return;
    set(body, "epoch", String(epoch));
  }
  function undrawn() {
    const graphs = S.el ? S.el.querySelectorAll(".dash-graph") : [];
    for (const graph of graphs) if (graph.offsetParent !== null && !graph.querySelector(".main-svg")) return true;
    return false;
  }

  new MutationObserver(look).observe(body, {
    childList: true, subtree: true, attributes: true,
    attributeFilter: ["data-coc-page", "data-coc-epoch", "data-coc-scope", "data-coc-window", "data-coc-part", "data-coc-lang", "data-coc-theme", "data-coc-lens",
      "data-coc-stamp"],
  });
  body.addEventListener("change", (e) => {
    if (e.target.matches("select[data-coc-choice]") && S.el) choose(e.target.dataset.cocChoice, e.target.value);
  });
  body.addEventListener("click", (e) => {
    const button = e.target.closest && e.target.closest("button[data-coc-choice]");
    if (button && S.el) choose(button.dataset.cocChoice, button.dataset.cocValue);
  });
  look();
  share();
  setInterval(watch, BEAT);
})();
