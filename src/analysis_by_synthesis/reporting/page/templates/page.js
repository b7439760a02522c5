"use strict";

/* --- Table 1: details of an entry, the keyboard, sorting, the norm --------------------------------------------------- */

const table = document.getElementById("entries");
const tip = document.getElementById("tip");
const shownRows = () => [...table.querySelectorAll("tbody:not([hidden]) tr.attack")];

function showDetails(entry) {
  tip.textContent = entry.dataset.details;
  tip.hidden = false;
  const at = entry.getBoundingClientRect();
  const below = at.bottom + tip.offsetHeight + 8 < innerHeight;
  tip.style.top = `${below ? at.bottom + 4 : Math.max(4, at.top - tip.offsetHeight - 4)}px`;
  tip.style.left = `${Math.max(4, Math.min(at.left, innerWidth - tip.offsetWidth - 4))}px`;
}

function hideDetails() {
  tip.hidden = true;
}

function focusEntry(entry) {
  table.querySelector('td[tabindex="0"]')?.setAttribute("tabindex", "-1");
  entry.tabIndex = 0;
  entry.focus();
}

function moveBetweenEntries(event) {
  const entry = event.target.closest("td");
  if (event.key === "Escape") hideDetails();
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  if (!entry || !step) return;
  event.preventDefault();
  const rows = shownRows();
  let row = rows.indexOf(entry.parentElement) + step[0];
  let column = entry.cellIndex + step[1];
  for (; rows[row]?.cells[column]; row += step[0], column += step[1]) {
    if (rows[row].cells[column].dataset.details) return focusEntry(rows[row].cells[column]);
  }
}

for (const entry of table.querySelectorAll("td[data-details]")) {
  entry.tabIndex = -1;
  entry.setAttribute("aria-describedby", "tip");
  entry.addEventListener("mouseenter", () => showDetails(entry));
  entry.addEventListener("mouseleave", hideDetails);
  entry.addEventListener("focus", () => showDetails(entry));
  entry.addEventListener("blur", hideDetails);
}
table.addEventListener("keydown", moveBetweenEntries);
table.parentElement.addEventListener("scroll", hideDetails);
shownRows()[0].querySelector("td[data-details]").tabIndex = 0;

function sortBy(column, head) {
  const ascending = head.getAttribute("aria-sort") !== "ascending";
  for (const other of table.querySelectorAll("th[aria-sort]")) other.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const value = (row) => (column === 0 ? +row.dataset.place : parseFloat(row.cells[column].dataset.median ?? "NaN"));
  for (const body of table.tBodies) {
    const rows = [...body.querySelectorAll("tr.attack")];
    rows.sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
      return (x === y ? 0 : x < y ? -1 : 1) * (ascending ? 1 : -1);
    });
    body.append(...rows);
  }
}

table.querySelectorAll("thead th").forEach((head, column) => {
  head.querySelector("button").addEventListener("click", () => sortBy(column, head));
});

for (const choice of document.getElementsByName("norm")) {
  choice.addEventListener("change", () => {
    for (const body of table.tBodies) body.hidden = choice.value !== "all" && body.dataset.norm !== choice.value;
    const entries = shownRows().flatMap((row) => [...row.querySelectorAll("td[data-details]")]);
    table.querySelector('td[tabindex="0"]').tabIndex = -1;
    if (entries.length) entries[0].tabIndex = 0;
  });
}

/* --- Figures ---------------------------------------------------------------------------------------------------------- */

const dialog = document.getElementById("enlarged");
for (const button of document.querySelectorAll(".enlarge")) {
  button.addEventListener("click", () => {
    const small = button.querySelector("img");
    const large = dialog.querySelector("img");
    large.src = small.src;
    large.alt = small.alt;
    dialog.showModal();
  });
}

/* --- Bounds, image by image -------------------------------------------------------------------------------------------- */

