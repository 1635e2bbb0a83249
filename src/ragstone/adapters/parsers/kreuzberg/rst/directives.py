"""Directives of reStructuredText: none is unknown, none reads files, and a wrong option costs nothing else."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from docutils.parsers.rst.languages import en
from docutils.parsers.rst.states import SubstitutionDef
from docutils.statemachine import StringList

_REFUSED = object()
_VISIBLE_OPTIONS = ("caption", "synopsis")
_FACTS = ("type", "value", "default")
_OWN_ROLE = re.compile(r"([^\s()]+)\s*(?:\(\s*([^\s()]+)\s*\))?")
_ENTRY = re.compile(r"(.+?)\s*<[^<>]*>")
_CHANGES = {
    "versionadded": "Added in version",
    "version-added": "Added in version",
    "versionchanged": "Changed in version",
    "version-changed": "Changed in version",
    "deprecated": "Deprecated since version",
    "version-deprecated": "Deprecated since version",
    "versionremoved": "Removed in version",
    "version-removed": "Removed in version",
}
_TITLES = {"seealso": "See also", "todo": "Todo"}


class _Options(dict[str, Callable[[str], Any]]):
    """Options that may be given: any, for those not known are kept as text."""

    def __missing__(self, name: str) -> Callable[[str], Any]:
        return lambda text: text


class _Tolerant:
    """Mixed into a directive of docutils: options that it does not know, or values it refuses, are left out."""

    options: dict[str, Any]

    def run(self) -> list[Any]:
        known: dict[str, Any] = self.option_spec  # type: ignore[attr-defined]
        captions = _captions(self.options)
        self.options = {name: value for name, value in self.options.items() if name in known and value is not _REFUSED}
        return [*captions, *super().run()]  # type: ignore[misc]


class Shown(Directive):  # type: ignore[misc]  # docutils has no types
    """A directive that docutils does not know: its argument, read as text, and what it holds."""

    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = _Options(name=directives.unchanged)

    def run(self) -> list[Any]:
        """Return the nodes that stand for it."""
        return [*_captions(self.options), *self.parsed(self.argument().split("\n")), *self.parsed(self.content)]

    def argument(self) -> str:
        """Return the argument, which may go on over lines; nothing where there is none."""
        return str(self.arguments[0]) if self.arguments else ""

    def parsed(self, lines: Any) -> list[Any]:
        """Read lines as a document of its own would be: it may have headings, which count from where it stands."""
        if not any(line.strip() for line in lines):
            return []
        block = lines if isinstance(lines, StringList) else StringList(lines, "")
        holder = nodes.container()
        memo = self.state.memo
        styles, memo.title_styles = memo.title_styles, []
        try:
            self.state.nested_parse(block, self.content_offset, holder, match_titles=True)
        finally:
            memo.title_styles = styles
        return list(holder.children)


class _Content(Shown):
    """Its argument is for a program: a condition, a class, a number of columns."""

    def run(self) -> list[Any]:
        return self.parsed(self.content)


class _Dropped(Shown):
    """Nothing of it is text: files that are not here, settings, an index's entries, what is meant for one format."""

    def run(self) -> list[Any]:
        return [nodes.inline()] if isinstance(self.state, SubstitutionDef) else []


class _Role(_Dropped):
    """``.. role:: name(base)``: remembered for this document alone."""

    optional_arguments = 1

    def run(self) -> list[Any]:
        if made := _OWN_ROLE.match(self.argument()):
            self.state.inliner.add_role(made[1], made[2] or "inline")
        return []


class _Signature(Shown):
    """What describes a function, a class, an option: its signatures, one on each line, and the text about it."""

    def run(self) -> list[Any]:
        lines = self.argument().replace("\\\n", " ").split("\n")
        terms = [nodes.term("", "", nodes.literal(line, line.strip())) for line in lines if line.strip()]
        facts = [f"| {name.capitalize()}: {text}" for name in _FACTS if (text := self.options.get(name))]
        body = nodes.definition("", *_captions(self.options), *self.parsed(facts), *self.parsed(self.content))
        return [nodes.definition_list("", nodes.definition_list_item("", *terms, body))]


