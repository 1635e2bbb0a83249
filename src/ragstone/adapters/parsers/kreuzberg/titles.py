"""Titles that name a document, told from what programs put there by themselves."""

import re

from ragstone.adapters.parsers.kreuzberg.decoding import clean

_NO_TITLE = re.compile(
    r"\(?(?:untitled|anonymous|unspecified|title|document|presentation|powerpoint presentation|slide|book|sheet|"
    r"microsoft word - .*|.*\.(?:docx?|pptx?|xlsx?|indd|tex|dvi|pdf|odt|rtf|md|html?))?\)?\s*\d*",
    re.IGNORECASE,
)
_LONGEST_TITLE = 300


def sensible_title(title: object) -> str | None:
    """Return a title that names the document, ``None`` for what programs put there by themselves."""
    if not isinstance(title, str):
        return None
    title = clean(" ".join(title.split()))
    return None if _NO_TITLE.fullmatch(title) or len(title) > _LONGEST_TITLE else title
