"""Sitemaps (sitemaps.org): the addresses they list, read within bounds and without trust."""

import gzip
import io
import zlib
from dataclasses import dataclass, field
from xml.parsers.expat import ExpatError, ParserCreate

from ragstone.domain.errors import InvalidRequest

LARGEST = 50 << 20
"""Bytes of a sitemap once unpacked, as the protocol bounds it."""

_KINDS = {"urlset": "url", "sitemapindex": "sitemap"}
_DEPTH_OF_LOCATIONS = 3
_GZIP = b"\x1f\x8b"


@dataclass(slots=True)
class Sitemap:
    """What a sitemap lists: pages or, if it is an ``index``, further sitemaps; in order, each once."""

    index: bool
    locations: list[str] = field(default_factory=list)


def read_sitemap(data: bytes) -> Sitemap | None:
    """Return what a sitemap lists, or ``None`` for what is none. Raise ``InvalidRequest`` for a damaged one.

    Half a sitemap must not pass for a whole one: what it lacks would be taken for deleted.
    """
    reader = _Reader()
    try:
        reader.parser.Parse(_unpacked(data), True)
    except (ExpatError, _NotRead) as error:
        if reader.sitemap is None:
            return None
        raise _damaged(error) from error
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(error) from error
    if reader.sitemap:
        reader.sitemap.locations = list(dict.fromkeys(reader.sitemap.locations))
    return reader.sitemap


def _damaged(error: Exception) -> InvalidRequest:
    return InvalidRequest(f"The sitemap is damaged: {error}.", remedy="Try again later.")


class _NotRead(Exception):
    """The XML does what no sitemap needs."""


def _unpacked(data: bytes) -> bytes:
    if not data.startswith(_GZIP):
        return data
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise InvalidRequest(f"The sitemap is larger than {LARGEST >> 20} MiB.", remedy="Split it with an index.")
    return content


class _Reader:
    """Gathers locations from the events of the parser. Those of pictures and films lie deeper, and do not count."""

    def __init__(self) -> None:
        self.sitemap: Sitemap | None = None
        self.parser = ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.EntityDeclHandler = self._entity
        self._path: list[str] = []
        self._location: list[str] | None = None

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        if not self._path and local in _KINDS:
            self.sitemap = Sitemap(index=local == "sitemapindex")
        elif not self._path:
            raise _NotRead("it is another kind of XML")
        self._path.append(local)
        if len(self._path) == _DEPTH_OF_LOCATIONS and self._path[1:] == [_KINDS[self._path[0]], "loc"]:
            self._location = []

    def _text(self, text: str) -> None:
        if self._location is not None:
            self._location.append(text)

    def _end(self, _name: str) -> None:
        self._path.pop()
        if self._location is not None and self.sitemap and len(self._path) < _DEPTH_OF_LOCATIONS:
            location = "".join(self._location).strip()
            if location:
                self.sitemap.locations.append(location)
            self._location = None

    def _entity(self, *_: object) -> None:
        raise _NotRead("it declares entities")
