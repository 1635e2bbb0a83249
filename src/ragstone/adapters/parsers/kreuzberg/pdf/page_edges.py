"""What stands at the edges of a page, where headers and footers are: within its margins, and apart from the text."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ragstone.adapters.parsers.kreuzberg.pdf.cell_text import visual_lines
from ragstone.adapters.parsers.kreuzberg.pdf.line_text import line_key
from ragstone.adapters.parsers.kreuzberg.pdf.page_marks import Word

_MARGIN = 0.12
"""Share of a page's height from its top, and from its bottom, in which lines may be headers and footers."""
_DEEPEST = 0.2
"""Share in which the outermost line may be one, if it is alone: LaTeX puts the number of a page as deep as that."""
_FREE = 0.6
"""Points between a header and the text below, in heights of its line, at least."""
_FREE_ALONE = 1.0
_GAP = 1.5
"""Points between words, in heights of the first, from which on they are apart in a line."""
_WORDS = 200
"""Words within a margin, beyond which it is text."""
_NUMBER = re.compile(r"\d{1,5}")


@dataclass(frozen=True, slots=True)
class EdgeLine:
    """A line at the top or bottom of a page, with a tab for wide gaps; ``height`` is its largest word's in points."""

    text: str
    top: bool
    height: float


@dataclass(frozen=True, slots=True)
class PageEdges:
    """The lines at a page's edges, and how many characters on all of the page are in words of each height."""

    lines: list[EdgeLine] = field(default_factory=list)
    heights: Counter[float] = field(default_factory=Counter)


def page_edges(words: Sequence[Word], top: float, bottom: float) -> PageEdges:
    """Return the edges of a page that reaches from ``top`` to ``bottom``, both in points downwards."""
    heights: Counter[float] = Counter()
    drawn: Counter[int] = Counter()
    for word in words:
        heights[round(2 * word.height) / 2] += len(word.text)
        drawn[word.line] += 1
    if bottom <= top:
        return PageEdges([], heights)
    above = [word for word in words if word.y1 - top <= 2 * _MARGIN * (bottom - top)]
    below = [word for word in words if bottom - word.y0 <= 2 * _MARGIN * (bottom - top)]
    header = _apart([(word.y0 - top, word.y1 - top, word) for word in above], bottom - top)
    footer = _apart([(bottom - word.y1, bottom - word.y0, word) for word in below], bottom - top)
    lines = [*_lines(header, drawn, top=True), *_lines(footer, drawn, top=False)]
    return PageEdges(lines, heights)


def apart(lines: Iterable[str], edges: PageEdges | None) -> Iterator[str]:
    """Yield a page's lines, a footer and the page's number apart where kreuzberg's text has them as one."""
    found = [line.text for line in edges.lines] if edges is not None else []
    joined = {
        line_key(first + second): (first, second)
        for first, second in pairwise(found)
        if _NUMBER.fullmatch(first) or _NUMBER.fullmatch(second)
    }
    for line in lines:
        yield from joined.get(line_key(line), (line,)) if joined else (line,)


def _apart(words: Sequence[tuple[float, float, Word]], height: float) -> list[Word]:
    """Return the words of a margin that are apart from what is further within.

    Each comes with how far from the edge of the page it begins and ends.
    """
    far = {id(word): (start, end) for start, end, word in words}
    lines = visual_lines(word for _, _, word in words)
    lines.sort(key=lambda line: min(far[id(word)][0] for word in line))
    starts = [min(far[id(word)][0] for word in line) for line in lines]
    ends = [max(far[id(word)][1] for word in line) for line in lines]
    cut = 0
    for place, line in enumerate(lines):
        if ends[place] > (_DEEPEST if place == 0 else _MARGIN) * height:
            break
        free = starts[place + 1] - ends[place] if place + 1 < len(lines) else height
        needed = _FREE if ends[place] <= _MARGIN * height else _FREE_ALONE
        if free >= needed * max(word.height for word in line):
            cut = place + 1
    found = [word for line in lines[:cut] for word in line]
    return found if len(found) <= _WORDS else []


def _lines(words: Iterable[Word], drawn: Counter[int], *, top: bool) -> Iterator[EdgeLine]:
    """Yield the lines that the file draws of words; those that have more words elsewhere are none of an edge."""
    lines: dict[int, list[Word]] = {}
    for word in words:
        lines.setdefault(word.line, []).append(word)
    for number, line in lines.items():
        if len(line) == drawn[number]:
            line.sort(key=lambda word: word.x0)
            yield EdgeLine(_text(line), top, max(word.height for word in line))


def _text(line: Sequence[Word]) -> str:
    parts = [line[0].text]
    for before, word in pairwise(line):
        parts += ("\t" if word.x0 - before.x1 > _GAP * before.height else " ", word.text)
    return "".join(parts)
