"""The blocks of a Markdown text: paragraphs, headings, list items, tables, code, and where each lies.

A line scanner for what chunking and citing need of CommonMark and of GitHub's tables, not a renderer:
each line is looked at once, so the time is linear in the text whatever it holds.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


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


def blocks(text: str) -> tuple[Block, ...]:
    """Return the blocks of ``text`` in order; only blank lines lie between them. Linear in its length."""
    return _Scanner(text).scan()


ATX = re.compile(r"#{1,6}(?=[ \t]|$)")
_SETEXT = re.compile(r"(?:=+|-+)$")
_FENCE = re.compile(r"(`{3,}(?=[^`]*$)|~{3,})")
_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")
_VERBATIM = re.compile(r"<(pre|script|style|textarea)(?=[\s>]|$)", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z]")
_DELIMITERS = frozenset("|:- \t")
FRONT_MATTER_END = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE)


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
        """Return all blocks. Each line is looked at once."""
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
        closing = FRONT_MATTER_END.search(self._text, 4)
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
        closed = _closes(stripped, block.until) if fenced else block.until in stripped.lower()
        if closed:
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
        if first in "`~":
            return self._fence(start, end, stripped, indent)
        if indent >= 4:
            return False
        if first == "#":
            return self._atx(start, end, stripped)
        if first == "<":
            return self._html(start, end, stripped)
        if first == ">":
            return self._quote(start, end)
        return (first in "=-*+_|:" or first.isdigit()) and self._marked(start, end, stripped, indent)

    def _fence(self, start: int, end: int, stripped: str, indent: int) -> bool:
        if _FENCE.match(stripped) is None:
            return False
        self._open_fence(self._begin(BlockKind.CODE, start, end, indent), stripped, indent)
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
        marks = ATX.match(stripped)
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
