// The cards of the data sources differ in height: each takes the rows it needs, so that no column has holes.
// Their order in the document stays, the worst first.
(function () {
  "use strict";
  const ROW = 4; // px, as in coc.css
  const sizes = new ResizeObserver((seen) => { for (const { target } of seen) place(target); });
  function place(card) {
    if (!card.parentElement) return;
    const gap = parseFloat(getComputedStyle(card.parentElement).columnGap) || 0;
    const rows = "span " + Math.ceil((card.getBoundingClientRect().height + gap) / ROW);
    if (card.style.gridRowEnd !== rows) card.style.gridRowEnd = rows;
  }
  function look() {
    const grid = document.querySelector(".coc-sources");
    if (!grid) return;
    grid.dataset.packed = "";
    for (const card of grid.children) sizes.observe(card); // one that is observed already costs nothing
  }
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
})();
