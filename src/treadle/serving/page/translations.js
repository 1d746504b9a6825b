// Translation: the answer, and where the model looked when it wrote each symbol.

import { newest, predict } from "./api.js";
import { ground } from "./colours.js";
import { announce, el, labelled, percent } from "./dom.js";
import { answerPlace, card } from "./parts.js";
import { statesCard } from "./states.js";
import { t } from "./words.js";

const LARGEST = 60; // symbols of a side that a picture shows

/** A table whose cells are the darker the more was looked at; `across` are its columns. */
export function attentionTable(tokens, across, rows) {
  const columns = across.slice(0, LARGEST);
  const head = el("tr", {}, el("td"), ...columns.map((token) => el("th", { scope: "col", text: token })));
  const body = tokens.slice(0, LARGEST).map((token, k) => {
    const cells = columns.map((other, j) => {
      const cell = el("td", { title: `${token} ← ${other}: ${percent(rows[k][j])}` }, el("span", { class: "unseen", text: percent(rows[k][j]) }));
      cell.style.background = ground(rows[k][j], 1);
      return cell;
    });
    return el("tr", {}, el("th", { scope: "row", text: token }), ...cells);
  });
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("attention") },
    el("table", { class: "attention" }, el("thead", {}, head), el("tbody", {}, ...body)));
}

export function mount(main, model, kept) {
  const place = answerPlace();
  const latest = newest();
  const states = statesCard(() => ask());
  const area = el("textarea", { rows: 4, placeholder: t("type_here") });
  area.value = kept.text || "";
  area.addEventListener("input", () => { kept.text = area.value; });
  area.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ask(); });
  const [least, most] = model.options.beam_size;
  const beam = el("select", {}, ...[1, 2, 4, 8, 16].filter((n) => n >= least && n <= most).map((n) => el("option", { value: n, text: n })));
  beam.value = kept.beam || 4;
  const run = el("button", { type: "button", text: t("translate_do"), onclick: ask });
  main.append(card(null, labelled(t("source"), area), el("div", { class: "fields" }, labelled(t("beam"), beam)), el("div", { class: "row" }, run)), place.place, states.card);

  async function ask() {
    if (!area.value.trim()) return;
    kept.beam = beam.value;
    run.disabled = true;
    try {
      const options = { beam_size: Number(beam.value) };
      const said = await place.busy(latest((signal) => predict(model.name, area.value, { options, explain: true, states: states.wanted() }, signal)));
      if (said) show(said);
    } catch (error) {
      place.fail(error);
    }
    run.disabled = false;
  }

  function show(said) {
    announce(`${t("translation")}: ${said.translation}`);
    const { tokens, source_tokens: source, attention } = said.explanation;
    place.show(card(t("translation"), el("p", { class: "answer", text: said.translation || "–" }), said.note && el("p", { class: "note", text: said.note })),
      tokens.length && card(t("attention"), attentionTable(tokens, source, attention), el("p", { class: "note", text: t("attention_hint") })));
    if (said.states) states.draw(said.states);
  }
}
