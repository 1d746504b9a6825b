// Colours of numbers: blue below zero, rust above, the page's own ground between.

const LIGHT = { low: [31, 100, 104], middle: [255, 253, 249], high: [176, 74, 30] };
const DARK = { low: [104, 190, 186], middle: [30, 32, 36], high: [236, 146, 98] };

const scale = () => (document.documentElement.dataset.theme === "dark" ? DARK : LIGHT);

const mixed = (from, to, share) => from.map((part, k) => Math.round(part + (to[k] - part) * share));

/** Red, green and blue of a number from -1 to 1. */
export function colour(value) {
  const { low, middle, high } = scale();
  const share = Math.min(1, Math.abs(value));
  return mixed(middle, value < 0 ? low : high, share);
}

/** The same for CSS; words stay readable on it. */
export const ground = (value, most = 0.62) => `rgb(${colour(Math.max(-1, Math.min(1, value)) * most).join(" ")})`;

/** A strip that shows the scale. */
export function strip(canvas, from = -1, most = 0.62) {
  canvas.width = 96;
  canvas.height = 1;
  const context = canvas.getContext("2d");
  for (let x = 0; x < 96; x++) {
    context.fillStyle = ground(from + ((1 - from) * x) / 95, most);
    context.fillRect(x, 0, 1, 1);
  }
  return canvas;
}
