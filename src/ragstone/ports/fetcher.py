"""Port: bytes from a URL."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a URL gave. ``url`` is where the last redirect led; ``parts`` are read once, before the context ends.

    ``filename`` is what the server or the URL calls it (empty where neither does), ``media_type`` what the server
    says it is. Reading ``parts`` raises ``TooLarge`` and ``Unavailable``.
    """

    url: str
    filename: str
    media_type: str | None
    parts: AsyncIterator[bytes]


class Fetcher(Protocol):
    """Fetches what a caller names, from public addresses only."""

    def open(self, url: str) -> AbstractAsyncContextManager[Fetched]:
        """Begin to fetch ``url``, following its redirects.

        Raises ``InvalidRequest`` for a URL that is wrong, leads to an address that is not public, or has nothing
        there, and ``Unavailable`` where the server does not answer in time or fails.
        """
        ...