const SIDE = 28;
const explorer = JSON.parse(document.getElementById("explained").textContent);
const element = (id) => document.getElementById(id);
const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`)?.value;
const sheets = new Map();

function current() {
  return explorer.models[chosen("explained-model")].norms[chosen("explained-norm")];
}

function sheet(own) {
  if (!sheets.has(own)) {
    const image = new Image();
    image.src = own.tiles;
    sheets.set(own, image.decode().then(() => image));
  }
  return sheets.get(own);
}

function setLine(id, x1, x2, y1, y2) {
  for (const [name, value] of Object.entries({ x1, x2, y1, y2 })) element(id).setAttribute(name, value);
}

function drawBrackets() {
  const own = current();
  const last = Math.max(own.threshold, ...own.images.flatMap((each) => [each.lower, each.upper ?? 0])) * 1.02;
  const y = (distance) => 100 * (1 - distance / last);
  const bars = own.images.map((each, i) => {
    const top = each.upper === null ? 0 : y(each.upper) - 0.8;
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const at = { x: i + 0.1, width: 0.8, y: top, height: Math.max(y(each.lower) + 0.8 - top, 1.6) };
    for (const [name, value] of Object.entries(at)) bar.setAttribute(name, value);
    if (each.upper === null) bar.classList.add("open");
    return bar;
  });
  setLine("threshold", 0, bars.length, y(own.threshold), y(own.threshold));
  element("brackets").setAttribute("viewBox", `0 0 ${bars.length} 100`);
  element("brackets").replaceChildren(element("threshold"), element("here"), ...bars);
  element("highest").textContent = `0 to ${last.toPrecision(2)} (${own.unit})`;
}

function putTile(name, image, row, column, caption, isLeast = false) {
  const figure = element(`tile-${name}`);
  const canvas = figure.querySelector("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.clearRect(0, 0, SIDE, SIDE);
  if (image) context.drawImage(image, column * SIDE, row * SIDE, SIDE, SIDE, 0, 0, SIDE, SIDE);
  canvas.setAttribute("aria-label", caption);
  figure.querySelector("figcaption").textContent = caption;
  figure.querySelector("figcaption").classList.toggle("least", isLeast);
}

function putSeen(image, each, of, column) {
  const [label, other] = [each[`${of}_as_label`], each[`${of}_as_other`]];
  putTile(`${of}-label`, image, each.row, column, `as a ${each.label}: D = ${label.toFixed(3)}`, label < other);
  putTile(`${of}-other`, image, each.row, column + 1, `as a ${each.other}: D = ${other.toFixed(3)}`, other < label);
}

function putDifference() {
  const pixels = (id) => element(id).querySelector("canvas").getContext("2d").getImageData(0, 0, SIDE, SIDE);
  const [clean, other] = [pixels("tile-clean"), pixels("tile-adversarial")];
  const changes = Array.from({ length: SIDE * SIDE }, (_, i) => other.data[4 * i] - clean.data[4 * i]);
  const largest = Math.max(1, ...changes.map(Math.abs));
  changes.forEach((change, i) => {
    const share = Math.abs(change) / largest;
    const colour = change > 0 ? [230, 159, 0] : [86, 180, 233];
    clean.data.set([...colour.map((part) => part * share), 255], 4 * i);
  });
  element("tile-difference").querySelector("canvas").getContext("2d").putImageData(clean, 0, 0);
}

async function show() {
  const own = current();
  const place = +element("place").value;
  const each = own.images[place];
  element("image").value = each.image;
  const image = await sheet(own);
  if (own !== current() || place !== +element("place").value) return;
  const found = each.upper !== null;
  const distance = (value) => `${+value.toPrecision(4)} (${own.unit})`;
  const pictured = !found ? "no adversarial" : each.upper === 0 ? `taken for a ${each.other} as it is` : `taken for a ${each.other}`;
  putTile("clean", image, each.row, 0, `test image ${each.image}, a ${each.label}`);
  putSeen(image, each, "clean", 1);
  putTile("adversarial", found ? image : null, each.row, 3, pictured);
  putSeen(image, each, "adversarial", 4);
  putTile("difference", null, 0, 0, "difference; orange: brighter, blue: darker");
  if (found) putDifference();
  element("lower").textContent = distance(each.lower);
  element("upper").textContent = found ? distance(each.upper) : "no attack has found one";
  element("finder").textContent = each.attack || (found ? "no attack: the clean image is misclassified" : "–");
  element("place").setAttribute("aria-valuetext", `test image ${each.image}, ${place + 1} of ${own.images.length} by distance`);
  setLine("here", place + 0.5, place + 0.5, 0, 100);
}

function choose() {
  const own = current();
  const image = +element("image").value;
  const inOrder = [...own.images].sort((a, b) => a.image - b.image);
  element("image").replaceChildren(...inOrder.map((each) => new Option(`${each.image} (a ${each.label})`, each.image)));
  element("place").max = own.images.length - 1;
  const same = own.images.findIndex((each) => each.image === image);
  element("place").value = same < 0 ? own.images.length >> 1 : same;
  drawBrackets();
  show();
}

function chooseModel() {
  const norms = explorer.models[chosen("explained-model")].norms;
  const choices = [...document.getElementsByName("explained-norm")];
  for (const choice of choices) choice.disabled = !norms[choice.value];
  if (!norms[chosen("explained-norm")]) choices.find((choice) => !choice.disabled).checked = true;
  choose();
}

if (Object.keys(explorer.models).length) {
  for (const choice of document.getElementsByName("explained-model")) choice.addEventListener("change", chooseModel);
  for (const choice of document.getElementsByName("explained-norm")) choice.addEventListener("change", choose);
  element("place").addEventListener("input", show);
  element("image").addEventListener("change", () => {
    element("place").value = current().images.findIndex((each) => each.image === +element("image").value);
    show();
  });
  element("brackets").addEventListener("click", (event) => {
    const at = element("brackets").getBoundingClientRect();
    element("place").value = Math.floor(((event.clientX - at.left) / at.width) * current().images.length);
    show();
  });
  chooseModel();
}
