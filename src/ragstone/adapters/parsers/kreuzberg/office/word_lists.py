"""The numbers of Word's lists and headings, which a file has as rules to count by, and kreuzberg does not count.

It writes every paragraph that is in a list by itself as an item with a dash, and takes one that is in a list by
its style for none.
"""

import re
import zipfile
from collections.abc import Mapping
from html import escape
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError, fromstring

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_LARGEST_PART = 16 * 2**20
_PROPERTIES = re.compile(r"(?<=>)(\s*)<w:pPr>(.*?(?:<w:pPrChange[\s>].*?</w:pPrChange>)?)</w:pPr>", re.DOTALL)
_STYLE = re.compile(r"<w:pStyle\s+w:val=\"([^\"]*)\"\s*/>")
_LIST = re.compile(r"<w:numPr>.*?</w:numPr>|<w:numPr/>", re.DOTALL)
_NUMBER, _LEVEL = re.compile(r"<w:numId\s+w:val=\"(\d+)\""), re.compile(r"<w:ilvl\s+w:val=\"(\d)\"")
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


class _Place(NamedTuple):
    """A paragraph's list, and its level there; ``None`` where only the list's levels say which."""

    number: str
    level: int | None


class WordLists:
    """Counts through the paragraphs of one document.

    ``levels`` are those of each list by its number, ``kinds`` say which lists count together, and ``styles`` in
    which list a paragraph is by its style.
    """

    def __init__(
        self, levels: Mapping[str, Mapping[int, _Level]], kinds: Mapping[str, str], styles: Mapping[str, _Place]
    ) -> None:
        self._levels = levels
        self._kinds = kinds
        self._styles = styles
        self._counts: dict[str, dict[int, int]] = {}

    def labelled(self, xml: str) -> str:
        """Return the text of a document with the labels of its lists, as far as these are no bullets."""
        return _PROPERTIES.sub(self._label, xml) if self._levels else xml

    def _label(self, found: re.Match[str]) -> str:
        own, change, changed = found[2].partition("<w:pPrChange")
        style, listed = _STYLE.search(own), _LIST.search(own)
        place = _place(listed[0]) if listed is not None else None
        if place is None or place.level is None:
            by_style = self._styles.get(style[1]) if style is not None else None
            place = by_style if place is None else place._replace(level=0)
        levels = self._levels.get(place.number, {}) if place is not None else {}
        if place is None or not levels:
            return found[0]
        depth = place.level if place.level is not None else _level_of(levels, style[1] if style is not None else "")
        level = levels.get(depth)
        if level is None:
            return found[0]
        if level.kind == "bullet":
            item = f'<w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="{place.number}"/></w:numPr>'
            return found[0] if listed is not None else f"{found[1]}<w:pPr>{own}{item}{change}{changed}</w:pPr>"
        label = self._next(self._kinds[place.number], depth, levels)
        run = f'<w:r><w:t xml:space="preserve">{escape(label)} </w:t></w:r>' if label else ""
        return f"{found[1]}<w:pPr>{_LIST.sub('', own)}{change}{changed}</w:pPr>{run}"

    def _next(self, kind: str, depth: int, levels: Mapping[int, _Level]) -> str:
        counts = self._counts.setdefault(kind, {})
        counts[depth] = counts.get(depth, levels[depth].start - 1) + 1
        for deeper in [level for level in counts if level > depth]:
            del counts[deeper]

        def figure(found: re.Match[str]) -> str:
            level = levels.get(int(found[1]) - 1)
            return _figure(counts.get(int(found[1]) - 1, level.start), level.kind) if level is not None else ""

        return _COUNTER.sub(figure, levels[depth].text).strip()


def word_lists(archive: zipfile.ZipFile) -> WordLists:
    """Read the lists of a DOCX. Raises what reading a ZIP raises."""
    numbering, styles = _root(archive, "word/numbering.xml"), _root(archive, "word/styles.xml")
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


def _places(styles: Element) -> dict[str, _Place]:
    """Return the lists that paragraphs are in by their style."""
    found: dict[str, _Place] = {}
    based: dict[str, str] = {}
    for style in styles.iter(f"{_W}style"):
        name = _value(style, "styleId")
        based[name] = _child(style, "basedOn")
        listed = style.find(f"{_W}pPr/{_W}numPr")
        if listed is not None and _child(listed, "numId"):
            level = _child(listed, "ilvl")
            found[name] = _Place(_child(listed, "numId"), int(level) if level.isdecimal() else None)
    for name in based:
        origin = name
        for _ in range(_MOST_BASED):
            if origin in found or origin not in based:
                break
            origin = based[origin]
        if origin in found:
            found[name] = found[origin]
    return found


def _place(listed: str) -> _Place | None:
    number, level = _NUMBER.search(listed), _LEVEL.search(listed)
    return _Place(number[1], int(level[1]) if level is not None else None) if number is not None else None


def _level_of(levels: Mapping[int, _Level], style: str) -> int:
    return next((depth for depth, level in levels.items() if level.style == style), 0)


def _figure(count: int, kind: str) -> str:
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


def _root(archive: zipfile.ZipFile, name: str) -> Element | None:
    try:
        entry = archive.getinfo(name)
        return fromstring(archive.read(entry)) if entry.file_size <= _LARGEST_PART else None  # noqa: S314 - see OfficePackage
    except (KeyError, ParseError):
        return None


def _value(element: Element, name: str) -> str:
    return element.get(f"{_W}{name}", "")


def _child(element: Element, name: str) -> str:
    found = element.find(f"{_W}{name}")
    return found.get(f"{_W}val", "") if found is not None else ""
