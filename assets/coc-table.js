// Tables whose rows come as data (`data-coc-rows`): drawn, sorted and searched here. A new epoch brings other rows; what
// the viewer chose stays.
(function () {
  "use strict";
  const chosen = new WeakMap(), drawn = new WeakMap();
  const collator = new Intl.Collator(document.documentElement.lang || "id", { numeric: true });
  function element(name, attributes, ...inside) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) if (value !== undefined && value !== "") made.setAttribute(key, value);
    made.append(...inside);
    return made;
  }
  function icon(name) {
    return element("span", { class: "coc-icon coc-icon-" + name, "aria-hidden": "true" });
  }
  function cell(told) {
    const made = element("td", { class: told.class, title: told.title });
    made.dataset.v = told.sort || "";
    if (told.image) made.append(element("img", { src: told.image, alt: "", class: "coc-spark" }));
    if (told.text === undefined) return made;
    const text = element("span", { class: "coc-cell" }, told.text);
    if (told.kpi) {
      Object.assign(text.dataset, { kpi: told.kpi, unit: told.unit, value: told.value });
      if (told.masked) text.dataset.masked = told.masked;
    }
    const inside = element("span", { class: "coc-cell-in", "data-tone": told.tone });
    if (told.icon) inside.append(icon(told.icon));
    if (told.said) inside.append(element("span", { class: "coc-sr" }, told.said));
    inside.append(text);
    made.append(inside);
    return made;
  }
  function row(told) {
    const long = element("span", { class: "coc-name-long" }, told.name);
    const short = element("span", { class: "coc-name-short", "aria-hidden": "true" }, told.short);
    const name = element("th", { scope: "row" }, element("a", { href: told.href, title: told.name }, long, short));
    name.dataset.v = told.name;
    const made = element("tr", {}, name, ...told.cells.map(cell));
    made.dataset.name = told.name.toLowerCase();
    return made;
  }
  const key = (tr, column) => (tr.children[column] ? tr.children[column].dataset.v || "" : "");
  function sort(table) {
    const want = chosen.get(table), body = table.tBodies[0];
    if (!want) return;
    const rows = [...body.rows], numbers = rows.every((r) => !isNaN(key(r, want.column)));
    const sign = want.down ? -1 : 1;
    const order = rows.map((tr, i) => [key(tr, want.column), i, tr]).sort(([a, i], [b, j]) => {
      if (a === "" || b === "") return a === b ? i - j : a === "" ? 1 : -1; // what is not known comes last, either way
      return sign * (numbers ? a - b : collator.compare(a, b)) || i - j;
    });
    body.append(...order.map(([, , tr]) => tr));
    [...table.tHead.rows[0].cells].forEach((head, i) => {
      if (i === want.column) head.setAttribute("aria-sort", want.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  }
  function search(table) {
    const field = document.getElementById("opd-search"), words = (field ? field.value : "").trim().toLowerCase();
    for (const tr of table.tBodies[0].rows) tr.hidden = words !== "" && !tr.dataset.name.includes(words);
  }
  function draw() {
    for (const body of document.querySelectorAll("[data-coc-rows]")) {
      const told = body.dataset.cocRows;
      if (drawn.get(body) === told) continue;
      drawn.set(body, told);
      body.replaceChildren(...JSON.parse(told).map(row));
      sort(body.closest("table"));
      search(body.closest("table"));
    }
  }
  document.addEventListener("click", (e) => {
    const button = e.target.closest && e.target.closest(".coc-sort");
    if (!button) return;
    const head = button.closest("th"), was = head.getAttribute("aria-sort");
    chosen.set(head.closest("table"), { column: head.cellIndex, down: was ? was === "ascending" : head.cellIndex > 0 });
    sort(head.closest("table"));
  });
  document.addEventListener("input", (e) => {
    if (e.target.id === "opd-search") document.querySelectorAll("table[data-coc-table]").forEach(search);
  });
  new MutationObserver(draw).observe(document.body, {
    childList: true, subtree: true, attributes: true, attributeFilter: ["data-coc-rows"],
  });
  draw();
})();
