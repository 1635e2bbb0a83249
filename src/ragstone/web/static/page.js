// The page: a question, its answer as it comes, and the sources that bear it out.

import { Problem, ask, forget, json, keep } from "./api.js";
import { place, show } from "./context.js";
import { element, render } from "./markdown.js";

const OPEN_STATES = ["accepted", "parsing", "searchable"];
const SUPPORT = { supported: "supported", partly: "partly supported", not_supported: "not supported" };
const get = (id) => document.getElementById(id);
const question = get("question");

let asking = null; // the AbortController of the question under way
let waiting = null; // what to do again once there is a key
let citations = new Map();
let drawing = 0;
let text = "";

/* ---- asking ---- */

get("asking").addEventListener("submit", (event) => {
  event.preventDefault();
  if (asking) asking.abort();
  else run(question.value.trim());
});

async function run(asked) {
  if (!asked) return question.focus();
  asking = new AbortController();
  begin();
  try {
    for await (const { name, data } of ask(asked, asking.signal)) on[name]?.(data);
  } catch (error) {
    if (error.name !== "AbortError") fail(error, () => run(asked));
  } finally {
    asking = null;
    end();
  }
}

const on = {
  retrieval({ hits }) {
    progress(`Reading ${count(hits.length, "passage")}`);
    showFound(hits);
  },
  delta(data) {
    text += data.text;
    progress("");
    draw();
  },
  citation(data) {
    cite(data);
    draw();
  },
  restart() {
    text = "";
    forgetCitations();
    draw();
  },
  done(answer) {
    text = answer.answer;
    forgetCitations();
    answer.citations.forEach(cite);
    draw();
    get("verdict").hidden = !answer.refused;
    get("notice").hidden = !answer.notice;
    get("notice").textContent = answer.notice;
    get("colophon").textContent = colophon(answer);
  },
  error(problem) {
    throw new Problem(problem);
  },
};

function begin() {
  text = "";
  forgetCitations();
  document.body.classList.add("asked");
  for (const id of ["problem", "key", "verdict", "notice", "found"]) get(id).hidden = true;
  get("text").replaceChildren();
  get("text").classList.add("coming");
  get("text").setAttribute("aria-busy", "true");
  get("colophon").textContent = "";
  get("reply").hidden = false;
  get("ask").textContent = "Stop";
  get("ask").classList.add("stop");
  progress("Searching");
}

function end() {
  progress("");
  draw();
  get("text").classList.remove("coming");
  get("text").setAttribute("aria-busy", "false");
  get("ask").textContent = "Ask";
  get("ask").classList.remove("stop");
}

function colophon({ refused, mode, usage, timings }) {
  const made = mode === "generated" ? `Written by ${usage.model || "the language model"}` : "Quoted from the documents";
  const tokens = usage.output_tokens ? `${number(usage.input_tokens)} + ${number(usage.output_tokens)} tokens` : "";
  const seconds = timings.total ? `${(timings.total / 1000).toFixed(2)} s` : "";
  return [refused ? "" : made, tokens, seconds].filter(Boolean).join(" · ");
}

/* ---- the answer and its sources ---- */

function draw() {
  cancelAnimationFrame(drawing);
  drawing = requestAnimationFrame(() => get("text").replaceChildren(...render(text, mark)));
}

function mark(n) {
  const citation = citations.get(n);
  if (!citation) return element("span", String(n), { class: "mark unknown" });
  const link = element("a", String(n), { class: "mark", href: `#source-${n}`, "aria-label": `Source ${n}: ${citation.title}` });
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const card = get(`source-${n}`);
    card.scrollIntoView({ block: "nearest", behavior: "smooth" });
    card.focus({ preventScroll: true });
  });
  for (const [type, lit] of [["mouseenter", true], ["focus", true], ["mouseleave", false], ["blur", false]]) {
    link.addEventListener(type, () => get(`source-${n}`)?.classList.toggle("lit", lit));
  }
  return link;
}

function cite(citation) {
  if (citations.has(citation.n)) return;
  citations.set(citation.n, citation);
  get("citations").append(card(citation));
}

