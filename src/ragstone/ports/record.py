"""Port: the system of record. One request or one job is one transaction; repositories never commit."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from ragstone.ports.blobs import Blobs
from ragstone.ports.chunks import Chunks
from ragstone.ports.collections import Collections
from ragstone.ports.documents import Documents
from ragstone.ports.embedding_spaces import EmbeddingSpaces
from ragstone.ports.jobs import Jobs
from ragstone.ports.keys import Keys
from ragstone.ports.versions import Versions


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
