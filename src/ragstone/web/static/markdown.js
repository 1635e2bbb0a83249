// Markdown to DOM nodes. What comes from documents and models only ever becomes text: never markup, never a script.

const BLOCK = /^(?:(#{1,6})\s+(.*)|(\s*)([-*+]|\d{1,9}[.)])\s+(.*)|>\s?(.*)|(`{3,}|~{3,})\s*(\S*).*)$/;
const INLINE = /(`+)(.+?)\1(?!`)|\*\*(.+?)\*\*|__(.+?)__|\*(?!\s)(.+?)\*|(?<!\w)_(?!\s)(.+?)_(?!\w)|\[(\d{1,3})\](?!\()|!?\[([^\]]*)\]\(([^()\s]*)[^()]*\)/;

/** Return the nodes of `text`. `mark(n)` makes the node of a mark [n]. */
export function render(text, mark) {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const nodes = [];
  let at = 0;
  while (at < lines.length) {
    const found = BLOCK.exec(lines[at]);
    if (!lines[at].trim()) at += 1;
    else if (found?.[7]) at = code(lines, at, found[7], nodes);
    else if (found?.[1]) at = heading(found, at, nodes, mark);
    else if (/^\s*\|/.test(lines[at])) at = table(lines, at, nodes, mark);
    else if (found?.[4]) at = list(lines, at, nodes, mark);
    else if (found) at = quote(lines, at, nodes, mark);
    else at = paragraph(lines, at, nodes, mark);
  }
  return nodes;
}

export function element(name, children = [], attributes = {}) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...[children].flat());
  return made;
}

function heading([, signs, title], at, nodes, mark) {
  nodes.push(element(`h${Math.min(signs.length + 1, 4)}`, inline(title, mark)));
  return at + 1;
}

function code(lines, at, fence, nodes) {
  const inside = [];
  for (at += 1; at < lines.length && !lines[at].trim().startsWith(fence); at += 1) inside.push(lines[at]);
  nodes.push(element("pre", element("code", inside.join("\n"))));
  return at + 1;
}

function list(lines, at, nodes, mark) {
  const ordered = /^\d/.test(BLOCK.exec(lines[at])[4]);
  const items = [];
  for (; at < lines.length && lines[at].trim(); at += 1) {
    const found = BLOCK.exec(lines[at]);
    if (found?.[4]) items.push(found[5]);
    else if (/^\s/.test(lines[at])) items.push(`${items.pop()} ${lines[at].trim()}`);
    else break;
  }
  nodes.push(element(ordered ? "ol" : "ul", items.map((item) => element("li", inline(item, mark)))));
  return at;
}

function table(lines, at, nodes, mark) {
  const rows = [];
  for (; at < lines.length && /^\s*\|/.test(lines[at]); at += 1) {
    const cells = lines[at].trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/);
    if (!cells.every((cell) => /^\s*:?-+:?\s*$/.test(cell))) rows.push(cells);
  }
  const row = (cells, kind) => element("tr", cells.map((cell) => element(kind, inline(cell.trim(), mark))));
  nodes.push(element("table", rows.map((cells, place) => row(cells, place ? "td" : "th"))));
  return at;
}

function quote(lines, at, nodes, mark) {
  const inside = [];
  for (; at < lines.length && lines[at].startsWith(">"); at += 1) inside.push(lines[at].replace(/^>\s?/, ""));
  nodes.push(element("blockquote", render(inside.join("\n"), mark)));
  return at;
}

function paragraph(lines, at, nodes, mark) {
  const inside = [lines[at]];
  for (at += 1; at < lines.length && lines[at].trim() && !BLOCK.test(lines[at]); at += 1) inside.push(lines[at]);
  nodes.push(element("p", inline(inside.join("\n"), mark)));
  return at;
}

function inline(text, mark) {
  const nodes = [];
  let found;
  while ((found = INLINE.exec(text))) {
    if (found.index) nodes.push(text.slice(0, found.index));
    nodes.push(span(found, mark));
    text = text.slice(found.index + found[0].length);
  }
  if (text) nodes.push(text);
  return nodes;
}

function span([whole, , inCode, strong, strongToo, emphasis, emphasisToo, number, label, target], mark) {
  if (inCode) return element("code", inCode.trim() || inCode);
  if (strong || strongToo) return element("strong", inline(strong || strongToo, mark));
  if (emphasis || emphasisToo) return element("em", inline(emphasis || emphasisToo, mark));
  if (number) return mark(Number(number));
  if (!/^https?:\/\//i.test(target)) return label || whole;
  return element("a", inline(label || target, mark), { href: target, rel: "noopener noreferrer nofollow", target: "_blank" });
}
