"""Pages of a PDF that are pictures, each as a PDF of its own: kreuzberg does not say which page it read from which."""

import io
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from math import inf

import pypdfium2 as pdfium
from pypdfium2 import raw

from ragstone.adapters.parsers.kreuzberg.pdf.page_things import picture_share, things
from ragstone.domain.errors import ParseFailed

_COVERS = 0.8
"""Share of a page from which on a picture is the page, and what text there is but stamped on it."""
_SHOWS = 0.05
"""Share of a page from which on a picture may be of text, on a page without text."""
_DRAWN = 50
"""Paths from which on a page without text may have text drawn as such."""
_STAMPED = 200
"""Characters of a text that is but stamped on a page, at most."""
_TIMES_LONGER = 3
_FEWEST_WORDS = 20
_MOST_FOREIGN = 0.3
_FOREIGN = re.compile("[\0-\x08\x0e-\x1f\x7f-\x9f\ufffd\ue000-\uf8ff]")
_WORDS = re.compile(r"\w{2,}")
_IMAGE = re.compile(rb"/Subtype\s*/Image\b")

ReadPicture = Callable[[bytes], str]


@dataclass(frozen=True, slots=True)
class Scans:
    """The text of pages that are pictures, by number from 1, and why others were not read, by what they are called."""

    texts: dict[int, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)


def read_scans(data: bytes, texts: Mapping[int, str], read: ReadPicture | None, *, until: float) -> Scans:
    """Read the pages of a PDF that are pictures: those whose own text is none, or but stamped on a picture.

    ``texts`` is the text of each page as the file has it, ``read`` reads a PDF of a single page, and is ``None``
    where nothing can. A file that has text on any page keeps it: its scans are read ``until`` then (of
    ``time.monotonic``), and what is left is named.
    """
    longest = _STAMPED if _IMAGE.search(data) else 0
    doubtful = [number for number, text in texts.items() if len(text) <= longest or not _is_usable(text)]
    if not doubtful:
        return Scans()
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError:
        return Scans()
    reading = _Reading(document, texts, read, until if any(map(_is_usable, texts.values())) else inf)
    try:
        for number in doubtful:
            reading.add(number)
    finally:
        document.close()
    return Scans(reading.texts, dict(_named(reading.unread)))


class _Reading:
    """What was read so far of a PDF's scans, and why others were not."""

    def __init__(
        self, document: pdfium.PdfDocument, own: Mapping[int, str], read: ReadPicture | None, until: float
    ) -> None:
        self.texts: dict[int, str] = {}
        self.unread: dict[int, str] = {}
        self._document = document
        self._own = own
        self._read = read
        self._until = until
        self._slowest = 0.0

    def add(self, number: int) -> None:
        """Read a page if it is a picture."""
        own = self._own.get(number, "")
        try:
            if not _is_picture(self._document, number - 1, own):
                return
            if self._read is None:
                self.unread[number] = "It is a picture; to read it, Tesseract's language data is missing."
            elif time.monotonic() + self._slowest > self._until:
                self.unread[number] = "It is a picture, and there was no time left to read it."
            else:
                text = self._text(number, self._read)
                if text.strip() and (not _is_usable(own) or _says_more(text, own)):
                    self.texts[number] = text
        except (pdfium.PdfiumError, ParseFailed):
            self.unread[number] = "It is a picture, and cannot be read."

    def _text(self, number: int, read: ReadPicture) -> str:
        begun = time.monotonic()
        try:
            return read(_page(self._document, number - 1))
        finally:
            self._slowest = max(self._slowest, time.monotonic() - begun)


def _is_usable(text: str) -> bool:
    """Whether a text says anything: fonts that do not say which characters they show make characters that are none."""
    shown = "".join(text.split())
    return bool(shown) and len(_FOREIGN.findall(shown)) < _MOST_FOREIGN * len(shown)


def _is_picture(document: pdfium.PdfDocument, number: int, text: str) -> bool:
    page = document[number]
    try:
        if not text.strip():
            return picture_share(page) >= _SHOWS or _is_drawn(page)
        return not _is_usable(text) or picture_share(page) >= _COVERS
    finally:
        page.close()


def _is_drawn(page: pdfium.PdfPage) -> bool:
    return next(islice(things(page, raw.FPDF_PAGEOBJ_PATH), _DRAWN - 1, None), None) is not None


def _says_more(text: str, stamp: str) -> bool:
    """Whether the text of a picture is a page's, and not the few words that stand on it anyway."""
    words = len(_WORDS.findall(text))
    return words >= max(_FEWEST_WORDS, _TIMES_LONGER * len(_WORDS.findall(stamp)))


def _page(document: pdfium.PdfDocument, number: int) -> bytes:
    single = pdfium.PdfDocument.new()
    try:
        single.import_pages(document, [number])
        file = io.BytesIO()
        single.save(file)
        return file.getvalue()
    finally:
        single.close()


def _named(unread: Mapping[int, str]) -> Iterator[tuple[str, str]]:
    """Yield what pages are called that follow one another and have the same cause, and that."""
    runs: list[tuple[int, int, str]] = []
    for number, cause in unread.items():
        if runs and runs[-1][1:] == (number - 1, cause):
            runs[-1] = (runs[-1][0], number, cause)
        else:
            runs.append((number, number, cause))
    for first, last, cause in runs:
        yield (f"page {first}" if first == last else f"pages {first} to {last}"), cause
