"""Lines across a page, in segments that wide gaps part, and the columns that such lines have."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ragstone.adapters.parsers.kreuzberg.pdf.cell_text import Row, visual_lines
from ragstone.adapters.parsers.kreuzberg.pdf.page_marks import Word

Interval = tuple[float, float]

_GAP = 0.45
"""Points between two words, in heights of a word, from which on they may be of two columns."""
_ACROSS = 0.12
"""Share of the lines that may have words where columns part: headings of several columns."""
_OVERLAP = 0.3
"""Share of a line's height that is beside the next where cells of several lines are centred on one."""
_GUTTER = 0.4
_MOST_ABOVE = 3
_CAPTION = re.compile(
    r"(?:table|tab|tabelle|tabla|tableau|tabella|figure|fig|abb|abbildung)\.? [\dA-Z][\d.]*(?:[.:]|$|\s)", re.IGNORECASE
)


class PageLine:
    """What stands beside each other across the page, in segments that wide gaps part."""

    def __init__(self, segments: list[list[Word]]) -> None:
        self.segments = segments
        self.words = [word for segment in segments for word in segment]
        self.parted = len(segments) > 1
        self.height = max(word.height for word in self.words)
        self.top = min(word.y0 for word in self.words)
        self.bottom = max(word.y1 for word in self.words)
        self.middle = (self.top + self.bottom) / 2

    @property
    def captions(self) -> bool:
        """Whether it names a table or a figure, by its number."""
        return _CAPTION.match(" ".join(word.text for word in self.words)) is not None

    @property
    def width(self) -> float:
        return self.words[-1].x1 - self.words[0].x0

    def gap_to(self, below: "PageLine") -> float:
        """Return the points that are free between this line and the one below."""
        return below.top - self.bottom


def page_lines(words: Sequence[Word]) -> list[PageLine]:
    """Return the lines of words; those that overlap, each beside what the other has, are one."""
    lines: list[PageLine] = []
    for visual in visual_lines(words):
        segments = _segments(visual)
        if lines and _beside(lines[-1], segments):
            segments = sorted([*lines[-1].segments, *segments], key=lambda segment: segment[0].x0)
            lines[-1] = PageLine(segments)
        else:
            lines.append(PageLine(segments))
    return lines


def _beside(line: PageLine, segments: Sequence[Sequence[Word]]) -> bool:
    words = [word for segment in segments for word in segment]
    overlap = line.bottom - min(word.y0 for word in words)
    if overlap < _OVERLAP * min(line.height, max(word.height for word in words)):
        return False
    return not any(a.x0 < b.x1 and b.x0 < a.x1 for a in line.words for b in words if a.y1 > b.y0 + 1)


def _segments(line: Sequence[Word]) -> list[list[Word]]:
    segments = [[line[0]]]
    end = line[0].x1
    for word in line[1:]:
        if word.x0 - end > _GAP * min(word.height, segments[-1][-1].height):
            segments.append([])
        segments[-1].append(word)
        end = max(end, word.x1)
    return segments


def columns_of(lines: Sequence[PageLine]) -> list[Interval]:
    """Return the stretches that words stand in, where between them is a gap in all but a few lines."""
    parted = [line for line in lines if line.parted]
    edges = sorted(
        edge
        for line in parted
        for segment in line.segments
        for edge in ((segment[0].x0, 1), (max(word.x1 for word in segment), -1))
    )
    allowed = int(_ACROSS * len(parted))
    least = _GUTTER * min((line.height for line in parted), default=0.0)
    columns: list[Interval] = []
    depth, start = 0, 0.0
    for place, step in edges:
        before, depth = depth, depth + step
        if before <= allowed < depth:
            start = place
        elif depth <= allowed < before:
            if columns and start - columns[-1][1] < least:
                start = columns.pop()[0]
            columns.append((start, place))
    return _paired(parted, columns)


def _paired(lines: Sequence[PageLine], columns: list[Interval]) -> list[Interval]:
    """Return columns with those as one of which the left has the header only, and the right what is below it."""
    if len(columns) < 2:
        return columns
    cells = cells_of(lines, columns)
    filled = [[place for place, row in enumerate(cells) if row[column]] for column in range(len(columns))]
    paired: list[Interval] = []
    header = False
    for column, (start, end) in enumerate(columns):
        if header and filled[column] and filled[column][0] > filled[column - 1][-1]:
            paired[-1] = (paired[-1][0], end)
            header = False
        else:
            paired.append((start, end))
            header = 0 < len(filled[column]) <= _MOST_ABOVE
    return paired


def cells_of(lines: Sequence[PageLine], columns: Sequence[Interval]) -> list[Row]:
    """Return the words of each line by the column that they stand in."""
    rows: list[Row] = []
    for line in lines:
        row: Row = [[] for _ in columns]
        for segment in line.segments:
            start, end = segment[0].x0, segment[-1].x1
            within = next(
                (place for place, (left, right) in enumerate(columns) if left <= start and end <= right), None
            )
            if within is not None:
                row[within] += segment
                continue
            for piece in _parted_at_columns(segment, columns):
                row[column_of(piece, columns)] += piece
        rows.append(row)
    return rows


def _parted_at_columns(segment: list[Word], columns: Sequence[Interval]) -> Iterator[list[Word]]:
    """Yield a segment in pieces where its words leave free the whole gap between two columns."""
    gaps = [(left[1] + 1, right[0] - 1) for left, right in pairwise(columns)]
    piece = [segment[0]]
    for before, word in pairwise(segment):
        if any(before.x1 <= start and word.x0 >= end for start, end in gaps):
            yield piece
            piece = []
        piece.append(word)
    yield piece


def column_of(piece: Sequence[Word], columns: Sequence[Interval]) -> int:
    """Return the column that a piece shares most with, the first of those that it shares about as much with."""
    x0, x1 = piece[0].x0, max(word.x1 for word in piece)
    shared = [min(x1, end) - max(x0, start) for start, end in columns]
    return next(column for column, length in enumerate(shared) if length >= 0.8 * max(shared) or length == max(shared))
