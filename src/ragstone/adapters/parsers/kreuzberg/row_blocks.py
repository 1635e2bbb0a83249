"""Rows as people lay them out: tables one below the other, with titles above them and footnotes below."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, pairwise
from statistics import multimode

from ragstone.adapters.parsers.kreuzberg.composition import one_line, prose

Row = list[str]

_FIRST_ROWS = 30
"""Rows of a block by which it is known for what it is; a table's header stands in them."""
_FEW = 10
"""Rows with one cell each up to which they are lines of text; more are a list, which is a table of one column."""
_FOOTNOTE = re.compile(
    r"[*†‡§¹²³]|\[?\d{1,2}[\])]\s|(?:foot|end)?notes?\b|sources?\b|remarks?\b|disclaimer\b|legend\b|n\.?b\.?\s"
    r"|(?:fu(?:ß|ss)note|quellen?|anmerkung(?:en)?|hinweise?|legende|remarques?|notas?|fuentes?|fonti?|fontes?)\b",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?:19|20)\d\d")


def laid_out(rows: Iterable[Row]) -> Iterator[str | Iterator[Row]]:
    """Yield what rows hold, from above to below: lines of text, and tables, of which the first row is the header.

    Blank rows part the blocks; one goes on with the table above where it has no header of its own. The rows of a table
    are to be read before the next part is asked for.
    """
    return _Layout(rows).parts()


class _Layout:
    """Goes from block to block, of each of which the first rows are known before it is read."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = iter(rows)
        self._head: list[Row] = []
        self._whole = True
        self._first = True
        self._begin, self._end = 0, 0
        self._header: Row = []
        self._footnotes: list[Row] = []
        self._look()

    def parts(self) -> Iterator[str | Iterator[Row]]:
        while self._head:
            if self._is_text():
                yield from filter(None, map(_line, self._block()))
            else:
                above = header_place(self._head)
                yield from filter(None, map(_line, self._head[:above]))
                del self._head[:above]
                yield self._table()
                yield from filter(None, map(_line, self._footnotes))
            self._first = False

    def _look(self) -> None:
        """Read the first rows of the next block."""
        filled = (row for row in self._rows if _cells(row))
        self._head = list(islice(filled, 1))
        self._whole = False
        while self._head and len(self._head) < _FIRST_ROWS:
            row = next(self._rows, [])
            if not _cells(row):
                self._whole = True
                return
            self._head.append(row)

    def _block(self) -> Iterator[Row]:
        """Yield the rows of this block, and go to the next one."""
        yield from self._head
        if not self._whole:
            for row in self._rows:
                if not _cells(row):
                    break
                yield row
        self._look()

    def _table(self) -> Iterator[Row]:
        """Yield the rows of a table, those of blocks that go on with it included; footnotes wait to be asked for."""
        self._header = self._head[0]
        self._begin, self._end = _extent(self._header)
        held: list[Row] = []
        while self._head:
            for row in self._block():
                begin, end = _extent(row)
                if end - begin == 1 and begin <= self._begin and self._is_footnote(row[begin]):
                    held.append(row)
                    continue
                yield from held
                held.clear()
                self._begin, self._end = min(self._begin, begin), max(self._end, end)
                yield row
            if not self._goes_on():
                break
        self._footnotes = held

    def _is_footnote(self, cell: str) -> bool:
        return self._end - self._begin > 1 and _FOOTNOTE.match(cell.strip()) is not None

    def _is_text(self) -> bool:
        """Whether the block is lines of text: a title, remarks, or names with a value each."""
        if not self._whole:
            return False
        counts = list(map(_cells, self._head))
        if max(counts) == 1:
            return len(counts) <= _FEW and (not self._first or len(counts) == 1 or self._next_row() is not None)
        return max(counts) == 2 and all(_cells(row) < 2 or _is_named(row) for row in self._head)

    def _next_row(self) -> Row | None:
        """Return the first row of the next block, which stays to be read."""
        row = next((row for row in self._rows if _cells(row)), None)
        self._rows = chain([] if row is None else [row], self._rows)
        return row

    def _goes_on(self) -> bool:
        """Whether the next block holds more rows of the table above."""
        if not self._head:
            return False
        extents = list(map(_extent, self._head))
        begin, end = min(begin for begin, _ in extents), max(end for _, end in extents)
        if begin < self._begin or end > self._end:
            return False
        if end - begin == 1:
            # In a table of two columns a word alone is rather a row without its value than a remark.
            words = not any(len(row[begin].split()) > 1 for row in self._head if _cells(row))
            return self._end - self._begin <= (2 if words and begin == self._begin else 1)
        above = header_place(self._head)
        header, body = self._head[above], self._head[above + 1 :]
        if header == self._header or _names_years(header):
            return False
        if not body or not _heads(header, body):
            return True
        return (begin, end) == (self._begin, self._end) and not _unlike(header, body)


def header_place(rows: Sequence[Row]) -> int:
    """Return which row is the table's first: those above have but one cell, or are remarks or names with a value."""
    filled = list(map(_cells, rows))
    usual = max(multimode([cells for cells in filled if cells]), default=0)
    width = max(multimode([len(row) for row, cells in zip(rows, filled, strict=True) if cells]), default=0)
    for place, row in enumerate(rows):
        # A header may begin so too: it is as wide as its rows, or has as many cells that say something.
        odd = len(row) != width and (filled[place] != usual or row[0].startswith("# "))
        remark = row[0].startswith("#") and (odd or filled[place] < usual)
        if filled[place] > 1 and not remark and not (filled[place] == 2 < usual and _is_named(row)):
            return place if usual > 1 else 0
    return 0


