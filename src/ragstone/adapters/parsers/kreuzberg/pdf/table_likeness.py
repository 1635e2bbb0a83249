"""Whether lines in columns are a table, and not prose, a list, a form, formulas or a table of contents."""

import re
from collections.abc import Sequence
from itertools import pairwise

from ragstone.adapters.parsers.kreuzberg.pdf.cell_text import NUMBER, Row
from ragstone.adapters.parsers.kreuzberg.pdf.page_lines import Interval, PageLine, cells_of, column_of
from ragstone.adapters.parsers.kreuzberg.pdf.page_marks import Word

_TORN = 0.15
"""Share of the lines that may have a gap within a column."""
_WIDE_GAP = 1.2
_LEADERS = re.compile(r"[.…·_]{4,}|(?:[.…·]\s){3,}")
_MARKER = re.compile(
    r"[-–•·▪◦‣*○●■]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]|\[[\w+ ]{1,8}\]|\d{1,2}(?:\.\d{1,2}){1,4}\.?"
)
_FORMAL = re.compile("[=∈⊆⊂→⇒⇔∀∃≤≥∑∏∫∪∩]")


def is_torn(run: Sequence[PageLine], columns: Sequence[Interval]) -> bool:
    """Whether gaps run within columns in more than a few lines: what is below each other has other columns."""
    within = sum(_has_gap_within(line, columns) for line in run)
    return within > _TORN * sum(line.parted for line in run)


def _has_gap_within(line: PageLine, columns: Sequence[Interval]) -> bool:
    """Whether a gap wider than those between the words of a line that is set to a measure lies within a column."""
    return any(
        right[0].x0 - left[-1].x1 > _WIDE_GAP * line.height and column_of(left, columns) == column_of(right, columns)
        for left, right in pairwise(line.segments)
    )


def reads_as_prose(lines: Sequence[PageLine], columns: Sequence[Interval]) -> bool:
    """Whether the columns are prose set side by side: two of them or more have several words in most lines."""
    counts: list[list[int]] = [[] for _ in columns]
    for row in cells_of([line for line in lines if line.parted], columns):
        for column, cell in enumerate(row):
            if cell:
                counts[column].append(len(cell))
    means = [sum(count) / len(count) if count else 0.0 for count in counts]
    return sum(mean > 4.0 for mean in means) >= 2 or max(means) > 12


def has_leaders(lines: Sequence[PageLine]) -> bool:
    found = sum(_LEADERS.search(" ".join(word.text for word in line.words)) is not None for line in lines)
    return 4 * found >= len(lines)


def is_table(rows: Sequence[Row], *, headed: bool) -> bool:
    """Whether rows that no lines part are surely a table, rather than a list, a form or lines of a letter.

    ``headed`` says that a line lies below its header, or above it.
    """
    width = len(rows[0])
    texts = [[_text(cell) for cell in row] for row in rows]
    filled = [[text for text in column if text] for column in zip(*texts, strict=True)]
    share = sum(map(len, filled)) / (width * len(rows))
    full = [row for row in texts if sum(map(bool, row)) >= 2]
    labels = sum(any(cell.endswith(":") for cell in row) for row in texts)
    if (
        len(full) < (2 if headed else 3)
        or share < 0.4
        or min(map(len, filled)) < min(2, len(rows) - 1)
        or 4 * labels >= len(rows)
    ):
        return False
    if (_all_markers(filled[0]) and width < 4) or _lists_pages(filled) or is_formulas(rows):
        return False
    if headed:
        return True
    numeric = sum(_mostly_numbers(column[1:] or column) for column in filled)
    if width == 2:
        return numeric == 1 and share > 0.8 and not _all_markers(filled[0]) and _mostly_numbers(filled[1][1:])
    return numeric > 0 or share >= 0.8


def _text(cell: Sequence[Word]) -> str:
    return " ".join(word.text for word in cell)


def _all_markers(column: Sequence[str]) -> bool:
    return 3 * sum(_MARKER.fullmatch(cell) is not None for cell in column) >= 2 * len(column)


def _mostly_numbers(column: Sequence[str]) -> bool:
    return 2 * sum(NUMBER.fullmatch(cell) is not None for cell in column) > len(column)


def _lists_pages(columns: Sequence[Sequence[str]]) -> bool:
    """Whether the last column has the pages of a table of contents: numbers from its first line on, that grow."""
    last = columns[-1]
    return all(cell.isdecimal() for cell in last) and all(int(a) <= int(b) for a, b in pairwise(last))


def is_formulas(rows: Sequence[Row]) -> bool:
    """Whether a quarter of the rows are formulas, or most cells have neither letters nor digits."""
    cells = [_text(cell) for row in rows for cell in row if cell]
    formal = sum(any(_FORMAL.search(_text(cell)) for cell in row) for row in rows)
    return 4 * formal >= len(rows) or 2 * sum(any(map(str.isalnum, cell)) for cell in cells) < len(cells)


def is_list(rows: Sequence[Row]) -> bool:
    """Whether the first of two columns has but numbers or bullets."""
    return len(rows[0]) == 2 and _all_markers([_text(row[0]) for row in rows if row[0]])
