"""Pictures on pages of a PDF that hold text too, each read as a PDF of its own, and put where it stands."""

import io
import re
import time
import zlib
from collections.abc import Collection, Iterator, Sequence
from ctypes import byref, c_float, c_uint, create_string_buffer
from dataclasses import dataclass, field

import pypdfium2 as pdfium
from pypdfium2 import raw

from ragstone.adapters.parsers.kreuzberg.pdf.line_text import line_key
from ragstone.adapters.parsers.kreuzberg.pdf.page_blocks import Block, markdown_text
from ragstone.adapters.parsers.kreuzberg.pdf.page_marks import Box
from ragstone.adapters.parsers.kreuzberg.pdf.scans import IMAGE, ReadPage, named_pages
from ragstone.domain.errors import ParseFailed

_WIDEST_LOGO, _HIGHEST_LOGO = 90.0, 30.0
"""Points across and down, from both of which on a picture may hold text that says something."""
_FEWEST_DOTS = 150
"""Dots across, and half as many down, below which letters cannot be read."""
_SHOWS = 0.02
_TELLS = 0.1
"""Share of a page from which on a picture that was not read is named."""
_MOST_WORDS_ON_IT = 20
"""Characters of text upon a picture, beyond which it is the ground or the frame of a text."""
_WITHIN = 20.0
"""Seconds from the first one in which pictures are begun."""
_SURE = 60.0
"""Tesseract's confidence from which on it read letters, and not the leaves of a tree."""
_WORD = re.compile(r"[^\W\d_]{3}|\d{2}")
_NO_DATA = "Pictures on it may hold text; to read that, Tesseract's language data is missing."
_NO_TIME = "There was no time left to read the pictures on it."


@dataclass(frozen=True, slots=True)
class PictureText:
    """The text of a picture, and the line of the page above it, if there is any."""

    text: str
    above: str


@dataclass(frozen=True, slots=True)
class PagePictures:
    """The text of pictures by the number of their page, and why others were not read, by the names of theirs."""

    texts: dict[int, list[PictureText]] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Picture:
    place: int
    """Among the things that its page is drawn with."""
    box: Box
    """Left, bottom, right and top in points, as the page's file has them."""
    share: float


def read_page_pictures(data: bytes, pages: Collection[int], read: ReadPage | None, *, until: float) -> PagePictures:
    """Read the pictures on these pages that may hold text: once each, however often they are shown.

    They are begun ``until`` then (of ``time.monotonic``), and twenty seconds at most. Those left, and all where
    ``read`` is ``None``, are named by their pages, if they are a good part of these.
    """
    if not pages or not IMAGE.search(data):
        return PagePictures()
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError:
        return PagePictures()
    reading = _Reading(document, read, min(until, time.monotonic() + _WITHIN))
    try:
        for number in pages:
            reading.add(number)
    finally:
        document.close()
    return PagePictures(reading.texts, dict(named_pages(reading.unread)))


def with_pictures(blocks: Sequence[Block], pictures: Sequence[PictureText], page: int) -> list[Block]:
    """Return a page's blocks with the texts of its pictures, each after the block that has the line above it."""
    shown = list(blocks)
    for picture in pictures:
        key = line_key(picture.above)
        within = (place for place in reversed(range(len(shown))) if key in line_key(shown[place].source))
        at = next(within, len(shown) - 1) if key else -1
        shown.insert(at + 1, Block("picture", markdown_text(picture.text), page, picture.text))
    return shown