def _line(row: Row) -> str:
    cells = [one_line(cell) for cell in row if cell.strip()]
    text = " ".join(cells) if _is_named(row) else ", ".join(cells)
    return prose(text.lstrip("# "))


def _cells(row: Row) -> int:
    return sum(1 for cell in row if cell and not cell.isspace())


def _is_named(row: Row) -> bool:
    """Whether a row is a name with its value, as ``Date:`` with a day."""
    cells = [cell.strip() for cell in row if cell.strip()]
    return len(cells) == 2 and cells[0].endswith(":")


def _extent(row: Row) -> tuple[int, int]:
    """Return where the cells of a row begin and end that say something."""
    filled = [place for place, cell in enumerate(row) if cell and not cell.isspace()]
    return (filled[0], filled[-1] + 1) if filled else (0, 0)


def _heads(header: Row, body: Iterable[Row]) -> bool:
    """Whether a row has a name for every column of the rows below it."""
    named = {place for place, cell in enumerate(header) if cell.strip()}
    used = {place for row in body for place, cell in enumerate(row) if cell.strip()}
    return len(named) > 1 and used <= named and not any(_is_figure(header[place]) for place in named)


def _unlike(header: Row, body: Sequence[Row]) -> bool:
    """Whether there are figures below one of a header's names, in most of the rows."""
    return any(
        2 * sum(_is_figure(row[place]) for row in body if place < len(row)) > len(body)
        for place, cell in enumerate(header)
        if cell.strip()
    )


def _is_figure(cell: str) -> bool:
    return any(map(str.isdecimal, cell)) and not any(map(str.isalpha, cell))


def _names_years(row: Row) -> bool:
    """Whether a row is a name, if any, and years in their order, as the headers of accounts have them."""
    cells = [cell.strip() for cell in row if cell.strip()]
    years = [int(cell) for cell in cells[-(len(cells) - (not _is_figure(cells[0]))) :] if _YEAR.fullmatch(cell)]
    steps = {later - earlier for earlier, later in pairwise(years)}
    return len(years) > 1 and len(years) >= len(cells) - 1 and steps in ({1}, {-1})
