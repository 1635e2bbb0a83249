"""Tables as text: comma-separated values become a Markdown table, in memory not far beyond the file's size."""

import csv
import io
import sys
from collections.abc import Iterator

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


def _lines(rows: Iterator[list[str]]) -> Iterator[str]:
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
