"""What lies within an Office file: its pictures, as far as there is time, and documents that are parts of it."""

import math
import re
import time
from collections.abc import Callable, Mapping

from ragstone.adapters.parsers.kreuzberg.composition import as_part, one_line
from ragstone.adapters.parsers.kreuzberg.failures import too_large
from ragstone.adapters.parsers.kreuzberg.office.package import OfficePackage
from ragstone.domain.documents import ParsedDocument
from ragstone.domain.errors import ParseFailed

ReadPart = Callable[[bytes, str], ParsedDocument]
"""Reads a picture or another file by its bytes and its name. Raises ``ParseFailed``."""

_MARK = "\U0010ff07"
_KEPT = re.compile(rf"{_MARK}(\d{{1,9}}){_MARK}")

_LARGEST = 64 * 2**20
"""Bytes; what unpacks to more is no picture."""
_MOST = 200
_WITHIN = 20.0
"""Seconds from the first one in which pictures are begun."""
_PICTURE = re.compile(r".*\.(?:png|jpe?g|jpe|gif|bmp|tiff?|webp)", re.IGNORECASE)
_SAYS = re.compile(r"[^\W\d_]{3}|\d")
_WORDS = 0.5
"""Share of what stands between spaces that is a word or a figure, below which Tesseract saw letters in a photograph."""
_NO_DATA = "Tesseract's language data, by which pictures are read, is not installed."
_NO_TIME = "There was no time left to read them."
_TOO_MANY = f"No more than {_MOST} pictures of a file are read."
_TOO_LARGE = f"It takes more than {_LARGEST >> 20} MiB."


class Enclosures:
    """Reads what lies within one package with ``read``; without it, and pictures without ``pictures``, nothing is read.

    Pictures are begun ``until`` then, by ``time.monotonic``, and 20 seconds from the first one at most.
    """

    def __init__(self, read: ReadPart | None = None, until: float = math.inf, *, pictures: bool = True) -> None:
        self._read = read
        self._pictures = pictures and read is not None
        self._until = until
        self._slowest = 0.0
        self._seen: set[str] = set()
        self._left: dict[str, list[str]] = {}
        self._kept: list[str] = []

    def picture(self, package: OfficePackage, path: str) -> str:
        """Return the text of a picture, nothing of a photograph, of one shown before, and of one left unread."""
        if path in self._seen or not package.size(path):
            return ""
        text = self._picture(package, path)
        self._seen.add(path)
        return text

    def document(self, package: OfficePackage, path: str) -> str:
        """Return the text of a document that is a part of this one, nothing where it cannot be read."""
        if self._read is None or not package.size(path):
            return ""
        name = path.rpartition("/")[2]
        try:
            if package.size(path) > _LARGEST:
                raise too_large(_TOO_LARGE)
            return as_part(self._read(package.read(path), name), name)
        except ParseFailed as failed:
            self._left.setdefault(failed.message, []).append(name)
            return ""

    def keep(self, text: str) -> str:
        """Return a mark to stand for a text while kreuzberg reads the rest; nothing for no text."""
        if not text.strip():
            return ""
        self._kept.append(text.strip("\n"))
        return f"{_MARK}{len(self._kept) - 1}{_MARK}"

    def placed(self, content: str) -> str:
        """Return a content with the texts that were kept in the places of their marks."""
        return _KEPT.sub(self._text_at, content) if self._kept else content

    def _text_at(self, found: re.Match[str]) -> str:
        place, content = int(found[1]), found.string
        text = self._kept[place] if place < len(self._kept) else ""
        beside = content[max(0, found.start() - 1) : found.start()] + content[found.end() : found.end() + 1]
        return text if not beside.strip("\n") else one_line(text).replace("|", "\\|")

    @property
    def unread(self) -> Mapping[str, str]:
        """Why pictures were left unread, by the names of those that the same befell."""
        return {
            names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more": cause
            for cause, names in self._left.items()
        }

    def _picture(self, package: OfficePackage, path: str) -> str:
        cause = self._cause(package.size(path))
        if cause and _PICTURE.fullmatch(path):
            self._left.setdefault(cause, []).append(path.rpartition("/")[2])
        if cause or self._read is None:
            return ""
        begun = time.monotonic()
        self._until = min(self._until, begun + _WITHIN)
        try:
            text = self._read(package.read(path), path).content
        except ParseFailed:  # a photograph, mostly: there is nothing to read in it
            return ""
        finally:
            self._slowest = max(self._slowest, time.monotonic() - begun)
        return text if _is_text(text) else ""

    def _cause(self, size: int) -> str:
        """Return why the next picture is not to be read, nothing if it is."""
        if not self._pictures:
            return _NO_DATA
        if len(self._seen) >= _MOST:
            return _TOO_MANY
        if time.monotonic() + self._slowest > self._until:
            return _NO_TIME
        return _TOO_LARGE if size > _LARGEST else ""


def _is_text(text: str) -> bool:
    pieces = text.replace("|", " ").replace("---", " ").split()
    return sum(_SAYS.search(piece) is not None for piece in pieces) >= max(1.0, _WORDS * len(pieces))
