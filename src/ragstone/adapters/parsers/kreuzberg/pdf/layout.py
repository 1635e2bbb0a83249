"""Markdown from the blocks that kreuzberg finds on the pages of a PDF, with the page that each is on.

Kreuzberg's own Markdown of a PDF says nothing reliable about pages: its boundaries count bytes of another
text. Its blocks carry their page, and are free of the escapes that its Markdown has.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from ragstone.adapters.parsers.kreuzberg.pdf.drawn_lines import find_tables, paragraphs, reads_as_table
from ragstone.adapters.parsers.kreuzberg.pdf.heading_lines import NUMBERED, headings_of
from ragstone.adapters.parsers.kreuzberg.pdf.kept_lines import with_kept
from ragstone.adapters.parsers.kreuzberg.pdf.line_text import goes_on, joined_lines, printable
from ragstone.adapters.parsers.kreuzberg.pdf.missing_lines import missing_words, with_missing
from ragstone.adapters.parsers.kreuzberg.pdf.page_blocks import (
    SENTENCE_END,
    Block,
    is_heading,
    markdown_text,
    paragraph,
)
from ragstone.adapters.parsers.kreuzberg.pdf.page_looks import PageLook
from ragstone.adapters.parsers.kreuzberg.pdf.page_pictures import PictureText, with_pictures
from ragstone.adapters.parsers.kreuzberg.pdf.page_texts import PageTexts
from ragstone.adapters.parsers.kreuzberg.pdf.placing import joined_tables, with_tables
from ragstone.adapters.parsers.kreuzberg.pdf.running_lines import RunningLines
from ragstone.adapters.parsers.kreuzberg.tables import markdown_table
from ragstone.domain.documents import PageSpan

_LEADING = 1.2
"""Distance of two lines of a paragraph, in heights of a line."""
_LARGER = 1.04
"""How much larger than the body a heading's line is, at least; bounding boxes vary by some percent."""
_WORDS = re.compile(r"\w+")
_MAY_MISS = 0.02
"""Share of a page's words that its blocks may lack, and be given, before its own text is taken in their place."""
_NO_LOOK = PageLook()


def render(
    nodes: Sequence[Mapping[str, Any]],
    page_texts: Mapping[int, str] = MappingProxyType({}),
    looks: Mapping[int, PageLook] = MappingProxyType({}),
    scans: Mapping[int, str] = MappingProxyType({}),
    pictures: Mapping[int, Sequence[PictureText]] = MappingProxyType({}),
) -> tuple[str, list[PageSpan]]:
    """Return Markdown and page spans for kreuzberg's document nodes, which are in reading order.

    ``page_texts`` is the text of each page as the file draws it, line by line. It is the truth about what
    is there: the blocks of a page are given the lines that they lack, and given up for it where these are many.
    ``looks`` says what else is known of pages: the tables that were found by where the words stand, what is filled
    in and noted. ``scans`` is the text of pages that are pictures, which takes the place of their own; ``pictures`` is
    that of pictures on other pages.
    """
    texts = PageTexts({page: text for page, text in page_texts.items() if page not in scans}, looks)
    edges = {page: look.edges for page, look in looks.items() if look.edges is not None}
    running = RunningLines(texts.lines, edges)
    found: dict[int, list[Block]] = {page: [Block("scan", text, page, text)] for page, text in scans.items()}
    for block in _blocks(nodes, texts, running, looks):
        if block.page not in scans:
            found.setdefault(block.page, []).append(block)
    for page, drawn in texts.lines.items():
        look = looks.get(page, _NO_LOOK)
        blocks = _page_blocks(found.get(page, []), page, drawn, look, partial(running.covers, page))
        found[page] = with_pictures(blocks, pictures.get(page, ()), page)
    for page, look in looks.items():
        left = [*texts.unplaced.get(page, ()), *look.loose]
        found.setdefault(page, []).extend(Block("note", markdown_text(text), page, text) for text in left)
    shown = with_kept(
        [block for page in sorted(found) for block in found[page] if block.text or block.table is not None],
        {page: running.kept(page) for page in texts.lines},
    )
    return _joined(joined_tables(shown))


def _page_blocks(
    blocks: list[Block], page: int, drawn: Sequence[str], look: PageLook, runs: Callable[[str], bool]
) -> list[Block]:
    """Return a page's blocks, or paragraphs of its lines where the blocks lack some, with the page's tables."""
    kept = [line for line in drawn if not runs(line)]
    if _lacks_words(blocks, kept, exactly=bool(look.lines) or look.text is not None):
        blocks = [paragraph(text, page) for text in paragraphs(kept)]
    else:
        blocks = with_missing(blocks, kept, page, runs)
    if look.tabled is not None:
        return with_tables(blocks, look.tabled, page, runs)
    for start, rows in find_tables(kept):
        blocks = list(_with_table(blocks, kept[start : start + len(rows)], rows))
    return blocks


def _with_table(blocks: Iterable[Block], lines: Sequence[str], rows: list[list[str]]) -> Iterator[Block]:
    """Put a table where the first of its lines stands among the blocks, and take its lines out of them."""
    wanted, placed = {" ".join(line.split()) for line in lines}, False
    for block in blocks:
        source = block.source.split("\n")
        own = [place for place, line in enumerate(source) if " ".join(line.split()) in wanted]
        if not own or block.kind == "table":
            yield block
            continue
        before, after = (
            source[: own[0]],
            [line for place, line in enumerate(source) if place > own[0] and place not in own],
        )
        if before:
            yield paragraph("\n".join(before), block.page)
        if not placed:
            placed = True
            yield Block("table", markdown_table(rows), block.page, "\n".join(lines))
        if after:
            yield paragraph("\n".join(after), block.page)


