"""reStructuredText as Markdown. Nothing that a document names is opened, be it a file or an address."""

import gc
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from docutils.frontend import get_default_settings
from docutils.parsers.rst import Parser
from docutils.transforms.references import Footnotes
from docutils.utils import new_document

from ragstone.adapters.parsers.kreuzberg.rst.directives import register
from ragstone.adapters.parsers.kreuzberg.rst.markdown import Writer
from ragstone.adapters.parsers.kreuzberg.rst.roles import OutOfTimeError, Roles

_DIRECTIVE = re.compile(r"\.\.[ \t]+(?:\|[^|\n]+\|[ \t]+)?([^\s:][^\s]{0,100}?)[ ]?::(?=\s|$)")
_READ_WITHIN = 25.0
"""Seconds; then a document stays as it is, long before the time for a file is over."""
_SETTINGS = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "halt_level": 5,
    "report_level": 5,
    "warning_stream": False,
    "syntax_highlight": "none",
    "line_length_limit": sys.maxsize,
}


def rst_to_markdown(text: str) -> str | None:
    """Return a document as Markdown, ``None`` for one that is too deep, or too long to be read in time,
    or that has no words of its own.

    What docutils cannot read of it, such as a table whose lines do not meet, is there as it was written.
    """
    try:
        with _uncollected():
            document = read_tree(text, time.monotonic() + _READ_WITHIN)
            return Writer(document).text() or None
    except (RecursionError, OutOfTimeError, MemoryError, SystemError):  # the last where not even an error has room
        return None


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep Python from looking for garbage again and again in a tree that only grows: a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def read_tree(text: str, until: float) -> Any:
    """Return what docutils makes of a document, until when it may take by the monotonic clock."""
    document = new_document("", _settings())
    document.note_implicit_target = _TitleNames(document).note
    register({name.lower() for name in _DIRECTIVE.findall(text)}, document)
    Parser(inliner=Roles(until).inliner).parse(text, document)
    Footnotes(document).apply()
    return document


class _TitleNames:
    """Notes the names of titles; of one that is there already docutils would say so at length, and nobody reads it."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._note = document.note_implicit_target

    def note(self, target: Any, message_node: Any = None) -> None:
        """Note a title, if it is the first of its name."""
        if not any(name in self._document.nametypes for name in target["names"]):
            self._note(target, message_node)


def _settings() -> Any:
    """Return docutils' settings; no file is asked for them."""
    settings = get_default_settings(Parser)
    vars(settings).update(_SETTINGS)
    return settings
