"""Whatever happens in whatever order, a reply from memory is the one that a search would have given."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from ragstone.container import Container
from ragstone.domain.access import EVERYONE, LOCAL, Principal
from ragstone.domain.documents import ParsedDocument
from ragstone.domain.errors import NotFound
from ragstone.domain.found import Found
from ragstone.domain.queries import Mode, Scope
from ragstone.ports.documents import NewDocument
from ragstone.ports.lexical_index import Entry
from ragstone.ports.versions import ReadyMade
from ragstone.postgres.changes import PostgresChanges
from ragstone.postgres.record import PostgresTransaction
from ragstone.retrieve.cached import CachedSearch, Outcome
from ragstone.testing.records import place, store

READERS = ("alice", "bob", EVERYONE)
OWNER = Principal(name="owner", readers=frozenset(READERS))
PRINCIPALS = [OWNER, LOCAL, *(Principal(name=name, readers=frozenset({name, EVERYONE})) for name in READERS[:2])]
COLLECTIONS = ("one", "two")
WORDS = ("apple", "bread", "cheese")
QUESTIONS = ["apple", "apple bread"]
SCOPES = [
    Scope(principal, collections, metadata)
    for principal in PRINCIPALS
    for collections in ((), ("one",), ("two", "one"))
    for metadata in ({}, {"kind": 1})
]

Retrieve = Callable[..., Awaitable[Found]]


def cached(container: Container, outcomes: list[Outcome]) -> CachedSearch:
    return CachedSearch(
        container.search.retrieve,
        PostgresChanges(container.database),
        max_bytes=1 << 20,
        seconds=3600,
        noted=outcomes.append,
    )


class Writer:
    """Changes documents of its own, a step at a time, in transactions that stay open between the steps."""

    def __init__(self, container: Container, name: str, chance: random.Random) -> None:
        self._container = container
        self._name = name
        self._chance = chance
        self._stack: AsyncExitStack | None = None
        self._transaction: PostgresTransaction | None = None
        self._there: list[UUID] = []

    async def step(self) -> None:
        """Begin, change something, or end."""
        if self._transaction is None:
            self._stack = AsyncExitStack()
            self._transaction = await self._stack.enter_async_context(self._container.record.transaction())
        elif self._chance.random() < 0.3:
            await self.end(undone=self._chance.random() < 0.2)
        else:
            await self._change(self._transaction)

    async def end(self, *, undone: bool = False) -> None:
        """Commit, or not."""
        if self._transaction and self._stack:
            if undone:
                await self._transaction.connection.rollback()
            await self._stack.aclose()
        self._transaction = self._stack = None

    async def _change(self, transaction: PostgresTransaction) -> None:
        act = self._chance.choice([self._add, self._add, self._delete, self._rename, self._relabel])
        await act(transaction)

    async def _add(self, transaction: PostgresTransaction) -> None:
        chunks = place([" ".join(self._chance.choices(WORDS, k=3)) for _ in range(2)])
        collection, uri = self._chance.choice(COLLECTIONS), f"{self._name}:{self._chance.randrange(6)}"
        document = NewDocument(collection, uri, None, "", "text/plain", self._metadata(), (self._reader(),))
        content = "\n\n".join(each.text for each in chunks)
        made = ReadyMade(document, ParsedDocument(content, "text/plain"), chunks, f"{hash(content) & 0xFFFF:064x}", 1)
        (accepted,) = await transaction.versions.store_ready_made(OWNER, [made])
        if accepted.created:
            await self._container.lexical.add(transaction, [Entry(accepted.job_id, uri, chunks)])
        self._there.append(accepted.document_id)

    async def _delete(self, transaction: PostgresTransaction) -> None:
        if self._there:
            await self._if_there(transaction.documents.delete(OWNER, self._chance.choice(self._there)))

    async def _rename(self, transaction: PostgresTransaction) -> None:
        if self._there:
            uri = f"{self._name}:renamed {self._chance.random()}"
            await self._if_there(transaction.documents.rename(OWNER, self._chance.choice(self._there), uri))

    async def _relabel(self, transaction: PostgresTransaction) -> None:
        if self._there:
            await transaction.connection.execute(
                "update versions set given_title = %s, readers = %s where document_id = %s",
                (self._chance.choice(WORDS), [self._reader()], self._chance.choice(self._there)),
            )

    async def _if_there(self, act: Awaitable[None]) -> None:
        try:
            await act
        except NotFound:  # another of our transactions was undone, or it was deleted before
            return

    def _reader(self) -> str:
        return self._chance.choice(READERS)

    def _metadata(self) -> dict[str, object]:
        return self._chance.choice([{}, {"kind": 1}, {"kind": 2}])


@pytest.mark.parametrize("seed", range(3))
async def test_replies_are_those_of_a_search(container: Container, seed: int) -> None:
    chance = random.Random(seed)
    for name in COLLECTIONS:
        for number in range(4):
            text = " ".join(chance.choices(WORDS, k=5))
            await store(container.record, container.lexical, [text], collection=name, metadata={"kind": number % 2})
    outcomes: list[Outcome] = []
    search = cached(container, outcomes)
    scopes = chance.sample(SCOPES, 4)
    writers = [Writer(container, name, chance) for name in ("first", "second")]
    for _ in range(300):
        if chance.random() < 0.25:
            await chance.choice(writers).step()
        else:
            question, scope = chance.choice(QUESTIONS), chance.choice(scopes)
            found = await search.retrieve(question, scope, mode=Mode.WORDS, limit=5)
            assert found == await container.search.retrieve(question, scope, mode=Mode.WORDS, limit=5)
    for writer in writers:
        await writer.end()
    assert outcomes.count(Outcome.HIT) > 10
    assert outcomes.count(Outcome.MISS) > 10


async def test_what_was_committed_is_found_by_the_next_question(container: Container) -> None:
    """While many others ask the same without a pause."""
    await store(container.record, container.lexical, ["apple 1"])
    outcomes: list[Outcome] = []
    search = cached(container, outcomes)
    writing = True

    async def ask() -> None:
        while writing:
            await search.retrieve("apple", Scope(LOCAL), mode=Mode.WORDS)

    async with asyncio.TaskGroup() as others:
        for _ in range(4):
            others.create_task(ask())
        for number in range(2, 9):
            await store(container.record, container.lexical, [f"apple {number}"])
            found = await search.retrieve("apple", Scope(LOCAL), mode=Mode.WORDS)
            assert len(found.hits) == number
        writing = False
    assert set(outcomes) >= {Outcome.HIT, Outcome.MISS}


async def test_a_reply_is_for_its_readers_alone(container: Container) -> None:
    await store(container.record, container.lexical, ["apple"], principal=OWNER, readers=["alice"])
    search = cached(container, [])
    found = {each.name: await search.retrieve("apple", Scope(each), mode=Mode.WORDS) for each in PRINCIPALS}
    assert {name for name, each in found.items() if each.hits} == {"owner", "alice"}
    stranger = replace(OWNER, tenant="other")
    assert not (await search.retrieve("apple", Scope(stranger), mode=Mode.WORDS)).hits


async def test_a_collection_that_is_gone_is_not_found(container: Container) -> None:
    await store(container.record, container.lexical, ["apple"], collection="one")
    search, scope = cached(container, []), Scope(LOCAL, ("one",))
    assert (await search.retrieve("apple", scope, mode=Mode.WORDS)).hits
    async with container.database.connection() as connection:
        await connection.execute("delete from collections where name = 'one'")
    with pytest.raises(NotFound):
        await search.retrieve("apple", scope, mode=Mode.WORDS)


async def test_how_much_is_kept_is_a_metric(container: Container) -> None:
    await store(container.record, container.lexical, ["Granite is hard."])
    for question in ("hard granite", "granite"):
        await container.search.retrieve(question, Scope(LOCAL), mode=Mode.WORDS)
        search = container.search
        assert isinstance(search, CachedSearch)
        assert REGISTRY.get_sample_value("ragstone_search_cache_bytes") == search.kept_bytes > 0
