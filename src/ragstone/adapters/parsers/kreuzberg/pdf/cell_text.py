"""Lines and cells of words that stand on a page: what is beside each other, and what below."""

import re
from collections.abc import Iterable, Sequence

from ragstone.adapters.parsers.kreuzberg.pdf.line_text import joined_lines, printable
from ragstone.adapters.parsers.kreuzberg.pdf.page_marks import Word

_SAME_LINE = 0.5
"""How far apart the middles of two words of a line may be, in heights of the smaller."""
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff]")
NUMBER = re.compile(r"[-+−–(]{0,2}[$€£¥]?\s?[-+]?\d[\d.,:/%'’ -]*\)?\s?[%€$£]?\)?|[-–—]|n/?a", re.IGNORECASE)
_CLOSE = 0.8
"""Distance of lines within a row, in distances of rows, at most."""

Row = list[list[Word]]
"""A row of a table: the words of each of its cells."""


def visual_lines(words: Iterable[Word]) -> list[list[Word]]:
    """Return words as lines from top to bottom, each from left to right, whatever order they are drawn in."""
    lines: list[list[Word]] = []
    middle = 0.0
    for word in sorted(words, key=lambda word: (word.middle[1], word.x0)):
        least = min(word.height, lines[-1][0].height) if lines else 0.0
        if lines and word.middle[1] - middle <= _SAME_LINE * least:
            lines[-1].append(word)
        else:
            lines.append([word])
            middle = word.middle[1]
    for line in lines:
        line.sort(key=lambda word: word.x0)
    return lines


def cell_text(words: Sequence[Word]) -> str:
    """Return a cell's words as one line of text."""
    if len(words) == 1:
        return printable(words[0].text)
    lines = visual_lines(words)
    if any(_RIGHT_TO_LEFT.search(word.text) for word in words):  # such lines are drawn in the order of reading
        drawn = {id(word): place for place, word in enumerate(words)}
        for line in lines:
            line.sort(key=lambda word: drawn[id(word)])
    return printable(joined_lines("\n".join(" ".join(word.text for word in line) for line in lines)))


def rows_of_band(cells: Sequence[Sequence[Word]], *, bands: int, first: bool) -> list[Row]:
    """Return the rows that the words between two level lines are: one, or one for each line of a list of rows.

    It is a list where two lines or more fill their first column and most others; if a table is in more than two
    ``bands``, only where numbers are below each other too, for there cells of several lines have their own band.
    The ``first`` of several bands is the header.
    """
    columns = {id(word): column for column, cell in enumerate(cells) for word in cell}
    lines = [
        [[word for word in line if columns[id(word)] == column] for column in range(len(cells))]
        for line in visual_lines(word for cell in cells for word in cell)
    ]
    most = max(2, 0.6 * max((sum(map(bool, line)) for line in lines), default=0))
    listed = sum(bool(line[0]) and sum(map(bool, line)) >= most for line in lines) > 1
    if listed and bands > 2:
        listed = any(sum(map(is_number, filter(None, column))) > 1 for column in zip(*lines, strict=True))
    if not listed or (first and bands > 1):
        return [[list(cell) for cell in cells]] if lines else []
    return joined_rows(lines)


def joined_rows(lines: Sequence[Row]) -> list[Row]:
    """Return the rows of a table whose lines are given as cells: a line may go on in the cells of the one before."""
    middles = [min(word.middle[1] for cell in line for word in cell) for line in lines]
    ends = [max((word.x1 for cell in column for word in cell), default=0.0) for column in zip(*lines, strict=True)]
    begun = [middles[place] - middles[place - 1] for place, line in enumerate(lines) if place and _begins(line)]
    usual = sorted(begun)[len(begun) // 2] if begun else 0.0
    rows: list[Row] = []
    for place, line in enumerate(lines):
        if rows and _continues(
            lines[place - 1], line, (middles[place] - middles[place - 1]) / usual if usual else 1, ends
        ):
            for cell, more in zip(rows[-1], line, strict=True):
                cell.extend(more)
        else:
            rows.append([list(cell) for cell in line])
    return rows


def _begins(line: Row) -> bool:
    return bool(line[0]) and sum(map(bool, line)) > 1


def _continues(before: Row, line: Row, distance: float, ends: Sequence[float]) -> bool:
    """Whether a line goes on in the cells of the one before it, rather than being a row of its own.

    ``distance`` is how far below that it is, in distances of rows, ``ends`` where the columns end. As far as a row
    is, numbers do not go on, nor does what would have had room in the line before.
    """
    filled = [column for column, cell in enumerate(line) if cell]
    if not all(before[column] for column in filled):
        return False
    if distance <= _CLOSE:
        return not any(is_number(line[column]) and is_number(before[column]) for column in filled)
    if len(filled) > 1 or distance > 1.05 or is_number(line[filled[0]]):
        return False
    column = filled[0]
    first, last = line[column][0], max(word.x1 for word in before[column])
    return last + first.x1 - first.x0 > ends[column] and (column > 0 or first.text[:1].islower())


def is_number(cell: Sequence[Word]) -> bool:
    """Whether a cell holds but a number, maybe of money or percent, or a dash for none."""
    return NUMBER.fullmatch(" ".join(word.text for word in cell)) is not None
