// The "i" of a figure is a native <details>: this only closes it again, keeps it the one that is open, and in the window.
(function () {
  "use strict";
  const OPEN = "details.coc-info[open]", EDGE = 8;
  const close = (except) => {
    for (const each of document.querySelectorAll(OPEN)) if (each !== except) each.open = false;
  };
  document.addEventListener("click", (e) => close(e.target.closest && e.target.closest(OPEN)));
  document.addEventListener("keydown", (e) => {
    const open = e.key === "Escape" && document.querySelector(OPEN);
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });
  // Below its tile, to the left of its mark; where that leaves the window, as far back in as it takes.
  function place(info) {
    const panel = info.querySelector(".coc-info-panel");
    panel.style.translate = "";
    const at = panel.getBoundingClientRect(), wide = document.documentElement.clientWidth, high = window.innerHeight;
    const x = at.left < EDGE ? EDGE - at.left : Math.min(0, wide - EDGE - at.right);
    const y = Math.min(0, Math.max(high - EDGE - at.bottom, EDGE - at.top));
    if (x || y) panel.style.translate = `${x}px ${y}px`;
  }
  // A refresh may make the tile anew, and with it a panel that is shut: who reads it goes on reading.
  let reading = null;
  function keep() {
    const open = document.querySelector(OPEN);
    if (open) {
      const tile = open.closest("[id]");
      reading = { tile: tile && tile.id, kpis: open.dataset.explains, held: open, focused: open.contains(document.activeElement) };
    } else if (reading && !reading.held.isConnected) {
      const tile = document.getElementById(reading.tile), was = reading;
      reading = null;
      const again = tile && [...tile.querySelectorAll("details.coc-info")].find((d) => d.dataset.explains === was.kpis);
      if (!again) return;
      again.open = true;
      if (was.focused) again.querySelector("summary").focus();
    } else {
      reading = null;
    }
  }
  new MutationObserver(keep).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["open"] });
  document.addEventListener("toggle", (e) => {
    if (!e.target.matches || !e.target.matches(OPEN)) return;
    close(e.target);
    place(e.target);
  }, true);
})();
