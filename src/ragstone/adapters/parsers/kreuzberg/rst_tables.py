"""The tables of reStructuredText, cell by cell: kreuzberg cuts them by bytes, and drops two of the four forms."""

import csv
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from uuid import uuid4

from ragstone.adapters.parsers.kreuzberg.tables import markdown_table

_SIMPLE = re.compile(r"=+(?: +=+)+ *")
_UNDERLINE = re.compile(r"[-=]+(?: +[-=]+)* *")
_GRID = re.compile(r"\+(?:-+\+)+ *")
_GRID_RULE = re.compile(r"\+(?:[-=]+\+)+ *")
_DIRECTIVE = re.compile(r"\.\. (csv-table|list-table):: ?(.*)")
_OPTION = re.compile(r":([\w-]+): ?(.*)")
_ROW = re.compile(r"\* (?=- ?)")
_ITEM = re.compile(r"- ?")


def without_tables(text: str) -> tuple[str, Mapping[str, str]]:
    """Return the text with a word in the place of each table, and the Markdown table for each such word."""
    lines = text.split("\n")
    kept: list[str] = []
    tables: dict[str, str] = {}
    position = 0
    while position < len(lines):
        end, caption, rows = _table_at(lines, position)
        if not rows:
            kept.append(lines[position])
            position += 1
            continue
        mark = f"table{uuid4().hex}x"
        tables[mark] = markdown_table(rows)
        kept += ["", *([caption, ""] if caption else []), mark, ""]
        position = end
    return "\n".join(kept), tables


def _table_at(lines: Sequence[str], start: int) -> tuple[int, str, list[list[str]]]:
    """Return where the table at a line ends, its caption and its rows; no rows where there is none."""
    line = lines[start]
    if line.startswith("=") and _SIMPLE.fullmatch(line):
        return _simple(lines, start)
    if line.startswith("+") and _GRID.fullmatch(line):
        return _grid(lines, start)
    directive = _DIRECTIVE.fullmatch(line.rstrip())
    if directive is None:
        return start, "", []
    end = start + 1
    while end < len(lines) and (not lines[end].strip() or lines[end].startswith(" ")):
        end += 1
    options, body = _options([inner.strip("\r") for inner in lines[start + 1 : end]])
    rows = _separated(options, body) if directive[1] == "csv-table" else _listed(body)
    return end, directive[2].strip(), rows


def _simple(lines: Sequence[str], start: int) -> tuple[int, str, list[list[str]]]:
    """A table between rules of ``=``: two of them, or three where it has a header."""
    rules = [start]
    for number in range(start + 1, len(lines)):
        if _SIMPLE.fullmatch(lines[number]):
            rules.append(number)
            if len(rules) == 3 or number + 1 == len(lines) or not lines[number + 1].strip():
                break
    if len(rules) < 2:
        return start, "", []
    begins = [match.start() for match in re.finditer("=+", lines[start])]
    spans = list(zip(begins, [*begins[1:], None], strict=True))
    rows: list[list[str]] = []
    for line in lines[start + 1 : rules[-1]]:
        if not line.strip() or _UNDERLINE.fullmatch(line):
            continue
        cells = [line[begin:end].strip() for begin, end in spans]
        if rows and not cells[0] and sum(map(bool, cells)) < sum(map(bool, rows[-1])):
            rows[-1] = [f"{above} {cell}".strip() for above, cell in zip(rows[-1], cells, strict=True)]
        else:
            rows.append(cells)
    return rules[-1] + 1, "", rows


def _grid(lines: Sequence[str], start: int) -> tuple[int, str, list[list[str]]]:
    """A table drawn with ``+``, ``-`` and ``|``; cells that span columns stand in the first of them."""
    corners = [match.start() for match in re.finditer(r"\+", lines[start])]
    rows: list[list[str]] = []
    row = [""] * (len(corners) - 1)
    end = start + 1
    while end < len(lines) and lines[end].startswith(("+", "|")):
        line = lines[end]
        if _GRID_RULE.fullmatch(line):
            rows.append(row)
            row = [""] * (len(corners) - 1)
        else:
            for column, text in _drawn_cells(line, corners):
                row[column] = f"{row[column]} {text}".strip()
        end += 1
    return end, "", [row for row in rows if any(row)]


def _drawn_cells(line: str, corners: Sequence[int]) -> list[tuple[int, str]]:
    bars = [place for place in corners if place < len(line) and line[place] in "|+"]
    return [
        (corners.index(begin), text) for begin, end in pairwise(bars) if (text := line[begin + 1 : end].strip(" -+"))
    ]


def _options(lines: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return a directive's options, and its body without its indentation."""
    options: dict[str, str] = {}
    number = 0
    while number < len(lines) and (match := _OPTION.fullmatch(lines[number].strip())):
        options[match[1]] = match[2]
        number += 1
    body = lines[number:]
    margin = min((len(line) - len(line.lstrip()) for line in body if line.strip()), default=0)
    return options, [line[margin:] for line in body]


def _separated(options: Mapping[str, str], body: Sequence[str]) -> list[list[str]]:
    delimiter = {"tab": "\t", "space": " "}.get(options.get("delim", ","), options.get("delim", ",")[:1] or ",")
    try:
        header = list(csv.reader([options["header"]], skipinitialspace=True)) if "header" in options else []
        return header + list(csv.reader(body, delimiter=delimiter, skipinitialspace=True))
    except csv.Error:
        return []


def _listed(body: Sequence[str]) -> list[list[str]]:
    """A list of lists: ``* -`` begins a row, and ``-`` below it a cell."""
    rows: list[list[str]] = []
    for line in filter(str.strip, body):
        text = line.strip()
        if _ROW.match(line):
            rows.append([])
            text = text[2:]
        if not rows:
            return []
        if _ITEM.match(text) and not line.startswith("    "):
            rows[-1].append(_ITEM.sub("", text, count=1).strip())
        elif text and rows[-1]:
            rows[-1][-1] = f"{rows[-1][-1]} {text}".strip()
    return rows
