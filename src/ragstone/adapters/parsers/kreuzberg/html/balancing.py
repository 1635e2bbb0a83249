"""HTML made fit for kreuzberg, which drops all that lies more than some 60 elements deep, as if it were not there.

An element whose end is left out counts as one that holds all that follows, so even a plain page of a hundred
paragraphs may be deep; and of cells whose end is left out it drops some at any depth. So every page is written
anew: each element ends where browsers end it, and what would still lie too deep stands without its element.
"""

import re
from array import array
from collections import Counter
from dataclasses import dataclass, field
from html import escape, unescape
from sys import intern

from ragstone.adapters.parsers.kreuzberg.html.anchors import is_mark, is_of_its_heading
from ragstone.adapters.parsers.kreuzberg.html.drawings import drawing_text
from ragstone.adapters.parsers.kreuzberg.html.elements import (
    BLOCKS,
    BOUNDS,
    CELLS,
    ENDS_BEFORE,
    FORMATS,
    GRID,
    HEADINGS,
    LISTS,
    NO_TEXT,
    ONCE,
    ONE_LINE,
    ROWS,
    UNSEEN,
    VOID,
    WITHOUT_MEANING,
)
from ragstone.adapters.parsers.kreuzberg.html.emphasis import EMPHASES, without_emphasis_in_words
from ragstone.adapters.parsers.kreuzberg.html.formulas import formula_text
from ragstone.adapters.parsers.kreuzberg.html.tokens import RAW, HtmlTokens, Token
from ragstone.adapters.parsers.kreuzberg.titles import sensible_title

_DEEP = 36
"""Elements within one another from which on those go that mean nothing in Markdown."""
_TABLE_DEEP = 44
_DEEPEST = 50
_SOFT_HYPHEN = re.compile(r"\u00ad|&(?:shy|#0*173|#x0*ad);", re.IGNORECASE)


def balanced(html: str) -> tuple[str | None, str]:
    """Return a page's title, and the page: all of its text, no scripts, drawings and formulas as their text."""
    page = _Page(html)
    page.read()
    return page.title, "".join(page.parts)


@dataclass(slots=True)
class _Open:
    name: str
    place: int
    """Of its start tag, among the parts."""
    skipped: dict[str, int] = field(default_factory=dict)
    """How many elements of a name, in it and in no other open one, were left out and have not ended yet."""
    grid: "array[int]" = field(default_factory=lambda: array("q"))
    """Of a table: where the tags of it, its rows and its cells are, among the parts."""
    inner: "array[int]" = field(default_factory=lambda: array("q"))
    """Of a table: where the tags of the tables within it are."""
    has_heads: bool = False


