"""What stands where on a page of a PDF, as PDFium tells it: words with their boxes, and straight lines.

Points of 1/72 inch as the page is seen, turned as its file says: x to the right, y down, from anywhere.
"""

import ctypes
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pypdfium2 as pdfium
from pypdfium2 import raw

_MOST_CHARACTERS = 40_000
_MOST_SEGMENTS = 5_000
_DEEPEST_FORM = 4
_THIN = 2.5
"""Width in points up to which a filled box is a line."""
_STRAIGHT = 0.7
_SHORTEST = 4.0
_STROKE = 4.0
"""Points that a curve or a slanting line is long at least to be part of a drawing."""
_HYPHEN = "\x02"
"""What PDFium puts for a hyphen at a line's end."""
_WORD = re.compile(r"[^\s\0\x02]+\x02?|\x02")
_SURROGATE = re.compile("[\ud800-\udfff]")

Turn = Callable[[float, float], tuple[float, float]]
Matrix = tuple[float, float, float, float, float, float]
Point = tuple[float, float]
Box = tuple[float, float, float, float]

_TURNS: dict[int, Turn] = {
    0: lambda x, y: (x, -y),
    90: lambda x, y: (y, x),
    180: lambda x, y: (-x, y),
    270: lambda x, y: (-y, -x),
}


@dataclass(frozen=True, slots=True)
class Word:
    """A word in its box; ``line`` counts the lines in the order in which the file draws them."""

    text: str
    line: int
    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def middle(self) -> Point:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line: at ``place`` across, from ``start`` to ``end`` along."""

    place: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class PageMarks:
    """A page's words in the order in which they are drawn, its level and upright lines, and where others begin."""

    words: list[Word]
    level: list[Rule]
    upright: list[Rule]
    strokes: list[Point]


def page_marks(document: pdfium.PdfDocument, number: int) -> PageMarks | None:
    """Return what stands on a page, counted from 0; ``None`` where it holds too much to be looked through."""
    page = document[number]
    try:
        turn = _TURNS.get(page.get_rotation(), _TURNS[0])
        words = _words(page, turn)
        if words is None:
            return None
        return PageMarks(words, *_rules(page, turn))
    finally:
        page.close()


def _words(page: pdfium.PdfPage, turn: Turn) -> list[Word] | None:
    text = page.get_textpage()
    try:
        count = raw.FPDFText_CountChars(text)
        return list(_gathered(text, count, turn)) if count <= _MOST_CHARACTERS else None
    finally:
        text.close()


def _gathered(text: pdfium.PdfTextPage, count: int, turn: Turn) -> Iterator[Word]:
    """Yield words: PDFium parts them by spaces, and by new lines where it takes them for such.

    Boxes are asked for only of the first and the last character of a word, for each takes a microsecond; of
    all of them where these two do not stand as they do in one word.
    """
    boxes = _Boxes(text, turn)
    content = text.get_text_range()
    if len(content) != count:  # characters that are none, or two of UTF-16
        content = "".join(chr(code) if code <= sys.maxunicode else "\ufffd" for code in _codes(text, count))
    line = at = 0
    for found in _WORD.finditer(content):
        start, end = found.span()
        line += content.count("\n", at, start)
        at = end
        first, last = boxes.of(start), boxes.of(end - 1)
        height = first[3] - first[1]
        if end - start > 1 and _apart(first, last, (end - start) * height):
            yield from _parted(found[0], line, [boxes.of(place) for place in range(start, end)])
        else:
            yield _word(found[0], line, _around(first, last))


def _codes(text: pdfium.PdfTextPage, count: int) -> Iterator[int]:
    return (raw.FPDFText_GetUnicode(text, place) for place in range(count))


def _parted(letters: str, line: int, boxes: Sequence[Box]) -> Iterator[Word]:
    """Yield what stands together of letters that no space parts."""
    begin, around = 0, boxes[0]
    for place, box in enumerate(boxes):
        if _apart(around, box, 2 * (around[3] - around[1]) + around[2] - around[0]):
            yield _word(letters[begin:place], line, around)
            begin, around = place, box
        around = _around(around, box)
    yield _word(letters[begin:], line, around)


def _apart(first: Box, last: Box, widest: float) -> bool:
    """Whether a box is not to the right of another, on its line, within a width from where that begins."""
    return last[2] < first[0] or last[2] - first[0] > widest or last[1] > first[3] or last[3] < first[1]


def _around(first: Box, last: Box) -> Box:
    return min(first[0], last[0]), min(first[1], last[1]), max(first[2], last[2]), max(first[3], last[3])


class _Boxes:
    """The boxes of the characters of a page, by their place in its text."""

    def __init__(self, text: pdfium.PdfTextPage, turn: Turn) -> None:
        self._text = text.raw
        self._turn = turn
        self._box = raw.FS_RECTF()
        self._pointer = ctypes.byref(self._box)

    def of(self, place: int) -> Box:
        raw.FPDFText_GetLooseCharBox(self._text, place, self._pointer)
        box = self._box
        if self._turn is _TURNS[0]:
            return box.left, -box.top, box.right, -box.bottom
        (xa, ya), (xb, yb) = self._turn(box.left, box.top), self._turn(box.right, box.bottom)
        return min(xa, xb), min(ya, yb), max(xa, xb), max(ya, yb)


def _word(letters: str, line: int, box: Box) -> Word:
    letters = letters.replace(_HYPHEN, "-")
    if _SURROGATE.search(letters):
        letters = letters.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return Word(letters, line, *box)


