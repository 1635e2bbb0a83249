// A citation's passage in its document: the content around it, with the quote marked.

import { json } from "./api.js";
import { element } from "./markdown.js";

const AROUND = 6000;
const dialog = document.getElementById("context");

document.getElementById("context-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});

export async function show(citation) {
  const { title, content } = await json(`/v1/documents/${citation.document_id}/content`);
  const [start, end] = [units(content, citation.start), units(content, citation.end)];
  const [from, to] = [Math.max(0, start - AROUND), Math.min(content.length, end + AROUND)];
  document.getElementById("context-title").textContent = title;
  document.getElementById("context-place").textContent = place(citation);
  const quoted = element("mark", content.slice(start, end));
  const page = document.getElementById("context-page");
  page.replaceChildren(cut(from > 0), content.slice(from, start), quoted, content.slice(end, to), cut(to < content.length));
  dialog.showModal();
  page.focus();
  page.scrollTop = quoted.offsetTop - page.offsetTop - page.clientHeight / 3;
}

export function place({ heading_path, page, page_label, title, uri }) {
  const path = heading_path[0] === title ? heading_path.slice(1) : heading_path;
  const parts = [...path, page_label ?? (page ? `page ${page}` : "")].filter(Boolean);
  return parts.length ? parts.join(" › ") : uri;
}

/** Positions count code points; a string counts UTF-16 units, two for each character beyond U+FFFF. */
function units(text, points) {
  let at = 0;
  for (let left = points; left > 0 && at < text.length; left -= 1) at += text.codePointAt(at) > 0xffff ? 2 : 1;
  return at;
}

function cut(is) {
  return is ? element("span", "…", { class: "cut" }) : "";
}
