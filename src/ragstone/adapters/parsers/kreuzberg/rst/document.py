"""reStructuredText as Markdown. Nothing that a document names is opened, be it a file or an address."""

import re
import sys
import time
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
        document = _tree(text, time.monotonic() + _READ_WITHIN)
        return Writer(document).text() or None
    except (RecursionError, OutOfTimeError, MemoryError, SystemError):  # the last where not even an error has room
        return None


def _tree(text: str, until: float) -> Any:
    document = new_document("", _settings())
    register({name.lower() for name in _DIRECTIVE.findall(text)}, document)
    Parser(inliner=Roles(until).inliner).parse(text, document)
    Footnotes(document).apply()
    return document


def _settings() -> Any:
    """Return docutils' settings; no file is asked for them."""
    settings = get_default_settings(Parser)
    vars(settings).update(_SETTINGS)
    return settings
