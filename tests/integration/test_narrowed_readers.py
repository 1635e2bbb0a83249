"""Rights that are taken away go at once, also from the text that answers while a newer one is on its way."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from ragstone.container import Container
from ragstone.domain.access import EVERYONE, LOCAL, Principal
from ragstone.domain.documents import Failure, ParsedDocument
from ragstone.domain.errors import LeaseLost, NotFound
from ragstone.domain.queries import Scope
from ragstone.ports.documents import Accepted, NewDocument
from ragstone.ports.lexical_index import Entry
from ragstone.postgres.invariants import violations
from ragstone.postgres.leases import alive
from ragstone.postgres.queue import Stage
from ragstone.testing.records import place, store

DOCUMENT = NewDocument("default", "file:///a.txt", None, "a.txt", "text/plain", {}, (EVERYONE,))
FAILURE = Failure("parse", "damaged", "It is damaged.", "Mend it.", retryable=False)
SENDER = Principal(name="sender", readers=frozenset({EVERYONE, "alice", "bob", "carol"}))
OLD = "the old words"


def reader(name: str) -> Principal:
    return Principal(name=name, readers=frozenset({EVERYONE, name}))


@pytest.fixture(autouse=True)
async def whole(container: Container) -> AsyncIterator[None]:
    """In the end the record must be whole."""
    yield
    async with container.database.connection() as connection:
        assert await violations(connection, seconds=30) == {}


async def shared(container: Container, *readers: str) -> Accepted:
    """Store a document of the old words for these readers."""
    old, _ = await store(
        container.record, container.lexical, [OLD], uri=DOCUMENT.uri, principal=SENDER, readers=readers
    )
    return old


async def sent(container: Container, text: str, *readers: str) -> Accepted:
    async def parts() -> AsyncIterator[bytes]:
        yield text.encode()

    async with container.record.transaction() as transaction:
        blob = await transaction.blobs.write(parts())
        return await transaction.documents.accept(SENDER, replace(DOCUMENT, readers=readers), blob)


async def parsed(container: Container, accepted: Accepted, text: str) -> None:
    """Do a worker's first step: the version is searchable by words."""
    async with alive(container.database, 1), container.record.transaction() as transaction:
        await transaction.versions.claim(accepted.job_id, Stage.PARSE.states, 1, 30)
        chunks = place([text])
        await transaction.versions.store_parsed(accepted.job_id, 1, ParsedDocument(text, "text/plain"), chunks, {})
        await container.lexical.add(transaction, [Entry(accepted.job_id, DOCUMENT.filename, chunks)])


async def failed(container: Container, accepted: Accepted) -> None:
    async with alive(container.database, 1), container.record.transaction() as transaction:
        work = await transaction.versions.claim(accepted.job_id, Stage.PARSE.states, 1, 30)
        assert work
        await transaction.versions.fail(work, 1, FAILURE)


async def who_finds(container: Container, word: str = "words") -> set[str]:
    """Return who of four principals finds a word."""
    everybody = (LOCAL, *map(reader, ("alice", "bob", "carol")))
    return {each.name for each in everybody if (await container.lexical.search(word, Scope(each), 10)).ranked}


@pytest.mark.parametrize(
    ("had", "given", "left"),
    [
        ([EVERYONE], ["alice"], {"alice"}),
        ([EVERYONE, "bob"], ["alice", "carol"], {"alice", "carol"}),
        (["alice", "bob"], ["bob", "carol"], {"bob"}),
        (["alice"], ["bob"], set()),
        (["alice"], [EVERYONE], {"alice"}),
        (["alice"], ["alice", "bob"], {"alice"}),
        ([EVERYONE], [EVERYONE, "alice"], {"local", "alice", "bob", "carol"}),
    ],
)
async def test_who_lost_the_right_finds_the_old_text_no_more(
    container: Container, had: Sequence[str], given: Sequence[str], left: set[str]
) -> None:
    old = await shared(container, *had)
    new = await sent(container, "new", *given)
    assert new.created
    assert await who_finds(container) == left
    async with container.record.transaction() as transaction:
        for name in {"alice", "bob", "carol"} - left:
            with pytest.raises(NotFound):
                await transaction.jobs.get(reader(name), old.job_id)
            if name not in given and EVERYONE not in given:
                with pytest.raises(NotFound):
                    await transaction.documents.content(reader(name), old.document_id)