class _Reading:
    """What was read so far, and on which pages pictures were not."""

    def __init__(self, document: pdfium.PdfDocument, read: ReadPage | None, until: float) -> None:
        self.texts: dict[int, list[PictureText]] = {}
        self.unread: dict[int, str] = {}
        self._document = document
        self._read = read
        self._until = until
        self._slowest = 0.0
        self._seen: set[int] = set()

    def add(self, number: int) -> None:
        """Read the pictures of a page, from its top down."""
        try:
            page = self._document[number - 1]
        except pdfium.PdfiumError:
            return
        try:
            for picture in sorted(self._pictures(page), key=lambda picture: -picture.box[3]):
                self._add(number, page, picture)
        finally:
            page.close()

    def _add(self, number: int, page: pdfium.PdfPage, picture: _Picture) -> None:
        if self._read is None or time.monotonic() + self._slowest > self._until:
            if picture.share >= _TELLS:
                self.unread[number] = _NO_DATA if self._read is None else _NO_TIME
            return
        begun = time.monotonic()
        try:
            found = self._read(_alone(self._document, number - 1, picture), False)
        except (pdfium.PdfiumError, ParseFailed):
            return
        finally:
            self._slowest = max(self._slowest, time.monotonic() - begun)
        if found.confidence >= _SURE and _WORD.search(found.text):
            self.texts.setdefault(number, []).append(PictureText(found.text.strip(), _above(page, picture)))

    def _pictures(self, page: pdfium.PdfPage) -> Iterator[_Picture]:
        """Yield the pictures of a page that were on none before, and may hold text that the page does not say."""
        width, height = page.get_size()
        text = page.get_textpage()
        try:
            for place in range(raw.FPDFPage_CountObjects(page)):
                thing = raw.FPDFPage_GetObject(page, place)
                if raw.FPDFPageObj_GetType(thing) != raw.FPDF_PAGEOBJ_IMAGE or not _is_fine(thing):
                    continue
                box = _box(thing)
                across, down = box[2] - box[0], box[3] - box[1]
                share = across * down / max(1.0, width * height)
                if min(across, down) < _HIGHEST_LOGO or max(across, down) < _WIDEST_LOGO or share < _SHOWS:
                    continue
                told = _told_by(thing)
                if told not in self._seen and len(text.get_text_bounded(*box).strip()) <= _MOST_WORDS_ON_IT:
                    yield _Picture(place, box, share)
                self._seen.add(told)
        finally:
            text.close()


def _is_fine(thing: raw.FPDF_PAGEOBJECT) -> bool:
    width, height = c_uint(), c_uint()
    raw.FPDFImageObj_GetImagePixelSize(thing, byref(width), byref(height))
    dots = sorted((width.value, height.value))
    return dots[1] >= _FEWEST_DOTS and 2 * dots[0] >= _FEWEST_DOTS


def _box(thing: raw.FPDF_PAGEOBJECT) -> Box:
    edges = (c_float(), c_float(), c_float(), c_float())
    raw.FPDFPageObj_GetBounds(thing, *map(byref, edges))
    left, bottom, right, top = (edge.value for edge in edges)
    return left, bottom, right, top


def _told_by(thing: raw.FPDF_PAGEOBJECT) -> int:
    size = raw.FPDFImageObj_GetImageDataRaw(thing, None, 0)
    buffer = create_string_buffer(size)
    raw.FPDFImageObj_GetImageDataRaw(thing, buffer, size)
    return zlib.crc32(buffer.raw)


def _above(page: pdfium.PdfPage, picture: _Picture) -> str:
    left, _, right, top = page.get_bbox()
    text = page.get_textpage()
    try:
        lines = text.get_text_bounded(left, picture.box[3], right, top).split("\n")
    finally:
        text.close()
    return next((line for line in reversed(lines) if line.strip()), "")


def _alone(document: pdfium.PdfDocument, number: int, picture: _Picture) -> bytes:
    """Return a PDF of one page that is a picture of a page, and nothing else."""
    with pdfium.PdfDocument.new() as single:
        single.import_pages(document, [number])
        page = single[0]
        things = [raw.FPDFPage_GetObject(page, place) for place in range(raw.FPDFPage_CountObjects(page))]
        for place, thing in enumerate(things):
            if place != picture.place:
                raw.FPDFPage_RemoveObject(page, thing)
                raw.FPDFPageObj_Destroy(thing)
        page.set_mediabox(*picture.box)
        page.set_cropbox(*picture.box)
        page.gen_content()
        page.close()
        file = io.BytesIO()
        single.save(file)
        return file.getvalue()
