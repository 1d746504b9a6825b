// The picture of hidden states: a column a step, a row a unit, woven from left to right as the model reads.

import { colour } from "./colours.js";
import { el, still } from "./dom.js";
import { t } from "./words.js";

const KEY = "treadle.states";
const PER_COLUMN = 28; // milliseconds until the next column, as long as there are few

/** A card with the switch and the picture; `ask` is called when it is switched on. */
export function statesCard(ask) {
  const canvas = el("canvas", { role: "img", "aria-label": t("states") });
  const over = el("p", { class: "over" });
  const body = el("div", { class: "states" }, canvas, over, el("p", { class: "hint", text: t("states_hint") }));
  const box = el("input", { type: "checkbox" });
  box.checked = localStorage.getItem(KEY) === "yes";
  const hide = () => { body.hidden = !(box.checked && shown); };
  let shown = null;
  let frame = 0;
  box.addEventListener("change", () => {
    localStorage.setItem(KEY, box.checked ? "yes" : "no");
    hide();
    if (box.checked) ask();
  });

  function draw(states) {
    cancelAnimationFrame(frame);
    shown = states.values.length ? states : null;
    hide();
    if (!shown) return;
    const steps = shown.values.length, units = shown.values[0].length;
    canvas.width = steps;
    canvas.height = units;
    canvas.style.height = `${Math.max(140, Math.min(360, units * 5))}px`;
    canvas.setAttribute("aria-label", t("states_label", shown.of_units, shown.of_steps));
    over.textContent = caption(shown);
    const context = canvas.getContext("2d");
    const column = (x) => {
      const image = context.createImageData(1, units);
      for (let y = 0; y < units; y++) image.data.set([...colour(shown.values[x][y]), 255], 4 * y);
      context.putImageData(image, x, 0);
    };
    if (still()) {
      for (let x = 0; x < steps; x++) column(x);
      return;
    }
    const since = performance.now();
    const pace = Math.min(PER_COLUMN, 900 / steps);
    let done = 0;
    const weave = (now) => {
      const upto = Math.min(steps, Math.ceil((now - since) / pace) + 1);
      while (done < upto) column(done++);
      if (done < steps) frame = requestAnimationFrame(weave);
    };
    weave(since);
  }

  canvas.addEventListener("pointermove", (event) => {
    if (!shown) return;
    const place = canvas.getBoundingClientRect();
    const x = Math.min(shown.values.length - 1, Math.floor(((event.clientX - place.left) / place.width) * shown.values.length));
    const y = Math.min(shown.values[0].length - 1, Math.floor(((event.clientY - place.top) / place.height) * shown.values[0].length));
    if (x < 0 || y < 0) return;
    const step = shown.steps[x] !== undefined ? `“${shown.steps[x]}”` : `${t("step")} ${x + 1}`;
    over.textContent = `${step} · ${t("unit", y + 1)} · ${shown.values[x][y].toFixed(3)}`;
  });
  canvas.addEventListener("pointerleave", () => { over.textContent = shown ? caption(shown) : ""; });
  hide();
  const card = el("section", { class: "card" },
    el("label", { class: "switch" }, box, t("states_show")), body);
  return { card, draw, wanted: () => box.checked, clear: () => { shown = null; hide(); } };
}

function caption(states) {
  const parts = [t("states_label", states.of_units, states.of_steps)];
  if (states.values[0].length < states.of_units) parts.push(t("states_first", states.values[0].length, states.of_units));
  if (states.values.length < states.of_steps) parts.push(t("tall", states.values.length, states.of_steps));
  return parts.join(" · ");
}
