"""The index of words on a real record: merged, cleaned, damaged, lost, and asked by several processes meanwhile."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import pytest

from ragstone.container import Container, open_container
from ragstone.domain.access import LOCAL, Principal
from ragstone.domain.documents import Chunk
from ragstone.domain.queries import Scope
from ragstone.postgres.invariants import violations
from ragstone.postgres.lexical import upkeep
from ragstone.postgres.record import connection_of
from ragstone.settings import Settings
from ragstone.testing.lexical_indexes import bm25
from ragstone.testing.records import store

EVERYWHERE = Scope(LOCAL)
WORDS = "granite slate marble basalt gneiss chalk flint quartz".split()


@pytest.fixture
async def other(settings: Settings, container: Container) -> AsyncIterator[Container]:
    """Another process on the same record."""
    async with open_container(settings) as opened:
        yield opened


async def fill(container: Container, documents: int, seed: int = 0) -> dict[UUID, list[Chunk]]:
    """Store documents of a few words; return their chunks."""
    chosen = random.Random(seed)
    filled = {}
    for _ in range(documents):
        texts = [" ".join(chosen.choices(WORDS, k=chosen.randint(1, 9))) for _ in range(chosen.randint(1, 3))]
        accepted, chunks = await store(container.record, container.lexical, texts)
        filled[accepted.document_id] = chunks
    return filled


def expected(question: str, documents: Sequence[Sequence[Chunk]]) -> dict[UUID, float]:
    return bm25(question, {chunk.id: chunk.text for chunks in documents for chunk in chunks})


async def scores(container: Container, question: str, scope: Scope = EVERYWHERE) -> dict[UUID, float]:
    return {each.chunk_id: each.score for each in (await container.lexical.search(question, scope, 1000)).ranked}


async def check(container: Container, documents: dict[UUID, list[Chunk]]) -> None:
    for question in ("granite", "slate marble", "quartz flint chalk granite"):
        found = await scores(container, question)
        assert found == pytest.approx(expected(question, list(documents.values())), rel=1e-5)


async def tend(container: Container) -> None:
    while await container.upkeep.tend():
        pass


async def count(container: Container, table: str) -> int:
    async with container.database.connection() as connection:
        cursor = await connection.execute(f"select count(*) from {table}")
        return int((await cursor.fetchall())[0][0])


async def delete(container: Container, document_id: UUID) -> None:
    async with container.record.transaction() as transaction:
        await transaction.documents.delete(LOCAL, document_id)


async def broken(container: Container) -> object:
    async with container.database.connection() as connection:
        return await violations(connection, seconds=30)


async def test_segments_are_few_and_say_the_same(container: Container) -> None:
    documents = await fill(container, 30)
    assert await count(container, "lexical_segments") == 30
    await check(container, documents)
    await tend(container)
    assert await count(container, "lexical_segments") < 10
    await check(container, documents)
    assert await broken(container) == {}


async def test_when_no_news_comes_one_is_left(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = await fill(container, 5)
    await tend(container)
    assert await count(container, "lexical_segments") == 5
    monkeypatch.setattr(upkeep, "_QUIET_SECONDS", 0.0)
    await tend(container)
    assert await count(container, "lexical_segments") == 1
    await check(container, documents)


async def test_what_was_deleted_is_taken_from_the_segments(container: Container) -> None:
    documents = await fill(container, 20)
    await tend(container)
    secret, _ = await store(container.record, container.lexical, ["unheardof words"])
    await tend(container)
    gone = [secret.document_id, *list(documents)[::2]]
    for document_id in gone:
        await delete(container, document_id)
        documents.pop(document_id, None)
    await check(container, documents)
    await tend(container)
    await check(container, documents)
    async with container.database.connection() as connection:
        cursor = await connection.execute("select sum(version_count), sum(chunk_count) from lexical_segments")
        chunks = sum(map(len, documents.values()))
        assert await cursor.fetchall() == [(len(documents), chunks)]
    assert await broken(container) == {}


async def test_a_record_that_was_emptied_has_no_segments(container: Container) -> None:
    for document_id in await fill(container, 10):
        await delete(container, document_id)
    await tend(container)
    assert await count(container, "lexical_segments") == 0
    assert await count(container, "lexical_blocks") == 0
    assert await scores(container, "granite") == {}


async def test_another_process_finds_what_was_committed_at_once(container: Container, other: Container) -> None:
    documents = await fill(container, 3)
    await check(other, documents)
    for step in range(12):
        documents |= await fill(container, 1, seed=step + 1)
        await check(other, documents)
        if step % 3 == 0:
            gone = next(iter(documents))
            await delete(container, gone)
            del documents[gone]
            await check(other, documents)
        if step % 4 == 0:
            await tend(container)
            await check(other, documents)


async def test_who_loses_the_right_finds_nothing_from_then_on(container: Container, other: Container) -> None:
    accepted, chunks = await store(container.record, container.lexical, ["granite granite"], readers=["everyone"])
    await store(container.record, container.lexical, ["granite slate"])
    assert chunks[0].id in await scores(other, "granite")
    async with container.database.connection() as connection:
        await connection.execute("update versions set readers = '{board}' where id = %s", (accepted.job_id,))
    found = await scores(other, "granite")
    assert chunks[0].id not in found
    assert len(found) == 1
    board = Scope(Principal(readers=frozenset({"board", "everyone"})))
    assert len(await scores(other, "granite", board)) == 2


async def test_a_transaction_that_began_before_and_ends_after_a_look_is_not_missed(
    container: Container, other: Container
) -> None:
    documents = await fill(container, 2)
    hidden = next(iter(documents))
    await check(other, documents)
    async with container.record.transaction() as transaction:
        await transaction.documents.delete(LOCAL, hidden)
        await check(other, documents)
        later = await fill(other, 1, seed=9)  # its number is higher, and it commits first
        await check(other, documents | later)
    del documents[hidden]
    await check(other, documents | later)


async def test_changes_that_were_forgotten_before_anybody_looked_are_not_missed(
    container: Container, other: Container
) -> None:
    """A transaction that takes longer than changes are noted notes them as of its beginning."""
    documents = await fill(container, 6)
    hidden = next(iter(documents))
    await check(other, documents)
    async with container.record.transaction() as transaction:
        await transaction.documents.delete(LOCAL, hidden)
        await connection_of(transaction).execute("update visibility_changes set noted_at = now() - interval '2 hours'")
    await container.upkeep.mend()
    assert await count(container, "visibility_changes") == 0
    del documents[hidden]
    await check(other, documents)


@pytest.mark.parametrize(
    "damage",
    [
        "update lexical_blocks set data = overlay(data placing '\\x00ff'::bytea from 20)",
        "update lexical_blocks set data = substr(data, 1, 10)",
        "update lexical_segments set members = overlay(members placing '\\x00ff'::bytea from 9)",
        "delete from lexical_blocks",
        "delete from lexical_segments",
        "delete from lexical_members where version_id = (select min(version_id::text)::uuid from lexical_members)",
        "update lexical_segments set made_by = 'older'",
    ],
)
async def test_what_is_damaged_or_lost_is_made_anew(container: Container, other: Container, damage: str) -> None:
    documents = await fill(container, 12)
    await tend(container)
    await check(container, documents)
    async with container.database.connection() as connection:
        await connection.execute(damage)
    if "older" not in damage:
        assert await broken(container) != {}
    await scores(other, "granite slate")  # questions go on
    await container.upkeep.mend()
    await tend(container)
    await check(container, documents)
    await check(other, documents)
    assert await broken(container) == {}


async def test_questions_deletions_news_and_merges_at_once(container: Container, other: Container) -> None:
    documents = await fill(container, 20)
    whole = dict(documents)
    done = asyncio.Event()

    async def ask() -> int:
        asked = 0
        while not done.is_set():
            kept = {chunk.id for each in keep for chunk in whole[each]}
            for question in WORDS[:3]:
                found = await scores(other, question)
                holders = {chunk.id for each in keep for chunk in whole[each] if question in chunk.text}
                assert holders <= found.keys()
                assert found.keys() & kept == holders
                asked += 1
        return asked

    async def upkeep_on() -> None:
        while not done.is_set():
            await container.upkeep.tend()
            await asyncio.sleep(0)

    keep = list(documents)[::2]
    asking = asyncio.create_task(ask())
    tending = asyncio.create_task(upkeep_on())
    for number, document_id in enumerate([each for each in documents if each not in keep]):
        await delete(container, document_id)
        del documents[document_id]
        documents |= await fill(container, 3, seed=100 + number)
    done.set()
    assert await asking > 5
    await tending
    await check(other, documents)
    await tend(container)
    await check(other, documents)
    assert await broken(container) == {}


async def test_a_phrase_in_quotes_is_found_as_it_stands(container: Container) -> None:
    _, chunks = await store(
        container.record,
        container.lexical,
        [
            "The granite was laid on the slate in the old quarry.",
            "The slate was laid on the granite; quarries are old.",
            "Granite and slate are stones, as marble is. Of the slate they make roofs.",
        ],
    )
    first, second, third = (chunk.id for chunk in chunks)
    assert list(await scores(container, '"laid on the granite"')) == [second]
    assert list(await scores(container, 'stones "laid on the slate"')) == [first]
    assert list(await scores(container, '"old quarries" granite')) == [first]
    assert list(await scores(container, 'where are "the slates" "old quarry"')) == [first]
    assert list(await scores(container, '"of the"')) == [third]
    assert set(await scores(container, '"marble roofs" granite')) == {first, second, third}


async def test_a_phrase_is_found_behind_a_thousand_others_of_the_same_words(container: Container) -> None:
    """It stands in a long chunk, which BM25 ranks last."""
    await store(container.record, container.lexical, [f"pool connection {number}" for number in range(1000)])
    long = " ".join(["A connection pool is kept", *(f"word{number}" for number in range(200))])
    _, chunks = await store(container.record, container.lexical, [long])
    found = await container.lexical.search('"connection pool"', EVERYWHERE, 10)
    assert [each.chunk_id for each in found.ranked] == [chunks[0].id]
    assert found.missing == {}


async def test_a_phrase_that_no_chunk_has_is_said_to_be_missing(container: Container) -> None:
    await store(container.record, container.lexical, ["pool connection"])
    found = await container.lexical.search('"connection pool"', EVERYWHERE, 10)
    assert len(found.ranked) == 1
    assert "one by one" in found.missing["phrase"]