function forgetCitations() {
  citations = new Map();
  get("citations").replaceChildren();
}

function card(citation) {
  const opener = element("button", "Read in context", { type: "button" });
  opener.addEventListener("click", () => show(citation).catch((error) => fail(error, () => show(citation))));
  return element(
    "li",
    [
      element("span", String(citation.n), { class: "n" }),
      element("h3", citation.title),
      element("p", place(citation), { class: "place" }),
      element("blockquote", citation.quote),
      element("footer", [
        element("span", SUPPORT[citation.support], { class: citation.support }),
        element("span", `score ${citation.score.toFixed(3)}`),
        opener,
      ]),
    ],
    { class: "card", id: `source-${citation.n}`, tabindex: "-1", "aria-label": `Source ${citation.n}` },
  );
}

function showFound(hits) {
  const found = get("found");
  found.hidden = !hits.length;
  found.open = false;
  found.querySelector("summary").textContent = `What the search found: ${count(hits.length, "passage")}`;
  found.querySelector("ol").replaceChildren(...hits.map(foundLine));
}

function foundLine(hit) {
  const legs = Object.entries(hit.legs).map(([name, { rank, score }]) => `${name} #${rank} (${score.toFixed(2)})`);
  return element("li", [element("b", hit.title), ` ${place(hit)} · `, element("span", legs.join(", "))]);
}

/* ---- when something fails ---- */

function fail(error, again) {
  if (!(error instanceof Problem)) {
    showProblem({ title: "This page failed", detail: String(error), remedy: "Load it again." });
    throw error;
  }
  if (error.status === 401) {
    waiting = again;
    forget();
    get("key").hidden = false;
    get("secret").focus();
    if (error.detail.includes("not valid")) showProblem(error);
  } else showProblem(error);
}

function showProblem({ title, detail, remedy }) {
  get("problem").replaceChildren(element("h2", title), element("p", detail));
  if (remedy) get("problem").append(element("p", remedy, { class: "remedy" }));
  get("problem").hidden = false;
}

get("key").addEventListener("submit", (event) => {
  event.preventDefault();
  keep(get("secret").value.trim());
  get("secret").value = "";
  get("key").hidden = get("problem").hidden = true;
  const again = waiting;
  waiting = null;
  again?.();
});

/* ---- how much is there ---- */

async function countDocuments() {
  const { items } = await json("/v1/collections");
  const documents = items.reduce((sum, each) => sum + each.documents, 0);
  const pages = await Promise.all(OPEN_STATES.map((state) => json(`/v1/jobs?state=${state}&limit=200`)));
  const open = pages.reduce((sum, page) => sum + page.items.length, 0);
  const more = pages.some((page) => page.next_cursor) ? "+" : "";
  get("counts").replaceChildren(count(documents, "document"));
  if (open) get("counts").append(" ", element("span", `still indexing ${number(open)}${more}`, { class: "busy" }));
  get("welcome").hidden = documents > 0;
  return open;
}

async function watchDocuments() {
  let open = 0;
  try {
    if (!document.hidden) open = await countDocuments();
  } catch (error) {
    if (error.status === 401 && !waiting) fail(error, watchDocuments);
    if (error.status === 401) return;
    get("counts").textContent = "";
  }
  setTimeout(watchDocuments, open ? 1500 : 15000);
}

/* ---- small things ---- */

const number = (value) => value.toLocaleString("en");
const count = (value, name) => `${number(value)} ${name}${value === 1 ? "" : "s"}`;
const progress = (said) => {
  if (get("progress").textContent !== said) get("progress").textContent = said;
};

function grow() {
  question.style.height = "auto";
  question.style.height = `${question.scrollHeight}px`;
}

question.addEventListener("input", grow);
addEventListener("resize", grow);
question.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!asking) get("asking").requestSubmit();
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !get("context").open) asking?.abort();
  if (event.key !== "/" || event.target.closest("input, textarea, dialog")) return;
  event.preventDefault();
  question.focus();
  question.select();
});

watchDocuments();
