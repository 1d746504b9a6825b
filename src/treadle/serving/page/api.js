// The server's own API, as any other client uses it.

const KEY = "treadle.token";

export const token = {
  get: () => sessionStorage.getItem(KEY) || "",
  set: (value) => sessionStorage.setItem(KEY, value),
};

/** A request that was not answered; its message is the server's sentence. */
export class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

async function ask(path, body, signal) {
  const headers = {};
  if (token.get()) headers.authorization = `Bearer ${token.get()}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  const options = { headers, signal, method: body === undefined ? "GET" : "POST" };
  if (body !== undefined) options.body = JSON.stringify(body);
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "");
  }
  if (!response.ok) {
    const told = await response.json().catch(() => ({}));
    throw new Refused(response.status, told.error || response.statusText);
  }
  return response;
}

export async function models() {
  return (await (await ask("/v1/models")).json()).models;
}

/** The answer to one input. */
export async function predict(model, input, more = {}, signal = undefined) {
  const response = await ask("/v1/predict", { model, inputs: [input], ...more }, signal);
  return (await response.json()).answers[0];
}

/** Text as it is written: `on(name, data)` for every event. */
export async function generate(body, on, signal) {
  const response = await ask("/v1/generate", body, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const [name, data] = part.split("\n");
      on(name.slice("event: ".length), JSON.parse(data.slice("data: ".length)));
    }
  }
}

/** The newest answer only: what was asked before is given up when more is asked. */
export function newest() {
  let control = null;
  return async (work) => {
    control?.abort();
    const own = (control = new AbortController());
    try {
      const answer = await work(own.signal);
      return own === control ? answer : undefined;
    } catch (error) {
      if (error.name === "AbortError" || own !== control) return undefined;
      throw error;
    }
  };
}
