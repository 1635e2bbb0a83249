"""The numbers of Word's lists and headings, which a file has as rules to count by, and kreuzberg does not count.

It writes every paragraph that is in a list by itself as an item with a dash, and takes one that is in a list by
its style for none.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple
from xml.etree.ElementTree import Element

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_COUNTER = re.compile(r"%(\d)")
_ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x")),
    *((9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)
_MOST_ROMAN = 4000
_MOST_BASED = 20
"""Styles based on one another."""


class _Level(NamedTuple):
    kind: str
    """How it counts: ``decimal``, ``lowerLetter``, ``bullet`` and so on."""
    text: str
    """Of the label, with ``%1`` for the number of the first level and so on."""
    start: int
    style: str


class Place(NamedTuple):
    """A paragraph's list, and its level there; ``None`` where only the list's levels say which."""

    number: str
    level: int | None


class WordLists:
    """Counts through the paragraphs of one document.

    ``levels`` are those of each list by its number, ``kinds`` say which lists count together, and ``styles`` in
    which list a paragraph is by its style.
    """

    def __init__(
        self, levels: Mapping[str, Mapping[int, _Level]], kinds: Mapping[str, str], styles: Mapping[str, Place]
    ) -> None:
        self._levels = levels
        self._kinds = kinds
        self._styles = styles
        self._counts: dict[str, dict[int, int]] = {}

    def mark(self, properties: Element | None) -> str | Place | None:
        """Count a paragraph with these ``w:pPr``, and return its label where it has one.

        ``""`` is the label of a list that shows none. Of a paragraph with a bullet the place is returned, and
        ``None`` of one that is in no list whose rules are known.
        """
        if properties is None:
            return None
        style = _child(properties, "pStyle")
        place = _own_place(properties)
        if place is None or place.level is None:
            by_style = self._styles.get(style)
            place = by_style if place is None else place._replace(level=0)
        if place is None:
            return None
        levels = self._levels.get(place.number, {})
        depth = place.level if place.level is not None else _level_of(levels, style)
        level = levels.get(depth)
        if level is None:
            return None
        if level.kind == "bullet":
            return Place(place.number, depth)
        return self._next(self._kinds[place.number], depth, levels)

    def _next(self, kind: str, depth: int, levels: Mapping[int, _Level]) -> str:
        counts = self._counts.setdefault(kind, {})
        counts[depth] = counts.get(depth, levels[depth].start - 1) + 1
        for deeper in [level for level in counts if level > depth]:
            del counts[deeper]

        def counted(found: re.Match[str]) -> str:
            level = levels.get(int(found[1]) - 1)
            return figure(counts.get(int(found[1]) - 1, level.start), level.kind) if level is not None else ""

        return _COUNTER.sub(counted, levels[depth].text).strip()


def word_lists(numbering: Element | None, styles: Element | None) -> WordLists:
    """Return the lists of a DOCX by the roots of its parts for numbering and for styles."""
    if numbering is None:
        return WordLists({}, {}, {})
    kinds = {_value(kind, "abstractNumId"): _levels(kind) for kind in numbering.iter(f"{_W}abstractNum")}
    levels: dict[str, Mapping[int, _Level]] = {}
    together: dict[str, str] = {}
    for listed in numbering.iter(f"{_W}num"):
        number, kind = _value(listed, "numId"), _child(listed, "abstractNumId")
        starts = {
            int(_value(other, "ilvl")): int(_child(other, "startOverride"))
            for other in listed.iter(f"{_W}lvlOverride")
            if _value(other, "ilvl").isdecimal() and _child(other, "startOverride").isdecimal()
        }
        levels[number] = {
            depth: level._replace(start=starts.get(depth, level.start)) for depth, level in kinds.get(kind, {}).items()
        }
        together[number] = f"num {number}" if starts else kind
    return WordLists(levels, together, _places(styles) if styles is not None else {})


def _levels(kind: Element) -> dict[int, _Level]:
    return {
        int(_value(level, "ilvl")): _Level(
            _child(level, "numFmt") or "decimal",
            _child(level, "lvlText"),
            int(_child(level, "start")) if _child(level, "start").isdecimal() else 1,
            _child(level, "pStyle"),
        )
        for level in kind.iter(f"{_W}lvl")
        if _value(level, "ilvl").isdecimal()
    }


def _places(styles: Element) -> dict[str, Place]:
    """Return the lists that paragraphs are in by their style."""
    found: dict[str, Place] = {}
    based: dict[str, str] = {}
    for style in styles.iter(f"{_W}style"):
        name = _value(style, "styleId")
        based[name] = _child(style, "basedOn")
        listed = style.find(f"{_W}pPr/{_W}numPr")
        if listed is not None and _child(listed, "numId"):
            level = _child(listed, "ilvl")
            found[name] = Place(_child(listed, "numId"), int(level) if level.isdecimal() else None)
    for name in based:
        origin = name
        for _ in range(_MOST_BASED):
            if origin in found or origin not in based:
                break
            origin = based[origin]
        if origin in found:
            found[name] = found[origin]
    return found


def _own_place(properties: Element) -> Place | None:
    listed = properties.find(f"{_W}numPr")
    if listed is None or not (number := _child(listed, "numId")):
        return None
    level = _child(listed, "ilvl")
    return Place(number, int(level) if level.isdecimal() else None)


def _level_of(levels: Mapping[int, _Level], style: str) -> int:
    return next((depth for depth, level in levels.items() if level.style == style), 0)


def figure(count: int, kind: str) -> str:
    """Return a number as a list of a kind shows it: ``b``, ``iv``, ``03``."""
    if kind in ("lowerLetter", "upperLetter") and count > 0:
        text = chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)
    elif kind in ("lowerRoman", "upperRoman") and 0 < count < _MOST_ROMAN:
        text = ""
        for value, letters in _ROMAN:
            text += letters * (count // value)
            count %= value
    elif kind == "none":
        text = ""
    else:
        text = f"{count:02}" if kind == "decimalZero" else str(count)
    return text.upper() if kind.startswith("upper") else text


def _value(element: Element, name: str) -> str:
    return element.get(f"{_W}{name}", "")


def _child(element: Element, name: str) -> str:
    found = element.find(f"{_W}{name}")
    return found.get(f"{_W}val", "") if found is not None else ""
