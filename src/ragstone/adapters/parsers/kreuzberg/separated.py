"""Separated values: which mark parts the cells, and where a quote opens one; rows, as many lines as they have."""

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from statistics import mode

DELIMITERS = ",;\t|"
_SAMPLE = 64 * 1024
_FIRST_LINES = 30
"""Lines by which the delimiter is found."""
_TOLD_DELIMITER = re.compile(r"\s*\"?sep=([,;\t|])\"?[ ,;\t]*", re.IGNORECASE)
_QUOTED = re.compile(r'(?<![^,;\t|\n])"(?:[^"]++|"")*+"(?![^,;\t|\n])')
_PLAIN = re.compile(r"(?:[^,;\t|]++|,(?=\s|\Z)|(?<=\d),(?=\d))*+")
"""A cell that no other delimiter would cut: its commas stand before spaces or within numbers."""
_ESCAPED_QUOTE = re.compile(r'\\"(?![,;\t|\n]|\Z)')
_MOST_LINES = 20_000
_LONGEST = 2**20
"""Characters, and the lines above, within which a quote that opens a cell must close it."""
_MANY = 4
"""Lines that read as rows each, from which on a quote around them is none."""


def rows(lines: Iterable[str], *, delimiter: str | None = None) -> Iterator[list[str]]:
    """Yield the cells of each row of ``lines``, which come without their ends.

    A line ``sep=;`` names the delimiter. Else, unless it is given, it is the one that cuts most of the first lines
    into as many cells and leaves none that another would cut.
    """
    reader = iter(lines)
    first = _sample(reader)
    while first and not first[0].strip():
        first.popleft()
    if first and (told := _TOLD_DELIMITER.fullmatch(first[0])) is not None:  # a line for Excel
        delimiter = told[1]
        first.popleft()
    text = "\n".join(first)[:_SAMPLE]
    mark = delimiter or find_delimiter(text)
    yield from _Rows(first, reader, mark, escaped=_ESCAPED_QUOTE.search(text) is not None)


def find_delimiter(text: str) -> str:
    """Return the delimiter of the rows that ``text`` begins with."""
    lines = [line for line in _QUOTED.sub('"', text).split("\n") if line.strip()][:_FIRST_LINES]
    return max(DELIMITERS, key=lambda mark: _agreement([line.split(mark) for line in lines]))


def _agreement(rows: Sequence[Sequence[str]]) -> tuple[int, float, int]:
    """Return how many rows are as wide as most, the share of cells in these that stay whole, and how wide they are."""
    widths = Counter(len(row) for row in rows if len(row) > 1)
    if not widths:
        return 0, 0.0, 0
    usual, agreeing = max(widths.items(), key=lambda item: item[::-1])
    cells = [cell for row in rows if len(row) == usual for cell in row]
    return agreeing, sum(_PLAIN.fullmatch(cell) is not None for cell in cells) / len(cells), usual


def _sample(lines: Iterator[str]) -> deque[str]:
    first: deque[str] = deque()
    size = 0
    for line in lines:
        first.append(line)
        size += len(line)
        if size > _SAMPLE:
            break
    return first


