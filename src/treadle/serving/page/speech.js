// Speech: what was said, word by word, each where it was heard.

import { newest, predict } from "./api.js";
import { audioField } from "./audio.js";
import { announce, el, percent } from "./dom.js";
import { answerPlace, card } from "./parts.js";
import { statesCard } from "./states.js";
import { t } from "./words.js";

export function mount(main, model) {
  const place = answerPlace();
  const latest = newest();
  const states = statesCard(ask);
  const field = audioField(model.rate, ask);
  main.append(card(null, field.node), place.place, states.card);

  async function ask() {
    const input = field.value();
    if (input === null) return;
    try {
      const said = await place.busy(latest((signal) => predict(model.name, input, { states: states.wanted(), explain: true }, signal)));
      if (said) show(said);
    } catch (error) {
      place.fail(error);
    }
  }

  function show(said) {
    announce(`${t("heard")}: ${said.text || t("nothing_heard")}`);
    const words = said.words.map((word) => el("li", {}, el("button", {
      type: "button", title: percent(word.confidence),
      "aria-label": `${word.word}, ${t("play_from", word.start.toFixed(2))}`,
      onclick: () => { field.player.currentTime = word.start; field.player.play(); },
    }, word.word, el("small", { text: `${word.start.toFixed(2)}–${word.end.toFixed(2)}` }))));
    place.show(card(t("heard"), el("p", { class: "answer", text: said.text || t("nothing_heard") }), el("ul", { class: "heard" }, ...words)));
    if (said.states) states.draw(said.states);
  }
}
