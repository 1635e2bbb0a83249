"""The pool of connections to PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import psycopg_pool
from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow

Connection: TypeAlias = AsyncConnection[TupleRow]


class Pool(psycopg_pool.AsyncConnectionPool[Connection]):
    """A pool that loses no cancellation, and bounds statements where it is asked to.

    It waits by ``asyncio.wait_for``, which until Python 3.12 drops a cancellation that comes in the moment in which
    what was waited for is there (python/cpython#86296): whoever was told to end would go on for ever.

    ``limit``: the seconds that a statement may take on a connection lent by ``limited``. PostgreSQL itself keeps that
    time: it ends the statement of a process that died, too.
    """

    def __init__(self, conninfo: str, *, limit: float, **given: Any) -> None:
        super().__init__(conninfo, **given)
        self._limit = max(1, round(limit * 1000)) if limit else 0
        self._taking_back: set[asyncio.Task[None]] = set()
        # Only a connection that was lent for the other purpose before has to be told: most never are.
        self._limits: WeakKeyDictionary[Connection, int | None] = WeakKeyDictionary()

    async def getconn(self, timeout: float | None = None) -> Connection:  # noqa: ASYNC109 - the pool's own signature
        """Lend a connection. Raises ``PoolTimeout``; or ``CancelledError``, however late the cancellation comes."""
        return await self._lend(timeout, 0)

    async def putconn(self, conn: Connection) -> None:
        """Take a connection back, also from one who is told to end just then: it would be lost to everybody else."""
        task = asyncio.create_task(super().putconn(conn))
        self._taking_back.add(task)
        task.add_done_callback(self._taking_back.discard)
        await asyncio.shield(task)

    @asynccontextmanager
    async def limited(self) -> AsyncIterator[Connection]:
        """Lend a connection as ``connection`` does, whose statements are bounded."""
        connection = await self._lend(None, self._limit)
        try:
            async with connection:
                yield connection
        finally:
            await self.putconn(connection)

    async def _lend(self, seconds: float | None, limit: int) -> Connection:
        task = asyncio.current_task()
        before = task.cancelling() if task else 0
        connection = await super().getconn(seconds)
        if task and task.cancelling() > before:
            await self.putconn(connection)
            raise asyncio.CancelledError
        if self._limits.get(connection, 0) != limit:
            try:
                await self._bound(connection, limit)
            except BaseException:
                await self.putconn(connection)
                raise
        return connection

    async def _bound(self, connection: Connection, limit: int) -> None:
        """Let a statement take ``limit`` milliseconds at most; for 0, what the server sets for us."""
        self._limits[connection] = None  # not known, should we be cancelled
        bound = sql.SQL("set statement_timeout = {}").format(limit) if limit else sql.SQL("reset statement_timeout")
        await connection.set_autocommit(True)
        try:
            await connection.execute(bound)
        finally:
            if not connection.closed:
                await connection.set_autocommit(False)
        self._limits[connection] = limit
