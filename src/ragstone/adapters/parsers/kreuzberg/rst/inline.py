"""What stands within the lines of reStructuredText, as Markdown: emphasis, code, links, substitutions."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from docutils import nodes

_MOST_SUBSTITUTED = 1_000_000
"""Characters that all substitutions of a document may put in; beyond, their names stay."""
_LONGEST_CHAIN = 10
_FOLLOWED = ("http://", "https://", "mailto:", "ftp://")
_MARKS = {"emphasis": "*", "strong": "**"}
_GONE = frozenset({"raw", "system_message", "substitution_definition", "comment", "pending", "index"})


class InlineWriter:
    """Writes the inline nodes of one document."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._addresses = _addresses(document)
        self._anonymous = _anonymous(document)
        self._open: set[str] = set()
        self._substituted = 0

    def text(self, node: Any) -> str:
        """Return what a node holds on one line."""
        return " ".join(self._inner(node).split())

    def write(self, node: Any) -> str:
        """Return an inline node; white space stays as it is."""
        name = type(node).__name__
        if name in _GONE:
            return ""
        leaf = _LEAVES.get(name)
        if leaf is not None:
            return leaf(node)
        if name == "substitution_reference":
            return self._substitution(node)
        text = self._inner(node)
        if name == "reference":
            return self._reference(node, text)
        mark = _MARKS.get(name, "") if text.strip() else ""
        return f"{mark}{text}{mark}"

    def _inner(self, node: Any) -> str:
        return "".join(map(self.write, node.children))

    def _reference(self, node: Any, text: str) -> str:
        address = node.get("refuri")
        name = node.get("refname")
        if address is None and name is not None:
            address = _followed(self._addresses, name)
            if address is None and name not in self._document.nameids and "`" not in node.rawsource:
                return str(node.rawsource) or text  # a word that ends with an underscore
        if address is None and node.get("anonymous"):
            address = next(self._anonymous, None)
        pictured = any(isinstance(child, nodes.image) for child in node.children)
        if address is None or not address.startswith(_FOLLOWED) or pictured or not text.strip():
            return text
        return text if text in (address, address.removeprefix("mailto:")) else f"[{text}]({address})"

    def _substitution(self, node: Any) -> str:
        name = node["refname"]
        definitions = self._document.substitution_defs
        name = name if name in definitions else self._document.substitution_names.get(name.lower(), name)
        if name not in definitions or name in self._open or self._substituted > _MOST_SUBSTITUTED:
            return str(node.rawsource) or f"|{node.astext()}|"
        self._open.add(name)
        text = self._inner(definitions[name])
        self._open.remove(name)
        self._substituted += 1 + len(text)
        return text


def _code(text: str) -> str:
    text = " ".join(text.split())
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence} {text} {fence}" if "`" in text else f"`{text}`" if text else ""


_LEAVES: dict[str, Callable[[Any], str]] = {
    "Text": lambda node: str(node.astext()),
    "literal": lambda node: _code(node.astext()),
    "math": lambda node: f"${node.astext()}$",
    "image": lambda node: str(node.get("alt", "")),
    "footnote_reference": lambda node: f"[{node.astext()}]",
    "citation_reference": lambda node: f"[{node.astext()}]",
}


def _addresses(document: Any) -> dict[str, Any]:
    """Return the targets by their names."""
    return {name: target for target in document.findall(nodes.target) for name in target["names"]}


def _followed(targets: dict[str, Any], name: str) -> str | None:
    """Return the address that a name stands for, by way of other names."""
    for _ in range(_LONGEST_CHAIN):
        target = targets.get(name)
        if target is None or "refuri" in target:
            return target["refuri"] if target is not None else None
        name = target.get("refname", "")
    return None


def _anonymous(document: Any) -> Iterator[str | None]:
    """Yield the addresses of targets without a name, which references without a name take in order."""
    return (target.get("refuri") for target in document.findall(nodes.target) if target.get("anonymous"))
