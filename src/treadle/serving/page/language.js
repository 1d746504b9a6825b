// Language models: text as it is written, and how surprising what was given is.

import { generate, newest, predict } from "./api.js";
import { announce, el, figure, labelled, later } from "./dom.js";
import { answerPlace, card, key, problem, words } from "./parts.js";
import { statesCard } from "./states.js";
import { t } from "./words.js";

const MOST_NATS = 6; // what is as surprising as that is coloured fully

function slider(text, value, least, most, step) {
  const shown = el("output", { class: "value", text: value });
  const range = el("input", { type: "range", min: least, max: most, step, value });
  range.addEventListener("input", () => { shown.textContent = range.value; });
  return { node: labelled(text, range, shown), value: () => Number(range.value) };
}

export function mount(main, model, kept) {
  const area = el("textarea", { rows: 3, placeholder: t("type_here") });
  area.value = kept.text || "";
  const settings = {
    temperature: slider(t("temperature"), 0.8, 0, 2, 0.05), top_k: slider(t("top_k"), 0, 0, 100, 1),
    top_p: slider(t("top_p"), 1, 0.05, 1, 0.05), repetition_penalty: slider(t("penalty"), 1, 1, 2, 0.05),
    length: slider(t("length"), 300, 10, 2000, 10), seed: slider(t("seed"), 0, 0, 99, 1),
  };
  const write = el("button", { type: "button", text: t("write") });
  const stop = el("button", { type: "button", class: "quiet", text: t("stop"), disabled: true });
  const text = el("p", { class: "written" });
  const ended = el("p", { class: "note" });
  const output = el("div", { hidden: true }, card(t("written"), text, ended));
  const surprise = answerPlace();
  const states = statesCard(() => ask.now());
  const latest = newest();
  const ask = later(weigh, 300);
  main.append(card(null, labelled(t("prompt"), area), el("div", { class: "row" }, write, stop),
    el("details", {}, el("summary", { text: t("how") }), el("div", { class: "fields" }, ...Object.values(settings).map((one) => one.node)))),
    output, surprise.place, states.card);
  area.addEventListener("input", () => { kept.text = area.value; ask(); });

  let control = null;
  stop.addEventListener("click", () => control?.abort());
  write.addEventListener("click", begin);
  area.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) begin(); });

  async function begin() {
    control?.abort();
    const own = (control = new AbortController());
    const body = { model: model.name, prompt: area.value };
    for (const [name, one] of Object.entries(settings)) body[name] = one.value();
    if (body.top_k === 0) delete body.top_k;
    output.hidden = false;
    text.replaceChildren(el("span", { class: "prompt", text: area.value }));
    text.classList.add("writing");
    ended.textContent = "";
    stop.disabled = false;
    const said = document.createTextNode("");
    text.append(said);
    try {
      await generate(body, (name, data) => {
        if (name === "text") said.appendData(data.text);
        else if (name === "note") ended.textContent = data.note;
        else if (name === "end") { ended.textContent = t(`ended_${data.ended}`, data.tokens); announce(`${ended.textContent} ${said.data}`); }
      }, own.signal);
    } catch (error) {
      if (error.name === "AbortError") { if (control === own) ended.textContent = t("stopped"); } else ended.replaceChildren(problem(error));
    }
    if (control === own) { text.classList.remove("writing"); stop.disabled = true; }
  }

  async function weigh() {
    if (!area.value) { surprise.show(); states.clear(); return; }
    try {
      const said = await latest((signal) => predict(model.name, area.value, { states: states.wanted() }, signal));
      if (!said) return;
      const weights = said.tokens.map((one) => Math.min(1, one.nats / MOST_NATS));
      // `words` scales by the largest weight: one unseen word of weight 1 keeps the scale.
      const line = words([...said.tokens.map((one) => one.token), ""], [...weights, 1], model.unit !== "word");
      line.lastElementChild?.remove();
      [...line.children].forEach((word, k) => { word.title = `${(said.tokens[k].nats / Math.LN2).toFixed(2)} bit`; word.querySelector(".unseen")?.remove(); });
      const bits = said.bits_per_character === null ? null : el("p", { class: "note", text: t("bits", figure(said.bits_per_character, 3)) });
      surprise.show(card(t("surprise"), line, key(t("surprise_key"), t("surprise_key_end"), 0), bits));
      if (said.states) states.draw(said.states);
    } catch (error) {
      surprise.fail(error);
    }
  }
  if (area.value) ask.now();
}
