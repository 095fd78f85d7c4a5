// Sorting, searching and filtering the table of submissions; without this script it is a plain table.
"use strict";
const table = document.getElementById("class");
const body = table.tBodies[0];
const rows = [...body.rows];
const field = Object.fromEntries(
  ["filters", "search", "status", "exercise", "verdict", "count"].map(id => [id, document.getElementById(id)])
);
const plain = text => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const texts = new Map(rows.map(row => [row, plain(row.dataset.search)]));

function filter() {
  const wanted = plain(field.search.value).split(/\s+/);
  const { value: status } = field.status, { value: place } = field.exercise;
  let shown = 0;
  for (const row of rows) {
    const fits = wanted.every(word => texts.get(row).includes(word))
      && (!status || row.dataset.statuses.split(" ").includes(status))
      && (!place || row.dataset.verdicts[place] === field.verdict.value);
    row.hidden = !fits;
    shown += fits;
  }
  field.count.textContent = `${shown} of ${rows.length} submissions are shown.`;
}

function sort(head) {
  const upwards = head.getAttribute("aria-sort") !== "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", upwards ? "ascending" : "descending");
  const value = row => row.cells[head.cellIndex].dataset.sort;
  const order = head.dataset.kind === "text"
    ? new Intl.Collator(undefined, { numeric: true }).compare : (one, other) => one - other;
  rows.sort((one, other) => (upwards ? 1 : -1) * order(value(one), value(other)));
  body.append(...rows);
}

for (const head of table.tHead.rows[0].cells) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  button.addEventListener("click", () => sort(head));
  head.append(button);
}
for (const link of document.querySelectorAll(".pick")) {
  link.addEventListener("click", event => {
    event.preventDefault();
    field.exercise.value = field.exercise.querySelector(`[data-name="${CSS.escape(link.dataset.exercise)}"]`).value;
    field.verdict.value = "f";
    filter();
    field.exercise.focus();
    field.filters.scrollIntoView();
  });
}
field.filters.addEventListener("input", filter);
field.filters.addEventListener("reset", () => setTimeout(filter));
field.filters.addEventListener("submit", event => event.preventDefault());
field.filters.hidden = false;
filter();
