// Forecasting: a table dropped or pasted, and the fan of what may come.

import { predict } from "./api.js";
import { bands, fan } from "./charts.js";
import { announce, dropZone, el, figure, labelled } from "./dom.js";
import { answerPlace, card } from "./parts.js";
import { statesCard } from "./states.js";
import { t } from "./words.js";

/** Four years of months with a season and a slow rise, so that there is something to see. */
function example() {
  const lines = ["ds,y"];
  for (let k = 0; k < 48; k++) {
    const month = `${2020 + Math.floor(k / 12)}-${String((k % 12) + 1).padStart(2, "0")}`;
    lines.push(`${month},${(60 + k / 4 + 12 * Math.sin((k * Math.PI) / 6) + 2 * Math.sin(k * 2.3)).toFixed(2)}`);
  }
  return lines.join("\n");
}

export function mount(main, model, kept) {
  const place = answerPlace();
  const states = statesCard(() => ask());
  const area = el("textarea", { rows: 7, class: "code", placeholder: "ds,y\n2024-01,112\n2024-02,118", spellcheck: "false" });
  area.value = kept.text || "";
  area.addEventListener("input", () => { kept.text = area.value; });
  const horizon = el("input", { type: "number", min: 1, max: model.options.horizon[1], value: kept.horizon || model.horizon });
  const run = el("button", { type: "button", text: t("forecast_do"), onclick: ask });
  const sample = model.covariates.length ? null : el("button", { type: "button", class: "quiet", text: t("example"), onclick: () => { area.value = kept.text = example(); ask(); } });
  const zone = dropZone(t("drop_csv"), t("choose_file"), ".csv,.tsv,.txt,text/csv", async (file) => { area.value = kept.text = await file.text(); ask(); });
  main.append(card(null, labelled(t("table"), area), el("p", { class: "hint", text: t("csv_hint") }), zone,
    el("div", { class: "fields" }, labelled(t("horizon"), horizon)), el("div", { class: "row" }, run, sample)), place.place, states.card);

  async function ask() {
    if (!area.value.trim()) return;
    kept.horizon = horizon.value;
    run.disabled = true;
    try {
      const said = await place.busy(predict(model.name, area.value, { options: { horizon: Number(horizon.value) }, states: states.wanted() }));
      show(said);
      if (said.states) states.draw(said.states);
    } catch (error) {
      place.fail(error);
    }
    run.disabled = false;
  }

  function show(said) {
    const drawn = el("div");
    const draw = (series) => {
      const chart = fan(series);
      announce(chart.querySelector("svg").getAttribute("aria-label"));
      drawn.replaceChildren(chart, el("details", {}, el("summary", { text: t("figures") }), el("div", { class: "scroll" }, figures(series.forecast))));
    };
    let choose = null;
    if (said.series.length > 1) {
      const select = el("select", {}, ...said.series.map((one, k) => el("option", { value: k, text: one.unique_id })));
      select.addEventListener("change", () => draw(said.series[Number(select.value)]));
      choose = labelled(t("which"), select);
    }
    draw(said.series[0]);
    place.show(card(t("fan"), choose, drawn, said.note && el("p", { class: "note", text: said.note })));
  }
}

function figures(forecast) {
  const pairs = bands(forecast);
  const names = ["y", ...pairs.flat().map((level) => `y_${level}`).sort((a, b) => Number(a.slice(2)) - Number(b.slice(2)))];
  const head = el("tr", {}, el("th", { scope: "col", text: t("step") }), ...names.map((name) => el("th", { scope: "col", text: name === "y" ? t("median") : `${name.slice(2)} %` })));
  const rows = forecast.ds.map((stamp, k) => el("tr", {}, el("th", { scope: "row", text: stamp }), ...names.map((name) => el("td", { text: figure(forecast[name][k]) }))));
  return el("table", { class: "figures" }, el("thead", {}, head), el("tbody", {}, ...rows));
}
