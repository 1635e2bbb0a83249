"""The ``Record`` port on PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ragstone.ports.record import Transaction
from ragstone.postgres.blobs import PostgresBlobs
from ragstone.postgres.chunks import PostgresChunks
from ragstone.postgres.collections import PostgresCollections
from ragstone.postgres.database import Connection, Database
from ragstone.postgres.documents import PostgresDocuments
from ragstone.postgres.jobs import PostgresJobs
from ragstone.postgres.kept_vectors import KeptVectors
from ragstone.postgres.keys import PostgresKeys
from ragstone.postgres.queue import Queue
from ragstone.postgres.spaces import PostgresSpaces
from ragstone.postgres.versions import PostgresVersions


class PostgresTransaction:
    """The ``Transaction`` of the record port: the repositories on one connection."""

    def __init__(self, connection: Connection, queue: Queue, kept: KeptVectors) -> None:
        self.connection = connection
        self.collections = PostgresCollections(connection)
        self.blobs = PostgresBlobs(connection)
        self.documents = PostgresDocuments(connection, queue, kept)
        self.versions = PostgresVersions(connection, queue, kept)
        self.jobs = PostgresJobs(connection, queue)
        self.spaces = PostgresSpaces(connection)
        self.chunks = PostgresChunks(connection)
        self.keys = PostgresKeys(connection)


class PostgresRecord:
    """The system of record."""

    def __init__(self, database: Database, queue: Queue, *, vectors_kept_hours: float = 24.0) -> None:
        self._database = database
        self._queue = queue
        self._kept = KeptVectors(vectors_kept_hours)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresTransaction]:
        """Open a transaction. Raises ``DatabaseUnavailable``."""
        async with self._database.connection() as connection:
            yield PostgresTransaction(connection, self._queue, self._kept)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[PostgresTransaction]:
        """Open for reads each of which stands by itself. Raises ``DatabaseUnavailable``."""
        async with self._database.reading() as connection:
            yield PostgresTransaction(connection, self._queue, self._kept)


def connection_of(transaction: Transaction) -> Connection:
    """Return the connection under a transaction, for an index that lives in the same database."""
    if not isinstance(transaction, PostgresTransaction):
        raise TypeError("An index in PostgreSQL takes part in transactions of PostgreSQL only.")
    return transaction.connection
