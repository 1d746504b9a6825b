// Classification and regression: an input a column, the answer, and what moved it.

import { newest, predict } from "./api.js";
import { audioField } from "./audio.js";
import { stepsChart } from "./charts.js";
import { announce, dropZone, el, figure, labelled, later, percent } from "./dom.js";
import { answerPlace, bars, card, key, words } from "./parts.js";
import { statesCard } from "./states.js";
import { t } from "./words.js";

const TEXTUAL = ["text", "symbols", "tokens"];

/** A field for one column, with how its value is read; null where there is none yet. */
function field(column, alone, kept, changed) {
  const name = alone ? null : column.name;
  if (column.kind === "audio") {
    const audio = audioField(column.rate || 16000, changed);
    return { node: audio.node, value: audio.value };
  }
  const area = el("textarea", { rows: TEXTUAL.includes(column.kind) ? 4 : 6, class: column.kind === "series" ? "code" : null, placeholder: t("type_here"), spellcheck: "false" });
  area.value = kept[column.name] || "";
  area.addEventListener("input", () => { kept[column.name] = area.value; changed(); });
  const title = name || t(column.kind === "series" ? "series" : "text");
  const node = el("div", {}, labelled(title, area));
  if (column.kind === "tokens") node.append(el("p", { class: "hint", text: t("tokens_hint") }));
  if (column.kind === "series") {
    node.append(el("p", { class: "hint", text: t("series_hint") }));
    node.append(dropZone(t("drop_csv"), t("choose_file"), ".csv,.tsv,.txt,text/csv", async (file) => {
      area.value = kept[column.name] = await file.text();
      changed();
    }));
  }
  return { node, value: () => read(column, area.value) };
}

/** What a person wrote, as the server takes it. */
function read(column, text) {
  if (column.kind === "tokens") return text.trim() ? text.trim().split(/\s+/) : null;
  if (column.kind !== "series") return text.trim() ? text : null;
  let lines = text.trim().split(/\n/).filter((line) => line.trim());
  const missing = (cell) => cell === "" || /^(nan|na|null)$/i.test(cell);
  const isName = (cell) => !missing(cell) && Number.isNaN(Number(cell));
  if (lines.length > 1 && lines[0].trim().split(/[\s,;]+/).every(isName)) lines = lines.slice(1); // names of columns
  if (lines.length === 1 && column.channels === 1) lines = lines[0].trim().split(/[\s,;]+/);
  const number = (cell) => (missing(cell) ? null : Number.isNaN(Number(cell)) ? cell : Number(cell));
  const steps = lines.map((line) => line.trim().split(/\s*[,;\t]\s*|\s+/).map(number));
  if (!steps.length) return null;
  return column.channels === 1 ? steps.map((step) => step[0]) : steps;
}

export function mount(main, model, kept) {
  const place = answerPlace();
  const latest = newest();
  const states = statesCard(() => ask.now());
  const ask = later(answer, 220);
  const alone = model.inputs.length === 1;
  const fields = model.inputs.map((column) => field(column, alone, kept, ask));
  main.append(card(null, ...fields.map((one) => one.node), el("p", { class: "note", text: t("answers_as_you_type") })), place.place, states.card);

  async function answer() {
    const values = fields.map((one) => one.value());
    if (values.every((value) => value === null)) { place.show(); states.clear(); return; }
    const cells = values.map((value, k) => value ?? (model.inputs[k].kind === "text" ? "" : []));
    const input = alone ? cells[0] : Object.fromEntries(model.inputs.map((column, k) => [column.name, cells[k]]));
    try {
      const said = await place.busy(latest((signal) => predict(model.name, input, { explain: true, states: states.wanted() }, signal)));
      if (said) show(said);
    } catch (error) {
      place.fail(error);
    }
  }

  function show(said) {
    const found = said.prediction;
    const shown = Array.isArray(found) ? found.map((one) => (typeof one === "number" ? figure(one) : one)).join(", ") || "–" : typeof found === "number" && !said.probabilities ? figure(found, 5) : String(found);
    const sure = said.confidence === undefined ? null : t("confidence", percent(said.confidence));
    announce(`${t("answer")}: ${shown}${sure ? `, ${sure}` : ""}`);
    const verdict = el("div", { class: "verdict" }, el("strong", { text: shown }), sure && el("span", { text: sure }));
    const perStep = Array.isArray(found) && found.length && typeof found[0] === "number";
    place.show(card(t("answer"), verdict, said.probabilities && bars(said.probabilities),
      perStep && stepsChart(found.map((one) => [one]), [], t("answer"))), why(said.explanation));
    if (said.states) states.draw(said.states);
  }
  if (fields.some((one) => one.value() !== null)) ask.now();
}

/** A card on what moved the answer, column by column. */
function why(explanation) {
  const columns = Object.entries(explanation?.columns || {}).filter(([, told]) => told.weights.length);
  if (!columns.length) return null;
  const title = explanation.for === null ? t("words_title") : t("words_for", explanation.for);
  const drawn = columns.map(([, told]) => (told.tokens ? words(told.tokens, told.weights, told.joined) : stepsChart(told.series, told.weights, title)));
  return card(title, ...drawn, key(t("against"), t("for")));
}
