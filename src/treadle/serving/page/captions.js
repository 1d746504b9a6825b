// Captions: a picture dropped, or frames pasted, the sentence, and where the model looked for each of its words.

import { newest, predict } from "./api.js";
import { announce, dropZone, el, labelled } from "./dom.js";
import { answerPlace, card, problem } from "./parts.js";
import { statesCard } from "./states.js";
import { attentionTable } from "./translations.js";
import { t } from "./words.js";

const LARGEST = 512; // pixels of the longer side that are sent
const SHOWN = 360; // and at least so many that are shown

async function base64(file) {
  const picture = await createImageBitmap(file);
  const scale = Math.min(1, LARGEST / Math.max(picture.width, picture.height));
  const canvas = el("canvas", { width: Math.round(picture.width * scale) || 1, height: Math.round(picture.height * scale) || 1 });
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  const url = canvas.toDataURL("image/png");
  return { url, size: [canvas.width, canvas.height], input: { image: url.slice(url.indexOf(",") + 1) } };
}

/** The picture, and over it the light of what was looked at. */
function lit(picture, tokens, attention) {
  const image = el("img", { src: picture.url, alt: t("picture") });
  const scale = Math.max(1, SHOWN / Math.max(...picture.size));
  image.width = picture.size[0] * scale;
  image.style.imageRendering = scale > 3 ? "pixelated" : "auto";
  const canvas = el("canvas", { "aria-hidden": "true" });
  const draw = (map) => {
    canvas.width = map[0].length;
    canvas.height = map.length;
    const context = canvas.getContext("2d");
    const most = Math.max(...map.flat(), 1e-9);
    map.forEach((row, y) => row.forEach((share, x) => {
      const light = share / most; // from a dark veil to rust
      context.fillStyle = `rgb(${12 + 224 * light} ${16 + 130 * light} ${20 + 78 * light} / 0.5)`;
      context.fillRect(x, y, 1, 1);
    }));
  };
  const buttons = tokens.map((token, k) => el("button", { type: "button", "aria-pressed": "false", onclick: () => press(k), onfocus: () => press(k), onpointerenter: () => press(k), text: token }));
  const press = (k) => {
    buttons.forEach((one, n) => one.setAttribute("aria-pressed", String(n === k)));
    draw(attention[k]);
  };
  return [el("div", { class: "said" }, ...buttons), el("div", { class: "seen" }, image, canvas), el("p", { class: "note", text: t("look") })];
}

export function mount(main, model, kept) {
  const place = answerPlace();
  const latest = newest();
  const states = statesCard(() => last && ask(last));
  let last = null;
  if (model.looks_at === "picture") {
    main.append(card(null, dropZone(t("drop_picture"), t("choose_file"), "image/*", async (file) => {
      try {
        await ask(await base64(file));
      } catch (error) {
        place.show(problem(error));
      }
    })), place.place);
  } else {
    const area = el("textarea", { rows: 7, class: "code", spellcheck: "false" });
    area.value = kept.text || "";
    area.addEventListener("input", () => {
      kept.text = area.value;
      const frames = area.value.trim().split(/\n/).map((line) => line.trim().split(/\s*[,;\t]\s*|\s+/).map(Number));
      if (area.value.trim()) ask({ input: frames });
    });
    main.append(card(null, labelled(t("frames"), area), el("p", { class: "hint", text: t("frames_hint") })), place.place, states.card);
  }

  async function ask(given) {
    last = given;
    try {
      const said = await place.busy(latest((signal) => predict(model.name, given.input, { explain: true, states: states.wanted() }, signal)));
      if (said) show(said, given);
    } catch (error) {
      place.fail(error);
    }
  }

  function show(said, given) {
    announce(`${t("caption_title")}: ${said.caption}`);
    const { tokens, attention } = said.explanation;
    const seen = given.url ? lit(given, tokens, attention) : [attentionTable(tokens, attention[0]?.map((_, k) => String(k + 1)) || [], attention)];
    place.show(card(t("caption_title"), el("p", { class: "answer", text: said.caption || "–" }), ...(tokens.length ? seen : [])));
    if (said.states) states.draw(said.states);
  }
}
