"""Headings that follow one another in type of the same size, which kreuzberg takes for one."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ragstone.adapters.parsers.kreuzberg.pdf.line_text import line_key
from ragstone.adapters.parsers.kreuzberg.pdf.page_marks import Word

_LARGE = 1.1
"""How much higher than most of a page's words the words of a heading are."""
_MOST_WORDS = 20
_ALIKE = 3.0
"""Points by which the ends, or the middles, of the lines of one heading may differ."""
_SAME_SIZE = 1.06
_FREE = 0.8
"""Points between the lines of one heading, in heights of a line, at most."""
NUMBERED = re.compile(r"\d{1,2}(?:\.\d{1,2}){0,4}\.?\s+[^\W\d_]{2}")


@dataclass(frozen=True, slots=True)
class LargeLine:
    """A line of a page in large type: what it is told by, and its box in points."""

    key: str
    x0: float
    y0: float
    x1: float
    y1: float


def large_lines(words: Sequence[Word]) -> list[LargeLine]:
    """Return the lines of a page that are set in larger type than most of it."""
    heights = sorted(word.height for word in words)
    least = _LARGE * heights[len(heights) // 2] if heights else 0.0
    lines: dict[int, list[Word]] = {}
    for word in words:
        if word.height >= least:
            lines.setdefault(word.line, []).append(word)
    return [_large(line) for line in lines.values() if len(line) <= _MOST_WORDS]


def _large(line: Sequence[Word]) -> LargeLine:
    key = line_key("".join(word.text for word in line))
    x0, y0 = min(word.x0 for word in line), min(word.y0 for word in line)
    return LargeLine(key, x0, y0, max(word.x1 for word in line), max(word.y1 for word in line))


def headings_of(text: str, large: Mapping[str, LargeLine]) -> Iterator[str]:
    """Yield the headings that the lines of one are: each begins with a number, or stands apart from the one before.

    ``large`` is what is known of the page's large lines, by what they are told by.
    """
    gathered: list[str] = []
    for line in text.split("\n"):
        if gathered and _begins(gathered[-1], line, large):
            yield "\n".join(gathered)
            gathered = []
        gathered.append(line)
    yield "\n".join(gathered)


def _begins(before: str, line: str, large: Mapping[str, LargeLine]) -> bool:
    if NUMBERED.match(line):
        return not before.rstrip().endswith((",", "-", ":"))
    above, below = large.get(line_key(before)), large.get(line_key(line))
    if above is None or below is None:
        return False
    small, high = sorted((above.y1 - above.y0, below.y1 - below.y0))
    if high > _SAME_SIZE * small or below.y0 - above.y1 > _FREE * small:
        return True
    if below.x0 >= above.x0 - _ALIKE:  # what goes on below the first word is of a heading with a number
        return False
    return min(abs(above.x1 - below.x1), abs(above.x0 + above.x1 - below.x0 - below.x1) / 2) > _ALIKE
