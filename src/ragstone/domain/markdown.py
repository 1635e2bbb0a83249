"""The outline of a Markdown text: its blocks, its headings, and the path of headings above any place.

A line scanner for what chunking and citing need of CommonMark and of GitHub's tables, not a renderer:
each line is looked at once, so the time is linear in the text whatever it holds.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from html import unescape

LONGEST_TITLE = 200
"""Characters of a heading that its title keeps; titles are repeated on every chunk below them."""


class BlockKind(StrEnum):
    """What a block is. ``ITEM`` is one outermost item of a list; ``CODE`` is fenced or indented."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    ITEM = "item"
    QUOTE = "quote"
    TABLE = "table"
    CODE = "code"
    HTML = "html"
    RULE = "rule"
    FRONT_MATTER = "front_matter"


@dataclass(frozen=True, slots=True)
class Block:
    """One block: ``text[start:end]``, from the start of its first line to the end of its last, no newline after.

    ``level`` (1 to 6) is a heading's.
    """

    kind: BlockKind
    start: int
    end: int
    level: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what follows it up to the next heading of any level.

    ``text[start:end]`` begins with the heading's line, and ``text[body:end]`` is what comes after it. The
    text before the first heading is a section of level 0 without a title. ``path`` holds the titles of the
    headings above, outermost first, and ends with the section's own.
    """

    level: int
    title: str
    start: int
    body: int
    end: int
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """A text's blocks in order, and its sections, which cover the text from 0 to its end without a gap."""

    blocks: tuple[Block, ...]
    sections: tuple[Section, ...]


def outline(text: str) -> Outline:
    """Return the outline of ``text``. A pure function, linear in the length of ``text``."""
    blocks = _Scanner(text).scan()
    return Outline(blocks, tuple(_sections(text, blocks)))


def heading_path_at(outline: Outline, position: int) -> tuple[str, ...]:
    """Return the titles of the headings above ``position``, outermost first; empty before the first heading.

    A heading's own line belongs to its section.
    """
    index = bisect_right(outline.sections, position, key=lambda section: section.start) - 1
    return outline.sections[index].path if index >= 0 else ()


def front_matter_title(text: str) -> str | None:
    """Return what YAML front matter gives as ``title:``, ``None`` where it gives none."""
    if not text.startswith("---\n"):
        return None
    end = _FRONT_MATTER_END.search(text, 4)
    found = _TITLE_LINE.search(text, 4, end.start()) if end else None
    if found is None:
        return None
    value = found[1].strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return value[:LONGEST_TITLE] or None


# All of these run on at most 4 * LONGEST_TITLE characters.
_CLOSING = re.compile(r"(?:^|[ \t])#+$")
_ATTRIBUTES = re.compile(r"[ \t]*\{[ \t]*[#.:][^{}]*\}$")
_INLINE = (
    (re.compile(r"!?\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])"), r"\1"),
    (re.compile(r"<((?:https?|mailto):[^<>\s]+)>"), r"\1"),
    (re.compile(r"</?[A-Za-z][^<>]*>"), ""),
    (re.compile(r"(?<!\\)(\*\*|__)(?=\S)(.+?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<![\w\\*])\*(?=\S)([^*]+)(?<=\S)\*(?!\w)"), r"\1"),
    (re.compile(r"(?<![\w\\_])_(?=\S)([^_]+)(?<=\S)_(?!\w)"), r"\1"),
    (re.compile(r"\\([!-/:-@\[-`{-~])"), r"\1"),
)
_CODE_SPAN = re.compile(r"(`+)(.+?)\1(?!`)")


def plain_title(source: str) -> str:
    """Return a heading's text without markup: emphasis, code, links, tags, ``{ #anchor }``, closing ``#``."""
    title = source[: 4 * LONGEST_TITLE].strip()
    title = _ATTRIBUTES.sub("", _CLOSING.sub("", title).rstrip())
    parts = _CODE_SPAN.split(title)
    # split() gives text, the backticks, the code, text, ...: what stands in backticks is kept as it is.
    title = "".join(
        _plain_inline(part) if index % 3 == 0 else part for index, part in enumerate(parts) if index % 3 != 1
    )
    title = " ".join(title.split())
    return title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1].rstrip() + "…"


def _plain_inline(text: str) -> str:
    for pattern, replacement in _INLINE:
        text = pattern.sub(replacement, text)
    return unescape(text)


