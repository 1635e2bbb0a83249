"""Workbooks and texts that Office 2003 saved as one XML file: SpreadsheetML and WordprocessingML."""

import io
import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError, fromstring, iterparse

from ragstone.adapters.parsers.kreuzberg.composition import Composition, one_line, prose
from ragstone.adapters.parsers.kreuzberg.media_types import DOC, XLS
from ragstone.adapters.parsers.kreuzberg.tables import markdown_table, sheet_to_markdown
from ragstone.adapters.parsers.kreuzberg.titles import sensible_title
from ragstone.domain.documents import ParsedDocument

_SHEET = "{urn:schemas-microsoft-com:office:spreadsheet}"
_WORD = "{http://schemas.microsoft.com/office/word/2003/wordml}"
_HINT = "{http://schemas.microsoft.com/office/word/2003/auxHint}"
_CHANGE = "{http://schemas.microsoft.com/aml/2001/core}annotation"
_TITLE = "{urn:schemas-microsoft-com:office:office}Title"
_HEAD = 4096
_MOST_COLUMNS = 16_384
_GAP = 2
"""Blank rows that stand for any number of them."""
_TIME = re.compile(r"(?:1899-12-3[01]T|(\d{4}-\d\d-\d\d)T)(\d\d:\d\d)(:\d\d)?(?:\.\d+)?")
_HEADING = re.compile(r"heading ?([1-6])", re.IGNORECASE)
_SIGNS = {f"{_WORD}tab": "\t", f"{_WORD}br": "\n", f"{_WORD}cr": "\n", f"{_WORD}noBreakHyphen": "-"}
_UNSAID = frozenset(f"{_WORD}{name}" for name in ("hdr", "ftr", "pPr", "rPr", "binData", "docPr", "footnotePr"))


def office_document(text: str) -> ParsedDocument | None:
    """Return the document that an XML file of Office 2003 is; ``None`` for any other, and where it is damaged."""
    head = text[:_HEAD]
    try:
        if _SHEET[1:-1] in head and "Workbook" in head:
            return _workbook(text)
        if _WORD[1:-1] in head and "wordDocument" in head:
            return _written(text)
    except ParseError:
        return None
    return None


def _workbook(text: str) -> ParsedDocument:
    """Return each sheet as a heading and its tables, on a page with the sheet's name as label."""
    composition, title = Composition(), None
    rows: list[list[str]] = []
    number = 0
    for _, element in iterparse(io.BytesIO(text.encode())):  # noqa: S314 - expat bounds entities, nothing is fetched
        if element.tag == f"{_SHEET}Row":
            before, number = number, max(number + 1, _number(element, "Index"))
            rows += [[]] * min(number - before - 1, _GAP)
            rows.append(_cells(element))
            element.clear()
        elif element.tag == f"{_SHEET}Worksheet":
            name = one_line(element.get(f"{_SHEET}Name", ""))
            if table := sheet_to_markdown(rows):
                composition.add(f"## {name}\n\n{table}" if name else table, name or None)
            rows, number = [], 0
            element.clear()
        elif element.tag == _TITLE:
            title = sensible_title(element.text)
    return composition.document(XLS, title)


def _cells(row: Element) -> list[str]:
    cells: list[str] = []
    for cell in row.iter(f"{_SHEET}Cell"):
        column = min(max(len(cells) + 1, _number(cell, "Index")), _MOST_COLUMNS)
        cells += [""] * (column - len(cells) - 1)
        data = cell.find(f"{_SHEET}Data")
        cells.append(_shown(data) if data is not None else "")
        cells += [""] * max(0, min(_number(cell, "MergeAcross"), _MOST_COLUMNS - len(cells)))
    return cells


def _shown(data: Element) -> str:
    """Return a cell's value: days and times as in other workbooks, a truth as a word."""
    text = "".join(data.itertext()).strip()
    kind = data.get(f"{_SHEET}Type")
    if kind == "Boolean":
        return "TRUE" if text == "1" else "FALSE"
    found = _TIME.fullmatch(text) if kind == "DateTime" else None
    if found is None:
        return text
    day, time, seconds = found.groups(default="")
    time += seconds if seconds != ":00" else ""
    return f"{day} {time}".strip() if not day or time != "00:00" else day


def _number(element: Element, name: str) -> int:
    value = element.get(f"{_SHEET}{name}", "")
    return int(value) if value.isdecimal() and len(value) < 8 else 0


def _written(text: str) -> ParsedDocument:
    """Return the paragraphs and tables of a text as Markdown."""
    root = fromstring(text.encode())  # noqa: S314 - expat bounds entities, nothing is fetched
    body = root.find(f"{_WORD}body")
    levels = {style.get(f"{_WORD}styleId", ""): _level(style) for style in root.iter(f"{_WORD}style")}
    blocks = _blocks(body, levels) if body is not None else iter(())
    return ParsedDocument("\n\n".join(blocks), DOC, sensible_title(root.findtext(f".//{_TITLE}")))


def _level(style: Element) -> int:
    name = style.find(f"{_WORD}name")
    found = _HEADING.fullmatch(name.get(f"{_WORD}val", "")) if name is not None else None
    return int(found[1]) if found is not None else 0


def _blocks(parent: Element, levels: dict[str, int]) -> Iterator[str]:
    """Yield what stands below an element, which may be one that merely groups."""
    for element in parent:
        if element.tag == f"{_WORD}p":
            if paragraph := _paragraph(element, levels):
                yield paragraph
        elif element.tag == f"{_WORD}tbl":
            rows = ([" ".join(_blocks(cell, {})) for cell in row.iter(f"{_WORD}tc")] for row in _rows(element))
            yield markdown_table(rows)
        elif element.tag not in _UNSAID and not _is_deleted(element):
            yield from _blocks(element, levels)


def _rows(table: Element) -> Iterator[Element]:
    """Yield a table's rows, also those in elements that merely group, but not those of tables within it."""
    for element in table:
        if element.tag == f"{_WORD}tr":
            yield element
        elif element.tag not in _UNSAID:
            yield from _rows(element)


def _paragraph(element: Element, levels: dict[str, int]) -> str:
    text = "".join(_said(element)).strip()
    style = element.find(f"{_WORD}pPr/{_WORD}pStyle")
    level = levels.get(style.get(f"{_WORD}val", ""), 0) if style is not None else 0
    if not text or level:
        return f"{'#' * level} {one_line(text)}" if text else ""
    mark = element.find(f"{_WORD}pPr/{_WORD}listPr/{_HINT}t")
    if mark is None:
        return prose(text)
    label = mark.get(f"{_HINT}val", "")
    return f"{label if label[:1].isalnum() else '-'} {text}"


def _said(parent: Element) -> Iterator[str]:
    for element in parent:
        if element.tag == f"{_WORD}t":
            yield element.text or ""
        elif sign := _SIGNS.get(element.tag):
            yield sign
        elif element.tag not in _UNSAID and not _is_deleted(element):
            yield from _said(element)


def _is_deleted(element: Element) -> bool:
    return element.tag == _CHANGE and element.get(f"{_WORD}type") == "Word.Deletion"
