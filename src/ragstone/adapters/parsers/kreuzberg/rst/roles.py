"""Interpreted text of reStructuredText (``:role:`text```): what a reader of the finished page would see of it."""

import re
import time
from typing import Any

from docutils import nodes
from docutils.parsers.rst.states import Inliner

_LONGEST = 16_000
"""Characters of a paragraph up to which its marks are read: docutils looks from each mark to the paragraph's end."""
_TITLED = re.compile(r"(.+?)\s*(?<!\x00)<[^<]*>", re.DOTALL)
_LAST_PART = re.compile(r"~(?:.*?(?:\.|::))?([^.:]+)", re.DOTALL)
_BRACES = re.compile(r"(?<!\x00)[{}]")
_LITERAL = frozenset({"literal", "code", "kbd", "regexp", "token", "expr", "texpr"})
_WITH_BRACES = frozenset({"file", "samp"})
_CALLED = frozenset({"func", "meth"})
_CODE = frozenset(
    "func class meth mod attr data const exc obj type macro member var enum struct union enumerator decorator dir "
    "command program option envvar makevar variable module prop_tgt prop_dir prop_sf setting confval".split()
)
_PROSE_OF_SPHINX = frozenset({"ref", "doc", "term", "numref", "label"})
_NUMBERED = {"pep": "PEP", "pep-reference": "PEP", "rfc": "RFC", "rfc-reference": "RFC"}
_MARKED: dict[str, Any] = {
    "emphasis": nodes.emphasis,
    "strong": nodes.strong,
    "math": nodes.math,
    **dict.fromkeys(("sub", "subscript"), nodes.subscript),
    **dict.fromkeys(("sup", "superscript"), nodes.superscript),
}


class OutOfTimeError(Exception):
    """The time for reading a document is over."""


class Roles:
    """The roles of one document: every one is known, and none is looked up, so that its own end with it.

    ``until`` is when to stop, by the monotonic clock: ``OutOfTimeError`` is raised from then on.
    """

    def __init__(self, until: float) -> None:
        self._until = until
        self._bases: dict[str, str] = {}
        self.inliner = Inliner()  # which finds its patterns in its own class, and so may have no subclass
        self._parse = self.inliner.parse
        self.inliner.parse, self.inliner.interpreted = self.parse, self.interpreted
        self.inliner.add_role = self.add

    def add(self, name: str, base: str) -> None:
        """Remember a role that the document makes of another."""
        self._bases[name.lower()] = self._bases.get(base.lower(), base.lower())

    def parse(self, text: str, lineno: int, memo: Any, parent: Any) -> Any:
        """Return the nodes of a text, as docutils reads it."""
        if time.monotonic() > self._until:
            raise OutOfTimeError
        if len(text) > _LONGEST:
            return [nodes.Text(nodes.unescape(text, True))], []
        return self._parse(text, lineno, memo, parent)

    def interpreted(self, rawsource: str, text: str, role: str, _lineno: int) -> tuple[list[Any], list[Any]]:
        """Return what stands for interpreted text: its nodes, and no message."""
        name = self._bases.get(role.lower(), role.lower())
        return ([] if name == "raw" else [_node(name, text, rawsource)]), []


def _node(role: str, text: str, source: str) -> Any:
    kind = role.rpartition(":")[2]
    if (mark := _MARKED.get(kind)) is not None:
        return mark(source, nodes.unescape(text, kind == "math"))
    if kind in _LITERAL:
        return nodes.literal(source, nodes.unescape(text, True))
    if kind in _WITH_BRACES:
        return nodes.literal(source, nodes.unescape(_BRACES.sub("", text)))
    is_code = kind in _CODE or (":" in role and kind not in _PROSE_OF_SPHINX)
    shown = nodes.unescape(_shown(kind, text))
    if kind in _NUMBERED and shown.isdigit():
        shown = f"{_NUMBERED[kind]} {shown}"
    return nodes.literal(source, shown) if is_code else nodes.inline(source, shown)


def _shown(kind: str, text: str) -> str:
    """Return the title of ``title <target>``; of a target alone what Sphinx shows of it."""
    if titled := _TITLED.fullmatch(text):
        return titled[1]
    text = text.removeprefix("!")
    if last := _LAST_PART.fullmatch(text):
        text = last[1]
    return f"{text}()" if kind in _CALLED and not text.endswith(")") else text
