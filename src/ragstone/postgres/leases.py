"""A worker's sign of life: an advisory lock that PostgreSQL drops the moment the worker is gone."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg

from ragstone.domain.errors import DatabaseUnavailable
from ragstone.postgres.database import Database, first_line
from ragstone.postgres.versions import OWNERS

FILLING = 1
"""The duty of filling an embedding space."""
TUNING = 2
"""The duty of building the indexes that spaces have outgrown."""
TENDING = 3
"""The duty of keeping the index of words small, whole and clean."""
_DUTIES = "hashtext('ragstone duties in ' || current_schema())"
"""The class of the advisory locks of what one process of a schema at a time does; the object is the duty."""


def new_owner() -> int:
    """Return a number for a worker, fresh at every start, so that no two lives of a worker are confused."""
    return secrets.randbelow(2**31 - 1) + 1


@asynccontextmanager
async def alive(database: Database, owner: int) -> AsyncIterator["SignOfLife"]:
    """Hold the lock of ``owner`` on a connection of its own. Raises ``DatabaseUnavailable``."""
    async with database.connect() as connection:
        await connection.execute(f"select pg_advisory_lock({OWNERS}, %s)", (owner,))
        yield SignOfLife(connection)


@asynccontextmanager
async def sole(database: Database, duty: int) -> AsyncIterator[bool]:
    """Say whether no other process is at ``duty``, and keep it from the others meanwhile."""
    async with database.connect() as connection:
        cursor = await connection.execute(f"select pg_try_advisory_lock({_DUTIES}, %s)", (duty,))
        yield await cursor.fetchone() == (True,)


class SignOfLife:
    """The connection that holds the lock."""

    def __init__(self, connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
        self._connection = connection

    async def check(self) -> None:
        """Raise ``DatabaseUnavailable`` when the connection, and the lock with it, is lost."""
        try:
            await self._connection.execute("select 1")
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable(f"PostgreSQL: {first_line(error)}") from error
