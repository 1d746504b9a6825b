// Charts as SVG: the fan of a forecast, a series with what spoke for an answer.

import { el, figure } from "./dom.js";
import { t } from "./words.js";

const WIDTH = 860, HEIGHT = 340, LEFT = 58, RIGHT = 14, TOP = 14, BOTTOM = 34;

/** Round numbers from least to most, some five of them. */
function ticks(least, most) {
  const rough = (most - least || 1) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const found = [];
  for (let k = Math.ceil(least / step); k * step <= most + step * 1e-9; k++) found.push(k * step);
  return found;
}

function frame(steps, least, most, label, height = HEIGHT) {
  const margin = (most - least || 1) * 0.06;
  const low = least - margin, high = most + margin;
  const x = (k) => LEFT + ((WIDTH - LEFT - RIGHT) * k) / Math.max(1, steps - 1);
  const y = (v) => TOP + ((height - TOP - BOTTOM) * (high - v)) / (high - low);
  const chart = el("svg", { viewBox: `0 0 ${WIDTH} ${height}`, class: "chart", role: "img", "aria-label": label });
  for (const value of ticks(low, high)) {
    chart.append(el("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }));
    chart.append(el("text", { x: LEFT - 8, y: y(value) + 4, "text-anchor": "end", text: figure(value) }));
  }
  return { chart, x, y };
}

const line = (points) => points.map(([a, b], k) => `${k ? "L" : "M"}${a.toFixed(1)} ${b.toFixed(1)}`).join("");

/** A path through values, with gaps where one is missing. */
function gapped(values, x, y) {
  const parts = [];
  let part = [];
  values.forEach((value, k) => {
    if (value === null) { parts.push(part); part = []; } else part.push([x(k), y(value)]);
  });
  return [...parts, part].filter((one) => one.length).map(line).join("");
}

/** Pairs of quantile columns from the outside in: `y_10` with `y_90`, and so on. */
export function bands(forecast) {
  const levels = Object.keys(forecast).filter((name) => /^y_[\d.]+$/.test(name)).map((name) => Number(name.slice(2))).sort((a, b) => a - b);
  return levels.filter((level) => level < 50 && levels.includes(100 - level)).map((level) => [level, 100 - level]);
}

/** The end of a series, and what may come after it. */
export function fan(series) {
  const { history, forecast } = series;
  const keep = Math.min(history.y.length, Math.max(24, 5 * forecast.y.length));
  const past = history.y.slice(-keep), stamps = [...history.ds.slice(-keep), ...forecast.ds];
  const pairs = bands(forecast);
  const all = [...past, ...forecast.y, ...pairs.flatMap(([a, b]) => [...forecast[`y_${a}`], ...forecast[`y_${b}`]])].filter((v) => v !== null);
  const label = t("fan_label", past.length, forecast.y.length, figure(forecast.y[0]), figure(forecast.y.at(-1)));
  const { chart, x, y } = frame(stamps.length, Math.min(...all), Math.max(...all), label);
  const last = past.findLastIndex((value) => value !== null);
  const ahead = (values) => [[x(last), y(past[last])], ...values.map((value, k) => [x(past.length + k), y(value)])];
  for (const [a, b] of pairs) {
    const outline = [...ahead(forecast[`y_${a}`]), ...ahead(forecast[`y_${b}`]).reverse()];
    chart.append(el("path", { class: "band", d: `${line(outline)}Z` }));
  }
  chart.append(el("line", { class: "now", x1: x(past.length - 1), x2: x(past.length - 1), y1: TOP, y2: HEIGHT - BOTTOM }));
  chart.append(el("path", { class: "past", d: gapped(past, x, y) }), el("path", { class: "median", d: line(ahead(forecast.y)) }));
  const labels = [[0, "start"], [stamps.length - 1, "end"]];
  const now = x(past.length - 1);
  if (now - LEFT > 190 && WIDTH - RIGHT - now > 190) labels.push([past.length - 1, "middle"]);
  for (const [k, anchor] of labels) chart.append(el("text", { x: x(k), y: HEIGHT - 10, "text-anchor": anchor, text: stamps[k] }));
  const cross = el("line", { class: "cross", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" });
  const dot = el("circle", { class: "dot", r: 4, visibility: "hidden" });
  chart.append(cross, dot);
  const values = [...past, ...forecast.y];
  const follow = (k, over) => {
    const value = values[k];
    cross.setAttribute("x1", x(k)); cross.setAttribute("x2", x(k));
    cross.setAttribute("visibility", over ? "visible" : "hidden");
    dot.setAttribute("visibility", over && value !== null ? "visible" : "hidden");
    if (value !== null) { dot.setAttribute("cx", x(k)); dot.setAttribute("cy", y(value)); }
  };
  const said = el("p", { class: "hint" });
  chart.addEventListener("pointermove", (event) => {
    const place = chart.getBoundingClientRect();
    const share = (((event.clientX - place.left) / place.width) * WIDTH - LEFT) / (WIDTH - LEFT - RIGHT);
    const k = Math.max(0, Math.min(stamps.length - 1, Math.round(share * (stamps.length - 1))));
    follow(k, true);
    const n = k - past.length;
    const range = n >= 0 && pairs.length ? ` (${figure(forecast[`y_${pairs[0][0]}`][n])} – ${figure(forecast[`y_${pairs[0][1]}`][n])})` : "";
    said.textContent = `${stamps[k]}: ${figure(values[k])}${range}`;
  });
  chart.addEventListener("pointerleave", () => { follow(0, false); said.textContent = " "; });
  said.textContent = " ";
  const legend = el("div", { class: "legend" },
    el("span", {}, el("i", { class: "is-past" }), t("past")), el("span", {}, el("i", { class: "is-median" }), t("median")),
    pairs.length && el("span", {}, el("i", { class: "is-band" }), t("band", pairs[0][0], pairs[0][1])));
  return el("div", {}, chart, legend, said);
}

/** A series of one or several channels, with bars for the weight of each step. */
export function stepsChart(series, weights, label) {
  const flat = series.flat().filter((value) => value !== null);
  const { chart, x, y } = frame(series.length, Math.min(...flat), Math.max(...flat), label, 240);
  const most = Math.max(1e-9, ...weights.map(Math.abs));
  const wide = Math.max(1.5, (WIDTH - LEFT - RIGHT) / series.length - 2);
  weights.forEach((weight, k) => {
    const tall = (42 * Math.abs(weight)) / most;
    chart.append(el("rect", { class: weight < 0 ? "against" : "for", x: x(k) - wide / 2, width: wide, y: 240 - BOTTOM - tall + 22, height: tall }));
  });
  const channels = Math.min(3, series[0].length);
  for (let c = 0; c < channels; c++)
    chart.append(el("path", { class: `past line-${c}`, d: gapped(series.map((step) => step[c]), x, y) }));
  return chart;
}
