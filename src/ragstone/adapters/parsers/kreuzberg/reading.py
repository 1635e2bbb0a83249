"""One file, read: text as it is, tables and XML as text, anything else through kreuzberg. Runs in the child."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from ragstone.adapters.parsers.kreuzberg.decoding import decode
from ragstone.adapters.parsers.kreuzberg.media_types import AS_THEY_ARE, CSV, MARKDOWN, PLAIN, SPREADSHEETS, TSV, XML
from ragstone.adapters.parsers.kreuzberg.tables import csv_to_markdown
from ragstone.adapters.parsers.kreuzberg.xml_text import xml_to_text
from ragstone.domain.documents import ParsedDocument
from ragstone.domain.errors import ParseFailed
from ragstone.domain.markdown import front_matter_title, outline

_TITLE_WITHIN = 20_000
"""Characters from the start of a document in which its first heading is its title."""


def read(data: bytes, media_type: str) -> ParsedDocument:
    """Return the file's text. Raises ``ParseFailed``; any other exception is a defect and ends the process."""
    parsed = _read(data, media_type)
    if not parsed.content.strip("\ufffd \t\n"):
        raise ParseFailed("no_text", "The file holds no text.", remedy="Send a file that holds text.")
    return parsed


def _read(data: bytes, media_type: str) -> ParsedDocument:
    if media_type == MARKDOWN:
        content = decode(data)
        return ParsedDocument(content, MARKDOWN, title=front_matter_title(content) or _first_heading(content))
    if media_type in AS_THEY_ARE:
        return ParsedDocument(decode(data), PLAIN)
    if convert := _CONVERSIONS.get(media_type):
        return convert(data)
    from ragstone.adapters.parsers.kreuzberg.extraction import extract  # kreuzberg: 160 ms and 20 MB, when needed

    parsed = extract(data, media_type)
    if parsed.title or media_type in SPREADSHEETS:
        return parsed
    return replace(parsed, title=_first_heading(parsed.content))


def _xml(data: bytes) -> ParsedDocument:
    return ParsedDocument(xml_to_text(decode(data, markup=True)), PLAIN)


def _csv(data: bytes, *, media_type: str, delimiter: str | None) -> ParsedDocument:
    return ParsedDocument(csv_to_markdown(decode(data), delimiter=delimiter), media_type)


_CONVERSIONS: Mapping[str, Callable[[bytes], ParsedDocument]] = {
    XML: _xml,
    CSV: partial(_csv, media_type=CSV, delimiter=None),
    TSV: partial(_csv, media_type=TSV, delimiter="\t"),
}


def _first_heading(content: str) -> str | None:
    return next((section.title for section in outline(content[:_TITLE_WITHIN]).sections if section.title), None)
