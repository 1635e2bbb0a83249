"""One file, read as what it is; the files within it likewise. Runs in the child."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from ragstone.adapters.parsers.kreuzberg.archives import read_archive, read_compressed
from ragstone.adapters.parsers.kreuzberg.books import read_book
from ragstone.adapters.parsers.kreuzberg.decoding import decode
from ragstone.adapters.parsers.kreuzberg.failures import empty, no_text, reads_pictures, unsupported
from ragstone.adapters.parsers.kreuzberg.inspection import from_its_start, settle
from ragstone.adapters.parsers.kreuzberg.json_text import json_to_text, ndjson_to_text
from ragstone.adapters.parsers.kreuzberg.mail.message import read_mail
from ragstone.adapters.parsers.kreuzberg.mail.outlook import read_outlook
from ragstone.adapters.parsers.kreuzberg.media_types import (
    ARCHIVES,
    AS_THEY_ARE,
    COMPRESSED,
    CSV,
    DOCX,
    EML,
    EPUB,
    HTML,
    JSON,
    MARKDOWN,
    MSG,
    NDJSON,
    PDF,
    PLAIN,
    PPTX,
    RST,
    SPREADSHEETS,
    TSV,
    XLSX,
    XML,
    name_media_type,
)
from ragstone.adapters.parsers.kreuzberg.office.enclosures import Enclosures
from ragstone.adapters.parsers.kreuzberg.office.slides import read_slides
from ragstone.adapters.parsers.kreuzberg.office.workbook import read_workbook
from ragstone.adapters.parsers.kreuzberg.tables import csv_to_markdown
from ragstone.adapters.parsers.kreuzberg.text_pieces import text_pieces
from ragstone.adapters.parsers.kreuzberg.unpacking import Unpacking
from ragstone.adapters.parsers.kreuzberg.xml_files import read_xml
from ragstone.domain.documents import ParsedDocument
from ragstone.domain.markdown import front_matter_title, outline

_TITLE_WITHIN = 20_000
"""Characters from the start of a document in which its first heading is its title."""
_HEAD = 4096
_PICTURES_SHARE = 0.75
"""Share of the time for a file in which pages of pictures are begun; those after that stand in ``unread``."""
_BLANK = b"\0\t\n\r "
_UNTITLED = SPREADSHEETS | ARCHIVES | {EML, MSG, JSON, NDJSON, CSV, TSV}
"""What has headings only for its sheets or parts."""


def read(data: bytes, media_type: str, filename: str, *, seconds: float = 60.0) -> ParsedDocument:
    """Return the file's text, for which there are so many ``seconds``.

    Raises ``ParseFailed``; any other exception is a defect and ends the process.
    """
    until = time.monotonic() + _PICTURES_SHARE * seconds
    return _Reader(Unpacking(len(data)), until).read(data, media_type, filename)


class _Reader:
    """Reads a file and what is within it, all within the same bounds."""

    def __init__(self, unpacking: Unpacking, until: float) -> None:
        self._unpacking = unpacking
        self._until = until

    def read(self, data: bytes, media_type: str, filename: str) -> ParsedDocument:
        """Read a file that is thought to be of a media type."""
        parsed = self._read(data, settle(data, media_type, self._unpacking), filename)
        if not parsed.content.strip("\ufffd \t\n"):
            raise no_text()
        if parsed.title or not parsed.structured or parsed.media_type in _UNTITLED:
            return parsed
        return replace(parsed, title=_first_heading(parsed.content))

    def _member(self, data: bytes, name: str) -> ParsedDocument:
        """Read a file that lies within another, by its bytes and its name."""
        if not data.strip(_BLANK):
            raise empty()
        media_type = name_media_type(name, data[:_HEAD], None)
        if media_type is None:
            raise unsupported("It is of a kind that holds no text, or cannot be read.")
        return self.read(data, media_type, name)

    def _part(self, data: bytes, name: str) -> ParsedDocument:
        """Read a picture or another file that is a part of an Office file."""
        with self._unpacking.within():
            self._unpacking.count_bytes(len(data))
            return self._member(data, name)

    def _read(self, data: bytes, media_type: str, filename: str) -> ParsedDocument:
        if media_type in ARCHIVES | COMPRESSED | {EML, MSG}:
            return self._container(data, media_type, filename)
        if media_type in AS_THEY_ARE:
            return _text(data, media_type)
        if media_type == EPUB:
            return read_book(data, self._unpacking, _page)
        if media_type in _ENCLOSING:
            return _ENCLOSING[media_type](data, Enclosures(self._part, self._until, pictures=reads_pictures()))
        if convert := _CONVERSIONS.get(media_type):
            return convert(data)
        return _extracted(data, media_type, self._until)

    def _container(self, data: bytes, media_type: str, filename: str) -> ParsedDocument:
        with self._unpacking.within():
            if media_type in ARCHIVES:
                return read_archive(data, media_type, self._unpacking, self._member)
            if media_type in COMPRESSED:
                return read_compressed(data, media_type, filename, self._unpacking, self._member)
            if media_type == EML:
                return read_mail(data, self._unpacking, self._member)
            return read_outlook(data, self._unpacking, self._member)


def _extracted(data: bytes, media_type: str, until: float) -> ParsedDocument:
    picture = media_type.startswith("image/")
    if picture and not reads_pictures():
        raise no_text(pictures=True)
    # kreuzberg: 160 ms and 20 MB, when needed
    from ragstone.adapters.parsers.kreuzberg.extraction import extract, extract_pdf, extract_picture

    if media_type == PDF:
        return extract_pdf(from_its_start(data), until=until)
    return extract_picture(data, media_type, until=until) if picture else extract(data, media_type)


def _page(data: bytes) -> ParsedDocument:
    from ragstone.adapters.parsers.kreuzberg.extraction import extract

    return extract(data, HTML)


def _word(data: bytes, enclosures: Enclosures) -> ParsedDocument:
    from ragstone.adapters.parsers.kreuzberg.extraction import extract

    return extract(data, DOCX, enclosures)


def _text(data: bytes, media_type: str) -> ParsedDocument:
    content = decode(data)
    if media_type == MARKDOWN:
        return ParsedDocument(content, MARKDOWN, front_matter_title(content))
    return ParsedDocument(content, PLAIN)


def _json(data: bytes) -> ParsedDocument:
    content, structured = json_to_text(decode(data))
    return ParsedDocument(content, JSON if structured else PLAIN)


def _ndjson(data: bytes) -> ParsedDocument:
    content, structured = ndjson_to_text(decode(data))
    return ParsedDocument(content, NDJSON if structured else PLAIN)


def _csv(data: bytes) -> ParsedDocument:
    return ParsedDocument(csv_to_markdown(text_pieces(data)), CSV)


def _tsv(data: bytes) -> ParsedDocument:
    return ParsedDocument(csv_to_markdown(text_pieces(data), delimiter="\t"), TSV)


def _rst(data: bytes) -> ParsedDocument:
    from ragstone.adapters.parsers.kreuzberg.rst.document import rst_to_markdown  # docutils: 100 ms, when needed

    text = decode(data)
    content = rst_to_markdown(text)
    return ParsedDocument(text, PLAIN) if content is None else ParsedDocument(content, RST)


_CONVERSIONS: Mapping[str, Callable[[bytes], ParsedDocument]] = {
    XML: read_xml,
    JSON: _json,
    NDJSON: _ndjson,
    CSV: _csv,
    TSV: _tsv,
    RST: _rst,
}
_ENCLOSING: Mapping[str, Callable[[bytes, Enclosures], ParsedDocument]] = {
    DOCX: _word,
    PPTX: read_slides,
    XLSX: read_workbook,
}


def _first_heading(content: str) -> str | None:
    return next((section.title for section in outline(content[:_TITLE_WITHIN]).sections if section.title), None)
