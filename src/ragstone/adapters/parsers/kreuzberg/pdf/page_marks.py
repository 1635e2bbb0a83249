"""What stands where on a page of a PDF, as PDFium tells it: words with their boxes, and straight lines.

Points of 1/72 inch as the page is seen, turned as its file says: x to the right, y down, from anywhere.
"""

import ctypes
import math
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pypdfium2 as pdfium
from pypdfium2 import raw

from ragstone.adapters.parsers.kreuzberg.pdf.line_text import HYPHEN
from ragstone.adapters.parsers.kreuzberg.pdf.page_things import STRAIGHT, Point, outlines

_MOST_CHARACTERS = 40_000
_THIN = 2.5
"""Width in points up to which a filled box is a line."""
_SHORTEST = 4.0
_STROKE = 4.0
"""Points that a curve or a slanting line is long at least to be part of a drawing."""
_WORD = re.compile(rf"[^\s\0{HYPHEN}]+{HYPHEN}?|{HYPHEN}")
_LINE_END = re.compile(rf"[^\W\d_]{HYPHEN}(?=\w)")
_SURROGATE = re.compile("[\ud800-\udfff]")

_SIDEWAYS = 0.5
"""Sine of the angle to the page's lines from which on a word is drawn sideways."""

Turn = Callable[[float, float], tuple[float, float]]
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
    """A page's words in the order in which they are drawn, its level and upright lines, and where others begin.

    ``text`` is the words as PDFium has them in lines; ``sideways`` says whether some run up or down the page, which
    reaches from ``top`` to ``bottom``.
    """

    words: list[Word]
    level: list[Rule]
    upright: list[Rule]
    strokes: list[Point]
    text: str = ""
    sideways: bool = False
    top: float = 0.0
    bottom: float = 0.0


def page_marks(page: pdfium.PdfPage) -> PageMarks | None:
    """Return what stands on a page; ``None`` where it holds too much to be looked through."""
    text = page.get_textpage()
    try:
        count = raw.FPDFText_CountChars(text)
        if count > _MOST_CHARACTERS:
            return None
        content = _content(text, count)
        turn = turn_of(page)
        words, sideways = _gathered(text, content, turn, math.radians(page.get_rotation()))
        return PageMarks(words, *_rules(page, turn), content, sideways, *_reach(page, turn))
    finally:
        text.close()


def turn_of(page: pdfium.PdfPage) -> Turn:
    """Return how places in a page's file become places on the page as it is seen."""
    return _TURNS.get(page.get_rotation(), _TURNS[0])


def _reach(page: pdfium.PdfPage, turn: Turn) -> tuple[float, float]:
    """Return where a page begins and ends, from its top down."""
    left, bottom, right, top = page.get_bbox()
    _, ya = turn(left, bottom)
    _, yb = turn(right, top)
    return min(ya, yb), max(ya, yb)


def _content(text: pdfium.PdfTextPage, count: int) -> str:
    """Return a page's text, a character for each that PDFium counts."""
    content: str = text.get_text_range()
    if len(content) != count:  # characters that are none, or two of UTF-16
        content = "".join(chr(code) if code <= sys.maxunicode else "\ufffd" for code in _codes(text, count))
    return content.replace("\ufffe", HYPHEN)


def _gathered(text: pdfium.PdfTextPage, content: str, turn: Turn, rotation: float) -> tuple[list[Word], bool]:
    """Return words, and whether any is drawn sideways.

    PDFium parts words by spaces, and by new lines where it takes them for such. Boxes are asked for only of the
    first and the last character of a word, for each takes a microsecond; of all of them where these two do not
    stand as they do in one word, unless it is drawn sideways.
    """
    boxes = _Boxes(text, turn)
    words: list[Word] = []
    sideways = False
    line = at = 0
    for found in _WORD.finditer(content):
        start, end = found.span()
        line += content.count("\n", at, start)
        at = end
        first, last = boxes.of(start), boxes.of(end - 1)
        apart = end - start > 1 and _apart(first, last, (end - start) * (first[3] - first[1]))
        across = apart and _runs_across(text, start, rotation)
        if apart and not across:
            words += _parted(found[0], line, [boxes.of(place) for place in range(start, end)])
        else:
            words.append(_word(found[0], line, _around(first, last)))
        sideways = sideways or across
        line += _LINE_END.match(content, end - 2) is not None
    return words, sideways


def _runs_across(text: pdfium.PdfTextPage, place: int, rotation: float) -> bool:
    return abs(math.sin(raw.FPDFText_GetCharAngle(text, place) - rotation)) > _SIDEWAYS


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
    letters = letters.replace(HYPHEN, "-")
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
    for corners, boxed in outlines(page):
        points = [turn(*corner) for corner in corners]
        if boxed:
            points = _thinned(points, 0.97 * width, 0.97 * height)
        for (xa, ya), (xb, yb) in pairwise(points):
            if abs(ya - yb) <= STRAIGHT:
                if abs(xa - xb) >= _SHORTEST:
                    level.append(Rule((ya + yb) / 2, min(xa, xb), max(xa, xb)))
            elif abs(xa - xb) <= STRAIGHT:
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
