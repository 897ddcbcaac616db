"use strict";
// Everything is there without this script; it sorts, filters, shows one picture at a time, and follows the pointer.

const collator = new Intl.Collator("en"); // a hundred times as fast as localeCompare

function figureOf(text) {
  const match = text.replaceAll(",", "").match(/^[<≈~]?\s*[-+−]?\d+(\.\d+)?(e[-+]?\d+)?/i);
  return match ? parseFloat(match[0].replace(/^[<≈~]\s*/, "").replace("−", "-")) : NaN;
}

function compare(left, right) {
  // Blank cells come last in both directions; figures before words.
  const [a, b] = [figureOf(left), figureOf(right)];
  if (!Number.isNaN(a) && !Number.isNaN(b)) return a - b;
  if (Number.isNaN(a) !== Number.isNaN(b)) return Number.isNaN(a) ? 1 : -1;
  return collator.compare(left, right);
}

function sortBy(table, column, ascending) {
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, (row) => ({ row, text: row.cells[column].textContent.trim() }));
  rows.sort((left, right) => {
    if (!left.text || !right.text) return (left.text ? 0 : 1) - (right.text ? 0 : 1);
    return ascending ? compare(left.text, right.text) : compare(right.text, left.text);
  });
  body.append(...rows.map(({ row }) => row));
}

for (const table of document.querySelectorAll("table.sortable")) {
  const headers = Array.from(table.tHead.rows[0].cells);
  headers.forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = header.textContent;
    header.replaceChildren(button);
    button.addEventListener("click", () => {
      // Figures start with the largest, words with the first.
      const first = header.classList.contains("number") ? "descending" : "ascending";
      const other = first === "ascending" ? "descending" : "ascending";
      const direction = header.getAttribute("aria-sort") === first ? other : first;
      headers.forEach((cell) => cell.removeAttribute("aria-sort"));
      header.setAttribute("aria-sort", direction);
      sortBy(table, column, direction === "ascending");
    });
  });
}

const filter = document.getElementById("filter");
const files = document.getElementById("all-files");
const lines = Array.from(files.tBodies[0].rows, (row) => ({
  row,
  text: Array.from(row.cells, (cell) => cell.textContent).join(" ").toLowerCase(),
}));
function applyFilter() {
  const words = filter.querySelector("input[type=search]").value.toLowerCase().split(/\s+/).filter(Boolean);
  const frontOnly = filter.querySelector("input[type=checkbox]").checked;
  let count = 0;
  for (const { row, text } of lines) {
    const fits = words.every((word) => text.includes(word)) && (!frontOnly || text.includes("★"));
    row.hidden = !fits;
    count += fits ? 1 : 0;
  }
  filter.querySelector("output").textContent = `${count} of ${lines.length} files`;
}
filter.hidden = false;
filter.addEventListener("input", applyFilter);
applyFilter();

const axes = document.getElementById("axes");
const pictures = Array.from(document.querySelectorAll("figure.picture"));
function show(axis) {
  for (const picture of pictures) picture.hidden = picture.dataset.axis !== axis;
  for (const button of axes.children) button.setAttribute("aria-pressed", String(button.dataset.axis === axis));
}
for (const picture of pictures) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.axis = picture.dataset.axis;
  button.textContent = picture.dataset.axis;
  button.addEventListener("click", () => show(picture.dataset.axis));
  axes.append(button);
}
if (pictures.length) {
  axes.hidden = false;
  show(pictures[0].dataset.axis);
}

const tip = document.getElementById("tip");
const tips = new WeakMap();
document.addEventListener("pointerover", (event) => {
  const mark = event.target.closest("figure.picture .mark");
  tip.hidden = !mark;
  if (!mark) return;
  if (!tips.has(mark)) {
    const title = mark.querySelector("title");
    tips.set(mark, title.textContent);
    title.remove(); // or the browser would show it too
  }
  tip.textContent = tips.get(mark);
  const room = 16;
  tip.style.left = `${Math.max(0, Math.min(event.clientX + room, innerWidth - tip.offsetWidth - room))}px`;
  tip.style.top = `${Math.max(0, Math.min(event.clientY + room, innerHeight - tip.offsetHeight - room))}px`;
});
