"""Port: bytes from a URL."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from ragstone.domain.errors import InvalidRequest


class Gone(InvalidRequest):
    """The server is there and says that nothing is at the URL: 404 or 410."""


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server said of the bytes it sent (RFC 9110, 8.8), by which it can tell later whether they still stand."""

    etag: str | None = None
    last_modified: str | None = None

    def __bool__(self) -> bool:
        return bool(self.etag or self.last_modified)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a URL gave. ``url`` is where the last redirect led; ``parts`` are read once, before the context ends.

    ``filename`` is what the server or the URL calls it (empty where neither does), ``media_type`` what the server
    says it is. Reading ``parts`` raises ``TooLarge`` and ``Unavailable``. ``unchanged``: what the caller's validators
    stand for still stands, and there are no parts.
    """

    url: str
    filename: str
    media_type: str | None
    parts: AsyncIterator[bytes]
    validators: Validators = Validators()
    unchanged: bool = False


class Fetcher(Protocol):
    """Fetches what a caller names, from public addresses only."""

    def open(self, url: str, known: Validators = Validators()) -> AbstractAsyncContextManager[Fetched]:
        """Begin to fetch ``url``, following its redirects, unless what is ``known`` of it still stands.

        Raises ``InvalidRequest`` for a URL that is wrong or leads to an address that is not public, ``Gone`` where
        there is nothing, and ``Unavailable`` where the server does not answer in time or fails.
        """
        ...
