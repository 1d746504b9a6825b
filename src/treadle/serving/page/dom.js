// Small tools that every part of the page is made with.

/** An element: attributes, listeners (`onclick`), `class`, `text`, and children. */
export function el(name, options = {}, ...children) {
  const svg = ["svg", "path", "line", "rect", "circle", "text", "g", "title"].includes(name) && options.svg !== false;
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined || value === null || value === false || key === "svg") continue;
    if (key === "text") made.textContent = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** A label with its field, tied together. */
let fields = 0;
export function labelled(text, field, beside = null) {
  field.id ||= `field-${++fields}`;
  return el("div", {}, el("label", { for: field.id }, text, beside), field);
}

/** Tell those who hear the page. */
export function announce(text) {
  document.getElementById("status").textContent = text;
}

/** `work` once, when nothing has been asked of it for so long. */
export function later(work, milliseconds) {
  let timer = 0;
  const asked = (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...given), milliseconds);
  };
  asked.now = (...given) => {
    clearTimeout(timer);
    work(...given);
  };
  return asked;
}

export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** A number as people read it. */
export function figure(value, digits = 4) {
  if (value === null || !Number.isFinite(value)) return "–";
  return Number(value.toPrecision(digits)).toLocaleString(document.documentElement.lang, { maximumSignificantDigits: digits });
}

export const percent = (share) => `${(100 * share).toFixed(share > 0.9995 || share < 0.0005 ? 0 : 1)} %`;

/** A place where files are dropped or chosen. */
export function dropZone(text, choose, accept, take) {
  const input = el("input", { type: "file", accept });
  input.id = `field-${++fields}`;
  input.addEventListener("change", () => input.files.length && take(input.files[0]));
  const zone = el("div", { class: "drop" }, `${text} `, el("label", { for: input.id, text: choose }), input);
  for (const name of ["dragenter", "dragover"])
    zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("over"); });
  for (const name of ["dragleave", "drop"])
    zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.remove("over"); });
  zone.addEventListener("drop", (event) => event.dataTransfer.files.length && take(event.dataTransfer.files[0]));
  return zone;
}
