"""Pages of a PDF that are pictures, each as a PDF of its own: kreuzberg does not say which page it read from which."""

import io
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

import pypdfium2 as pdfium
from pypdfium2 import raw

from ragstone.adapters.parsers.kreuzberg.pdf.page_things import picture_share, things
from ragstone.adapters.parsers.kreuzberg.pictures import Recognised
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
IMAGE = re.compile(rb"/Subtype\s*/Image\b")

_POOR = 80.0
"""Tesseract's confidence, on average of a page's words, below which it may lie sideways or on its head."""
NO_TIME = "It is a picture, and there was no time left to read it."
_TURNS = (180, 90, 270)
"""Degrees by which a page may be turned."""

ReadPage = Callable[[bytes, bool], Recognised]
"""Reads a PDF of a single page; turned by itself first, if asked to. Raises ``ParseFailed``."""


@dataclass(frozen=True, slots=True)
class Scans:
    """The text of pages that are pictures, by number from 1, and why others were not read, by what they are called."""

    texts: dict[int, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    left: frozenset[int] = frozenset()
    """The pages that were not read, by number."""


def read_scans(
    data: bytes, texts: Mapping[int, str], read: ReadPage | None, *, detects_turns: bool = False, until: float
) -> Scans:
    """Read the pages of a PDF that are pictures: those whose own text is none, or but stamped on a picture.

    ``texts`` is the text of each page as the file has it; ``read`` is ``None`` where nothing reads pictures, and
    ``detects_turns`` says that it finds out how a page lies. Pages are begun ``until`` then (of ``time.monotonic``),
    and what is left is named.
    """
    longest = _STAMPED if IMAGE.search(data) else 0
    doubtful = [number for number, text in texts.items() if len(text) <= longest or not _is_usable(text)]
    if not doubtful:
        return Scans()
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError:
        return Scans()
    reading = _Reading(document, texts, _TurnedReader(read, detects_turns, until) if read is not None else None, until)
    try:
        for number in doubtful:
            reading.add(number)
    finally:
        document.close()
    return Scans(reading.texts, dict(named_pages(reading.unread)), frozenset(reading.unread))


class _TurnedReader:
    """Reads a page, and once more in other ways where little of it can be read as it lies."""

    def __init__(self, read: ReadPage, detects_turns: bool, until: float) -> None:
        self._read = read
        self._detects_turns = detects_turns
        self._until = until

    def __call__(self, document: pdfium.PdfDocument, number: int) -> str:
        page = _page(document, number)
        best = self._read(page, False)
        for other in self._other_ways(document, number, page):
            if best.confidence >= _POOR or time.monotonic() > self._until:
                break
            best = max(best, other(), key=lambda recognised: recognised.confidence)
        return best.text

    def _other_ways(self, document: pdfium.PdfDocument, number: int, page: bytes) -> Iterator[Callable[[], Recognised]]:
        if self._detects_turns:
            yield partial(self._read, page, True)
            return
        for turn in _TURNS:
            yield partial(self._read, _page(document, number, turn), False)


class _Reading:
    """What was read so far of a PDF's scans, and why others were not."""

    def __init__(
        self, document: pdfium.PdfDocument, own: Mapping[int, str], read: _TurnedReader | None, until: float
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
                self.unread[number] = NO_TIME
            else:
                text = self._text(number, self._read)
                if text.strip() and (not _is_usable(own) or _says_more(text, own)):
                    self.texts[number] = text
        except (pdfium.PdfiumError, ParseFailed):
            self.unread[number] = "It is a picture, and cannot be read."

    def _text(self, number: int, read: _TurnedReader) -> str:
        begun = time.monotonic()
        try:
            return read(self._document, number - 1)
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


def _page(document: pdfium.PdfDocument, number: int, turn: int = 0) -> bytes:
    """Return a PDF of one page, turned by so many degrees from how it is shown."""
    single = pdfium.PdfDocument.new()
    try:
        single.import_pages(document, [number])
        if turn:
            page = single[0]
            page.set_rotation((page.get_rotation() + turn) % 360)
            page.close()
        file = io.BytesIO()
        single.save(file)
        return file.getvalue()
    finally:
        single.close()


def named_pages(unread: Mapping[int, str]) -> Iterator[tuple[str, str]]:
    """Yield what pages are called that follow one another and have the same cause, and that."""
    runs: list[tuple[int, int, str]] = []
    for number, cause in unread.items():
        if runs and runs[-1][1:] == (number - 1, cause):
            runs[-1] = (runs[-1][0], number, cause)
        else:
            runs.append((number, number, cause))
    for first, last, cause in runs:
        yield (f"page {first}" if first == last else f"pages {first} to {last}"), cause
