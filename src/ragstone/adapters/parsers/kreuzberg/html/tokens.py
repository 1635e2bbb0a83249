"""HTML as a stream of tags and texts, in time linear in its length, whatever is wrong with it."""

import re
from collections.abc import Iterator
from sys import intern
from typing import NamedTuple

RAW = frozenset({"script", "style", "textarea", "title", "xmp", "iframe"})
"""Elements in which tags are text: they end with the first end tag of their name."""
_OPENING = re.compile(
    r"<(?:(?P<comment>!--)|(?P<cdata>!\[CDATA\[)|[!?]|(?P<end>/?)(?P<name>[A-Za-z][\w:.-]*)(?=[\s/>]))"
)
_EMPTY_COMMENT = re.compile(r"<!---?>")
_COMMENT_END = re.compile(r"--!?>")
_CDATA_END = re.compile(r"\]\]>")
_IN_TAG = re.compile(r">|=\s*([\"'])")
_EMPTY_TAG = re.compile(r"(?:[\s\"']|^<[\w:.-]+)/>\Z")
_ATTRIBUTE = re.compile(r"([^\s\"'<>/=]+)\s*(?:=\s*(\"[^\"]*\"|'[^']*'|[^\s>]+))?")
_ATTRIBUTES = frozenset(
    {"href", "src", "alt", "title", "class", "style", "hidden", "colspan", "rowspan", "start", "reversed", "value"}
    | {"type", "checked", "label", "open", "align", "cite", "datetime", "dir", "lang", "role"}
)
_LONG_ADDRESS = 200
_IN_QUOTES = {ord('"'): "&quot;", ord("<"): "&lt;", ord(">"): "&gt;"}


class Token(NamedTuple):
    """A tag (``name`` in lower case) with its source, or a text: no name, and HTML without any tag."""

    source: str
    name: str = ""
    ends: bool = False

    @property
    def empty(self) -> bool:
        """Whether a start tag says that it has no content; an address that ends in a slash does not say so."""
        return self.source.endswith("/>") and _EMPTY_TAG.search(self.source) is not None

    @property
    def tag(self) -> str:
        """A start tag anew, with the attributes that say something about the text, each in quotes."""
        if len(self.source) <= len(self.name) + 3:
            return intern(f"<{self.name}>")
        parts = [self.name]
        for name, value in _ATTRIBUTE.findall(self.source, len(self.name) + 1):
            if name.lower() in _ATTRIBUTES and not _is_long_address(name.lower(), value):
                bare = value[1:-1] if value[:1] in "\"'" and value[-1:] == value[:1] else value
                parts.append(f'{name.lower()}="{bare.translate(_IN_QUOTES)}"' if value else name.lower())
        return f"<{' '.join(parts)}>"


class HtmlTokens:
    """Reads a page tag by tag. Comments and declarations go; a ``<`` that begins no tag is text."""

    def __init__(self, html: str) -> None:
        self._html = html
        self._position = 0
        self._quotes = True
        self._unclosed: set[str] = set()

    def __iter__(self) -> Iterator[Token]:
        html = self._html
        while (found := _OPENING.search(html, self._position)) is not None:
            end = self._end_of(found)
            if end < 0:
                break
            if found.start() > self._position:
                yield _text(html[self._position : found.start()])
            self._position = end
            if found["name"]:
                yield Token(html[found.start() : end], found["name"].lower(), found["end"] == "/")
            elif found["cdata"]:
                yield _text(html[found.end() : end].removesuffix("]]>").replace("&", "&amp;"))
        if self._position < len(html):
            yield _text(html[self._position :])
            self._position = len(html)

    def inner(self, name: str) -> str | None:
        """Return what is in the element that has just begun, and go on behind its end.

        Where it does not end, return ``None`` and go on within it.
        """
        if name in self._unclosed:
            return None
        begin, depth = self._position, 1
        slash = "/" if name in RAW else "/?"
        for tag in re.compile(rf"<({slash}){re.escape(name)}(?=[\s/>])", re.IGNORECASE).finditer(self._html, begin):
            depth += -1 if tag[1] else 1
            if not depth:
                self._position = self._html.find(">", tag.end()) + 1 or len(self._html)
                return self._html[begin : tag.start()]
        self._unclosed.add(name)
        return None

    def _end_of(self, found: re.Match[str]) -> int:
        """Return where a tag or a comment ends, -1 where it does not."""
        if found["name"]:
            return self._end_of_tag(found.end())
        if found["comment"]:
            if (empty := _EMPTY_COMMENT.match(self._html, found.start())) is not None:
                return empty.end()
            if (end := self._after("-->", _COMMENT_END, found.end())) is not None:
                return end
        elif found["cdata"] and (end := self._after("]]>", _CDATA_END, found.end())) is not None:
            return end
        return self._after_bracket(found.end())

    def _after(self, mark: str, pattern: re.Pattern[str], position: int) -> int | None:
        """Return the end of the next mark, ``None`` where there is none; that is looked for but once."""
        found = None if mark in self._unclosed else pattern.search(self._html, position)
        if found is None:
            self._unclosed.add(mark)
            return None
        return found.end()

    def _end_of_tag(self, begin: int) -> int:
        """Return where a tag ends that goes on at ``begin``: at the first ``>`` that is in no quotes."""
        position = begin
        while self._quotes and (found := _IN_TAG.search(self._html, position)) is not None:
            if found[1] is None:
                return found.end()
            position = self._html.find(found[1], found.end()) + 1
            if not position:
                break
        self._quotes = False  # one quote is left open: from here on they cannot be told apart
        return self._after_bracket(begin)

    def _after_bracket(self, position: int) -> int:
        return self._html.find(">", position) + 1 or -1


def _is_long_address(name: str, value: str) -> bool:
    """Whether an attribute is an address that nobody reads: a picture itself, or one made for counting clicks."""
    return name in ("href", "src") and (len(value) > _LONG_ADDRESS or value.lstrip("\"' ")[:5].lower() == "data:")


def _text(source: str) -> Token:
    return Token(source.replace("<", "&lt;"))
