// Tagging: spans in colour over the text, or a tag under every token.

import { newest, predict } from "./api.js";
import { announce, el, labelled, later, percent } from "./dom.js";
import { answerPlace, bars, card, key, words } from "./parts.js";
import { statesCard } from "./states.js";
import { t } from "./words.js";

const TINTS = 8;

/** One colour for each type, the same whatever is tagged. */
function tints(model) {
  const types = [...new Set(model.tags.map((tag) => tag.replace(/^[BILUSE]-/, "")))].filter((type) => type !== "O").sort();
  return (type) => `tint-${Math.max(0, types.indexOf(type)) % TINTS}`;
}

export function mount(main, model, kept) {
  const tint = tints(model);
  const place = answerPlace();
  const latest = newest();
  const states = statesCard(() => ask.now());
  const ask = later(answer, 220);
  const area = el("textarea", { rows: 4, placeholder: t("type_here") });
  area.value = kept.text || "";
  area.addEventListener("input", () => { kept.text = area.value; ask(); });
  main.append(card(null, labelled(t("sentence"), area), el("p", { class: "note", text: t("answers_as_you_type") })), place.place, states.card);

  async function answer() {
    if (!area.value.trim()) { place.show(); states.clear(); return; }
    try {
      const said = await place.busy(latest((signal) => predict(model.name, area.value, { states: states.wanted(), explain: true }, signal)));
      if (said) show(said);
    } catch (error) {
      place.fail(error);
    }
  }

  function show(said) {
    const drawn = said.spans ? spans(said, tint) : tokens(said, tint);
    const heard = (said.spans || []).map((span) => `${span.text}: ${span.type}`).join(", ");
    announce(`${t("tags")}: ${heard || said.tags.join(" ")}`);
    place.show(card(t("tags"), drawn, said.spans && !said.spans.length && el("p", { class: "note", text: t("no_spans") })),
      why(said.explanation),
      said.label !== undefined && card(t("label"), el("div", { class: "verdict" }, el("strong", { text: said.label })), bars(said.probabilities)));
    if (said.states) states.draw(said.states);
  }
  if (area.value) ask.now();
}

function spans(said, tint) {
  const line = el("p", { class: "tagged" });
  // Places count characters, a pair of surrogates as one.
  const characters = [...(said.text ?? said.tokens.join(" "))];
  let before = 0;
  for (const span of said.spans) {
    line.append(characters.slice(before, span.start_char).join(""));
    line.append(el("mark", { class: tint(span.type), title: percent(span.confidence) }, span.text, el("b", { text: span.type })));
    before = span.end_char;
  }
  line.append(characters.slice(before).join(""));
  return line;
}

function tokens(said, tint) {
  const list = el("ul", { class: "tokens" });
  said.tokens.forEach((token, k) => {
    const tag = said.tags[k], title = said.confidence ? percent(said.confidence[k]) : null;
    list.append(el("li", { class: tag === "O" ? null : tint(tag), title }, token, el("small", { text: tag })));
  });
  return list;
}

/** A card on what spoke for each of the first tags, word by word. */
function why({ tokens, tags }) {
  if (!tags.length) return null;
  const list = el("dl", { class: "why" });
  for (const { token, tag, weights } of tags)
    list.append(el("dt", {}, tokens[token], el("small", { text: tag })), el("dd", {}, words(tokens, weights, false)));
  return card(t("words_tags"), list, key(t("against"), t("for")));
}
