"""Emphasis that begins or ends within a word: as Markdown its marks would cut the word in two."""

from collections.abc import Iterable
from html import unescape

from ragstone.adapters.parsers.kreuzberg.html.elements import FORMATS

EMPHASES = frozenset({"b", "strong", "i", "em", "var", "dfn", "mark", "ins"})
"""Formats that become marks which mean nothing without a renderer; what is struck out keeps its."""
_FARTHEST = 12
"""Parts that are looked at beside an element."""
_LONGEST_ENTITY = 34
_EAST = "\u2e80"
"""From here on scripts mostly have no spaces between words."""


def without_emphasis_in_words(parts: list[str], elements: Iterable[tuple[int, int]]) -> None:
    """Take out the tags of those elements, given by the places of their start and end tags, that cut a word."""
    for start, end in elements:
        begins_within = _is_letter(_last(parts, start - 1)) and _is_letter(_first(parts, start + 1))
        if begins_within or (_is_letter(_last(parts, end - 1)) and _is_letter(_first(parts, end + 1))):
            parts[start] = parts[end] = ""


def _last(parts: list[str], place: int) -> str:
    """Return the last character before a place, if only formats begin or end between."""
    for part in reversed(parts[max(0, place - _FARTHEST) : place + 1]):
        if part and not _is_format(part):
            return "" if part[0] == "<" else unescape(part[-_LONGEST_ENTITY:])[-1:]
    return ""


def _first(parts: list[str], place: int) -> str:
    for part in parts[place : place + _FARTHEST]:
        if part and not _is_format(part):
            return "" if part[0] == "<" else unescape(part[:_LONGEST_ENTITY])[:1]
    return ""


def _is_format(part: str) -> bool:
    return part[0] == "<" and part.strip("</>").partition(" ")[0] in FORMATS


def _is_letter(character: str) -> bool:
    return character.isalnum() and character < _EAST
