"""Text of a picture, or of each page of one, however it lies."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import pypdfium2 as pdfium

from ragstone.adapters.parsers.kreuzberg.drawable import drawable
from ragstone.adapters.parsers.kreuzberg.failures import no_text
from ragstone.adapters.parsers.kreuzberg.redrawing import UPRIGHT, Picture, redrawn
from ragstone.adapters.parsers.kreuzberg.tiff import page_at, page_offsets
from ragstone.domain.documents import PageSpan, ParsedDocument
from ragstone.domain.errors import ParseFailed

TIFF = "image/tiff"
_POOR = 80.0
"""Tesseract's confidence, on average of a page's words, below which it may lie sideways or on its head."""
_TURNED = (6, 8, 3)
"""Orientations of a picture that lies on either side, or is on its head."""

_TELLS_HOW_IT_LIES = 200
"""Characters from which on Tesseract can tell how a picture lies."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """The text that Tesseract read, and how sure it is, from 0 to 100."""

    text: str
    confidence: float


Recogniser = Callable[[bytes, str, bool], Recognised]
"""Reads a picture of a media type; turned by itself first, if asked to. Raises ``ParseFailed``."""


def read_picture(
    data: bytes, media_type: str, recognise: Recogniser, *, detects_turns: bool, until: float
) -> ParsedDocument:
    """Return the text of a picture; of a TIFF of several, each is a page, and those not begun by then are unread.

    ``until`` is a time as ``time.monotonic`` tells it. Raises ``ParseFailed``.
    """
    reader = _Reader(recognise, detects_turns, until)
    offsets = page_offsets(data) if media_type == TIFF else []
    if len(offsets) < 2:
        return ParsedDocument(reader.read(data, media_type), media_type)
    return _Pages(reader, until).read(data, offsets)


class _Reader:
    """Reads one picture, and once more in other ways where little of it can be read as it lies."""

    def __init__(self, recognise: Recogniser, detects_turns: bool, until: float) -> None:
        self._recognise = recognise
        self._detects_turns = detects_turns
        self._until = until

    def read(self, data: bytes, media_type: str) -> str:
        picture, orientation = drawable(data)
        original = partial(self._recognise, data, media_type, False)
        upright = None
        if picture is not None and (picture.only_here or orientation != UPRIGHT):
            upright = _redrawn(picture, orientation)
        data, media_type = (data, media_type) if upright is None else (upright, TIFF)
        best = self._recognise(data, media_type, False)
        if upright is not None and not best.text.strip():  # white on what is transparent
            best = original()
        for other in self._other_ways(data, media_type, picture, best):
            if best.confidence >= _POOR or time.monotonic() > self._until:
                break
            best = max(best, other(), key=lambda recognised: recognised.confidence)
        return best.text

    def _other_ways(
        self, data: bytes, media_type: str, picture: Picture | None, found: Recognised
    ) -> Iterator[Callable[[], Recognised]]:
        if self._detects_turns:
            yield partial(self._recognise, data, media_type, True)
            if not found.text.strip() or len(found.text) > _TELLS_HOW_IT_LIES:
                return
        for turn in _TURNED:
            if picture is not None and (turned := _redrawn(picture, turn)) is not None:
                yield partial(self._recognise, turned, TIFF, False)


def _redrawn(picture: Picture, orientation: int) -> bytes | None:
    try:
        return redrawn(picture, orientation)
    except pdfium.PdfiumError:  # what reads pictures else says what is wrong with it
        return None


class _Pages:
    """Reads the pages of a TIFF, as many as there is time for."""

    def __init__(self, reader: _Reader, until: float) -> None:
        self._reader = reader
        self._until = until
        self._slowest = 0.0

    def read(self, data: bytes, offsets: Sequence[int]) -> ParsedDocument:
        parts: list[str] = []
        spans: list[PageSpan] = []
        failures: dict[str, ParseFailed] = {}
        length = 0
        for number, offset in enumerate(offsets, 1):
            if number > 1 and time.monotonic() + self._slowest > self._until:
                failures[_named(number, len(offsets))] = _no_time()
                break
            try:
                text = self._page(page_at(data, offset))
            except ParseFailed as failed:
                failures[_named(number, number)] = failed
                continue
            if text:
                parts += ("\n\n" if parts else "", text)
                start = length + len(parts[-2])
                length = start + len(text)
                spans.append(PageSpan(number, start, length))
        if not parts:
            raise next(iter(failures.values()), no_text(pictures=True))
        unread = {name: failed.message for name, failed in failures.items()}
        return ParsedDocument("".join(parts), TIFF, None, tuple(spans), unread)

    def _page(self, data: bytes) -> str:
        begun = time.monotonic()
        try:
            return self._reader.read(data, TIFF).strip()
        finally:
            self._slowest = max(self._slowest, time.monotonic() - begun)


def _named(first: int, last: int) -> str:
    return f"page {first}" if first == last else f"pages {first} to {last}"


def _no_time() -> ParseFailed:
    return ParseFailed("timeout", "There was no time left to read them.", remedy="Split the file.")
