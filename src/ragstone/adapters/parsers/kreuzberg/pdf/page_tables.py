"""The tables of a PDF, by what stands where on its pages, and which of the drawn lines they take up."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from ragstone.adapters.parsers.kreuzberg.pdf.aligned_tables import aligned_tables
from ragstone.adapters.parsers.kreuzberg.pdf.cell_text import cell_text
from ragstone.adapters.parsers.kreuzberg.pdf.page_marks import PageMarks, Word
from ragstone.adapters.parsers.kreuzberg.pdf.ruled_tables import Found, merged_rules, ruled_tables


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table's rows of cells, and where its columns begin and the last one ends, in points."""

    rows: list[list[str]]
    columns: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """A line as the file draws it, in pieces: words, and which of the page's tables they are in, if any."""

    pieces: tuple[tuple[str, int | None], ...]

    @property
    def text(self) -> str:
        return " ".join(text for text, _ in self.pieces)

    @property
    def outside(self) -> str:
        return " ".join(text for text, table in self.pieces if table is None)

    @property
    def tables(self) -> list[int]:
        return [table for _, table in self.pieces if table is not None]


@dataclass(frozen=True, slots=True)
class TabledPage:
    """A page that has tables: these, and all of its lines."""

    tables: list[PageTable]
    lines: list[DrawnLine]


def tabled_page(marks: PageMarks) -> TabledPage | None:
    """Return the tables of a page, and its lines; ``None`` where it has none."""
    if len(marks.words) < 4:
        return None
    levels, uprights = merged_rules(marks.level), merged_rules(marks.upright)
    tables = list(ruled_tables(marks.words, levels, uprights))
    taken = {id(word) for table in tables for row in table.rows for cell in row for word in cell}
    tables += aligned_tables([word for word in marks.words if id(word) not in taken], levels)
    tables = [table for table in tables if not _is_drawing(table, marks.strokes)]
    if not tables:
        return None
    return TabledPage([_page_table(table) for table in tables], _drawn_lines(marks.words, tables))


def _is_drawing(table: Found, strokes: Sequence[tuple[float, float]]) -> bool:
    """Whether curves or slanting lines begin within a table: it is a diagram then, or a chart."""
    return any(table.columns[0] <= x <= table.columns[-1] and table.top <= y <= table.bottom for x, y in strokes)


def _page_table(found: Found) -> PageTable:
    return PageTable([[cell_text(cell) if cell else "" for cell in row] for row in found.rows], found.columns)


def _drawn_lines(words: Sequence[Word], tables: Sequence[Found]) -> list[DrawnLine]:
    table_of = {
        id(word): number for number, table in enumerate(tables) for row in table.rows for cell in row for word in cell
    }
    lines: dict[int, list[Word]] = {}
    for word in words:
        lines.setdefault(word.line, []).append(word)
    return [
        DrawnLine(
            tuple(
                (" ".join(word.text for word in piece), table)
                for table, piece in groupby(line, key=lambda word: table_of.get(id(word)))
            )
        )
        for line in lines.values()
    ]
