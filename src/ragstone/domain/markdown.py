"""The outline of a Markdown text: its sections, their titles, and the path of headings above any place."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

from ragstone.domain.markdown_blocks import ATX, FRONT_MATTER_END, Block, BlockKind, blocks

LONGEST_TITLE = 200
"""Characters of a heading that its title keeps; titles are repeated on every chunk below them."""


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
    found = blocks(text)
    return Outline(found, tuple(_sections(text, found)))


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
    end = FRONT_MATTER_END.search(text, 4)
    found = _TITLE_LINE.search(text, 4, end.start()) if end else None
    if found is None:
        return None
    value = found[1].strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return value[:LONGEST_TITLE] or None


_TITLE_LINE = re.compile(r"^title:[ \t]+(\S.*)$", re.MULTILINE)
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
    if ATX.match(source):
        return plain_title(source.lstrip("#"))
    underline = text.rfind("\n", heading.start, heading.end)
    return plain_title(source[: underline - heading.start])
