// The page: the list of models, and the form of the one that is chosen.

import { models, token } from "./api.js";
import * as captions from "./captions.js";
import { el, labelled } from "./dom.js";
import * as forecasts from "./forecasts.js";
import * as languageModels from "./language.js";
import { card, problem } from "./parts.js";
import * as sequences from "./sequences.js";
import * as speech from "./speech.js";
import * as tags from "./tags.js";
import * as translations from "./translations.js";
import { language, t } from "./words.js";

const FORMS = {
  classify: sequences, regress: sequences, tag: tags, "language-model": languageModels,
  forecast: forecasts, translate: translations, transcribe: speech, caption: captions,
};
const THEME = "treadle.theme";
const main = document.getElementById("main");
const nav = document.getElementById("models");
const kept = new Map(); // what was typed for each model, for as long as the page is open
let all = [];

function dressed() {
  const chosen = localStorage.getItem(THEME) || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  document.documentElement.dataset.theme = chosen;
  document.documentElement.lang = language.get() === "zh" ? "zh-CN" : "en";
  document.getElementById("theme").textContent = t(chosen === "dark" ? "theme_light" : "theme_dark");
  document.getElementById("language").textContent = t("other");
  document.getElementById("language").lang = language.get() === "zh" ? "en" : "zh-CN";
  document.getElementById("skip").textContent = t("skip");
  nav.setAttribute("aria-label", t("models"));
  return chosen;
}

function listed(current) {
  const tasks = [...new Set(all.map((model) => model.task))];
  nav.replaceChildren(...tasks.flatMap((task) => [
    el("h2", { text: t(task) }),
    el("ul", {}, ...all.filter((model) => model.task === task).map((model) => el("li", {},
      el("a", { href: `#/${encodeURIComponent(model.name)}`, "aria-current": model === current ? "page" : null }, model.name, el("small", { text: model.description }))))),
  ]));
}

function show(focus = false) {
  const name = decodeURIComponent(location.hash.slice(2));
  const model = all.find((one) => one.name === name) || all[0];
  listed(model);
  main.replaceChildren();
  if (!model) {
    main.append(el("p", { class: "empty", text: t("no_models") }));
    return;
  }
  document.title = `${model.name} · Treadle`;
  main.append(el("div", { class: "head" }, el("p", { class: "kind", text: t(model.task) }), el("h1", { text: model.name }),
    el("p", { text: `${model.description}: ${model.size}` })));
  if (!kept.has(model.name)) kept.set(model.name, {});
  const form = FORMS[model.task];
  if (form) form.mount(main, model, kept.get(model.name));
  if (focus) main.focus({ preventScroll: false });
}

function askToken() {
  const field = el("input", { type: "password", autocomplete: "off" });
  const enter = (event) => { event.preventDefault(); token.set(field.value); open(); };
  main.replaceChildren(card(t("token_title"), el("form", { onsubmit: enter }, labelled(t("token"), field), el("div", { class: "row" }, el("button", { type: "submit", text: t("enter") })))));
  field.focus();
}

async function open() {
  main.replaceChildren(el("p", { class: "empty", text: t("loading") }));
  try {
    all = await models();
    show();
  } catch (error) {
    if (error.status === 401) askToken();
    else main.replaceChildren(problem(error));
  }
}

document.getElementById("theme").addEventListener("click", () => {
  localStorage.setItem(THEME, dressed() === "dark" ? "light" : "dark");
  dressed();
  show();
});
document.getElementById("language").addEventListener("click", () => {
  language.set(language.get() === "zh" ? "en" : "zh");
  dressed();
  show();
});
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();  // the address names the model that is shown
  main.focus();
});
addEventListener("hashchange", () => show(true));
dressed();
open();
