"""Tables as text: rows become a Markdown table; of separated values, in memory not far beyond the text's size."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from statistics import mode

from ragstone.adapters.parsers.kreuzberg.composition import one_line, prose
from ragstone.adapters.parsers.kreuzberg.separated import rows as separated_rows

_FIRST_ROWS = 30
"""Rows in which a header stands."""
_BATCH = 4096


def csv_to_markdown(text: str | Iterable[str], *, delimiter: str | None = None) -> str:
    """Return the rows of ``text`` as one Markdown table, its first row the header, below the lines above it.

    A large text comes in pieces, each of which ends with a line. The delimiter is found unless given. A malformed
    row stays as wide as it is; nothing is dropped but empty rows and the layout within a cell.
    """
    pieces = [text] if isinstance(text, str) else text
    rows = separated_rows(chain.from_iterable(map(_piece_lines, pieces)), delimiter=delimiter)
    notes, rest = _notes_above(rows)
    lines = _lines(rest)
    # Batch by batch: a list of all the lines would take several times what they hold.
    batches = iter(lambda: "\n".join(islice(lines, _BATCH)), "")
    table = chain.from_iterable(("\n", batch) for batch in batches)
    return "".join([*(f"{note}\n\n" for note in notes), *islice(table, 1, None)]).rstrip("\n")


def _piece_lines(piece: str) -> list[str]:
    return piece.removesuffix("\n").split("\n")


def below_notes(rows: Iterable[list[str]], table: Callable[[Iterable[list[str]]], str]) -> str:
    """Return rows as a table, below the title and the remarks that stand above its header."""
    notes, rest = _notes_above(rows)
    return "\n\n".join(filter(None, (*notes, table(rest))))


def _notes_above(rows: Iterable[list[str]]) -> tuple[list[str], Iterator[list[str]]]:
    """Return the lines of text that stand above a table's header, and the rows from the header on."""
    rest = iter(rows)
    first = list(islice(rest, _FIRST_ROWS))
    header = _header(first)
    notes = [one_line(", ".join(filter(str.strip, row))).lstrip("# ") for row in first[:header]]
    return [prose(note) for note in notes if note], chain(first[header:], rest)


def _header(rows: Sequence[list[str]]) -> int:
    """Return which row is the table's first: those above have but one cell, or are remarks that begin with ``#``."""
    filled = [sum(1 for cell in row if cell.strip()) for row in rows]
    usual = mode([cells for cells in filled if cells] or [0])
    width = mode([len(row) for row, cells in zip(rows, filled, strict=True) if cells] or [0])
    for place, row in enumerate(rows):
        # A header may begin so too: it is as wide as its rows, or has as many cells that say something.
        odd = len(row) != width and (filled[place] != usual or row[0].startswith("# "))
        if filled[place] > 1 and not (row[0].startswith("#") and (odd or filled[place] < usual)):
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
