"""The text of an XML file: each element that holds text or says something in its attributes becomes a line."""

import re
from html import unescape
from typing import NamedTuple
from xml.parsers.expat import ExpatError, ParserCreate

from ragstone.adapters.parsers.kreuzberg.html.elements import BLOCKS, FORMATS, VOID
from ragstone.adapters.parsers.kreuzberg.html.tokens import HtmlTokens

_HTML = re.compile(rf"</?(?:{'|'.join(sorted(BLOCKS | FORMATS | VOID))})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_ENTITY = re.compile(r"&#?\w{1,32};")
_FEEDS = frozenset({"rss", "feed"})
_OLD_FEEDS = "http://purl.org/rss/"
_PAGES = frozenset({"html", "svg", "math"})
_OFFICE = (
    "urn:oasis:names:tc:opendocument:",
    "http://schemas.openxmlformats.org/",
    "http://schemas.microsoft.com/office/",
)
_TOLD = frozenset({"alt", "aria-label", "label", "summary", "title"})
"""Attributes that are text for people even in a page or a book."""
_TOLD_IN_FEEDS = _TOLD | {"href", "term", "text", "url"}
_NO_TEXT = frozenset({"script", "style"})
_LOOKS = frozenset({"class", "style"})
_SPECIAL_PREFIXES = frozenset({"xml", "xmlns", "xsi"})
_PROSE = 0.2
"""Share of lines of text with elements in the middle of it from which on a file is written to be read, and no data."""
_CODED = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_CODED_LINE = 60
"""Characters of a line of base64, but for the last, at least."""
_LONGEST_WORD = 500
"""Characters of an attribute without a space from which on it is a picture, a key or the like."""


def xml_to_text(text: str) -> str:
    """Return the text of ``text``, a line for each element with its name, a blank line after each group.

    Attributes stand in the line, ``name: value``; those of pages, books and feeds, which are mostly about looks and
    links, only where they are text for people and the element has none. What stands in an element that begins in the
    middle of a text (``<p>a <b>b</b> c</p>``) stays in that text. HTML within the text of feeds and data is read.
    A file that is not well-formed is returned as it is. Expat itself bounds how far entities may blow a file up.
    """
    reader = _Reader()
    parser = ParserCreate("utf-8")
    parser.buffer_text = True
    parser.ordered_attributes = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text.append
    try:
        parser.Parse(text.encode(), True)
    except ExpatError:
        return text
    return "\n".join(reader.lines()).strip("\n")


class _Line(NamedTuple):
    """An element's text and attributes; ``name`` is empty for the end of a group."""

    name: str = ""
    text: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    prose: bool = False
    """Whether it is part of a page, wherever that stands."""


class _Reader:
    """Gathers lines from the events of the parser."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self._found: list[_Line] = []
        self._open: list[tuple[bool, int | None]] = []
        self._is_feed = False
        self._leaf = False
        self._pages = 0
        self._is_mixed = False
        self._texts = self._mixed = 0

    def start(self, name: str, attributes: list[str]) -> None:
        """Begin an element, within the line at hand if that has text."""
        within = any(part.strip() for part in self.text)
        self._is_mixed |= within
        local = _local(name)
        if not self._open:
            values = attributes[1::2]
            self._is_feed = local in _FEEDS or any(value.startswith(_OLD_FEEDS) for value in values)
            self._pages = any(value.startswith(_OFFICE) for value in values)
        self._pages += bool(self._pages) or local in _PAGES
        self._leaf = True
        pairs = zip(attributes[::2], attributes[1::2], strict=True)
        told = () if within else tuple((_local(key), value) for key, value in pairs if _says_something(key, value))
        self._open.append((within, len(self._found) if told else None))
        if told:
            self._found.append(_Line(local, "", told, bool(self._pages)))

    def end(self, name: str) -> None:
        """End an element: write its line, or a blank one after a group."""
        within, place = self._open.pop()
        if not within:
            self._end_line(_local(name), place)
        self._pages -= bool(self._pages)
        self._leaf = self._leaf and within

    def _end_line(self, name: str, place: int | None) -> None:
        text = " ".join("".join(self.text).split())
        self.text.clear()
        if len(text) >= _LONGEST_WORD and _is_coded(text):
            del self._found[place if place is not None else len(self._found) :]
        elif text:
            self._texts += 1
            self._mixed += self._is_mixed
            own = self._found.pop() if place == len(self._found) - 1 else _Line(name)
            self._found.append(own._replace(text=text, prose=bool(self._pages)))
        elif not self._leaf and self._found and self._found[-1].name:
            self._found.append(_Line())
        self._is_mixed = False

    def lines(self) -> list[str]:
        """Return the lines; which attributes they have is known once all of the file is."""
        is_prose = self._mixed > _PROSE * self._texts
        written: list[str] = []
        for line in self._found:
            if self._is_feed or is_prose or line.prose:
                shown = _read_line(line, is_feed=self._is_feed)
            else:
                shown = _data_line(line)
            if shown or (not line.name and written and written[-1]):
                written.append(shown)
        return written


def _read_line(line: _Line, *, is_feed: bool) -> str:
    if line.name in _NO_TEXT:
        return ""
    told = _TOLD_IN_FEEDS if is_feed else _TOLD
    text = _without_html(line.text) if is_feed else line.text
    text = text or "; ".join(" ".join(value.split()) for key, value in line.attributes if key in told)
    return f"{line.name}: {text}" if text else ""


def _data_line(line: _Line) -> str:
    attributes = "; ".join(f"{key}: {' '.join(value.split())}" for key, value in line.attributes)
    text = _without_html(line.text) if _HTML.search(line.text) else line.text
    if text and attributes:
        return f"{line.name} ({attributes}): {text}"
    return f"{line.name}: {text or attributes}" if text or attributes else ""


def _without_html(text: str) -> str:
    """Return what a reader sees of a text with tags and entities of HTML; of one that has none, itself."""
    parts: list[str] = []
    tokens = HtmlTokens(text)
    for token in tokens:
        if not token.name:
            parts.append(token.source)
        elif token.name not in FORMATS:
            parts.append(" ")
            if token.name in _NO_TEXT and not token.ends:
                tokens.inner(token.name)
    return " ".join(_ENTITY.sub(lambda entity: unescape(entity[0]), "".join(parts)).split())


def _says_something(key: str, value: str) -> bool:
    if key in _LOOKS or key.partition(":")[0] in _SPECIAL_PREFIXES or not value.strip():
        return False
    return len(value) < _LONGEST_WORD or len(value.split(None, 1)) > 1


def _is_coded(text: str) -> bool:
    """Whether a long text is a picture or the like in base64; sequences of few letters, as in biology, are none."""
    lines = text.split(" ")
    if any(len(line) < _CODED_LINE for line in lines[:-1]) or not all(map(_CODED.fullmatch, lines)):
        return False
    signs = set(lines[0])
    return any(map(str.islower, signs)) and any(map(str.isupper, signs)) and any(map(str.isdigit, signs))


def _local(name: str) -> str:
    return name.rpartition(":")[2]