def _lacks_words(blocks: Sequence[Block], lines: Sequence[str], *, exactly: bool) -> bool:
    """Whether blocks lack so many words of lines that they are not made of them."""
    missing = missing_words(blocks, lines).total()
    return missing > (0 if exactly else max(2, _MAY_MISS * len(_WORDS.findall("\n".join(lines)))))


def _joined(blocks: Iterable[Block]) -> tuple[str, list[PageSpan]]:
    parts: list[str] = []
    starts: list[tuple[int, int]] = []
    length = 0
    previous: Block | None = None
    for block in blocks:
        separator = _separator(previous, block)
        if previous is not None and separator == " " and goes_on(previous.text, block.text):
            parts[-1], separator = parts[-1][:-1], ""
            length -= 1
        parts += (separator, block.text)
        length += len(separator)
        if not starts or block.page > starts[-1][0]:
            starts.append((block.page, length))
        length += len(block.text)
        previous = block
    spans = zip(starts, [*starts[1:], (0, length)], strict=False) if starts else ()
    return "".join(parts), [PageSpan(page, start, end) for (page, start), (_, end) in spans]


def _separator(previous: Block | None, block: Block) -> str:
    if previous is None:
        return ""
    if previous.kind == block.kind == "list_item" or block.kind == "more rows":
        return "\n"
    continues = block.page == previous.page + 1 and previous.kind == block.kind == "paragraph"
    if continues and block.text[:1].islower() and not previous.text.endswith(SENTENCE_END):
        return " "
    return "\n\n"


def _blocks(
    nodes: Sequence[Mapping[str, Any]], texts: PageTexts, running: RunningLines, looks: Mapping[int, PageLook]
) -> Iterator[Block]:
    """Yield blocks of nodes; what kreuzberg takes for a table is text on pages that are known to have none."""
    page, body = 1, _body_height(nodes)
    for node in nodes:
        page = max(page, node.get("page") or page)
        look = looks.get(page, _NO_LOOK)
        content = node["content"]
        kind = content["node_type"]
        if kind in ("group", "page_break"):
            continue
        source = _source(content, page, texts)
        if kind == "table" and look.searched and look.tabled is None and _table(content["grid"]):
            kind, source = "paragraph", "\n".join(" ".join(filter(None, row)) for row in _rows(content["grid"]))
        large = {line.key: line for line in look.large} if kind == "heading" else {}
        for part in headings_of(source, large) if kind == "heading" else [source]:
            text = _table(content["grid"]) if kind == "table" else _without(running, page, part)
            if not text:
                continue
            is_one = kind != "heading" or (is_heading(text) and _stands_out(node, text, body))
            shown = kind if is_one else "paragraph"
            yield Block(shown, _markdown(shown, text, content, nodes, node), page, part)


def _source(content: Mapping[str, Any], page: int, texts: PageTexts) -> str:
    if content["node_type"] == "table":
        return "\n".join(printable(cell["content"]) for cell in content["grid"]["cells"])
    return texts.corrected(page, content.get("text") or "")


def _without(running: RunningLines, page: int, text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not running.covers(page, line)).strip()


def _markdown(
    kind: str, text: str, content: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]], node: Mapping[str, Any]
) -> str:
    if kind == "table":
        return text
    if kind == "heading":
        return f"{'#' * content['level']} {joined_lines(text)}"
    if kind == "code":
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
        return f"{fence}{content.get('language') or ''}\n{text}\n{fence}"
    if kind == "list_item":
        parent = nodes[node["parent"]]["content"] if node.get("parent") is not None else {}
        return ("1. " if parent.get("ordered") else "- ") + joined_lines(text)
    return markdown_text(text)


def _stands_out(node: Mapping[str, Any], text: str, body: float) -> bool:
    """Whether a heading that kreuzberg found is set in larger type than the body, or numbered."""
    height = _line_height(node)
    return not height or height >= _LARGER * body or NUMBERED.match(text) is not None


def _body_height(nodes: Sequence[Mapping[str, Any]]) -> float:
    """Return the height of a line of the body text in points: what most characters of paragraphs have."""
    found = sorted(
        (_line_height(node), len(node["content"]["text"]))
        for node in nodes
        if node["content"]["node_type"] == "paragraph" and _line_height(node)
    )
    half = sum(characters for _, characters in found) / 2
    for height, characters in found:
        half -= characters
        if half <= 0:
            return height
    return 0.0


def _line_height(node: Mapping[str, Any]) -> float:
    box = node.get("bbox")
    if not box:
        return 0.0
    lines: int = node["content"].get("text", "").count("\n")
    height: float = box["y1"] - box["y0"]
    return height / (1 + _LEADING * lines)


def _table(grid: Mapping[str, Any]) -> str:
    """Return a table, nothing for what reads like none: kreuzberg takes prose for tables at times."""
    rows = _rows(grid)
    return markdown_table(rows) if reads_as_table(rows) else ""


def _rows(grid: Mapping[str, Any]) -> list[list[str]]:
    rows: list[list[str]] = [[""] * grid["cols"] for _ in range(grid["rows"])]
    for cell in grid["cells"]:
        rows[cell["row"]][cell["col"]] = printable(cell["content"])
    return rows