class _Page:
    def __init__(self, html: str) -> None:
        self.title: str | None = None
        self.parts: list[str] = []
        self._tokens = HtmlTokens(_SOFT_HYPHEN.sub("", html))
        self._open = [_Open("body", 0)]
        self._names: Counter[str] = Counter()  # of the open elements
        self._emphases: list[tuple[int, int]] = []

    def read(self) -> None:
        """Write the page anew."""
        self.parts.append("<html><body>")
        for token in self._tokens:
            if not token.name:
                self._text(token.source)
            elif token.ends:
                self._end(token.name)
            elif not self._unlike_html(token):
                self._start(token)
        self._close_from(1)
        self.parts.append("</body></html>")
        without_emphasis_in_words(self.parts, self._emphases)

    def _text(self, text: str) -> None:
        within = self._open[-1].name
        if within in ROWS and text.strip():
            self._begin_cell()
        elif within in LISTS and within != "dl" and text.strip():
            self._push("li", "<li>")
        self.parts.append(text)

    def _unlike_html(self, token: Token) -> bool:
        """Take in an element whose content is no HTML, if this is one, up to its end."""
        name = token.name
        if name not in RAW | UNSEEN | {"svg", "math"} or token.empty:
            return name in UNSEEN or name == "svg"
        content = self._tokens.inner(name)
        if content is None:
            return name in RAW | UNSEEN
        if name == "title" and self.title is None:
            self.title = sensible_title(unescape(content))
        elif name == "svg":
            self._text(f" {drawing_text(content)} ")
        elif name == "math":
            self._text(f" {escape(formula_text(f'{token.source}{content}</math>'), quote=False)} ")
        elif name == "iframe":
            self._text(f"{token.tag}</iframe>")
        elif name not in UNSEEN:
            stand_in = "pre" if name == "xmp" else "div"
            self._start(Token(f"<{stand_in}>", stand_in))
            self._text(content.replace("&", "&amp;" if name == "xmp" else "&").replace("<", "&lt;"))
            self._end(stand_in)
        return True

    def _start(self, token: Token) -> None:
        name = token.name
        if name in NO_TEXT:
            return
        if name in BLOCKS:
            self._end_before(frozenset({"p"}), BOUNDS)
        if name in ENDS_BEFORE:
            self._end_before(*ENDS_BEFORE[name])
        if name in GRID:
            self._start_in_table(token)
        elif name == "form" and self._open[-1].name in ROWS:
            self._skip(name)
        else:
            self._start_elsewhere(token)

    def _start_elsewhere(self, token: Token) -> None:
        name = token.name
        if self._open[-1].name in ROWS:
            self._begin_cell()
        if name in BLOCKS and not ONE_LINE.isdisjoint(self._names):
            self.parts.append(" ")  # between two blocks in a cell kreuzberg puts nothing
        if name in VOID:
            self.parts.append(token.tag)
        elif self._may_stand(name):
            self._push(name, token.tag)
        else:
            self._skip(name)
        if token.empty and name not in VOID:
            self._end(name)

    def _may_stand(self, name: str) -> bool:
        depth = len(self._open)
        if (
            depth >= _DEEPEST
            or (depth >= _DEEP and name in WITHOUT_MEANING)
            or (depth >= _TABLE_DEEP and name == "table")
        ):
            return False
        return name not in self._names or not (name in ONCE or name == "a")

    def _start_in_table(self, token: Token) -> None:
        """Begin a row, a cell or the like, with what was left out before it; outside of a table it is none."""
        name = token.name
        if not self._in_table():
            self._skip(name)
            return
        if name in CELLS and self._open[-1].name != "tr":
            self._push("tr", "<tr>")
        self._push(name, token.tag)
        if token.empty:
            self._end(name)

    def _in_table(self) -> bool:
        """Whether the innermost element that holds cells is a table that stands, and not one left out."""
        for element in reversed(self._open):
            if "table" in element.skipped:
                return False
            if element.name in ROWS:
                return True
        return False

    def _begin_cell(self) -> None:
        if self._open[-1].name != "tr":
            self._push("tr", "<tr>")
        self._push("td", "<td>")

    def _push(self, name: str, source: str) -> None:
        table = self._table() if name in GRID else None
        if table is not None:
            table.grid.append(len(self.parts))
            table.has_heads |= name in ("th", "caption")
        self._open.append(_Open(name, len(self.parts)))
        self._names[name] += 1
        self.parts.append(source)

    def _table(self) -> _Open | None:
        """Return the innermost table."""
        return next((element for element in reversed(self._open) if element.name == "table"), None)

    def _skip(self, name: str) -> None:
        skipped = self._open[-1].skipped
        skipped[name] = skipped.get(name, 0) + 1
        self._separate(name)

    def _unskip(self, skipped: dict[str, int], name: str) -> None:
        skipped[name] -= 1
        if not skipped[name]:
            del skipped[name]
        self._separate(name)

    def _separate(self, name: str) -> None:
        if name in BLOCKS | ROWS or name in CELLS:
            self.parts.append(" " if name in CELLS or self._open[-1].name in ROWS else "<br>")

    def _end_before(self, names: frozenset[str], bounds: frozenset[str]) -> None:
        """End the outermost element of some names, with all that is in it, that lies within the bounds."""
        if names.isdisjoint(self._names):
            return
        found = 0
        for place in range(len(self._open) - 1, 0, -1):
            element = self._open[place]
            if not bounds.isdisjoint(element.skipped):
                break
            if element.name in names:
                found = place
            if element.name in bounds:
                break
        if found:
            self._close_from(found)

    def _end(self, name: str) -> None:
        if name == "br":
            self._text("<br>")
        for place in range(len(self._open) - 1, -1, -1):
            element = self._open[place]
            if name in element.skipped:
                self._close_from(place + 1)
                self._unskip(element.skipped, name)
                return
            if not place or (
                name not in ROWS and element.name in CELLS | {"table", "caption"} and element.name != name
            ):
                return
            if element.name == name:
                self._close_from(place, ended=name)
                return
            if name in FORMATS and element.name in BLOCKS:
                return  # a format that ends within another block than it began in lasts to the end of its own

    def _close_from(self, place: int, ended: str | None = None) -> None:
        while len(self._open) > place:
            element = self._open.pop()
            self._names[element.name] -= 1
            if not self._names[element.name]:
                del self._names[element.name]
            if element.name in GRID and (table := self._table()) is not None:
                table.grid.append(len(self.parts))
            self.parts.append(intern(f"</{element.name}>"))
            if element.name == "table":
                self._end_table(element)
            elif element.name == "a":
                self._end_link(element.place)
            elif element.name in EMPHASES:
                self._emphases.append((element.place, len(self.parts) - 1))
            elif element.name == "nav" and ended != "nav":  # which goes, and all that follows with it
                self.parts[element.place] = self.parts[-1] = ""

    def _end_link(self, place: int) -> None:
        """Take out a link that leads nowhere, and what but marks the heading that it leads to."""
        link, within = self.parts[place], self.parts[place + 1 : -1]
        in_heading = not HEADINGS.isdisjoint(self._names)
        if is_mark(link, within, in_heading=in_heading):
            self.parts[place:] = ["", *(part if part[:1] == "<" else "" for part in within), ""]
        elif not _says_anything(within) or (in_heading and is_of_its_heading(link)):
            self.parts[place] = self.parts[-1] = ""

    def _end_table(self, table: _Open) -> None:
        """Keep a table that holds others as one if it has heads: those in it become text then; else they stay."""
        grid = [table.place, *table.grid, len(self.parts) - 1]
        is_layout = bool(table.inner) and not table.has_heads
        if is_layout:
            self._unravel(grid)
        elif table.inner:
            for place in table.inner:
                self.parts[place] = " "
        if (outer := self._table()) is not None:
            outer.inner.extend(table.inner if is_layout else grid)

    def _unravel(self, places: list[int]) -> None:
        """Make a table that is but a page's layout, and holds tables, into blocks one after the other."""
        for place in places:
            self.parts[place] = "</div>" if self.parts[place].startswith("</") else "<div>"


def _says_anything(parts: list[str]) -> bool:
    """Whether there is a text or a picture; what a link without any leads to says nothing."""
    return any(part.strip() if part[:1] != "<" else part[:4].lower() == "<img" for part in parts)
