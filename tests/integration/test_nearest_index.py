"""The graph over vectors: built when a space has outgrown reading it whole, also after it was broken off."""

import asyncio

import numpy as np
import pytest
from psycopg import sql

from ragstone.container import Container
from ragstone.domain.access import LOCAL
from ragstone.domain.documents import Chunk
from ragstone.domain.queries import Scope
from ragstone.ports.embedder import EmbeddingModel, Vectors
from ragstone.postgres.vector_index import PgVectorIndex
from ragstone.testing.records import store

MODEL = EmbeddingModel("testing/tuned", "1", 16, 100)
LEAST = 200


def directions(count: int) -> Vectors:
    vectors = np.random.default_rng(5).normal(size=(count, MODEL.dimensions)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


@pytest.fixture
def index(container: Container) -> PgVectorIndex:
    return PgVectorIndex(container.database, exact=LEAST)


async def fill(container: Container, index: PgVectorIndex, count: int) -> list[Chunk]:
    await index.ensure(MODEL)
    _, chunks = await store(container.record, container.lexical, [f"text {number}" for number in range(count)])
    async with container.record.transaction() as transaction:
        await index.upsert(transaction, MODEL, {chunk.id: chunk.text for chunk in chunks}, directions(count))
    return chunks


async def indexes(container: Container) -> list[tuple[str, bool]]:
    async with container.database.connection() as connection:
        cursor = await connection.execute(
            "select c.relname, i.indisvalid from pg_index i join pg_class c on c.oid = i.indexrelid"
            " join pg_am a on a.oid = c.relam join pg_class t on t.oid = i.indrelid"
            " where a.amname = 'hnsw' and t.relnamespace = current_schema()::regnamespace"
        )
        return [(str(row[0]), bool(row[1])) for row in await cursor.fetchall()]


async def test_a_small_space_is_read_whole(container: Container, index: PgVectorIndex) -> None:
    chunks = await fill(container, index, LEAST - 1)
    assert not await index.tune(MODEL.name, MODEL.version)
    assert await indexes(container) == []
    found = await index.search(MODEL, directions(LEAST - 1)[7], Scope(LOCAL), 3)
    assert found[0].chunk_id == chunks[7].id
    assert found[0].score == pytest.approx(1, abs=1e-3)


async def test_a_space_that_has_grown_is_indexed_once(container: Container, index: PgVectorIndex) -> None:
    chunks = await fill(container, index, LEAST)
    tuned = await asyncio.gather(*[index.search(MODEL, directions(LEAST)[3], Scope(LOCAL), 5) for _ in range(4)])
    assert await index.tune(MODEL.name, MODEL.version)
    assert not await index.tune(MODEL.name, MODEL.version)
    assert [valid for _, valid in await indexes(container)] == [True]
    found = await index.search(MODEL, directions(LEAST)[3], Scope(LOCAL), 5)
    assert [each.chunk_id for each in found] == [each.chunk_id for each in tuned[0]]
    assert found[0].chunk_id == chunks[3].id


async def test_what_was_broken_off_is_begun_anew(container: Container, index: PgVectorIndex) -> None:
    await fill(container, index, LEAST)
    await index.tune(MODEL.name, MODEL.version)
    ((name, _),) = await indexes(container)
    async with container.database.connection() as connection:
        # As a `create index concurrently` leaves it that was killed.
        await connection.execute(
            sql.SQL("update pg_index set indisvalid = false where indexrelid = {}::regclass").format(sql.Literal(name))
        )
    assert await index.tune(MODEL.name, MODEL.version)
    assert [valid for _, valid in await indexes(container)] == [True]