async def test_a_new_version_that_fails_leaves_the_old_one_as_narrow(container: Container) -> None:
    await shared(container, EVERYONE)
    await failed(container, await sent(container, "broken", "alice"))
    assert await who_finds(container) == {"alice"}
    again = await sent(container, "broken", "bob")
    assert again.created
    assert await who_finds(container) == set()


async def test_the_same_bytes_with_fewer_readers_reach_the_version_that_answers(container: Container) -> None:
    await shared(container, EVERYONE)
    await sent(container, "new", EVERYONE)
    again = await sent(container, "new", "alice")
    assert not again.created
    assert await who_finds(container) == {"alice"}


async def test_with_no_reader_in_common_the_newest_answers_once_it_has_words(container: Container) -> None:
    await shared(container, "alice")
    new = await sent(container, "fresh words", "bob")
    assert await who_finds(container) == set()
    await parsed(container, new, "fresh words")
    assert await who_finds(container, "fresh") == {"bob"}


async def test_with_no_reader_in_common_what_has_words_by_now_answers(container: Container) -> None:
    await shared(container, "alice")
    new = await sent(container, "fresh words", "alice")
    await parsed(container, new, "fresh words")
    assert await who_finds(container, "old") == {"alice"}
    assert not (await sent(container, "fresh words", "bob")).created
    assert await who_finds(container, "old") == set()
    assert await who_finds(container, "fresh") == {"bob"}


async def test_chunks_that_are_sent_narrow_as_bytes_do(container: Container) -> None:
    for had, given, left in (((EVERYONE,), ("alice",), {"alice"}), (("alice",), ("bob",), set())):
        uri = f"test:{had[0]}"
        await store(container.record, container.lexical, [OLD], uri=uri, principal=SENDER, readers=had)
        for readers in (had, given):  # the second time they are the same chunks
            await store(container.record, container.lexical, ["fresh"], uri=uri, principal=SENDER, readers=readers)
        assert await who_finds(container) == left
        async with container.record.transaction() as transaction:
            for each in await transaction.documents.list(SENDER, collection=None, state=None, after=None, limit=9):
                await transaction.documents.delete(SENDER, each.id)


async def begun(container: Container, *readers: str) -> Accepted:
    """Send the first version of a document, which a worker begins to read."""
    async with container.record.transaction() as transaction:
        await transaction.collections.create(SENDER, DOCUMENT.collection)
    first = await sent(container, "some words", *readers)
    async with container.record.transaction() as transaction:
        assert await transaction.versions.claim(first.job_id, Stage.PARSE.states, 1, 30)
    return first


async def read(container: Container, version: Accepted) -> None:
    """Do the rest of the worker's first step."""
    async with container.record.transaction() as transaction:
        chunks = place(["some words"])
        text = ParsedDocument("some words", "text/plain")
        await transaction.versions.store_parsed(version.job_id, 1, text, chunks, {})
        await container.lexical.add(transaction, [Entry(version.job_id, DOCUMENT.filename, chunks)])


@pytest.mark.parametrize(
    ("had", "given", "left"),
    [
        (["alice", "bob"], ["alice"], {"alice"}),
        (["alice"], ["alice", "bob"], {"alice"}),
        ([EVERYONE], ["carol"], {"carol"}),
        ([EVERYONE], [EVERYONE], {"local", "alice", "bob", "carol"}),
    ],
)
async def test_what_is_under_way_will_answer_nobody_whom_the_newest_shuts_out(
    container: Container, had: list[str], given: list[str], left: set[str]
) -> None:
    async with alive(container.database, 1):
        first = await begun(container, *had)
        await sent(container, "other text", *given)
        await read(container, first)
    assert await who_finds(container) == left


async def test_what_is_under_way_for_others_than_the_newest_goes(container: Container) -> None:
    async with alive(container.database, 1):
        first = await begun(container, "alice")
        await sent(container, "other text", "carol")
        with pytest.raises(LeaseLost):
            await read(container, first)
    assert await who_finds(container) == set()


async def test_where_the_newest_is_read_first_what_was_begun_before_goes(container: Container) -> None:
    async with alive(container.database, 1):
        first = await begun(container, EVERYONE)
        newest = await sent(container, "new words", EVERYONE)
        async with container.record.transaction() as transaction:
            assert await transaction.versions.claim(newest.job_id, Stage.PARSE.states, 1, 30)
        await read(container, newest)
        with pytest.raises(LeaseLost):
            await read(container, first)
    assert await who_finds(container) == {"local", "alice", "bob", "carol"}