class _Change(Shown):
    """``versionadded`` and the like: what Sphinx writes for it before the text."""

    def run(self) -> list[Any]:
        version, text = [*self.argument().split(None, 1), "", ""][:2]
        title = f"{_CHANGES[self.name.lower()]} {version}".strip()
        body = [*self.parsed(text.split("\n")), *self.parsed(self.content)]
        return [nodes.admonition("", nodes.title("", title), *body)]


class _Titled(Shown):
    """An admonition that Sphinx adds."""

    def run(self) -> list[Any]:
        title = nodes.title("", _TITLES[self.name.lower()])
        return [nodes.admonition("", title, *self.parsed(self.argument().split("\n")), *self.parsed(self.content))]


class _Figure(Shown):
    """A picture with what is said about it, which docutils takes for an error where it begins with no paragraph."""

    def run(self) -> list[Any]:
        return [nodes.figure("", nodes.image("", alt=self.options.get("alt", "")), *self.parsed(self.content))]


class _Listing(Shown):
    """Code, or what a program draws from: the argument is its language, the rest stays as it is."""

    def run(self) -> list[Any]:
        code = "\n".join(self.content)
        language = self.argument().split()[:1] if self.name.lower() in _IN_LANGUAGES else []
        block = nodes.literal_block(code, code, classes=["code", *language])
        return [*_captions(self.options), *([block] if code.strip() else [])]


class _Entries(Shown):
    """``toctree`` and ``autosummary``: a list of names, or of titles."""

    def run(self) -> list[Any]:
        entries = [line.strip() for line in self.content if line.strip() and "*" not in line and line.strip() != "self"]
        shown = [titled[1] if (titled := _ENTRY.fullmatch(entry)) else entry for entry in entries]
        items = [nodes.list_item("", nodes.paragraph("", entry)) for entry in shown]
        return [*_captions(self.options), *([nodes.bullet_list("", *items)] if items else [])]


_IN_LANGUAGES = frozenset({"code", "code-block", "sourcecode", "code-tab", "code-cell", "highlight-block"})
_SIGNATURES = frozenset(
    "function class method classmethod staticmethod property attribute data exception decorator decoratormethod "
    "module option cmdoption envvar describe object confval macro struct union enum enumerator member var type "
    "setting command".split()
)
_OWN: dict[str, type[Shown]] = {
    **dict.fromkeys("only ifconfig rst-class cssclass grid tab-set tabs".split(), _Content),
    **dict.fromkeys(
        "include literalinclude raw date default-role meta highlight highlightlang index tabularcolumns currentmodule "
        "default-domain testsetup testcleanup sectionauthor codeauthor moduleauthor".split(),
        _Dropped,
    ),
    **dict.fromkeys(_CHANGES, _Change),
    **dict.fromkeys(_TITLES, _Titled),
    **dict.fromkeys(_IN_LANGUAGES, _Listing),
    **dict.fromkeys(
        "prompt ipython doctest testcode testoutput jupyter-execute plot graphviz graph digraph mermaid uml plantuml "
        "productionlist".split(),
        _Listing,
    ),
    **dict.fromkeys(("toctree", "autosummary"), _Entries),
    "role": _Role,
    "figure": _Figure,
}


def register(names: Iterable[str], document: Any) -> None:
    """Make the directives of these names known to docutils, which knows directives by process."""
    for name in names:
        directives.register_directive(name, _directive(name, document))


def _directive(name: str, document: Any) -> Any:
    kind = name.rpartition(":")[2]
    if own := _OWN.get(name.removeprefix("py:")):
        return own
    known, _ = directives.directive(name, en, document)
    if known is None or issubclass(known, Shown):
        return _Signature if kind in _SIGNATURES or ":" in name or name.startswith("auto") else Shown
    if issubclass(known, _Tolerant) or not known.option_spec:
        return known
    accepted = _Options({option: _accepting(convert) for option, convert in known.option_spec.items()})
    return type(known.__name__, (_Tolerant, known), {"option_spec": accepted})


def _accepting(convert: Callable[[str], Any]) -> Callable[[str], Any]:
    def converted(text: str) -> Any:
        try:
            return convert(text)
        except (ValueError, TypeError, LookupError):
            return _REFUSED

    return converted


def _captions(options: dict[str, Any]) -> list[Any]:
    """Return the options that a reader sees, as paragraphs."""
    texts = (options.get(name) for name in _VISIBLE_OPTIONS)
    return [nodes.paragraph("", text) for text in texts if isinstance(text, str) and text]