def _sections(text: str, blocks: tuple[Block, ...]) -> Iterator[Section]:
    headings = [block for block in blocks if block.kind is BlockKind.HEADING]
    first = headings[0].start if headings else len(text)
    if first > 0:
        yield Section(0, "", 0, 0, first, ())
    above: list[tuple[int, str]] = []
    for index, heading in enumerate(headings):
        end = headings[index + 1].start if index + 1 < len(headings) else len(text)
        title = _heading_title(text, heading)
        while above and above[-1][0] >= heading.level:
            above.pop()
        above.append((heading.level, title))
        path = tuple(name for _, name in above if name)
        yield Section(heading.level, title, heading.start, heading.end, end, path)


def _heading_title(text: str, heading: Block) -> str:
    source = text[heading.start : min(heading.end, heading.start + 8 * LONGEST_TITLE)].strip()
    if _ATX.match(source):
        return plain_title(source.lstrip("#"))
    underline = text.rfind("\n", heading.start, heading.end)
    return plain_title(source[: underline - heading.start])


_ATX = re.compile(r"#{1,6}(?=[ \t]|$)")
_SETEXT = re.compile(r"(?:=+|-+)$")
_FENCE = re.compile(r"(`{3,}(?=[^`]*$)|~{3,})")
_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")
_VERBATIM = re.compile(r"<(pre|script|style|textarea)(?=[\s>]|$)", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z]")
_DELIMITERS = frozenset("|:- \t")
_TITLE_LINE = re.compile(r"^title:[ \t]+(\S.*)$", re.MULTILINE)
_FRONT_MATTER_END = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE)


@dataclass(slots=True)
class _Open:
    """The block that lines are being added to.

    ``until`` is what closes a fence, comment or verbatim HTML in it, ``until_indent`` where a fence began;
    ``gap`` says that a blank line came last, ``last`` is the start of the last line.
    """

    kind: BlockKind
    start: int
    end: int
    indent: int
    last: int
    until: str = ""
    until_indent: int = 0
    gap: bool = False


