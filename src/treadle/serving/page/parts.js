// Parts of answers that several forms share: bars of probabilities, coloured words, a problem, a card.

import { ground, strip } from "./colours.js";
import { el, percent } from "./dom.js";
import { Refused } from "./api.js";
import { t } from "./words.js";

const MOST_BARS = 8;

export const card = (title, ...children) => el("section", { class: "card" }, title && el("h2", { text: title }), ...children);

/** Probabilities, the largest first. */
export function bars(probabilities) {
  const sorted = Object.entries(probabilities).sort((a, b) => b[1] - a[1]).slice(0, MOST_BARS);
  const list = el("dl", { class: "bars" });
  for (const [name, share] of sorted) {
    const fill = el("i");
    fill.style.width = `${100 * share}%`;
    list.append(el("dt", { text: name }), el("dd", { class: "bar", "aria-hidden": "true" }, fill), el("dd", { class: "share", text: percent(share) }));
  }
  return list;
}

/** Words on the colours of their weights. */
export function words(tokens, weights, joined) {
  const most = Math.max(1e-9, ...weights.map(Math.abs));
  const line = el("p", { class: "words" });
  tokens.forEach((token, k) => {
    const weight = weights[k] / most;
    const word = el("span", { text: token, title: weights[k].toFixed(3) });
    word.style.background = ground(weight);
    if (Math.abs(weight) > 0.5) word.append(el("span", { class: "unseen", text: ` (${t(weight < 0 ? "against" : "for")})` }));
    line.append(word, joined ? "" : " ");
  });
  return line;
}

/** The key of the colours of words. */
export function key(from, to, start = -1) {
  return el("div", { class: "key", "aria-hidden": "true" }, el("span", { text: from }), strip(el("canvas"), start), el("span", { text: to }));
}

/** What went wrong, where those who look and those who listen find it. */
export function problem(error) {
  const text = error instanceof Refused ? error.message || t("unreachable") : String(error.message || error);
  if (!(error instanceof Refused)) console.error(error);
  return el("p", { class: "problem", role: "alert", text });
}

/** A place whose content is replaced by answers. */
export function answerPlace() {
  const place = el("div", { class: "place" });
  return {
    place,
    show: (...children) => place.replaceChildren(...children.filter(Boolean)),
    fail: (error) => place.replaceChildren(problem(error)),
    /** Show that an answer is on its way, until it is there. */
    busy: async (promise) => {
      const own = (place.waiting = promise);
      place.setAttribute("aria-busy", "true");
      try {
        return await promise;
      } finally {
        if (place.waiting === own) place.setAttribute("aria-busy", "false");
      }
    },
  };
}
