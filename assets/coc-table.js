// Tables that are sorted and filtered where they stand. A new epoch replaces what is in the cells: then it is done again.
(function () {
  "use strict";
  const chosen = new WeakMap();
  const collator = new Intl.Collator(document.documentElement.lang || "id", { numeric: true });
  const key = (row, column) => (row.children[column] || {}).dataset ? row.children[column].dataset.v || "" : "";
  function sort(table) {
    const want = chosen.get(table), body = table.tBodies[0];
    if (!want || !body) return;
    const rows = [...body.rows], numbers = rows.every((r) => key(r, want.column) === "" || !isNaN(key(r, want.column)));
    const sign = want.down ? -1 : 1;
    const order = rows.map((row, i) => [key(row, want.column), i, row]).sort(([a, i], [b, j]) => {
      if (a === "" || b === "") return a === b ? i - j : a === "" ? 1 : -1; // what is not known comes last, either way
      return sign * (numbers ? a - b : collator.compare(a, b)) || i - j;
    }).map(([, , row]) => row);
    if (order.some((row, i) => row !== rows[i])) body.append(...order);
    [...table.tHead.rows[0].cells].forEach((head, i) => {
      if (i === want.column) head.setAttribute("aria-sort", want.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  }
  function filter(table) {
    const field = document.getElementById("opd-search"), words = (field ? field.value : "").trim().toLowerCase();
    for (const row of table.tBodies[0] ? table.tBodies[0].rows : []) {
      const out = words !== "" && !(row.dataset.name || "").includes(words);
      if (row.hidden !== out) row.hidden = out;
    }
  }
  const tables = () => document.querySelectorAll("table[data-coc-table]");
  document.addEventListener("click", (e) => {
    const button = e.target.closest && e.target.closest(".coc-sort");
    if (!button) return;
    const head = button.closest("th"), table = head.closest("table");
    const was = head.getAttribute("aria-sort"), name = head.cellIndex === 0;
    chosen.set(table, { column: head.cellIndex, down: was ? was === "ascending" : !name });
    sort(table);
  });
  document.addEventListener("input", (e) => { if (e.target.id === "opd-search") tables().forEach(filter); });
  let again = 0;
  new MutationObserver((changes) => {
    if (!changes.some((c) => c.target.closest && c.target.closest("table[data-coc-table]"))) return;
    cancelAnimationFrame(again);
    again = requestAnimationFrame(() => tables().forEach((table) => { sort(table); filter(table); }));
  }).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-v"] });
})();
