"""The tree that docutils makes of reStructuredText, written as Markdown."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from docutils import nodes

from ragstone.adapters.parsers.kreuzberg.composition import fenced, prose
from ragstone.adapters.parsers.kreuzberg.rst.inline import InlineWriter
from ragstone.adapters.parsers.kreuzberg.rst.tables import table_rows
from ragstone.adapters.parsers.kreuzberg.tables import markdown_table

_UNSEEN = frozenset(
    "comment target substitution_definition pending decoration meta raw transition title subtitle label index".split()
)
_ADMONITIONS = frozenset("attention caution danger error hint important note tip warning".split())
_FIELDS = {
    **dict.fromkeys(("param", "parameter", "arg", "argument"), "Parameter"),
    **dict.fromkeys(("key", "keyword", "kwarg", "kwparam"), "Keyword"),
    **dict.fromkeys(("return", "returns"), "Returns"),
    **dict.fromkeys(("raise", "raises", "except", "exception"), "Raises"),
    "rtype": "Return type",
    "type": "Type of",
    "var": "Variable",
    "ivar": "Variable",
    "cvar": "Variable",
}
_FILE_WIDE = frozenset({"orphan", "nosearch", "nocomments", "tocdepth"})
_ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1*\s*")
_LOST = 3
"""The level of a message from which on docutils has left out what it is about."""


class Writer:
    """Writes a document; ``depth`` is how many headings are above."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._inline = InlineWriter(document)

    def text(self) -> str:
        """Return the whole document."""
        return "\n\n".join(self._blocks(self._document, 0))

    def _blocks(self, node: Any, depth: int) -> list[str]:
        return [block for child in node.children for block in self._block(child, depth) if block.strip()]

    def _block(self, node: Any, depth: int) -> Iterable[str]:
        name = type(node).__name__
        if name in _UNSEEN:
            return ()
        if name in _ADMONITIONS:
            return self._titled(name.capitalize(), node, depth)
        write: Callable[[Any, int], Iterable[str]] | None = getattr(self, f"_{name}", None)
        if write is not None:
            return write(node, depth)
        if isinstance(node, (nodes.TextElement, nodes.Text)):
            return self._paragraph(node, depth)
        return self._blocks(node, depth)

    def _section(self, node: Any, depth: int) -> Iterator[str]:
        for child in node.children:
            if isinstance(child, nodes.title):
                yield f"{'#' * min(depth + 1, 6)} {self._inline.text(child)}"
            else:
                yield from self._block(child, depth + 1)

    def _paragraph(self, node: Any, _depth: int) -> list[str]:
        text = self._inline.text(node) if node.children else " ".join(self._inline.write(node).split())
        return [prose(text)]

    def _rubric(self, node: Any, _depth: int) -> list[str]:
        text = self._inline.text(node)
        return [f"**{text}**" if text else ""]

    def _caption(self, node: Any, _depth: int) -> list[str]:
        return [prose(self._inline.text(node))]

    def _image(self, node: Any, _depth: int) -> list[str]:
        return [prose(" ".join(node.get("alt", "").split()))]

    def _figure(self, node: Any, depth: int) -> list[str]:
        return list(dict.fromkeys(self._blocks(node, depth)))  # what describes a picture is often its caption too

    def _topic(self, node: Any, depth: int) -> list[str]:
        titles = [
            f"**{self._inline.text(child)}**"
            for child in node.children
            if isinstance(child, (nodes.title, nodes.subtitle))
        ]
        return [*titles, *self._blocks(node, depth)]

    _sidebar = _topic

    def _admonition(self, node: Any, depth: int) -> list[str]:
        titles = [self._inline.text(child) for child in node.children if isinstance(child, nodes.title)]
        return self._titled(" ".join(titles), node, depth)

    def _titled(self, title: str, node: Any, depth: int) -> list[str]:
        """Write an admonition, its title at the start of its first paragraph."""
        blocks = self._blocks(node, depth)
        first = next((child for child in node.children if not isinstance(child, nodes.title)), None)
        if isinstance(first, nodes.paragraph) and blocks:
            return [f"**{title}:** {blocks[0]}", *blocks[1:]]
        return [f"**{title}**", *blocks]

    def _block_quote(self, node: Any, depth: int) -> list[str]:
        """Write a quote as one if it holds paragraphs alone: else it is but something that was indented."""
        blocks = self._blocks(node, depth)
        if all(isinstance(child, (nodes.paragraph, nodes.attribution, *_INVISIBLE)) for child in node.children):
            return ["\n".join(f"> {line}".rstrip() for line in "\n\n".join(blocks).split("\n"))] if blocks else []
        return blocks

    def _attribution(self, node: Any, _depth: int) -> list[str]:
        return [f"— {self._inline.text(node)}"]

    def _line_block(self, node: Any, _depth: int) -> list[str]:
        lines = (self._inline.text(line) for line in node.findall(nodes.line))
        return [prose("\n".join(line for line in lines if line))]

    def _bullet_list(self, node: Any, depth: int) -> list[str]:
        return self._items([("- ", child) for child in node.children], depth)

    def _enumerated_list(self, node: Any, depth: int) -> list[str]:
        kind, start = node.get("enumtype", "arabic"), node.get("start", 1)
        labels = (_label(kind, number) for number in range(start, start + len(node.children)))
        suffix = ") " if node.get("suffix") == ")" else ". "
        marks = [label + suffix if label.isdigit() else f"- {label}{suffix}" for label in labels]
        return self._items(list(zip(marks, node.children, strict=True)), depth)

    def _items(self, items: list[tuple[str, Any]], depth: int) -> list[str]:
        written: list[str] = []
        tight = True
        for mark, item in items:
            blocks = self._blocks(item, depth)
            short = _is_short(item)
            tight = tight and short
            text = ("\n" if short else "\n\n").join(blocks)
            width = len(mark) if mark[0] != "-" else 2
            written.append(mark + text.replace("\n", f"\n{' ' * width}").replace(f"\n{' ' * width}\n", "\n\n"))
        return [("\n" if tight else "\n\n").join(written)]

    def _definition_list_item(self, node: Any, depth: int) -> list[str]:
        """Write terms on lines of their own, the first paragraph about them right below."""
        lines = [self._inline.text(child) for child in node.children if isinstance(child, nodes.term)]
        kinds = [self._inline.text(child) for child in node.children if isinstance(child, nodes.classifier)]
        head = prose("\n".join([*lines[:-1], " : ".join([*lines[-1:], *kinds])]))
        body = node.children[-1]
        blocks = self._blocks(body, depth)
        if blocks and isinstance(body.children[0], nodes.paragraph):
            return [f"{head}\n{blocks[0]}", *blocks[1:]]
        return [head, *blocks]

    def _field_list(self, node: Any, depth: int) -> list[str]:
        items: list[str] = []
        for field in node.children:
            name = _field_name(self._inline.text(field.children[0]))
            blocks = self._blocks(field.children[1], depth) if len(field.children) > 1 else []
            if name.lower() not in _FILE_WIDE:
                items.append("- " + "\n\n".join([f"{name}: {blocks[0]}" if blocks else name, *blocks[1:]]))
        return ["\n".join(item.replace("\n", "\n  ").replace("\n  \n", "\n\n") for item in items)]

    def _option_list_item(self, node: Any, depth: int) -> list[str]:
        options = ", ".join(option.astext() for option in node.children[0].children)
        return [f"`{options}`\n" + "\n\n".join(self._blocks(node.children[1], depth))]

    def _footnote(self, node: Any, depth: int) -> list[str]:
        label = next((child.astext() for child in node.children if isinstance(child, nodes.label)), "")
        blocks = self._blocks(node, depth)
        return [f"[{label}] {blocks[0]}" if blocks else f"[{label}]", *blocks[1:]]

    _citation = _footnote

    def _literal_block(self, node: Any, _depth: int) -> list[str]:
        classes = [name for name in node.get("classes", ()) if name != "code"] if "code" in node["classes"] else []
        return [fenced(node.astext(), classes[0] if classes else "")]

    def _doctest_block(self, node: Any, _depth: int) -> list[str]:
        return [fenced(node.astext(), "pycon")]

    def _math_block(self, node: Any, _depth: int) -> list[str]:
        return [f"$${node.astext()}$$"]

    def _table(self, node: Any, depth: int) -> list[str]:
        titles = [prose(self._inline.text(child)) for child in node.children if isinstance(child, nodes.title)]
        rows = table_rows(node, lambda entry: self._cell(entry, depth))
        return [*titles, markdown_table(rows)]

    def _cell(self, entry: Any, depth: int) -> str:
        """Return a cell as one line: code without its fence, other blocks one after the other."""
        parts = (
            [child.astext()] if isinstance(child, nodes.literal_block) else self._block(child, depth)
            for child in entry.children
        )
        return " ".join(" ".join(part).strip() for part in parts).removeprefix("\\")

    def _system_message(self, node: Any, _depth: int) -> list[str]:
        """Write what docutils could not read, as it is in the source."""
        if node["level"] < _LOST:
            return []
        lost = [child.astext().strip("\n") for child in node.children if isinstance(child, nodes.literal_block)]
        return [_as_written(text) for text in lost]


