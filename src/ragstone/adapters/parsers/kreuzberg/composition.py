"""One document from many: the parts of a message or an archive, one below the other, each under its name."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ragstone.domain.documents import PageSpan, ParsedDocument
from ragstone.domain.markdown_blocks import ATX, Block, BlockKind, blocks

_SEPARATOR = "\n\n"
_OPENS_BLOCK = re.compile(
    r"^(?= {0,3}(?:#{1,6}(?:\s|$)|`{3}|~{3}|<!--|</?[A-Za-z]|(?:-{1,80}|={1,80})[ \t]*$))", re.MULTILINE
)
_PROSE = ("", "txt", "text", "log", "eml", "msg", "json", "jsonl", "ndjson", "xml", "rss", "atom")


@dataclass(slots=True)
class Composition:
    """Grows a text part by part, and notes where each lies; parts count as pages, from 1."""

    pages: list[PageSpan] = field(default_factory=list)
    _unread: dict[str, str] = field(default_factory=dict)
    _names: Counter[str] = field(default_factory=Counter)
    _texts: list[str] = field(default_factory=list)
    _length: int = 0

    def add(self, text: str, label: str | None, *, heading: str | None = None) -> None:
        """Add a part, which counts as a page of its own, below a heading if it has one."""
        whole = text if heading is None else f"# {one_line(heading)}{_SEPARATOR}{text}"
        separator = _SEPARATOR if self._texts else ""
        start = self._length + len(separator)
        self._texts += (separator, whole)
        self._length = start + len(whole)
        self.pages.append(PageSpan(len(self.pages) + 1, start, self._length, label))

    def include(self, parsed: ParsedDocument, name: str) -> None:
        """Add a document as a part below its name, and what in turn of it could not be read, as ``name/inner``."""
        self.add(as_part(parsed, name), name, heading=name)
        self.note({f"{name}/{inner}": cause for inner, cause in parsed.unread.items()})

    def note(self, unread: Mapping[str, str]) -> None:
        """Remember parts that could not be read, by name, and why; the second of a name becomes ``name (2)``."""
        for name, cause in unread.items():
            self._unread[self._unlike_others(name)] = cause

    def document(self, media_type: str, title: str | None = None) -> ParsedDocument:
        """Return what was composed, and the names of what could not be read."""
        return ParsedDocument("".join(self._texts), media_type, title, tuple(self.pages), dict(self._unread))

    def _unlike_others(self, name: str) -> str:
        unlike = name
        while unlike in self._unread:
            self._names[name] += 1
            unlike = f"{name} ({self._names[name] + 1})"
        return unlike


def as_part(parsed: ParsedDocument, name: str) -> str:
    """Return a document's text fit to stand in another, one heading level lower, with nothing left open."""
    content = parsed.content.strip("\n")
    extension = name.rpartition("/")[2].rpartition(".")[2].lower() if "." in name.rpartition("/")[2] else ""
    if parsed.structured:
        content = _demoted(content)
    elif extension in _PROSE:
        return prose(content)
    if not parsed.structured or _leaves_open(content):
        return fenced(content)
    return content


def prose(text: str) -> str:
    """Return plain text that no line of which Markdown takes for a heading, a fence or HTML."""
    return _OPENS_BLOCK.sub(r"\\", text)


def fenced(text: str, language: str = "") -> str:
    """Return text as a block of code, whatever it holds."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


def one_line(text: str) -> str:
    """Return ``text`` with every run of white space as one space."""
    return " ".join(text.split())


def _demoted(content: str) -> str:
    parts: list[str] = []
    position = 0
    for block in blocks(content):
        parts += (content[position : block.start], _block(content[block.start : block.end], block))
        position = block.end
    return "".join([*parts, content[position:]])


def _block(text: str, block: Block) -> str:
    if block.kind is BlockKind.HEADING and ATX.match(text.lstrip()):
        return "#" + text.lstrip() if block.level < 6 else text
    if block.kind is BlockKind.HEADING:  # underlined
        return f"{'#' * (block.level + 1)} {one_line(text.rpartition(chr(10))[0])}"
    if block.kind is BlockKind.FRONT_MATTER:
        return fenced("\n".join(text.split("\n")[1:-1]))
    return text


def _leaves_open(content: str) -> bool:
    """Whether a fence or a comment would swallow what comes after."""
    return blocks(f"{content}\n\n# x")[-1].kind is not BlockKind.HEADING
