"""Indexes of vectors while much happens at once: who builds is killed, told to stop, joined, or loses the space."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import numpy as np
import psycopg
import pytest

from ragstone.container import Container
from ragstone.domain.access import LOCAL
from ragstone.domain.errors import DatabaseUnavailable, EmbedderUnavailable
from ragstone.domain.queries import Scope
from ragstone.ports.embedder import EmbeddingModel, Vectors
from ragstone.postgres import vector_index
from ragstone.postgres.nearest.building import Built, Wish
from ragstone.postgres.nearest.kinds import Kind
from ragstone.postgres.nearest.status import SpaceIndexes, indexes_of_spaces
from ragstone.postgres.vector_index import PgVectorIndex
from ragstone.testing.embedders import HashingEmbedder
from ragstone.testing.records import store
from ragstone.worker import run as worker_run

MODEL = EmbeddingModel("testing/raced", "1", 16, 100)
LEAST = 200
PATIENCE = 60.0
ASKED = Scope(LOCAL)


def directions(count: int, seed: int = 5) -> Vectors:
    vectors = np.random.default_rng(seed).normal(size=(count, MODEL.dimensions)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


@pytest.fixture
async def index(container: Container) -> PgVectorIndex:
    index = PgVectorIndex(container.database, exact=LEAST)
    await index.ensure(MODEL)
    await fill(container, index, LEAST)
    return index


async def fill(container: Container, index: PgVectorIndex, count: int, seed: int = 5) -> None:
    _, chunks = await store(container.record, container.lexical, [f"text {number}" for number in range(count)])
    async with container.record.transaction() as transaction:
        await index.upsert(transaction, MODEL, {chunk.id: chunk.text for chunk in chunks}, directions(count, seed))


async def the_space(container: Container) -> SpaceIndexes:
    async with container.database.connection() as connection:
        (space,) = await indexes_of_spaces(connection)
    return space


async def built(container: Container) -> list[Built]:
    return [each for each, _ in (await the_space(container)).indexes]


async def until(met: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await met():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def held_up(container: Container, work: Awaitable[bool]) -> AsyncIterator["asyncio.Task[bool]"]:
    """Keep a building, once it is begun, waiting for a transaction that writes, until the block ends."""
    async with container.database.connect() as other, other.transaction():
        await other.execute("delete from vectors_1 where false")
        building = asyncio.ensure_future(work)

        async def waits() -> bool:
            return any(progress for _, progress in (await the_space(container)).indexes)

        await until(waits)
        yield building


async def signal_builder(container: Container, function: str) -> None:
    async with container.database.connection() as connection:
        cursor = await connection.execute(
            f"select {function}(pid) from pg_stat_progress_create_index where relid = 'vectors_1'::regclass".encode()
        )
        assert await cursor.fetchall() == [(True,)]


async def finds_ten(index: PgVectorIndex) -> None:
    found = await index.search(MODEL, directions(LEAST)[3], ASKED, 10)
    assert len(found) == 10
    assert found[0].score == pytest.approx(1, abs=1e-3)


async def test_who_builds_is_killed(container: Container, index: PgVectorIndex) -> None:
    async with held_up(container, index.tune(MODEL.name, MODEL.version)) as building:
        await signal_builder(container, "pg_terminate_backend")
        with pytest.raises(DatabaseUnavailable):
            await building
    (left,) = await built(container)
    assert not left.valid
    await finds_ten(index)
    assert await index.tune(MODEL.name, MODEL.version)
    (there,) = await built(container)
    assert there.valid
    assert there.name != left.name
    await finds_ten(index)


async def test_who_builds_is_told_to_stop(container: Container, index: PgVectorIndex) -> None:
    async with held_up(container, index.tune(MODEL.name, MODEL.version)) as building:
        building.cancel()
        with pytest.raises(asyncio.CancelledError):
            await building
    assert [each.valid for each in await built(container)] == [False]
    assert await index.tune(MODEL.name, MODEL.version)
    assert [each.valid for each in await built(container)] == [True]


async def test_the_old_index_answers_when_the_new_one_is_broken_off(container: Container, index: PgVectorIndex) -> None:
    await index.tune(MODEL.name, MODEL.version)
    (old,) = await built(container)
    async with held_up(container, index.build(MODEL.name, MODEL.version, anew=True)) as building:
        await finds_ten(index)
        await signal_builder(container, "pg_terminate_backend")
        with pytest.raises(DatabaseUnavailable):
            await building
    assert [each.valid for each in await built(container)] == [True, False]
    assert not await index.tune(MODEL.name, MODEL.version)
    assert await built(container) == [old]


async def test_what_cannot_be_built_stops_no_worker_and_is_not_tried_at_once_again(
    container: Container, index: PgVectorIndex
) -> None:
    async with held_up(container, index.tune(MODEL.name, MODEL.version)) as building:
        await signal_builder(container, "pg_cancel_backend")
        assert not await building
    assert not await index.tune(MODEL.name, MODEL.version)
    assert [each.valid for each in await built(container)] == [False]
    await finds_ten(index)
    assert await other_process(container).tune(MODEL.name, MODEL.version)
    assert [each.valid for each in await built(container)] == [True]


async def test_who_asks_for_an_index_is_told_why_there_is_none(container: Container, index: PgVectorIndex) -> None:
    async with held_up(container, index.build(MODEL.name, MODEL.version)) as building:
        await signal_builder(container, "pg_cancel_backend")
        with pytest.raises(DatabaseUnavailable, match="cannot be indexed: canceling statement") as refused:
            await building
    assert "ragstone index tune" in refused.value.remedy
    assert await index.tune(MODEL.name, MODEL.version)


def other_process(container: Container) -> PgVectorIndex:
    """Return an index that knows nothing of what this process does."""
    return PgVectorIndex(container.database, exact=LEAST)


async def test_two_who_build_anew_at_once_leave_one(container: Container, index: PgVectorIndex) -> None:
    await index.tune(MODEL.name, MODEL.version)
    ended = asyncio.Event()

    async def ask() -> None:
        while not ended.is_set():
            await finds_ten(index)

    asking = asyncio.create_task(ask())
    did = await asyncio.gather(
        index.build(MODEL.name, MODEL.version, anew=True),
        other_process(container).build(MODEL.name, MODEL.version, anew=True),
        other_process(container).tune(MODEL.name, MODEL.version),
    )
    ended.set()
    await asking
    assert list(did) == [True, True, False]
    assert [each.valid for each in await built(container)] == [True]


@pytest.mark.parametrize("pause", [0.0, 1.5])
async def test_a_space_is_dropped_while_its_index_is_built(
    container: Container, index: PgVectorIndex, pause: float
) -> None:
    """Each waits for the other; whichever of them PostgreSQL tells to give way, he who drops may at most try again."""

    async def drop() -> None:
        try:
            async with container.record.transaction() as transaction:
                await transaction.spaces.drop_unused()
        except DatabaseUnavailable as error:
            if error.retry_after is None:
                raise
            await asyncio.sleep(error.retry_after)
            await drop()

    async with held_up(container, index.tune(MODEL.name, MODEL.version)) as building:
        dropping = asyncio.create_task(drop())
        await asyncio.sleep(pause)
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(building, dropping)
    async with container.database.connection() as connection:
        assert await indexes_of_spaces(connection) == []
    assert not await index.tune(MODEL.name, MODEL.version)


async def test_a_space_is_dropped_in_the_middle_of_a_search(
    container: Container, index: PgVectorIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = vector_index._begin_search

    async def begin_and_lose(*asked: object) -> object:
        found = await begin(*asked)  # type: ignore[arg-type]
        async with container.record.transaction() as transaction:
            assert len(await transaction.spaces.drop_unused()) == 1
        return found

    monkeypatch.setattr(vector_index, "_begin_search", begin_and_lose)
    with pytest.raises(EmbedderUnavailable, match="dropped"):
        await index.search(MODEL, directions(1)[0], ASKED, 10)


async def test_a_space_is_dropped_by_others_between_two_searches_and_made_anew(
    container: Container, index: PgVectorIndex
) -> None:
    before = await index.search(MODEL, directions(1)[0], ASKED, 10)
    async with container.record.transaction() as transaction:
        assert len(await transaction.spaces.drop_unused()) == 1
    assert await index.search(MODEL, directions(1)[0], ASKED, 10) == []
    await other_process(container).ensure(MODEL)
    await fill(container, other_process(container), 5)
    after = await index.search(MODEL, directions(1)[0], ASKED, 10)
    assert (len(before), len(after)) == (10, 5)
    assert not {each.chunk_id for each in before} & {each.chunk_id for each in after}


async def test_a_worker_builds_by_itself_and_again_when_lists_are_outgrown(
    container: Container, index: PgVectorIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with container.record.transaction() as transaction:
        await transaction.spaces.activate_first(MODEL, {})
    container.__dict__["embedder"] = HashingEmbedder()
    monkeypatch.setattr(container.vectors, "_wish", Wish(Kind.IVFFLAT, LEAST, 64))
    monkeypatch.setattr(worker_run, "_TUNE_SECONDS", 0.05)

    async def lists_are(count: int) -> bool:
        return [(each.valid, dict(each.parameters)) for each in await built(container)] == [(True, {"lists": count})]

    working = asyncio.create_task(worker_run.work(container))
    try:
        await until(lambda: lists_are(14))
        await fill(container, index, 3 * LEAST, seed=6)
        await until(lambda: lists_are(28))
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working


async def test_connections_of_buildings_are_given_back(container: Container, index: PgVectorIndex) -> None:
    await asyncio.gather(*(index.build(MODEL.name, MODEL.version, anew=True) for _ in range(3)))
    async with container.database.connect() as connection:
        assert isinstance(connection, psycopg.AsyncConnection)
        cursor = await connection.execute(
            "select count(*) from pg_locks where locktype = 'advisory' and objid = 1"
            " and classid = hashtext('ragstone indexes of vectors in ' || current_schema())::oid"
        )
        assert await cursor.fetchone() == (0,)
