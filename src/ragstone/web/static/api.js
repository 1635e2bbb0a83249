// The HTTP API: requests with the key of this tab, problems as exceptions, server-sent events as an iterator.

const KEY = "ragstone-key";

export class Problem extends Error {
  constructor(detail) {
    super(detail.detail);
    Object.assign(this, detail);
  }
}

export function keep(secret) {
  sessionStorage.setItem(KEY, secret);
}

export function forget() {
  sessionStorage.removeItem(KEY);
}

export async function request(path, options = {}) {
  const headers = { ...options.headers };
  const secret = sessionStorage.getItem(KEY);
  if (secret) headers.Authorization = `Bearer ${secret}`;
  let response;
  try {
    response = await fetch(path, { ...options, headers, credentials: "omit" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({
      title: "No connection",
      detail: "The server does not answer.",
      remedy: "See that it runs, and ask again.",
      code: "unreachable",
      status: 0,
    });
  }
  if (!response.ok) throw new Problem(await problemOf(response));
  return response;
}

export async function json(path) {
  return (await request(path)).json();
}

async function problemOf(response) {
  if (response.headers.get("content-type")?.startsWith("application/problem+json")) return response.json();
  return { title: response.statusText, detail: `The server replied ${response.status}.`, remedy: "", status: response.status };
}

/** Ask, and yield { name, data } for each event of the stream. */
export async function* ask(question, signal) {
  const response = await request("/v1/ask", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
    body: JSON.stringify({ question, stream: true }),
    signal,
  });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    buffer += value;
    const frames = buffer.split("\n\n");
    buffer = frames.pop();
    for (const frame of frames) {
      const event = parse(frame);
      if (event) yield event;
    }
  }
}

function parse(frame) {
  let name = "message";
  const data = [];
  for (const line of frame.split("\n")) {
    if (line.startsWith("event: ")) name = line.slice(7);
    else if (line.startsWith("data: ")) data.push(line.slice(6));
  }
  return data.length ? { name, data: JSON.parse(data.join("\n")) } : null;
}