_INVISIBLE = (nodes.comment, nodes.target, nodes.system_message, nodes.substitution_definition, nodes.pending)


def _as_written(text: str) -> str:
    """Return source: a title where none may be becomes a strong line, a directive that holds nothing goes."""
    lines = text.split("\n")
    if len(lines) in (2, 3) and _ADORNMENT.fullmatch(lines[-1]):
        return f"**{lines[-2].strip()}**"
    return "" if len(lines) == 1 and lines[0].endswith("::") else fenced(text)


def _is_short(item: Any) -> bool:
    """Whether an item is one paragraph, or one and a list of short ones."""
    first, *rest = item.children or [None]
    return (first is None or isinstance(first, nodes.paragraph)) and all(
        isinstance(child, (nodes.bullet_list, nodes.enumerated_list)) and all(map(_is_short, child.children))
        for child in rest
    )


def _label(kind: str, number: int) -> str:
    if kind.endswith("alpha") and number <= 26:
        return chr((ord("a") if kind == "loweralpha" else ord("A")) + number - 1)
    if kind.endswith("roman"):
        return _roman(number).lower() if kind == "lowerroman" else _roman(number)
    return str(number)


def _roman(number: int) -> str:
    numerals = zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"),
        strict=True,
    )
    text = ""
    for value, numeral in numerals:
        text += numeral * (number // value)
        number %= value
    return text


def _field_name(name: str) -> str:
    """Return a field's name: of those that describe a function's parameters, as a reader sees it."""
    kind, _, rest = name.partition(" ")
    return f"{_FIELDS[kind]} {rest}".strip() if kind in _FIELDS else name
