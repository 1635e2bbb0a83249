"""How long PostgreSQL may take for a step of a search, and who is not bounded by that."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from ragstone.container import Container, open_container
from ragstone.domain.access import LOCAL
from ragstone.domain.errors import DatabaseUnavailable, SearchTimeout
from ragstone.domain.queries import Mode, Scope
from ragstone.postgres.pool import Pool
from ragstone.settings import Settings
from ragstone.testing.records import store

SCOPE = Scope(LOCAL)


@asynccontextmanager
async def hurried(settings: Settings, **changed: Any) -> AsyncIterator[Container]:
    async with open_container(settings.model_copy(update={"search_timeout": 0.2, **changed})) as container:
        await store(container.record, container.lexical, ["Granite is hard."])
        yield container


@asynccontextmanager
async def chunks_locked(container: Container) -> AsyncIterator[None]:
    """Have whoever reads a chunk wait."""
    async with container.database.connect() as connection, connection.transaction():
        await connection.execute("lock table chunks in access exclusive mode")
        yield


async def allowed(connection: psycopg.AsyncConnection[Any]) -> str:
    cursor = await connection.execute("show statement_timeout")
    return str((await cursor.fetchall())[0][0])


@pytest.mark.parametrize("mode", Mode)
async def test_a_search_that_takes_too_long_ends_with_what_to_do(settings: Settings, mode: Mode) -> None:
    async with hurried(settings) as container:
        await container.search.retrieve("hard granite", SCOPE, mode=mode)
        async with chunks_locked(container), asyncio.timeout(10):
            with pytest.raises(SearchTimeout) as caught:
                await container.search.retrieve("which is hard", SCOPE, mode=mode)
        assert "RAGSTONE_SEARCH_TIMEOUT" in caught.value.remedy
        assert caught.value.retry_after == 5
        found = await container.search.retrieve("which is hard", SCOPE, mode=mode)
        assert len(found.hits) == (mode is not Mode.MEANING)  # nothing is embedded


async def test_work_and_the_queue_are_not_bounded(settings: Settings) -> None:
    async with hurried(settings, database_pool_size=2) as container:
        for _ in range(4):
            async with container.database.reading() as connection:
                assert await allowed(connection) == "200ms"
            async with container.database.connection() as connection:
                assert await allowed(connection) == "0"
            async with container.record.transaction():
                pass
        async with container.database.reading(), container.database.reading():
            pass
        async with container.database.pool.connection() as one, container.database.pool.connection() as other:
            assert [await allowed(one), await allowed(other)] == ["0", "0"]
            await one.execute("select pg_sleep(0.4)")
        async with container.database.connect() as connection:
            assert await allowed(connection) == "0"


async def test_no_limit_is_none(settings: Settings) -> None:
    async with (
        open_container(settings.model_copy(update={"search_timeout": 0.0})) as container,
        container.database.reading() as connection,
    ):
        assert await allowed(connection) == "0"


async def test_what_the_server_sets_for_us_comes_back(settings: Settings) -> None:
    assert settings.database_url
    url = make_conninfo(settings.database_url.get_secret_value(), options="-c statement_timeout=7s")
    async with hurried(settings, database_url=SecretStr(url), database_pool_size=2) as container:
        for _ in range(3):
            async with container.database.reading() as connection:
                assert await allowed(connection) == "200ms"
            async with container.database.connection() as connection:
                assert await allowed(connection) == "7s"


async def test_connections_that_only_search_are_told_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    bound = Pool._bound

    async def counted(self: Pool, connection: psycopg.AsyncConnection[Any], limit: int) -> None:
        told.append(limit)
        await bound(self, connection, limit)

    async with hurried(settings, database_pool_size=3) as container:
        monkeypatch.setattr(Pool, "_bound", counted)
        for _ in range(30):
            async with container.database.reading() as connection:
                await connection.execute("select 1")
        assert told == [200] * len(told)
        assert len(told) <= 3


async def test_a_connection_whose_limit_is_not_known_is_told_again(settings: Settings) -> None:
    async with hurried(settings, database_pool_size=2) as container:
        pool = container.database.pool
        for turns in range(20):
            reading = asyncio.create_task(_read(container))
            for _ in range(turns % 7):
                await asyncio.sleep(0)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            async with pool.connection() as connection:
                assert await allowed(connection) == "0"
        assert pool.get_stats()["pool_available"] == pool.get_stats()["pool_size"]


async def test_a_statement_that_somebody_else_ended_was_none_of_a_search(settings: Settings) -> None:
    async with hurried(settings) as container:
        with pytest.raises(DatabaseUnavailable) as caught:
            await _sleep(container)
        assert not isinstance(caught.value, SearchTimeout)


async def _read(container: Container) -> None:
    async with container.database.reading() as connection:
        await connection.execute("select 1")


async def _sleep(container: Container) -> None:
    async with container.database.connection() as connection:
        await connection.execute("set local statement_timeout = 50")
        await connection.execute("select pg_sleep(5)")
