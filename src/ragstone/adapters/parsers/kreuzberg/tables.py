"""Tables as text: comma-separated values become a Markdown table, in memory not far beyond the file's size."""

import csv
import io
import sys
from collections.abc import Iterable, Iterator

_DELIMITERS = ",;\t|"
_SAMPLE = 64 * 1024


def csv_to_markdown(text: str, *, delimiter: str | None = None) -> str:
    """Return the rows of ``text`` as one Markdown table, its first row the header.

    The delimiter is the one that the first line has most of, unless given. A malformed row stays as wide as
    it is; nothing is dropped but empty rows and the layout within a cell.
    """
    csv.field_size_limit(sys.maxsize)
    rows = csv.reader(io.StringIO(text), delimiter=delimiter or _delimiter(text))
    return "\n".join(_lines(rows))


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
    first = text.lstrip()[:_SAMPLE].partition("\n")[0]
    outside_quotes = "".join(first.split('"')[::2])
    return max(_DELIMITERS, key=outside_quotes.count)
