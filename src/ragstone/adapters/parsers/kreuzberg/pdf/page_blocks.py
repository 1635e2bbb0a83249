"""Pieces of Markdown, each on a page of a PDF, and lines of text made fit to be one."""

import re
from dataclasses import dataclass

from ragstone.adapters.parsers.kreuzberg.composition import prose
from ragstone.adapters.parsers.kreuzberg.pdf.drawn_lines import looks_tabular
from ragstone.adapters.parsers.kreuzberg.pdf.line_text import joined_lines
from ragstone.adapters.parsers.kreuzberg.pdf.page_tables import PageTable

SENTENCE_END = tuple(".!?:;…。！？\"'”’)")
_LONGEST_HEADING = 120
_HEADING = re.compile(r"(?:[\d.IVXivx]{1,12}[.)]?\s+|[A-Z][.)]\s+)?\W{0,2}[^\W\d_].*")
_WORD = re.compile(r"[^\W\d_]{3,}")
_OPENS_BLOCK = re.compile(r"#{1,6}(?:\s|$)|`{3}|~{3}|<!--|<(?:pre|script|style|textarea)\b|(?:-+|=+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of Markdown on a page; ``source`` is the text that it was made of, ``table`` the table that it is."""

    kind: str
    text: str
    page: int
    source: str = ""
    table: PageTable | None = None


def paragraph(text: str, page: int) -> Block:
    """Return lines of text as a paragraph."""
    return Block("paragraph", markdown_text(text), page, text)


def markdown_text(text: str) -> str:
    """Return a paragraph as one line, or as the lines that it is drawn in where they look like rows."""
    if looks_tabular(text.split("\n")):
        return prose(text)
    text = joined_lines(text)
    if text.startswith("#") and is_heading(text.lstrip("# ")):
        return text  # Tesseract's own Markdown
    return "\\" + text if _OPENS_BLOCK.match(text) else text


def is_heading(text: str) -> bool:
    """Whether a line in larger type reads like a heading: formulas and captions in it do not."""
    line = joined_lines(text)
    return (
        len(line) <= _LONGEST_HEADING
        and text.count("\n") <= 1
        and not line.endswith((".", ",", ";", ":"))
        and not line[:1].islower()
        and _HEADING.fullmatch(line) is not None
        and _WORD.search(line) is not None
        and not any(mark in line for mark in "=∈⊆→⇒⇔∀∃≤≥{}|\\")
    )
