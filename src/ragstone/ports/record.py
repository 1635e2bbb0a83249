"""Port: the system of record. One request or one job is one transaction; repositories never commit."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Protocol, TypeVar

from ragstone.domain.errors import GaveWay
from ragstone.ports.blobs import Blobs
from ragstone.ports.chunks import Chunks
from ragstone.ports.collections import Collections
from ragstone.ports.documents import Documents
from ragstone.ports.embedding_spaces import EmbeddingSpaces
from ragstone.ports.jobs import Jobs
from ragstone.ports.keys import Keys
from ragstone.ports.versions import Versions

T = TypeVar("T")
_MOST_TRIES = 5


class Transaction(Protocol):
    """One unit of work. Everything in it is stored when its block ends well, or nothing is."""

    @property
    def collections(self) -> Collections: ...
    @property
    def blobs(self) -> Blobs: ...
    @property
    def documents(self) -> Documents: ...
    @property
    def versions(self) -> Versions: ...
    @property
    def jobs(self) -> Jobs: ...
    @property
    def spaces(self) -> EmbeddingSpaces: ...
    @property
    def chunks(self) -> Chunks: ...
    @property
    def keys(self) -> Keys: ...


class Record(Protocol):
    """The system of record."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction. Raises ``DatabaseUnavailable``."""
        ...

    def reading(self) -> AbstractAsyncContextManager[Transaction]:
        """Open for reads each of which stands by itself, as of its own moment. Raises ``DatabaseUnavailable``."""
        ...


async def despite_others(record: Record, change: Callable[[Transaction], Awaitable[T]]) -> T:
    """Make a change in a transaction of its own, and again where it gave way to another one.

    For one that touches so much that it is bound to meet others. Raises what ``change`` raises; ``GaveWay`` in the end.
    """
    for _ in range(_MOST_TRIES - 1):
        with suppress(GaveWay):
            async with record.transaction() as transaction:
                return await change(transaction)
    async with record.transaction() as transaction:
        return await change(transaction)
