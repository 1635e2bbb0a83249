"""Tables as text: comma-separated values become a Markdown table, in memory not far beyond the file's size."""

import csv
import io
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from statistics import mode

from ragstone.adapters.parsers.kreuzberg.composition import one_line, prose

_DELIMITERS = ",;\t|"
_SAMPLE = 64 * 1024
_FIRST_ROWS = 30
"""Rows by which the delimiter is found, and in which a header stands."""
_TOLD_DELIMITER = re.compile(r"\s*\"?sep=([,;\t|])\"?[ ,;\t]*\n", re.IGNORECASE)


def csv_to_markdown(text: str, *, delimiter: str | None = None) -> str:
    """Return the rows of ``text`` as one Markdown table, its first row the header, below the lines above it.

    The delimiter is the one that cuts most lines into as many cells, unless given. A malformed row stays as
    wide as it is; nothing is dropped but empty rows and the layout within a cell.
    """
    csv.field_size_limit(sys.maxsize)
    told = _TOLD_DELIMITER.match(text)
    if told is not None:  # a line for Excel
        text, delimiter = text[told.end() :], told[1]
    rows = csv.reader(io.StringIO(text), delimiter=delimiter or _delimiter(text))
    return below_notes(rows, lambda rows: "\n".join(_lines(rows)))


def below_notes(rows: Iterable[list[str]], table: Callable[[Iterable[list[str]]], str]) -> str:
    """Return rows as a table, below the title and the remarks that stand above its header."""
    rest = iter(rows)
    first = list(islice(rest, _FIRST_ROWS))
    header = _header(first)
    notes = [one_line(", ".join(filter(str.strip, row))).lstrip("# ") for row in first[:header]]
    return "\n\n".join(filter(None, (*map(prose, notes), table(chain(first[header:], rest)))))


def _header(rows: Sequence[list[str]]) -> int:
    """Return which row is the table's first: those above have but one cell, or begin with a ``#`` and are odd ones."""
    filled = [sum(1 for cell in row if cell.strip()) for row in rows]
    usual = mode([cells for cells in filled if cells] or [0])
    for place, row in enumerate(rows):
        remark = row[:1] and row[0].startswith("#") and filled[place] != usual
        if filled[place] > 1 and not remark:
            return place if usual > 1 else 0
    return 0


def markdown_row(cells: list[str]) -> str:
    """Return one row of a Markdown table."""
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def markdown_rule(columns: int) -> str:
    """Return the line between a Markdown table's header and its rows."""
    return "|" + " --- |" * columns


def markdown_table(rows: Iterable[list[str]]) -> str:
    """Return rows as a Markdown table: the first that is not empty is the header, and empty ones go.

    Columns that are empty throughout go too, where they are at an edge.
    """
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    spans = [(_first(row), len(row) - _first(row[::-1])) for row in filled]
    begin, end = min((span[0] for span in spans), default=0), max((span[1] for span in spans), default=0)
    return "\n".join(_lines(row[begin:end] + [""] * (end - max(begin, len(row))) for row in filled))


def _first(row: list[str]) -> int:
    return next((index for index, cell in enumerate(row) if cell.strip()), len(row))


def _lines(rows: Iterable[list[str]]) -> Iterator[str]:
    columns = 0
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        yield markdown_row(row + [""] * (columns - len(row)))
        if not columns:
            columns = len(row)
            yield markdown_rule(columns)


def _delimiter(text: str) -> str:
    lines = [line for line in text.lstrip()[:_SAMPLE].split("\n")[:_FIRST_ROWS] if line.strip()]
    found = {mark: [_outside_quotes(line).count(mark) for line in lines] for mark in _DELIMITERS}
    return max(_DELIMITERS, key=lambda mark: _agreement(found[mark]))


def _agreement(counts: Sequence[int]) -> tuple[int, int]:
    """Return how many lines have a delimiter as often as most that have it do, and how often that is."""
    usual, lines = max(Counter(filter(None, counts)).items(), key=lambda item: item[::-1], default=(0, 0))
    return lines, usual


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])
