"""Words that are lost: searches say so to those whom it concerns, and call the worker, which makes them anew."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from uuid import UUID

import pytest

from ragstone.container import Container, open_container
from ragstone.domain.access import EVERYONE, LOCAL, Principal
from ragstone.domain.queries import Mode, Scope
from ragstone.ingest.renaming import index_renamed
from ragstone.ports.lexical_index import Matches
from ragstone.postgres.database import Database
from ragstone.postgres.lexical import corpora, making, mending, reading
from ragstone.postgres.lexical.index import SegmentedLexicalIndex
from ragstone.postgres.lexical.status import words_status
from ragstone.postgres.record import connection_of
from ragstone.settings import Settings
from ragstone.testing.records import store
from ragstone.worker import run

BOARD = Principal(readers=frozenset({EVERYONE, "board"}))
STRANGER = Principal(tenant="another")
ALL = "delete from lexical_segments"
ONE = "delete from lexical_segments where id = (select min(id) from lexical_segments)"
ITS = "delete from lexical_segments where id in (select segment_id from lexical_members where version_id = any(%s))"
A_MEMBER = "delete from lexical_members where version_id = (select min(version_id::text)::uuid from lexical_members)"


@pytest.fixture
async def other(settings: Settings, container: Container) -> AsyncIterator[Container]:
    """Another process on the same record, which has searched nothing yet."""
    async with open_container(settings) as opened:
        yield opened


async def put(container: Container, text: str, principal: Principal = LOCAL, **told: object) -> UUID:
    """Store a document of one chunk; return its version."""
    accepted, _ = await store(container.record, container.lexical, [text], principal=principal, **told)  # type: ignore[arg-type]
    return accepted.job_id


async def execute(container: Container, statement: str, *parameters: object) -> list[tuple[object, ...]]:
    async with container.database.connection() as connection:
        cursor = await connection.execute(statement.encode(), parameters)
        return await cursor.fetchall() if cursor.description else []


async def ask(
    container: Container, principal: Principal = LOCAL, collections: Sequence[str] = (), question: str = "granite"
) -> Matches:
    return await container.lexical.search(question, Scope(principal, tuple(collections)), 1000)


async def calls(container: Container) -> object:
    ((count,),) = await execute(container, "select calls from lexical_calls")
    return count


@pytest.mark.parametrize(
    ("damage", "left"),
    [
        (ALL, 0),
        (ONE, 2),
        (A_MEMBER, 2),
        ("update lexical_segments set members = overlay(members placing '\\x00ff'::bytea from 9)", 0),
        ("update lexical_blocks set data = substr(data, 1, 10)", 0),
    ],
)
async def test_what_is_lost_is_said_until_it_is_mended(
    container: Container, other: Container, damage: str, left: int
) -> None:
    for number in range(3):
        await put(container, f"granite {number}")
    assert (await ask(container)).missing == {}
    await execute(container, damage)
    for process in (other, container):  # one comes to them anew, one had the segments
        found = await ask(process)
        assert len(found.ranked) == left
        assert list(found.missing) == ["words"]
        assert "indexed anew" in found.missing["words"]
    await put(container, "granite 3")
    assert list((await ask(container)).missing) == ["words"]
    await container.upkeep.mend()
    for process in (container, other):
        found = await ask(process)
        assert len(found.ranked) == 4
        assert found.missing == {}


async def test_what_is_deleted_is_missed_no_more(container: Container) -> None:
    accepted, _ = await store(container.record, container.lexical, ["granite"])
    await put(container, "granite slate")
    await execute(
        container, f"{ALL} where id = (select segment_id from lexical_members where version_id = %s)", accepted.job_id
    )
    assert list((await ask(container)).missing) == ["words"]
    async with container.record.transaction() as transaction:
        await transaction.documents.delete(LOCAL, accepted.document_id)
    found = await ask(container)
    assert len(found.ranked) == 1
    assert found.missing == {}


async def test_a_question_without_terms_says_it_too(container: Container) -> None:
    await put(container, "granite")
    await execute(container, ALL)
    assert list((await ask(container, question="?!")).missing) == ["words"]


async def test_what_waits_or_is_on_its_way_is_not_missing(container: Container, other: Container) -> None:
    version_id = await put(container, "granite")
    assert (await ask(container)).missing == {}
    await container.upkeep.outdate()
    assert (await ask(container)).missing == (await ask(other)).missing == {}
    async with container.record.transaction() as transaction:
        # As ingestion leaves it between two of its statements, and before its first one.
        await connection_of(transaction).execute("delete from lexical_members where version_id = %s", (version_id,))
        assert (await ask(container)).missing == (await ask(other)).missing == {}
        await connection_of(transaction).rollback()
    await execute(container, "update documents set current_version = null")
    await execute(container, "update versions set state = 'accepted'")
    await execute(container, ALL)
    assert (await ask(container)).missing == (await ask(other)).missing == {}


async def test_only_what_one_may_read_is_missed(container: Container, other: Container) -> None:
    await put(container, "granite slate")
    hidden = await put(container, "granite secret", BOARD, readers=("board",))
    elsewhere = await put(container, "granite", STRANGER)
    apart = await put(container, "granite", LOCAL, collection="apart")
    for process in (container, other):
        await ask(process)
    lose = (
        "delete from lexical_segments where id in (select segment_id from lexical_members where version_id = any(%s))"
    )
    await execute(container, lose, [hidden, elsewhere])
    for process in (container, other):
        assert (await ask(process)).missing == {}
    assert await calls(container) == 0
    for process in (container, other):
        assert list((await ask(process, BOARD)).missing) == ["words"]
        assert list((await ask(process, STRANGER)).missing) == ["words"]
    await execute(container, ITS, [apart])
    assert (await ask(container, collections=["default"])).missing == {}
    assert list((await ask(container, collections=["apart"])).missing) == ["words"]
    # Who is given the right to a document that lacks its words is told from then on, and who loses it is not.
    await execute(container, "update versions set readers = '{everyone}' where id = %s", hidden)
    assert list((await ask(container, collections=["default"])).missing) == ["words"]
    await execute(container, "update versions set readers = '{board}' where id = %s", hidden)
    assert (await ask(container, collections=["default"])).missing == {}


async def test_what_a_collection_lacks_is_looked_for_once(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, looked = reading.in_none, list[object]()

    async def noted(*asked: object) -> object:
        looked.append(asked)
        return await real(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(corpora, "in_none", noted)
    for number in range(20):
        await put(container, f"granite {number}")
        await ask(container)
    while await container.upkeep.tend():  # segments go, and others have what they had
        await ask(container)
    assert len((await ask(container)).ranked) == 20
    assert len(looked) == 1


async def test_a_hybrid_search_goes_on_by_meaning(container: Container) -> None:
    embedder = await container.document_embedder()
    await container.vectors.ensure(embedder.model)
    text = "The quarry was closed in 1911."
    _, chunks = await store(container.record, container.lexical, [text])
    async with container.record.transaction() as transaction:
        vectors = await embedder.embed([text])
        await container.vectors.upsert(transaction, embedder.model, {chunks[0].id: text}, vectors)
    await execute(container, ALL)
    found = await container.search.retrieve("When was the quarry closed?", Scope(LOCAL), mode=Mode.HYBRID)
    assert [hit.chunk.id for hit in found.hits] == [chunks[0].id]
    assert list(found.missing) == ["words"]
    await container.upkeep.mend()
    found = await container.search.retrieve("When was the quarry closed?", Scope(LOCAL), mode=Mode.HYBRID)
    assert found.missing == {}  # what was missing is not kept
    assert found.hits[0].legs.keys() == {"words", "meaning"}


async def test_searches_call_once_for_what_is_lost(container: Container, other: Container) -> None:
    await put(container, "granite")
    await ask(container)
    assert await calls(container) == 0
    await execute(container, ALL)
    assert not await container.upkeep.called()
    for process in (container, other, container, other):
        await ask(process)
    assert await calls(container) == 1
    assert await container.upkeep.called()
    await container.upkeep.mend()
    assert not await container.upkeep.called()


async def test_where_nothing_can_be_written_a_search_goes_on(container: Container, settings: Settings) -> None:
    await put(container, "granite")
    await put(container, "granite slate")
    await execute(container, ONE)
    assert settings.database_url
    url = settings.database_url.get_secret_value()
    reader = Database(url=url, data_dir=settings.data_dir, schema=settings.database_schema, pool_size=2)
    await reader.open(migrated=False)
    async with reader.connection() as first, reader.connection() as second:
        for each in (first, second):  # as if they were to a replica
            await each.execute("set default_transaction_read_only = on")
    try:
        found = await SegmentedLexicalIndex(reader).search("granite", Scope(LOCAL), 10)
    finally:
        await reader.close()
    assert len(found.ranked) == 1
    assert list(found.missing) == ["words"]
    assert await calls(container) == 0


async def test_the_worker_mends_when_it_is_called(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_TEND_SECONDS", 0.02)
    monkeypatch.setattr(run, "_TENDED_BETWEEN_LOOKS", 1 << 30)  # by itself it does not look again
    await put(container, "granite")
    await container.upkeep.outdate()
    tending = asyncio.create_task(run._tend(container))
    try:
        async with asyncio.timeout(20):
            while await execute(container, "select 1 from lexical_segments where made_by = ''"):
                await asyncio.sleep(0.02)
            await execute(container, ALL)
            while (await ask(container)).missing:
                await asyncio.sleep(0.02)
        assert len((await ask(container)).ranked) == 1
    finally:
        tending.cancel()
        with suppress(asyncio.CancelledError):
            await tending


async def test_many_versions_are_made_anew_at_once(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(25):
        await put(container, f"granite {number}")
    await execute(container, ALL)
    assert await container.upkeep.mend() == 25
    assert await execute(container, "select count(*) from lexical_segments") == [(1,)]
    monkeypatch.setattr(mending, "_MOST_CHUNKS", 10)
    monkeypatch.setattr(mending, "_VERSIONS_AT_A_TIME", 15)
    await store(container.record, container.lexical, [f"granite slate {number}" for number in range(12)])
    await container.upkeep.outdate()
    assert await container.upkeep.mend() == 26
    found = await execute(
        container, f"select chunk_count from lexical_segments where made_by = '{container.lexical.made_by}' order by id"
    )
    assert found == [(10,), (5,), (10,), (12,)]
    assert len((await ask(container)).ranked) == 37


async def test_mending_waits_for_nobody_while_it_holds_others(container: Container) -> None:
    """One transaction deletes the second document, then the first: none of the two waits in a ring."""
    stored = [(await store(container.record, container.lexical, [f"granite {number}"]))[0] for number in range(5)]
    await execute(container, ALL)
    async with asyncio.timeout(20):
        async with container.record.transaction() as transaction:
            await transaction.documents.delete(LOCAL, stored[2].document_id)
            mend = asyncio.create_task(container.upkeep.mend())
            while len((await ask(container)).ranked) < 4:  # all others are made at once
                await asyncio.sleep(0.02)
            await transaction.documents.delete(LOCAL, stored[1].document_id)
        assert await mend == 4
    found = await ask(container)
    assert len(found.ranked) == 3
    assert found.missing == {}


async def test_what_is_renamed_while_it_is_made_anew_keeps_its_new_name(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(container, "granite", uri="former")
    await put(container, "granite", uri="second")
    await execute(container, ALL)
    real = mending._chunks
    renaming: list[asyncio.Task[None]] = []

    async def between(*asked: object) -> object:
        if not renaming:
            renaming.append(asyncio.create_task(rename(container, "former", "porphyry")))
            await asyncio.sleep(0.3)
        return await real(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(mending, "_chunks", between)
    await container.upkeep.mend()
    await renaming[0]
    assert len((await ask(container, question="porphyry")).ranked) == 1
    ((titles,),) = await execute(container, "select array_agg(indexed_title order by indexed_title) from versions")
    assert titles == ["", "porphyry"]


async def rename(container: Container, uri: str, title: str) -> None:
    async with container.record.transaction() as transaction:
        cursor = await connection_of(transaction).execute(
            "update versions v set given_title = %s from documents d"
            " where d.id = v.document_id and d.uri = %s returning d.id",
            (title, uri),
        )
        await index_renamed(transaction, container.lexical, [row[0] for row in await cursor.fetchall()])


async def test_what_has_no_text_any_more_is_not_made_anew_for_ever(container: Container) -> None:
    await put(container, "granite")
    await put(container, "granite slate")
    await execute(container, "delete from chunks where text = 'granite'")
    await execute(container, ALL)
    async with asyncio.timeout(20):
        assert await container.upkeep.mend() == 1
    assert (await ask(container)).missing == {}


async def test_a_version_that_could_not_be_embedded_gets_its_words_back(container: Container) -> None:
    await put(container, "granite")
    await execute(container, "update versions set state = 'failed'")
    assert len((await ask(container)).ranked) == 1
    await execute(container, ALL)
    assert list((await ask(container)).missing) == ["words"]
    async with container.database.connection() as connection:
        assert (await words_status(connection, container.lexical.made_by)).waiting == 1
    await container.upkeep.mend()
    found = await ask(container)
    assert len(found.ranked) == 1
    assert found.missing == {}


async def test_a_version_in_several_segments_is_lost_with_one_of_them(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "MOST_CHUNKS", 4)
    await store(container.record, container.lexical, [f"granite {number}" for number in range(10)])
    assert len((await ask(container)).ranked) == 10
    await execute(container, "delete from lexical_blocks where segment_id = (select min(id) from lexical_segments)")
    await container.upkeep.mend()
    found = await ask(container)
    assert len(found.ranked) == 10
    assert found.missing == {}


async def test_what_is_lost_goes_before_what_is_outdated(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = [await put(container, f"granite {number}") for number in range(6)]
    await container.upkeep.outdate()
    monkeypatch.setattr(mending, "_MOST_CHUNKS", 1)
    real, made = mending.Mending._make, list[UUID]()

    async def noted(self: mending.Mending, version_ids: Sequence[UUID]) -> int:
        count = await real(self, version_ids)
        made.extend(version_ids)
        if len(made) == 2:
            await execute(container, ITS, versions[:1])
            assert (await ask(container)).missing
        return count

    monkeypatch.setattr(mending.Mending, "_make", noted)
    await container.upkeep.mend()
    assert made == [*versions[:2], versions[0], *versions[2:]]


async def test_a_short_text_takes_the_language_of_what_is_made_anew_beside_it(container: Container) -> None:
    long = "Der Steinbruch wurde geschlossen, und die Häuser der Arbeiter wurden an die Gemeinde verkauft."
    await put(container, long)
    short = await put(container, "Häuser Verträge")
    of_short = "select language from lexical_members where version_id = %s"
    assert await execute(container, of_short, short) == [("de",)]
    await execute(container, ALL)
    await container.upkeep.mend()
    assert await execute(container, of_short, short) == [("de",)]


async def test_a_merge_gives_way_to_who_holds_what_it_would_change(container: Container) -> None:
    for number in range(10):
        await put(container, f"granite {number}")
    async with container.record.transaction() as transaction:
        await connection_of(transaction).execute("select from lexical_members for update")
        await container.upkeep.tend()
        assert await execute(container, "select count(*) from lexical_segments") == [(10,)]
    await container.upkeep.tend()
    assert await execute(container, "select count(*) < 10 from lexical_segments") == [(True,)]


async def test_a_slow_look_at_one_collection_holds_up_no_other(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(container, "granite")
    await put(container, "granite", collection="apart")
    await put(container, "granite", STRANGER)
    ((slow,),) = await execute(container, "select min(id) from lexical_segments")
    real, loaded, go_on = reading.load, list[int](), asyncio.Event()

    async def waiting(connection: object, numbers: Sequence[int]) -> object:
        loaded.extend(numbers)
        if slow in numbers:
            await go_on.wait()
        return await real(connection, numbers)  # type: ignore[arg-type]

    monkeypatch.setattr(corpora, "load", waiting)
    async with asyncio.timeout(20):
        held_up = [asyncio.create_task(ask(container)) for _ in range(3)]
        while slow not in loaded:
            await asyncio.sleep(0.01)
        assert len((await ask(container, STRANGER)).ranked) == 1
        go_on_later = asyncio.create_task(ask(container, collections=["default"]))
        await asyncio.sleep(0.05)
        assert not go_on_later.done()
        go_on.set()
        assert [len((await each).ranked) for each in held_up] == [2, 2, 2]
        assert len((await go_on_later).ranked) == 1
    assert sorted(loaded) == sorted(set(loaded))  # each was read once
    assert len(container.lexical._corpora._refreshing) == 0


async def test_searches_of_overlapping_collections_and_news_at_once(container: Container) -> None:
    names = ["one", "two", "three"]
    for name in names:
        await put(container, "granite", collection=name)

    async def search(number: int) -> None:
        chosen = [name for place, name in enumerate(names) if number & (1 << place)]
        for _ in range(10):
            assert len((await ask(container, collections=chosen)).ranked) >= max(1, len(chosen))

    async def news() -> None:
        for number in range(15):
            await put(container, f"granite {number}", collection=names[number % 3])

    async with asyncio.timeout(60):
        await asyncio.gather(news(), *(search(number) for number in range(8)))
    assert len((await ask(container)).ranked) == 18
