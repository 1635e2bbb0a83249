"""Indexes of vectors: built when a space has outgrown reading it whole; then asked in any scope."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest
from psycopg import sql

from ragstone.container import Container
from ragstone.domain.access import LOCAL, Principal
from ragstone.domain.documents import Chunk
from ragstone.domain.filter_text import parse_filter
from ragstone.domain.queries import Scope
from ragstone.ports.embedder import EmbeddingModel, Vectors
from ragstone.postgres.nearest import searching
from ragstone.postgres.nearest.building import Built
from ragstone.postgres.nearest.kinds import Kind
from ragstone.postgres.nearest.status import indexes_of_spaces
from ragstone.postgres.vector_index import PgVectorIndex
from ragstone.testing.records import store

MODEL = EmbeddingModel("testing/tuned", "1", 16, 100)
LEAST = 200
LEAST_RECALL = {Kind.HNSW: 0.98, Kind.IVFFLAT: 0.5}
"""Of directions without any structure, which lists do not suit: centres are drawn by chance, and find 0.6 to 1."""


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
    return [(each.name, each.valid) for each in await built(container)]


async def built(container: Container) -> Sequence[Built]:
    async with container.database.connection() as connection:
        return [each for space in await indexes_of_spaces(connection) for each, _ in space.indexes]


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


async def test_an_index_is_built_anew_beside_the_old_one(container: Container, index: PgVectorIndex) -> None:
    chunks = await fill(container, index, LEAST)
    assert await index.build(MODEL.name, MODEL.version, anew=True)
    ((first, _),) = await indexes(container)
    assert await index.build(MODEL.name, MODEL.version, anew=True)
    ((second, valid),) = await indexes(container)
    assert valid
    assert first != second
    found = await index.search(MODEL, directions(LEAST)[3], Scope(LOCAL), 5)
    assert found[0].chunk_id == chunks[3].id


async def test_a_small_space_is_not_rebuilt(container: Container, index: PgVectorIndex) -> None:
    await fill(container, index, LEAST - 1)
    assert not await index.build(MODEL.name, MODEL.version, anew=True)
    assert not await index.build("testing/unknown", "1", anew=True)
    assert await indexes(container) == []


async def test_of_two_that_answer_the_newer_one_stays(container: Container, index: PgVectorIndex) -> None:
    """As one is killed who has built the new index, and not dropped the old one."""
    await fill(container, index, LEAST)
    await index.tune(MODEL.name, MODEL.version)
    async with container.database.connection() as connection:
        await connection.execute(
            f"create index newer on vectors_1 using hnsw ((embedding::halfvec({MODEL.dimensions})) halfvec_cosine_ops)"
        )
    assert not await index.tune(MODEL.name, MODEL.version)
    assert await indexes(container) == [("newer", True)]


async def test_of_those_who_come_together_one_builds(container: Container, index: PgVectorIndex) -> None:
    await fill(container, index, LEAST)
    did = await asyncio.gather(*(index.tune(MODEL.name, MODEL.version) for _ in range(3)))
    assert sorted(did) == [False, False, True]
    assert [valid for _, valid in await indexes(container)] == [True]


async def test_another_kind_takes_the_place_of_the_one_before(container: Container, index: PgVectorIndex) -> None:
    chunks = await fill(container, index, LEAST)
    await index.tune(MODEL.name, MODEL.version)
    lists = PgVectorIndex(container.database, exact=LEAST, kind=Kind.IVFFLAT)
    assert await lists.tune(MODEL.name, MODEL.version)
    assert [(each.kind, each.parameters) for each in await built(container)] == [(Kind.IVFFLAT, {"lists": 14})]
    for question in (3, 30, 130):
        found = await lists.search(MODEL, directions(LEAST)[question], Scope(LOCAL), LEAST)
        assert found[0].chunk_id == chunks[question].id
        assert len(found) == LEAST


async def test_lists_grow_with_the_space(container: Container) -> None:
    index = PgVectorIndex(container.database, exact=LEAST, kind=Kind.IVFFLAT)
    await fill(container, index, LEAST)
    assert await index.tune(MODEL.name, MODEL.version)
    await fill(container, index, LEAST // 2)
    assert not await index.tune(MODEL.name, MODEL.version)
    await fill(container, index, LEAST)
    assert await index.tune(MODEL.name, MODEL.version)
    assert [each.parameters for each in await built(container)] == [{"lists": 22}]
    assert not await index.tune(MODEL.name, MODEL.version)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    ("few", "most_candidates"),
    [(20_000, 10_000), (0, 10_000), (0, 0), (20_000, 0), (30, 64)],
    ids=["as it is", "never few", "all", "few at once", "little"],
)
async def test_as_many_are_found_as_there_are_and_the_nearest(
    container: Container, monkeypatch: pytest.MonkeyPatch, kind: Kind, few: int, most_candidates: int
) -> None:
    """Whichever way is taken, and however little a scope sees, or however far away it lies."""
    monkeypatch.setattr(searching, "_FEW", few)
    monkeypatch.setattr(searching, "_MOST_CANDIDATES", most_candidates)
    index = PgVectorIndex(container.database, exact=LEAST, kind=kind)
    await index.ensure(MODEL)
    board, half, far = Principal(readers=frozenset({"board"})), parse_filter("part = 1"), parse_filter("part = 2")
    vectors = directions(600)
    question = vectors[0]
    by_distance = np.argsort(-(vectors @ question))
    # Nearest the question is what few may read; the part 2 lies on the other side.
    parts = {"board": by_distance[:300], "1": by_distance[300:560], "2": by_distance[560:]}
    places: dict[object, int] = {}
    for part, rows in parts.items():
        metadata: dict[str, object] = {} if part == "board" else {"part": int(part)}
        readers = ["board"] if part == "board" else ["everyone"]
        for some in np.array_split(rows, 7):
            texts = [f"text {row}" for row in some]
            _, chunks = await store(container.record, container.lexical, texts, readers=readers, metadata=metadata)
            async with container.record.transaction() as transaction:
                await index.upsert(transaction, MODEL, {chunk.id: chunk.text for chunk in chunks}, vectors[some])
            places |= {chunk.id: int(row) for chunk, row in zip(chunks, some, strict=True)}
    assert await index.tune(MODEL.name, MODEL.version)
    for scope, rows in (
        (Scope(board), parts["board"]),
        (Scope(LOCAL), by_distance[300:]),
        (Scope(LOCAL, filter=half), parts["1"]),
        (Scope(LOCAL, filter=far), parts["2"]),
        (Scope(board, filter=half), np.empty(0, np.int64)),
        (Scope(Principal(tenant="other")), np.empty(0, np.int64)),
    ):
        for limit in (10, 10, 100):
            found = await index.search(MODEL, question, scope, limit)
            got = [places[each.chunk_id] for each in found]
            assert len(got) == min(limit, len(rows))
            assert set(got) <= set(rows.tolist())
            assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
            wanted = set(rows[:limit].tolist())
            assert len(wanted & set(got)) >= LEAST_RECALL[kind] * len(wanted)


async def test_a_building_that_is_seen_says_how_far_it_is(container: Container, index: PgVectorIndex) -> None:
    await fill(container, index, LEAST)
    async with container.database.connect() as other:
        # A transaction that writes to the table keeps the building waiting before it begins.
        async with other.transaction():
            await other.execute("delete from vectors_1 where false")
            building = asyncio.create_task(index.tune(MODEL.name, MODEL.version))
            progress = None
            while progress is None:
                await asyncio.sleep(0.01)
                async with container.database.connection() as connection:  # each sees what was so when it began
                    (space,) = await indexes_of_spaces(connection)
                progress = next((progress for each, progress in space.indexes if not each.valid), None)
            assert progress.phase.startswith("waiting for writers")
        assert await building
    async with container.database.connection() as connection:
        (space,) = await indexes_of_spaces(connection)
    assert (space.model, space.vectors, space.dimensions) == (MODEL.name, LEAST, MODEL.dimensions)
    assert [(each.valid, progress) for each, progress in space.indexes] == [(True, None)]


async def test_long_vectors_stand_in_their_rows(container: Container) -> None:
    """Apart from them, exact search would read each in pieces."""
    long = EmbeddingModel("testing/long", "1", 3072, 100)
    index = container.vectors
    await index.ensure(long)
    _, chunks = await store(container.record, container.lexical, ["a", "b"])
    vectors = np.eye(2, long.dimensions, dtype=np.float32)
    async with container.record.transaction() as transaction:
        await index.upsert(transaction, long, {chunk.id: chunk.text for chunk in chunks}, vectors)
    found = await index.search(long, vectors[1], Scope(LOCAL), 2)
    assert [each.chunk_id for each in found] == [chunks[1].id, chunks[0].id]
    async with container.database.connection() as connection:
        cursor = await connection.execute(
            "select pg_relation_size(reltoastrelid) from pg_class where oid = 'vectors_1'::regclass"
        )
        assert await cursor.fetchone() == (0,)
