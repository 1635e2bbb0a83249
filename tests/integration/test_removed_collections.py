"""A collection that is removed leaves nothing, whoever works on it in that moment."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from tests.integration.leftovers import rows_of_documents

from ragstone.container import Container
from ragstone.domain.access import LOCAL, Principal
from ragstone.domain.errors import Conflict, GaveWay, NotFound
from ragstone.domain.queries import Scope
from ragstone.ingest.intake import Label
from ragstone.ports.record import despite_others
from ragstone.postgres.invariants import violations
from ragstone.postgres.lexical import upkeep
from ragstone.testing.embedders import HashingEmbedder
from ragstone.testing.records import store
from ragstone.worker.run import work

NAME = "stones"
STONE = "Granite is hard."


@pytest.fixture(autouse=True)
async def whole(container: Container) -> AsyncIterator[None]:
    """In the end the record must be whole."""
    container.__dict__["embedder"] = HashingEmbedder()
    async with container.record.transaction() as transaction:
        await transaction.collections.create(LOCAL, NAME)
    yield
    async with container.database.connection() as connection:
        assert await violations(connection, seconds=30) == {}


async def send(container: Container, number: int = 0, collection: str = NAME) -> UUID:
    text = f"# Stone {number}\n\n" + "\n\n".join(f"Granite of kind {number} has layer {each}." for each in range(5))
    label = Label(uri=f"{collection}-{number}", collection=collection)
    return (await container.intake.accept_text(LOCAL, label, text)).document_id


async def remove(container: Container, principal: Principal = LOCAL) -> int:
    return await despite_others(container.record, lambda transaction: transaction.collections.remove(principal, NAME))


async def left(container: Container) -> tuple[dict[str, int], int]:
    """Return the rows of documents, and how many segments of words there are."""
    async with container.database.connection() as connection:
        cursor = await connection.execute("select count(*) from lexical_segments")
        return await rows_of_documents(connection), int((await cursor.fetchall())[0][0])


async def all_ready(container: Container) -> None:
    async with asyncio.timeout(60):
        while True:
            async with container.database.connection() as connection:
                cursor = await connection.execute("select count(*) from versions where state <> 'ready'")
                if await cursor.fetchone() == (0,):
                    return
            await asyncio.sleep(0.05)


async def test_nothing_is_left_and_the_rest_stays(container: Container) -> None:
    worker = asyncio.create_task(work(container))
    kept = await send(container, collection="default")
    for number in range(4):  # one has the same bytes as what is kept
        await send(container, number)
    await all_ready(container)
    assert len((await container.search.retrieve("granite", Scope(LOCAL, (NAME,)))).hits) > 0
    assert await remove(container) == 4
    with pytest.raises(NotFound):
        await container.search.retrieve("granite", Scope(LOCAL, (NAME,)))
    found = (await container.search.retrieve("granite", Scope(LOCAL), limit=50)).hits
    assert {hit.document_id for hit in found} == {kept}
    rows, _ = await left(container)
    assert (rows["documents"], rows["versions"], rows["blobs"]) == (1, 1, 1)
    async with container.record.transaction() as transaction:
        await transaction.documents.delete(LOCAL, kept)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    assert (await left(container))[0] == {}
    with pytest.raises(NotFound):
        await remove(container)


@pytest.mark.parametrize("pause", [0.0, 0.1, 0.3, 0.6])
async def test_in_the_middle_of_its_ingestion(container: Container, pause: float) -> None:
    worker = asyncio.create_task(work(container))

    async def sending() -> None:
        for number in range(60):
            await send(container, number)

    sender = asyncio.create_task(sending())
    await asyncio.sleep(pause)
    await remove(container)
    with pytest.raises((NotFound, GaveWay)):
        await sender
    assert await left(container) == ({}, 0)
    async with container.record.transaction() as transaction:
        await transaction.collections.create(LOCAL, NAME)
    await send(container, 1)
    await all_ready(container)
    assert not worker.done()
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)


async def test_who_sends_in_that_moment_gives_way(container: Container) -> None:
    async with container.record.transaction() as transaction:
        await transaction.collections.remove(LOCAL, NAME)
        late = asyncio.create_task(send(container))
        ready_made = asyncio.create_task(
            store(container.record, container.lexical, [STONE], collection="default", uri="other")
        )
        await ready_made
        await asyncio.sleep(0.2)
        assert not late.done()
    with pytest.raises(GaveWay):
        await late
    with pytest.raises(NotFound):
        await send(container)


async def test_what_one_may_not_read_one_does_not_remove(container: Container) -> None:
    alice = Principal(name="alice", readers=LOCAL.readers | {"alice"})
    await store(container.record, container.lexical, [STONE], collection=NAME)
    await store(
        container.record, container.lexical, ["Slate."], principal=alice, collection=NAME, readers=["alice"], uri="hers"
    )
    with pytest.raises(Conflict, match="may not read"):
        await remove(container)
    assert (await left(container))[0]["documents"] == 2
    stranger = Principal(name="stranger", tenant="another", readers=alice.readers)
    with pytest.raises(NotFound):
        await remove(container, stranger)
    assert await remove(container, alice) == 2
    assert await left(container) == ({}, 0)


async def test_a_merge_that_meets_a_removal_gives_way(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would end all that the worker does else."""
    for number in range(9):
        await store(container.record, container.lexical, [f"granite {number}"], collection="stones", uri=f"u{number}")
    replace = upkeep._replace

    async def removed_first(*given: Any) -> None:
        await despite_others(container.record, lambda transaction: transaction.collections.remove(LOCAL, "stones"))
        await replace(*given)

    monkeypatch.setattr(upkeep, "_replace", removed_first)
    assert await container.upkeep.tend()
    assert not await container.upkeep.tend()


async def test_a_process_forgets_collections_that_are_gone(container: Container) -> None:
    for number in range(3):
        await store(container.record, container.lexical, ["granite"], collection=f"c{number}", uri=f"u{number}")
        await container.lexical.search("granite", Scope(LOCAL, (f"c{number}",)), 9)
        async with container.record.transaction() as transaction:
            await transaction.collections.remove(LOCAL, f"c{number}")
    assert not (await container.lexical.search("granite", Scope(LOCAL), 9)).ranked
    assert len(container.lexical._corpora._corpora) == 1  # the one that every test here has
