"""Tables as text: rows become Markdown tables; of separated values, in memory not far beyond the text's size."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice

from ragstone.adapters.parsers.kreuzberg.row_blocks import laid_out
from ragstone.adapters.parsers.kreuzberg.separated import rows as separated_rows

_BATCH = 4096


def csv_to_markdown(text: str | Iterable[str], *, delimiter: str | None = None) -> str:
    """Return the rows of ``text`` as Markdown tables, the first row of each its header, and the lines between them.

    A large text comes in pieces, each of which ends with a line. The delimiter is found unless given. A malformed
    row stays as wide as it is; nothing is dropped but empty rows and the layout within a cell.
    """
    pieces = [text] if isinstance(text, str) else text
    rows = separated_rows(chain.from_iterable(map(_piece_lines, pieces)), delimiter=delimiter)
    parts = (_part(part) for part in laid_out(rows))
    return "".join(islice(chain.from_iterable(chain(["\n\n"], part) for part in parts), 1, None))


def _piece_lines(piece: str) -> list[str]:
    return piece.removesuffix("\n").split("\n")


def _part(part: str | Iterator[list[str]]) -> Iterator[str]:
    """Yield a line of text, or those of a table, many at a time: a list of all takes several times what they hold."""
    if isinstance(part, str):
        yield part
        return
    lines = _lines(part)
    yield "\n".join(islice(lines, _BATCH))
    while batch := "\n".join(islice(lines, _BATCH)):
        yield f"\n{batch}"


def sheet_to_markdown(rows: Iterable[list[str]]) -> str:
    """Return the rows of a sheet as Markdown tables, with the lines of text above, between and below them."""
    parts = (part if isinstance(part, str) else markdown_table(part) for part in laid_out(rows))
    return "\n\n".join(parts)


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
    begin = min(map(_first, filled), default=0)
    end = max((len(row) - _first(row[::-1]) for row in filled), default=0)
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
