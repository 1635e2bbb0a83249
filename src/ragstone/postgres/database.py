"""The connection to PostgreSQL: embedded or given by URL, checked, migrated, pooled."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeAlias
from weakref import WeakKeyDictionary

import psutil
import psycopg
import psycopg_pool
import structlog
from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow

from ragstone.domain.errors import ConfigurationError, DatabaseUnavailable, GaveWay, RagstoneError, SearchTimeout
from ragstone.postgres.embedded import EmbeddedPostgres
from ragstone.postgres.migrate import migrate
from ragstone.postgres.pool import Pool

Connection: TypeAlias = AsyncConnection[TupleRow]

OLDEST_POSTGRES = 15
OLDEST_PGVECTOR = (0, 8)
_CONNECT_SECONDS = 5
_WATCH_SECONDS = 1.0
_RECONNECT_SECONDS = 5.0
_TRUSTED_SECONDS = 0.5

log = structlog.get_logger(__name__)


class Database:
    """A pool of connections whose search path is Ragstone's schema.

    With no ``url``, PostgreSQL comes from the wheel and lives in ``data_dir``. What reads for a question is given
    ``search_timeout`` seconds for each statement; 0 sets no limit.
    """

    def __init__(
        self, *, url: str | None, data_dir: Path, schema: str, pool_size: int, search_timeout: float = 0.0
    ) -> None:
        self._given_url = url
        self._embedded = None if url else EmbeddedPostgres(data_dir)
        self._pool_size = pool_size
        self._search_timeout = search_timeout
        self._taken: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()
        self._pool: Pool | None = None
        self._watch: asyncio.Task[None] | None = None
        self.schema = schema
        self.url = url or ""

    async def open(self, *, migrated: bool = True) -> None:
        """Start or reach the server, check it, apply pending migrations, open the pool.

        Raises ``ConfigurationError`` for a server that will not do and ``DatabaseUnavailable`` for none.
        """
        if self._embedded:
            self.url = await asyncio.to_thread(self._embedded.start)
        async with self.connect() as connection:
            await _check(connection)
            if migrated:
                steps = await migrate(connection, self.schema)
                if steps:
                    log.info("migrated", steps=[step.name for step in steps])
        self._pool = Pool(
            self.url,
            limit=self._search_timeout,
            min_size=2,
            max_size=self._pool_size,
            timeout=10,
            # Beyond this an attempt to connect would pause for longer and longer; given up, it begins anew on demand.
            reconnect_timeout=_RECONNECT_SECONDS,
            open=False,
            check=self._check_idle,
            configure=self._configure,
            kwargs={"connect_timeout": _CONNECT_SECONDS, "application_name": "ragstone"},
        )
        await self._pool.open()
        if self._embedded:
            self._watch = asyncio.create_task(self._keep_running(self._embedded), name="watch-postgres")

    async def close(self) -> None:
        """Close the pool; stop the embedded server if no other process uses it."""
        if self._watch:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        if self._pool:
            await self._pool.close()
            self._pool = None
        if self._embedded:
            await asyncio.to_thread(self._embedded.stop)

    @property
    def pool(self) -> Pool:
        """The open pool."""
        if self._pool is None:
            raise DatabaseUnavailable("The database is not open.")
        return self._pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a pooled connection, in a transaction that commits when the block ends well.

        Raises ``DatabaseUnavailable`` when PostgreSQL does not answer or is lost on the way.
        """
        with _translated():
            async with self.pool.connection() as connection:
                yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """Lend a pooled connection on which each statement is its own transaction: for one that reads by itself.

        To begin and to end a transaction would take thrice as long. No statement may take longer than
        ``search_timeout``: raises ``SearchTimeout`` then, and else as ``connection`` does.
        """
        with _translated(self._search_timeout):
            async with self.pool.limited() as connection:
                await connection.set_autocommit(True)
                try:
                    yield connection
                finally:
                    if not connection.closed:
                        await connection.set_autocommit(False)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Connection]:
        """Open a connection of its own, outside the pool, in autocommit mode."""
        try:
            connection = await AsyncConnection.connect(
                self.url, autocommit=True, connect_timeout=_CONNECT_SECONDS, application_name="ragstone"
            )
        except psycopg.OperationalError as error:
            raise _unavailable(first_line(error)) from error
        except psycopg.ProgrammingError as error:
            raise ConfigurationError(
                "RAGSTONE_DATABASE_URL is not a PostgreSQL URL.",
                remedy="It reads postgresql://USER:PASSWORD@HOST:PORT/DATABASE.",
            ) from error
        async with connection:
            await self._configure(connection)
            yield connection

    async def _check_idle(self, connection: Connection) -> None:
        """See that a connection still works that nobody took for a while; to ask each time is a third of all traffic.

        A PostgreSQL that was lost is not back sooner than a connection stops being trusted.
        """
        now = time.monotonic()
        taken = self._taken.get(connection, 0.0)
        self._taken[connection] = now
        if now - taken > _TRUSTED_SECONDS:
            await Pool.check_connection(connection)

    async def _configure(self, connection: Connection) -> None:
        await connection.execute(sql.SQL("set search_path to {}, public").format(sql.Identifier(self.schema)))
        await connection.commit()

    async def _keep_running(self, server: EmbeddedPostgres) -> None:
        """Start the embedded server again when it dies under us."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            # Its files and processes change under our eyes; whatever that brings, look again.
            try:
                if await asyncio.to_thread(server.running):
                    continue
                log.warning("postgres_lost", note="the embedded PostgreSQL died and is started again")
                await asyncio.to_thread(server.start)
            except (RagstoneError, OSError, ValueError, psutil.Error) as error:
                log.warning("postgres_restart_failed", cause=str(error))


@contextmanager
def _translated(limit: float = 0.0) -> Iterator[None]:
    """Translate what PostgreSQL raises; a statement that it ended, where it had ``limit`` seconds, took longer."""
    try:
        yield
    except psycopg_pool.PoolTimeout as error:
        raise _unavailable("does not answer, or every connection is busy", retry_after=5) from error
    except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure) as error:
        raise _gave_way() from error
    except psycopg.errors.ForeignKeyViolation as error:
        if not (error.diag.constraint_name or "").endswith("_collection_id_fkey"):
            raise
        raise _gave_way() from error  # the collection was removed meanwhile
    except psycopg.errors.LockNotAvailable:
        raise  # only who would rather not wait is told, and sees to it
    except psycopg.OperationalError as error:
        if limit and isinstance(error, psycopg.errors.QueryCanceled):
            raise _took_too_long(limit) from error
        raise _unavailable(first_line(error), retry_after=5) from error


def _gave_way() -> GaveWay:
    return GaveWay("Two changes met, and this one gave way.", remedy="Try again.", retry_after=1)


def _took_too_long(limit: float) -> SearchTimeout:
    return SearchTimeout(
        f"A step of this search took longer than {limit:g} s in PostgreSQL, and was stopped.",
        remedy="Search for less: with a simpler filter, or in fewer collections. Where plain questions take as long,"
        " `ragstone doctor` looks for the cause; RAGSTONE_SEARCH_TIMEOUT sets the limit.",
        # Whoever asked the same again at once would have it work on nothing else.
        retry_after=max(limit, 5.0),
    )


async def _check(connection: Connection) -> None:
    """Raise ``ConfigurationError`` unless the server is new enough and has pgvector, new enough."""
    if connection.info.server_version < OLDEST_POSTGRES * 10000:
        raise ConfigurationError(
            f"PostgreSQL {connection.info.server_version // 10000} is too old.",
            remedy=f"Ragstone needs PostgreSQL {OLDEST_POSTGRES} or later.",
        )
    version = await _vector_version(connection)
    if version is None:
        raise ConfigurationError(
            "This PostgreSQL has no pgvector.",
            remedy=f"Install pgvector {_dotted(OLDEST_PGVECTOR)} or later on the database server.",
        )
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST_PGVECTOR:
        raise ConfigurationError(
            f"pgvector {version} is too old.",
            remedy=f"Ragstone needs {_dotted(OLDEST_PGVECTOR)} or later; then: alter extension vector update.",
        )


async def _vector_version(connection: Connection) -> str | None:
    """Return the version of pgvector in this database, created where it is only available."""
    try:
        await connection.execute("create extension if not exists vector")
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigurationError(
            "This database user may not create the extension pgvector.",
            remedy="Let a superuser run in this database: create extension vector.",
        ) from error
    except (psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedFile):
        return None
    except psycopg.errors.UniqueViolation:
        # Two processes created it in the same moment; it is there now.
        pass
    cursor = await connection.execute("select extversion from pg_extension where extname = 'vector'")
    row = await cursor.fetchone()
    return str(row[0]) if row else None


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)


def first_line(error: Exception) -> str:
    """Return what went wrong, in one line."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _unavailable(cause: str, *, retry_after: float | None = None) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        f"PostgreSQL: {cause.rstrip('.')}.",
        remedy="See that it runs and that RAGSTONE_DATABASE_URL is right; `ragstone doctor` checks both.",
        retry_after=retry_after,
    )
