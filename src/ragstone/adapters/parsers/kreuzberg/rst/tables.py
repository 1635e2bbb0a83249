"""The cells of a table that docutils has read, each in its row and column."""

from collections.abc import Callable, Iterator
from typing import Any

from docutils import nodes


def table_rows(table: Any, write: Callable[[Any], str]) -> list[list[str]]:
    """Return a table's rows; a cell that spans others stands in the first of them, and the rest are empty."""
    rows: list[list[str]] = []
    covered: dict[int, int] = {}
    for row in _rows(table):
        cells: list[str] = []
        for entry in row.children:
            _skip(cells, covered)
            width, height = 1 + entry.get("morecols", 0), entry.get("morerows", 0)
            if height:
                covered.update((column, height + 1) for column in range(len(cells), len(cells) + width))
            cells += [write(entry), *[""] * (width - 1)]
        _skip(cells, covered)
        covered = {column: left - 1 for column, left in covered.items() if left > 1}
        rows.append(cells)
    return rows


def _rows(table: Any) -> Iterator[Any]:
    """Yield the rows, without those of tables within cells."""
    for group in table.children:
        if isinstance(group, nodes.tgroup):
            for part in group.children:
                yield from (row for row in part.children if isinstance(row, nodes.row))


def _skip(cells: list[str], covered: dict[int, int]) -> None:
    """Put empty cells where one of a row above reaches down."""
    while len(cells) in covered:
        cells.append("")
