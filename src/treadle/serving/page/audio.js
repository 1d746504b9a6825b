// Sound: recorded in the page or dropped, brought to one channel and to a wav file in base64.

import { dropZone, el } from "./dom.js";
import { problem } from "./parts.js";
import { t } from "./words.js";

/** A 16-bit wav of one channel. */
function wav(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, word) => [...word].forEach((letter, k) => view.setUint8(at + k, letter.charCodeAt(0)));
  text(0, "RIFF"); view.setUint32(4, 36 + 2 * samples.length, true); text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true); view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  text(36, "data"); view.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, k) => view.setInt16(44 + 2 * k, Math.max(-1, Math.min(1, sample)) * 32767, true));
  return new Blob([view], { type: "audio/wav" });
}

/** Any sound that the browser can decode, as a wav at a rate. */
async function toWav(blob, rate) {
  const decoder = new OfflineAudioContext(1, 1, rate);
  const decoded = await decoder.decodeAudioData(await blob.arrayBuffer());
  const mixer = new OfflineAudioContext(1, Math.max(1, Math.ceil(decoded.duration * rate)), rate);
  const source = mixer.createBufferSource();
  source.buffer = decoded;
  source.connect(mixer.destination);
  source.start();
  return wav((await mixer.startRendering()).getChannelData(0), rate);
}

async function base64(blob) {
  const url = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
  return url.slice(url.indexOf(",") + 1);
}

/** Draw how loud the last moments were. */
function meter(canvas, stream) {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const levels = new Float32Array(analyser.fftSize);
  const loud = [];
  let frame = 0;
  const draw = () => {
    analyser.getFloatTimeDomainData(levels);
    loud.push(Math.min(1, 4 * Math.sqrt(levels.reduce((sum, one) => sum + one * one, 0) / levels.length)));
    const pen = canvas.getContext("2d");
    canvas.width = canvas.clientWidth;
    canvas.height = canvas.clientHeight;
    pen.fillStyle = getComputedStyle(canvas).color;
    loud.splice(0, Math.max(0, loud.length - canvas.width / 4));
    loud.forEach((one, k) => { const tall = Math.max(2, one * canvas.height); pen.fillRect(4 * k, (canvas.height - tall) / 2, 2.5, tall); });
    frame = requestAnimationFrame(draw);
  };
  draw();
  return () => { cancelAnimationFrame(frame); context.close(); };
}

/** A field of sound; `changed` is called when there is a new one. */
export function audioField(rate, changed) {
  let value = null;
  const player = el("audio", { controls: true, hidden: true });
  const said = el("div");
  const canvas = el("canvas", { class: "meter", hidden: true, "aria-hidden": "true" });
  const button = el("button", { type: "button", text: t("record") });
  let finish = null;

  async function take(blob) {
    said.replaceChildren();
    try {
      const sound = await toWav(blob, rate);
      value = { audio: await base64(sound) };
      if (player.src) URL.revokeObjectURL(player.src);
      player.src = URL.createObjectURL(sound);
      player.hidden = false;
      changed();
    } catch (error) {
      said.replaceChildren(problem(error.name === "EncodingError" ? new Error(t("cannot_decode")) : error));
    }
  }

  button.addEventListener("click", async () => {
    if (finish) { finish(); return; }
    said.replaceChildren();
    let stream;
    try {
      if (!navigator.mediaDevices) throw new Error("https");
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch (error) {
      said.replaceChildren(problem(new Error(t("no_microphone", error.message))));
      return;
    }
    canvas.hidden = false;
    const rest = meter(canvas, stream);
    const recorder = new MediaRecorder(stream), parts = [];
    recorder.ondataavailable = (event) => parts.push(event.data);
    recorder.onstop = () => {
      rest();
      stream.getTracks().forEach((track) => track.stop());
      canvas.hidden = true;
      take(new Blob(parts, { type: recorder.mimeType }));
    };
    recorder.start();
    button.textContent = t("finish");
    finish = () => { finish = null; button.textContent = t("record"); recorder.stop(); };
  });
  const node = el("div", {}, el("div", { class: "row" }, button, canvas),
    el("div", { class: "row" }, el("div", { class: "grow" }, dropZone(t("drop_audio"), t("choose_file"), "audio/*,.wav,.flac,.ogg,.mp3", take))), player, said);
  return { node, value: () => value, player };
}