class _Rows:
    """Cuts lines into rows; those that were read to look for a quote's end wait to be cut themselves."""

    def __init__(self, first: deque[str], rest: Iterator[str], delimiter: str, *, escaped: bool) -> None:
        self._ahead = first
        self._rest = rest
        self._delimiter = delimiter
        self._escaped = escaped
        mark = re.escape(delimiter)
        pair = r'\\.|""' if escaped else '""'
        content = rf'(?:[^"{re.escape(chr(92)) if escaped else ""}]++|{pair}|"(?! *(?:{mark}|\Z)))*+'
        self._cell = re.compile(rf'(?:\A|{mark})(?: *"({content})" *(?={mark}|\Z)|([^{mark}]*+))', re.DOTALL)
        self._cut_short = re.compile(rf'(?:\A|{mark})(?: *"((?:[^"]++|"")*+)")?([^{mark}]*+)')
        self._closing = re.compile(rf'({content})" *(?={mark}|\Z)', re.DOTALL)
        samples = [line[:_SAMPLE] for line in list(first)[:_FIRST_LINES]]
        whole = [line for line in samples if line.strip() and line.count('"') % 2 == 0]
        self._columns = mode([len(self._cells(line)) for line in whole] or [0])
        self._open_lines = 0

    def __iter__(self) -> Iterator[list[str]]:
        while (line := self._next()) is not None:
            self._open_lines = max(0, self._open_lines - 1)
            yield self._row(line) if '"' in line and not self._is_endless(line) else line.split(self._delimiter)

    def _next(self) -> str | None:
        return self._ahead.popleft() if self._ahead else next(self._rest, None)

    def _is_endless(self, line: str) -> bool:
        """Whether a long line opens so many more quotes than it closes that to look for each end takes hours."""
        if len(line) <= _SAMPLE:
            return False
        opened, closed = line.count(f'{self._delimiter}"'), line.count(f'"{self._delimiter}')
        return opened > 1000 and closed < opened / 2

    def _cells(self, line: str) -> list[str]:
        return [self._text(quoted) if quoted else plain for quoted, plain in self._cell.findall(line)]

    def _row(self, line: str) -> list[str]:
        pairs: list[tuple[str, str]] = self._cell.findall(line)
        if any(plain.lstrip(" ").startswith('"') for _, plain in pairs):
            line, cells = self._open_row(line)
        else:
            cells = [self._text(quoted) if quoted else plain for quoted, plain in pairs]
        if len(cells) == self._columns:
            return cells
        # A quote within a cell may have been its end, with more behind it.
        others = [self._text(quoted) + plain for quoted, plain in self._cut_short.findall(line)]
        return others if len(others) == self._columns else cells

    def _open_row(self, line: str) -> tuple[str, list[str]]:
        """Return a row's lines and cells, of which one opens with a quote that the first line does not close."""
        cells: list[str] = []
        cut = ""
        while True:
            found = list(self._cell.finditer(line))
            opened = next((place for place, cell in enumerate(found) if _opens(cell)), len(found))
            cells += [self._text(cell[1] or "") or cell[2] or "" for cell in found[:opened]]
            start = found[opened].start(2) if opened < len(found) else len(line)
            longer = self._with_more(line, start) if opened < len(found) else None
            if longer is None:
                return cut + line, cells + [self._text(cell[1] or "") or cell[2] or "" for cell in found[opened:]]
            cut += line[:start]
            line = longer

    def _with_more(self, line: str, start: int) -> str | None:
        """Return the line from ``start``, where a quote opens a cell, with the lines up to the one that closes it.

        ``None`` where none does, and where each of the lines reads as a row by itself: then the quote means nothing.
        """
        if self._open_lines:
            return None
        size, count = len(line) - start, 0
        for count, further in enumerate(self._look_ahead(), 1):
            size += len(further) + 1
            closing = self._closing.match(further) if '"' in further else None
            if closing is not None:
                if self._are_rows([line, *(self._ahead[place] for place in range(count))], closing.end(1) + 1):
                    break
                return "\n".join([line[start:], *(self._ahead.popleft() for _ in range(count))])
            if size > _LONGEST or count >= _MOST_LINES:
                break
        self._open_lines = count + 1
        return None

    def _look_ahead(self) -> Iterator[str]:
        yield from list(self._ahead)
        for line in self._rest:
            self._ahead.append(line)
            yield line

    def _are_rows(self, lines: Sequence[str], closing: int) -> bool:
        """Whether each of the lines is a row by itself, and no cell of several lines; ``closing`` ends that cell."""
        if self._columns < 2 or any(len(self._cell.findall(line)) != self._columns for line in lines):
            return False
        last = lines[-1]
        if any(cell.end(1) + 1 == closing and last[cell.start(1)] != '"' for cell in self._cell.finditer(last)):
            return True  # the quote that would close belongs to a cell of the last line
        return self._delimiter == "\t" or (self._columns > 2 and len(lines) >= _MANY)

    def _text(self, quoted: str) -> str:
        return (quoted.replace('\\"', '"') if self._escaped else quoted).replace('""', '"')


def _opens(cell: re.Match[str]) -> bool:
    return cell[1] is None and cell[2].lstrip(" ").startswith('"')
