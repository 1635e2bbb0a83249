"""Where the sentences of a text lie, in plain text and in Markdown.

Offsets count code points, so ``text[unit.start:unit.end]`` is the sentence, verbatim. A list item, a
table row and a fenced code block are units of their own, because half of one says nothing; headings
and markup (rules, directives, images) are told apart so that nobody quotes them as sentences.
Time is linear in the length of the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What a unit of text is."""

    PROSE = "prose"
    ITEM = "item"
    ROW = "row"
    CODE = "code"
    HEADING = "heading"
    MARKUP = "markup"


@dataclass(frozen=True, slots=True)
class Unit:
    """One sentence, list item sentence, table row, code block, heading or line of markup."""

    kind: Kind
    start: int
    end: int


_FENCE: Final = re.compile(r"[ \t]{0,16}(?:>[ \t]?)?(`{3,}|~{3,})[ \t]*([^\s`]?)")
_HEADING: Final = re.compile(r"[ \t]{0,3}#{1,6}(?:[ \t]|$)")
_ITEM: Final = re.compile(r"[ \t]{0,24}(?:[-*+•]|\d{1,9}[.)])[ \t]+(?=\S)")
_QUOTE: Final = re.compile(r"[ \t]{0,3}(?:>[ \t]?){1,6}")
_UNDERLINE: Final = re.compile(r"[ \t]{0,3}(?:=+|-{2,})[ \t]*$")
_MARKUP: Final = re.compile(r"[ \t]{0,16}(?:///|:::|\{[*%]|<!--|!\[|\[[^\]\n]{1,80}\]:[ \t])")
_TAG: Final = re.compile(r"<[^<>]{1,500}>")
_WORD: Final = re.compile(r"[^\W_]")

_STOP: Final = re.compile(r"[.!?…]+|[。！？｡．]+")
_WIDE_STOPS: Final = frozenset("。！？｡．")
_CLOSERS: Final = frozenset("\"'”’»)]}」』）】*_`")
_NEXT_WORD: Final = re.compile(r"[\s\"'“‘«(\[{*_`「『（]*(\w+)")
_LAST_TOKEN: Final = re.compile(r"[^\s(\[{\"'“‘«]{1,24}$")
_TITLES: Final = """
mr mrs ms dr prof sr sra dra mt gen col sgt lt capt rev hon gov pres vs e.g i.e eg ie cf viz approx z.b d.h u.a bzw ggf
vgl mme mlle
"""
_COUNTED: Final = """
no nos vol vols ch sec p pp fig figs eq eqs ca al st v nr abs art bd jan feb mar apr jun jul aug sep sept oct nov dec
"""
_OPENERS: Final = """
The A An It He She They We You I This That These Those In On At As But And For From If When While However Its His Her
Their There
"""
_GO_ON: Final = frozenset(_TITLES.split())
"""Abbreviations that never end a sentence."""
_BEFORE_NUMBER: Final = frozenset(_COUNTED.split())
"""Abbreviations that do not end a sentence where a number follows."""
_BEGIN: Final = frozenset(_OPENERS.split())
"""Words that begin a sentence after initials (``the U.S. The``), where a name would continue it (``U.S. Army``)."""
_INITIALS: Final = re.compile(r"(?:[A-Za-z]\.){0,4}[A-Z]$")


def units(text: str) -> tuple[Unit, ...]:
    """Return every unit of ``text`` in order; they do not overlap, and only white space and marks lie between."""
    return tuple(unit for block in _blocks(text) for unit in _split(text, block))


def sentences(text: str) -> tuple[Unit, ...]:
    """Return the units that say something: all but headings and markup."""
    return tuple(unit for unit in units(text) if unit.kind not in (Kind.HEADING, Kind.MARKUP))


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Yield ``(start, end)`` of each line, without its line break."""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield start, end
        start = end + 1


class _Reader:
    """Gathers lines into blocks; a block is a unit that prose may still be split into sentences."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.open: Unit | None = None
        self.done: list[Unit] = []

    def close(self) -> None:
        """End the block that is being gathered."""
        if self.open is not None:
            self.done.append(self.open)
            self.open = None

    def begin(self, kind: Kind, start: int, end: int) -> None:
        """Begin a block that the next lines may lengthen."""
        self.close()
        self.open = Unit(kind, start, end)

    def lengthen(self, end: int) -> None:
        """Add a line to the block that is being gathered."""
        if self.open is not None:
            self.open = Unit(self.open.kind, self.open.start, end)

    def alone(self, kind: Kind, start: int, end: int) -> None:
        """Add a block of one line."""
        self.begin(kind, start, end)
        self.close()

    def line(self, start: int, end: int) -> None:
        """Take a line that lies outside fenced code."""
        line = self.text[start:end]
        content = line.strip()
        quoted = _QUOTE.match(line)
        if not content or (quoted and quoted.end() == len(line)):
            self.close()
        elif self._underlines(line):
            pass
        elif _HEADING.match(line):
            self.alone(Kind.HEADING, start, end)
        elif _MARKUP.match(line) or not _WORD.search(_TAG.sub("", line) if "<" in line else line):
            self.alone(Kind.MARKUP, start, end)
        elif content.startswith("|"):
            self.alone(Kind.ROW, start, end)
        elif item := _ITEM.match(line):
            self.begin(Kind.ITEM, start + item.end(), end)
        elif self.open is not None:
            self.lengthen(end)
        else:
            self.begin(Kind.PROSE, start + (quoted.end() if quoted else 0), end)

    def _underlines(self, line: str) -> bool:
        """Turn a paragraph of one line that ``line`` underlines into a heading."""
        block = self.open
        if block is None or block.kind is not Kind.PROSE or not _UNDERLINE.match(line):
            return False
        if "\n" in self.text[block.start : block.end]:
            return False
        self.open = Unit(Kind.HEADING, block.start, block.end)
        self.close()
        return True