def _rules(page: pdfium.PdfPage, turn: Turn) -> tuple[list[Rule], list[Rule], list[Point]]:
    """Return level and upright lines, and where lines of other kinds begin, which drawings have.

    Lines are what is drawn as such, boxes that are thin, and the edges of boxes that are filled.
    """
    level: list[Rule] = []
    upright: list[Rule] = []
    strokes: list[Point] = []
    width, height = page.get_size()
    for corners, boxed in _outlines(page):
        points = [turn(*corner) for corner in corners]
        if boxed:
            points = _thinned(points, 0.97 * width, 0.97 * height)
        for (xa, ya), (xb, yb) in pairwise(points):
            if abs(ya - yb) <= _STRAIGHT:
                if abs(xa - xb) >= _SHORTEST:
                    level.append(Rule((ya + yb) / 2, min(xa, xb), max(xa, xb)))
            elif abs(xa - xb) <= _STRAIGHT:
                if abs(ya - yb) >= _SHORTEST:
                    upright.append(Rule((xa + xb) / 2, min(ya, yb), max(ya, yb)))
            elif not boxed and max(abs(xa - xb), abs(ya - yb)) >= _STROKE:
                strokes.append((xa, ya))
    return level, upright, strokes


def _thinned(points: list[Point], width: float, height: float) -> list[Point]:
    """Return the corners of a box: two where it is as thin as a line, none where it is the ground of the page."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    x0, x1, y0, y1 = min(xs), max(xs), min(ys), max(ys)
    if x1 - x0 > width and y1 - y0 > height:
        return []
    if min(x1 - x0, y1 - y0) > _THIN:
        return points
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return [(x0, y), (x1, y)] if x1 - x0 > y1 - y0 else [(x, y0), (x, y1)]


def _outlines(page: pdfium.PdfPage) -> Iterator[tuple[list[Point], bool]]:
    """Yield the corners of what is drawn with straight lines, and whether they enclose what is filled."""
    left = _MOST_SEGMENTS
    for path, matrix in _paths(page):
        count = raw.FPDFPath_CountSegments(path)
        left -= max(1, count)
        if left < 0:
            return
        filled, stroked = ctypes.c_int(), ctypes.c_int()
        raw.FPDFPath_GetDrawMode(path, ctypes.byref(filled), ctypes.byref(stroked))
        for corners in _subpaths(path, count, matrix):
            boxed = len(corners) in (4, 5) and _is_box(corners)
            if stroked.value or (filled.value and boxed):
                yield [*corners, corners[0]] if boxed and len(corners) == 4 else corners, boxed


def _subpaths(path: raw.FPDF_PAGEOBJECT, count: int, outer: Matrix) -> Iterator[list[Point]]:
    """Yield the corners of each part of a path; what has a curve is but a stroke, from its start to the curve."""
    matrix = _times(_matrix(path), outer)
    x, y = ctypes.c_float(), ctypes.c_float()
    x_pointer, y_pointer = ctypes.byref(x), ctypes.byref(y)
    corners: list[Point] = []
    for place in range(count):
        segment = raw.FPDFPath_GetPathSegment(path, place)
        kind = raw.FPDFPathSegment_GetType(segment)
        raw.FPDFPathSegment_GetPoint(segment, x_pointer, y_pointer)
        if kind == raw.FPDF_SEGMENT_MOVETO:
            if len(corners) > 1:
                yield corners
            corners = []
        corners.append(_moved(x.value, y.value, matrix))
        if kind == raw.FPDF_SEGMENT_BEZIERTO:
            break
        if raw.FPDFPathSegment_GetClose(segment) and corners[0] != corners[-1]:
            corners.append(corners[0])
    if len(corners) > 1:
        yield corners


def _is_box(corners: list[Point]) -> bool:
    if len(corners) == 5 and max(abs(corners[0][axis] - corners[4][axis]) for axis in (0, 1)) > _STRAIGHT:
        return False
    sides = zip(corners, [*corners[1:4], corners[0]], strict=False)
    return all(min(abs(xa - xb), abs(ya - yb)) <= _STRAIGHT for (xa, ya), (xb, yb) in sides)


def _paths(page: pdfium.PdfPage) -> Iterator[tuple[raw.FPDF_PAGEOBJECT, Matrix]]:
    """Yield the paths of a page and of the forms on it, each with the matrix of what it is in."""
    still = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    holders: list[tuple[raw.FPDF_PAGEOBJECT | None, Matrix, int]] = [(None, still, 0)]
    while holders:
        form, matrix, depth = holders.pop()
        count = raw.FPDFFormObj_CountObjects(form) if form is not None else raw.FPDFPage_CountObjects(page)
        for place in range(count):
            thing = raw.FPDFFormObj_GetObject(form, place) if form is not None else raw.FPDFPage_GetObject(page, place)
            kind = raw.FPDFPageObj_GetType(thing)
            if kind == raw.FPDF_PAGEOBJ_PATH:
                yield thing, matrix
            elif kind == raw.FPDF_PAGEOBJ_FORM and depth < _DEEPEST_FORM:
                holders.append((thing, _times(_matrix(thing), matrix), depth + 1))


def _matrix(thing: raw.FPDF_PAGEOBJECT) -> Matrix:
    found = raw.FS_MATRIX()
    raw.FPDFPageObj_GetMatrix(thing, ctypes.byref(found))
    return found.a, found.b, found.c, found.d, found.e, found.f


def _times(inner: Matrix, outer: Matrix) -> Matrix:
    (a, b, c, d, e, f), (g, h, i, j, k, m) = inner, outer
    return a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + m


def _moved(x: float, y: float, matrix: Matrix) -> Point:
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f
