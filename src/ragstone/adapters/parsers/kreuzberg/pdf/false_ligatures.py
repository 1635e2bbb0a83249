"""Marks that kreuzberg takes for ligatures of a broken font: its ``Dankefi`` is ``Danke!``, its ``XfiY`` is ``X#Y``."""

import re
from collections.abc import Mapping

from ragstone.adapters.parsers.kreuzberg.decoding import clean
from ragstone.adapters.parsers.kreuzberg.pdf.line_text import line_key

_MARKED = re.compile(r'[^\W\d_][!"#*]')
_UNSURE = re.compile(r"[\W_]|ffi|fi|tt")


def marked_lines(text: str) -> dict[str, str]:
    """Return the lines of a page in which a mark follows a letter, by what is sure of them."""
    if _MARKED.search(text) is None:
        return {}
    return {_sure(line): line for line in clean(text).split("\n") if _MARKED.search(line)}


def without_false_ligatures(text: str, marked: Mapping[str, str]) -> str:
    """Return kreuzberg's text of a page with the page's own lines where it differs from these by ligatures alone."""
    if not marked:
        return text
    return "\n".join(_mended(line, marked) for line in clean(text).split("\n"))


def _mended(line: str, marked: Mapping[str, str]) -> str:
    drawn = marked.get(_sure(line), line)
    return line if line_key(line) == line_key(drawn) else drawn


def _sure(line: str) -> str:
    """Return what of a line is neither a mark nor what may stand for one."""
    return _UNSURE.sub("", line)