def _blocks(text: str) -> Iterator[Unit]:
    """Yield the blocks of ``text``, trimmed of white space."""
    reader = _Reader(text)
    fence = "`" if _begins_in_code(text) else ""
    if fence:
        reader.begin(Kind.CODE, 0, 0)
    for start, end in _lines(text):
        match = _FENCE.match(text, start, end)
        if fence:
            reader.lengthen(end)
            if match and match[1].startswith(fence) and not match[2]:
                reader.close()
                fence = ""
        elif match:
            fence = match[1]
            reader.begin(Kind.CODE, start, end)
        else:
            reader.line(start, end)
    reader.close()
    for block in reader.done:
        start, end = _trim(text, block.start, block.end)
        if start < end:
            yield Unit(block.kind, start, end)


def _begins_in_code(text: str) -> bool:
    """Say whether a passage was cut out of a document inside fenced code: its first fence can only be a closing one."""
    if "```" not in text:
        return False
    lines = list(_lines(text))
    fences = [(match, at) for at, line in enumerate(lines) if (match := _FENCE.match(text, *line))]
    if not fences or fences[0][0][2]:
        return False
    if len(fences) > 1:
        return bool(fences[1][0][2])
    after = lines[fences[0][1] + 1 : fences[0][1] + 2]
    return all(not text[start:end].strip() for start, end in after)


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _split(text: str, block: Unit) -> Iterator[Unit]:
    """Yield the sentences of a block of prose or of a list item; any other block stays whole."""
    if block.kind not in (Kind.PROSE, Kind.ITEM):
        yield block
        return
    start = block.start
    for stop in _STOP.finditer(text, block.start, block.end):
        if stop.start() < start:
            continue
        end = _after_closers(text, stop.end(), block.end)
        if end < block.end and _ends_sentence(text, start, stop, end, block.end):
            yield Unit(block.kind, start, end)
            start, _ = _trim(text, end, block.end)
    if start < block.end:
        yield Unit(block.kind, start, block.end)


def _after_closers(text: str, position: int, limit: int) -> int:
    """Return the position after the quotes, brackets and emphasis that close a sentence (at most eight)."""
    last = min(limit, position + 8)
    while position < last and text[position] in _CLOSERS:
        position += 1
    return position


def _ends_sentence(text: str, start: int, stop: re.Match[str], end: int, limit: int) -> bool:
    """Decide whether ``stop`` ends the sentence that began at ``start``."""
    if text[stop.start()] in _WIDE_STOPS:
        return True
    if not text[end].isspace():
        return False
    following = _next_word(text, end, limit)
    if following[:1].islower():
        return False
    if stop[0] != ".":
        return True
    return not _abbreviates(text, start, stop.start(), following)


def _abbreviates(text: str, start: int, stop: int, following: str) -> bool:
    """Say whether the full stop at ``stop`` belongs to an abbreviation, an initial or a list number."""
    before = _LAST_TOKEN.search(text, max(start, stop - 24), stop)
    if before is None:
        return False
    word = before[0]
    if word.isdigit() and before.start() == start:
        return True
    if _INITIALS.match(word) and word != "I":
        return following != "" and following not in _BEGIN
    known = word.casefold()
    return known in _GO_ON or (known in _BEFORE_NUMBER and following[:1].isdigit())


def _next_word(text: str, position: int, limit: int) -> str:
    """Return the next word after white space and opening marks (looking at most 24 characters ahead)."""
    found = _NEXT_WORD.match(text, position, min(limit, position + 24))
    return found[1] if found else ""
