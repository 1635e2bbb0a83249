"""How a search that sees that words are lost calls the worker that keeps them, which looks at this once a second."""

import time

import structlog
from psycopg import errors

from ragstone.domain.errors import DatabaseUnavailable
from ragstone.postgres.database import Connection, Database

_PAUSE_SECONDS = 2.0
"""Between two calls: what one worker mends at once is called for by all searches that come meanwhile."""

# Who finds another one calling leaves it to him.
_CALL = """
    update lexical_calls set calls = calls + 1, called_at = now() where id = (
        select id from lexical_calls where called_at < now() - make_interval(secs => %s) for update skip locked)
"""

log = structlog.get_logger(__name__)


class Calls:
    """Calls for upkeep, at most every two seconds over all processes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._next = 0.0

    async def call(self) -> None:
        """Have lost words be mended at once. Where that cannot be written the search goes on all the same."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _PAUSE_SECONDS
        try:
            async with self._database.reading() as connection:
                await connection.execute(_CALL, (_PAUSE_SECONDS,))
        except (errors.ReadOnlySqlTransaction, errors.InsufficientPrivilege, DatabaseUnavailable) as error:
            log.info("words_not_called_for", cause=str(error))

    async def count(self) -> int:
        """Return how often it was called so far."""
        async with self._database.reading() as connection:
            cursor = await connection.execute("select calls from lexical_calls")
            row = await cursor.fetchone()
            return int(row[0]) if row else 0


async def call_with(connection: Connection) -> None:
    """Call once the transaction of ``connection`` commits."""
    await connection.execute("update lexical_calls set calls = calls + 1, called_at = now()")