class _Scanner:
    """Reads a text line by line and gathers its blocks."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._blocks: list[Block] = []
        self._open: _Open | None = None

    def scan(self) -> tuple[Block, ...]:
        position = self._front_matter()
        while position < len(self._text):
            newline = self._text.find("\n", position)
            end = len(self._text) if newline < 0 else newline
            self._line(position, end)
            position = end + 1
        self._close()
        return tuple(self._blocks)

    def _front_matter(self) -> int:
        """Take YAML front matter as a block and return where the text goes on after it."""
        if not self._text.startswith("---\n"):
            return 0
        closing = _FRONT_MATTER_END.search(self._text, 4)
        if closing is None:
            return 0
        self._blocks.append(Block(BlockKind.FRONT_MATTER, 0, closing.end()))
        return closing.end() + 1

    def _line(self, start: int, end: int) -> None:
        line = self._text[start:end]
        stripped = line.strip()
        if self._open is not None and self._open.until:
            self._enclosed(self._open, start, end, stripped, _indentation(line))
        elif stripped:
            self._content(start, end, stripped, _indentation(line))
        elif self._open is not None:
            self._blank(self._open)

    def _enclosed(self, block: _Open, start: int, end: int, stripped: str, indent: int) -> None:
        """A line within a fence, a comment or verbatim HTML."""
        fenced = block.until[0] in "`~"
        if fenced and stripped and indent < min(block.until_indent, 2):
            # The list item around an unclosed fence has ended, and the fence with it.
            self._close()
            self._content(start, end, stripped, indent)
            return
        if stripped:
            block.end, block.last = end, start
        if (_closes(stripped, block.until)) if fenced else (block.until in stripped.lower()):
            block.until = ""
            if block.kind is not BlockKind.ITEM:
                self._close()

    def _blank(self, block: _Open) -> None:
        if block.kind is BlockKind.ITEM or (block.kind is BlockKind.CODE and block.indent >= 4):
            block.gap = True
        else:
            self._close()

    def _content(self, start: int, end: int, stripped: str, indent: int) -> None:
        """A line that is not blank and stands outside of fences and comments."""
        block = self._open
        if block is not None and self._belongs(block, indent):
            self._extend(start, end)
            if block.kind is BlockKind.ITEM:
                self._open_fence(block, stripped, indent)
            return
        if self._starts_block(start, end, stripped, indent):
            return
        if block is not None and not block.gap and block.kind not in (BlockKind.CODE, BlockKind.FRONT_MATTER):
            self._extend(start, end)
        else:
            self._begin(BlockKind.CODE if indent >= 4 else BlockKind.PARAGRAPH, start, end, indent)

    def _belongs(self, block: _Open, indent: int) -> bool:
        """Whether indentation alone makes a line part of the open item or the open indented code."""
        if block.kind is BlockKind.ITEM:
            return indent >= block.indent + 2
        return block.kind is BlockKind.CODE and indent >= 4

    def _starts_block(self, start: int, end: int, stripped: str, indent: int) -> bool:
        """Begin another block if the line does, and say so."""
        first = stripped[0]
        if first in "`~" and _FENCE.match(stripped):
            self._open_fence(self._begin(BlockKind.CODE, start, end, indent), stripped, indent)
        elif indent >= 4:
            return False
        elif first == "#":
            return self._atx(start, end, stripped)
        elif first == "<":
            return self._html(start, end, stripped)
        elif first == ">":
            return self._quote(start, end)
        elif first in "=-*+_|:" or first.isdigit():
            return self._marked(start, end, stripped, indent)
        else:
            return False
        return True

    def _marked(self, start: int, end: int, stripped: str, indent: int) -> bool:
        """A line that may be a heading's underline, a table's second line, a rule or a list item."""
        block = self._open
        if block is not None and block.kind is BlockKind.PARAGRAPH:
            if _SETEXT.match(stripped):
                level = 1 if stripped[0] == "=" else 2
                self._blocks.append(Block(BlockKind.HEADING, block.start, end, level))
                self._open = None
                return True
            if self._is_delimiter_row(block, stripped):
                self._table(block, end)
                return True
        if _is_rule(stripped):
            self._begin(BlockKind.RULE, start, end, indent)
            self._close()
            return True
        if item := _ITEM.match(stripped):
            opened = self._begin(BlockKind.ITEM, start, end, indent)
            self._open_fence(opened, stripped[item.end() :].lstrip(), indent + item.end())
            return True
        return False

    def _is_delimiter_row(self, block: _Open, stripped: str) -> bool:
        return (
            "|" in stripped
            and "-" in stripped
            and "|" in self._text[block.last : block.end]
            and (_DELIMITERS.issuperset(stripped))
        )

    def _table(self, block: _Open, end: int) -> None:
        """Make the paragraph's last line the header of a table; what stands before stays a paragraph."""
        if block.last > block.start:
            self._blocks.append(Block(BlockKind.PARAGRAPH, block.start, block.last - 1))
        self._open = _Open(BlockKind.TABLE, block.last, end, 0, block.last)

    def _atx(self, start: int, end: int, stripped: str) -> bool:
        marks = _ATX.match(stripped)
        if marks is None:
            return False
        self._close()
        self._blocks.append(Block(BlockKind.HEADING, start, end, marks.end()))
        return True

    def _html(self, start: int, end: int, stripped: str) -> bool:
        if stripped.startswith("<!--"):
            until = "-->"
        elif verbatim := _VERBATIM.match(stripped):
            until = f"</{verbatim[1].lower()}>"
        elif self._open is None and _TAG.match(stripped):
            until = ""
        else:
            return False
        opened = self._begin(BlockKind.HTML, start, end, 0)
        if until and until not in stripped.lower():
            opened.until = until
        elif until:
            self._close()
        return True

    def _quote(self, start: int, end: int) -> bool:
        if self._open is not None and self._open.kind is BlockKind.QUOTE:
            self._extend(start, end)
        else:
            self._begin(BlockKind.QUOTE, start, end, 0)
        return True

    def _begin(self, kind: BlockKind, start: int, end: int, indent: int) -> _Open:
        self._close()
        self._open = _Open(kind, start, end, indent, start)
        return self._open

    def _extend(self, start: int, end: int) -> None:
        if self._open is not None:
            self._open.end, self._open.last, self._open.gap = end, start, False

    def _close(self) -> None:
        if self._open is not None:
            self._blocks.append(Block(self._open.kind, self._open.start, self._open.end))
            self._open = None

    @staticmethod
    def _open_fence(block: _Open, stripped: str, indent: int) -> None:
        if fence := _FENCE.match(stripped):
            block.until, block.until_indent = fence[1], indent


def _closes(stripped: str, fence: str) -> bool:
    """Whether a line closes ``fence``: at least as many of the same mark, and nothing else."""
    return len(stripped) >= len(fence) and not stripped.strip(fence[0])


def _is_rule(stripped: str) -> bool:
    marks = stripped.replace(" ", "").replace("\t", "")
    return len(marks) >= 3 and marks[0] in "-*_" and not marks.strip(marks[0])


def _indentation(line: str) -> int:
    """Return the columns before the line's first mark, a tab going on to the next multiple of four."""
    columns = 0
    for character in line:
        if character == " ":
            columns += 1
        elif character == "\t":
            columns += 4 - columns % 4
        else:
            break
    return columns
