"""What changes a reply is noted with it, for those whom it concerns, whenever its transaction began."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

import numpy as np
import pytest

from ragstone.container import Container
from ragstone.domain.access import EVERYONE, LOCAL, Principal
from ragstone.domain.documents import Chunk
from ragstone.ports.changes import Moment
from ragstone.ports.documents import Accepted, NewDocument
from ragstone.ports.embedder import EmbeddingModel
from ragstone.ports.embedding_spaces import Role
from ragstone.ports.lexical_index import Entry
from ragstone.postgres.changes import PostgresChanges
from ragstone.postgres.record import PostgresTransaction
from ragstone.testing.records import store

ALICE = Principal(name="alice", readers=frozenset({EVERYONE, "alice"}))
BOB = Principal(name="bob", readers=frozenset({EVERYONE, "bob"}))
OWNER = Principal(name="owner", readers=frozenset({EVERYONE, "alice", "bob"}))
OTHER = Principal(name="other", tenant="other")
MODEL = EmbeddingModel("scripted", "1", dimensions=4, max_tokens=100)

Act = Callable[[Container, PostgresTransaction, Accepted, Sequence[Chunk]], Awaitable[None]]


@pytest.fixture
def changes(container: Container) -> PostgresChanges:
    return PostgresChanges(container.database)


@pytest.fixture
async def kept(container: Container) -> tuple[Accepted, list[Chunk]]:
    """A document for alice in a collection beside another one; its chunks have no vectors."""
    await container.vectors.ensure(MODEL)
    await container.vectors.ensure(replace(MODEL, version="2"))
    async with container.record.transaction() as transaction:
        await transaction.spaces.activate_first(MODEL, {})
        await transaction.collections.create(LOCAL, "mails")
    await store(container.record, container.lexical, ["for all"], collection="mails")
    return await store(
        container.record, container.lexical, ["old words"], uri="file:///a.txt", principal=OWNER, readers=["alice"]
    )


def sql(statement: str) -> Act:
    async def act(_: Container, transaction: PostgresTransaction, kept: Accepted, __: Sequence[Chunk]) -> None:
        await transaction.connection.execute(statement.encode(), {"id": kept.document_id, "version": kept.job_id})

    return act


async def embed(model: EmbeddingModel, container: Container, transaction: PostgresTransaction, chunk: Chunk) -> None:
    await container.vectors.upsert(transaction, model, {chunk.id: chunk.text}, np.full((1, 4), 0.5, np.float32))


async def delete(_: Container, transaction: PostgresTransaction, kept: Accepted, __: Sequence[Chunk]) -> None:
    await transaction.documents.delete(OWNER, kept.document_id)


async def rename(_: Container, transaction: PostgresTransaction, kept: Accepted, __: Sequence[Chunk]) -> None:
    await transaction.documents.rename(OWNER, kept.document_id, "file:///b.txt")


async def relabel(
    transaction: PostgresTransaction, title: str | None, metadata: dict[str, object], readers: tuple[str, ...]
) -> None:
    """Send the same bytes once more, as another label's."""
    document = NewDocument("default", "file:///new.txt", None, "new.txt", "text/plain", {}, ("alice",))

    async def parts() -> AsyncIterator[bytes]:
        yield b"the same"

    blob = await transaction.blobs.write(parts())
    again = replace(document, title=title, metadata=metadata, readers=readers)
    await transaction.documents.accept(OWNER, again, blob)


async def embed_active(
    container: Container, transaction: PostgresTransaction, _: Accepted, chunks: Sequence[Chunk]
) -> None:
    await embed(MODEL, container, transaction, chunks[0])


async def embed_other(
    container: Container, transaction: PostgresTransaction, _: Accepted, chunks: Sequence[Chunk]
) -> None:
    await embed(replace(MODEL, version="2"), container, transaction, chunks[0])


async def index_anew(
    container: Container, transaction: PostgresTransaction, kept: Accepted, chunks: Sequence[Chunk]
) -> None:
    await container.lexical.add(transaction, [Entry(kept.job_id, "another title", chunks)])


async def add(container: Container, transaction: PostgresTransaction, *_: object) -> None:
    await add_for(transaction, "alice")


async def add_for(transaction: PostgresTransaction, reader: str, collection: str = "default") -> None:
    """Make a document known that answers."""
    await transaction.connection.execute(
        """with made as (
               insert into documents (id, tenant, collection_id, uri, latest_version)
               select gen_random_uuid(), 'default', id, gen_random_uuid()::text, gen_random_uuid()
               from collections where name = %s returning id, latest_version),
           version as (
               insert into versions (id, document_id, filename, readers, media_type, size, sha256, state)
               select latest_version, id, '', array[%s], 'text/plain', 1, '', 'searchable' from made returning id)
           select from version""",
        (collection, reader),
    )
    await transaction.connection.execute(
        "update documents set current_version = latest_version where current_version is null"
    )


async def nothing(*_: object) -> None:
    pass


SHOWN: dict[str, Act] = {
    "a document": add,
    "its end": delete,
    "its end, by hand": sql("delete from documents where id = %(id)s"),
    "its other uri": rename,
    "what answers": sql("update documents set current_version = null where id = %(id)s"),
    "its readers": sql("update versions set readers = '{bob}' where id = %(version)s"),
    "its given title": sql("update versions set given_title = 'x' where id = %(version)s"),
    "its own title": sql("update versions set title = 'x' where id = %(version)s"),
    "its file's name": sql("update versions set filename = 'x' where id = %(version)s"),
    "its metadata": sql("""update versions set metadata = '{"a": 1}' where id = %(version)s"""),
    "its media type": sql("update versions set media_type = 'text/html' where id = %(version)s"),
    "its time": sql("update versions set updated_at = now() + interval '1 second' where id = %(version)s"),
    "its vectors": embed_active,
    "its words": index_anew,
    "the loss of its words": sql("delete from lexical_segments"),
    "its collection's name": sql("update collections set name = 'renamed' where name = 'default'"),
    "its collection's end": sql("delete from collections where name = 'default'"),
    "the space that answers": sql("update embedding_spaces set role = null"),
}

HIDDEN: dict[str, Act] = {
    "nothing": nothing,
    "what its sync knows": sql("update documents set etag = 'x' where id = %(id)s"),
    "vectors of a space that does not answer": embed_other,
    "another index of the words": sql("update lexical_members set segment_id = segment_id"),
    "a lease": sql("update versions set lease_owner = 1, lease_until = now() where id = %(version)s"),
    "a version on its way": sql(
        "insert into versions (id, document_id, filename, readers, media_type, size, sha256, state)"
        " values (gen_random_uuid(), %(id)s, '', '{alice}', 'text/plain', 1, '', 'accepted')"
    ),
    "another tenant's": sql("insert into collections (id, tenant, name) values (gen_random_uuid(), 'other', 'a')"),
}


@pytest.mark.parametrize("name", SHOWN)
async def test_what_a_search_could_show_is_a_change(
    container: Container, changes: PostgresChanges, kept: tuple[Accepted, list[Chunk]], name: str
) -> None:
    places: list[tuple[str, ...]] = [(), ("default",), ("default", "mails")]
    since = [await changes.moment(ALICE, each) for each in places]
    async with container.record.transaction() as transaction:
        await SHOWN[name](container, transaction, *kept)
        for each, known in zip(places, since, strict=True):
            assert await changes.moment(ALICE, each, known) is known, "not before it is committed"
    for each, known in zip(places, since, strict=True):
        now = await changes.moment(ALICE, each, known)
        assert now is not known
        assert await changes.moment(ALICE, each, now) is now


@pytest.mark.parametrize("name", HIDDEN)
async def test_what_no_search_shows_is_none(
    container: Container, changes: PostgresChanges, kept: tuple[Accepted, list[Chunk]], name: str
) -> None:
    since = await changes.moment(ALICE, ["default"])
    async with container.record.transaction() as transaction:
        await HIDDEN[name](container, transaction, *kept)
    assert await changes.moment(ALICE, ["default"], since) is since


SPACES = ("the space that answers", "its collection's name", "its collection's end")


@pytest.mark.parametrize("name", [name for name in SHOWN if name not in SPACES])
async def test_who_may_not_read_it_cannot_tell(
    container: Container, changes: PostgresChanges, kept: tuple[Accepted, list[Chunk]], name: str
) -> None:
    """Not even by the time that a question takes which was answered before."""
    everyone, other = await changes.moment(LOCAL, []), await changes.moment(OTHER, [])
    mails = await changes.moment(ALICE, ["mails"])
    async with container.record.transaction() as transaction:
        await (sql("delete from lexical_members where version_id = %(version)s") if "loss" in name else SHOWN[name])(
            container, transaction, *kept
        )
    assert await changes.moment(LOCAL, [], everyone) is everyone
    assert await changes.moment(OTHER, [], other) is other
    assert await changes.moment(ALICE, ["mails"], mails) is mails


async def test_rights_that_are_taken_away_are_a_change_for_those_who_had_them(
    container: Container, changes: PostgresChanges, kept: tuple[Accepted, list[Chunk]]
) -> None:
    since = {each.name: await changes.moment(each, []) for each in (ALICE, BOB, LOCAL)}
    async with container.record.transaction() as transaction:
        await SHOWN["its readers"](container, transaction, *kept)
    changed = {
        each.name
        for each in (ALICE, BOB, LOCAL)
        if await changes.moment(each, [], since[each.name]) is not since[each.name]
    }
    assert changed == {"alice", "bob"}


async def test_the_same_bytes_with_another_label_are_a_change(container: Container, changes: PostgresChanges) -> None:
    """As senders bring it about, and not by hand."""
    async with container.record.transaction() as transaction:
        await transaction.collections.create(LOCAL, "default")
        await relabel(transaction, None, {}, ("alice",))
        await transaction.connection.execute("update documents set current_version = latest_version")
    labels: list[tuple[str, dict[str, object], tuple[str, ...]]] = [
        ("x", {}, ("alice",)),
        ("x", {"a": 1}, ("alice",)),
        ("x", {"a": 1}, (EVERYONE,)),
    ]
    for label in labels:
        since = await changes.moment(ALICE, [])
        async with container.record.transaction() as transaction:
            await relabel(transaction, *label)
        assert await changes.moment(ALICE, [], since) is not since
        since = await changes.moment(ALICE, [])
        async with container.record.transaction() as transaction:
            await relabel(transaction, *label)
        assert await changes.moment(ALICE, [], since) is since, "the same again is none"


@asynccontextmanager
async def writing(container: Container) -> AsyncIterator[PostgresTransaction]:
    """A transaction that has its number and waits."""
    async with container.record.transaction() as transaction:
        await transaction.connection.execute("select pg_current_xact_id()")
        yield transaction


async def test_who_began_before_and_commits_after_is_seen(container: Container, changes: PostgresChanges) -> None:
    async with container.record.transaction() as transaction:
        await transaction.collections.create(LOCAL, "default")
    async with writing(container) as first:
        async with writing(container) as second:
            await add_for(second, "alice")
            before = await changes.moment(ALICE, [])
        between = await changes.moment(ALICE, [], before)
        assert between is not before, "the later one, committed first"
        await add_for(first, "alice")
        assert await changes.moment(ALICE, [], between) is between
    assert await changes.moment(ALICE, [], between) is not between, "the earlier one, committed last"


async def test_others_that_are_open_make_no_change_of_what_was_seen(
    container: Container, changes: PostgresChanges
) -> None:
    """A snapshot's oldest open transaction says too little: what was committed after it began was seen, too."""
    async with container.record.transaction() as transaction:
        await transaction.collections.create(LOCAL, "default")
    async with writing(container):
        async with container.record.transaction() as other:
            await add_for(other, "alice")
        since = await changes.moment(ALICE, [])
        assert await changes.moment(ALICE, [], since) is since


async def test_what_is_undone_is_none(container: Container, changes: PostgresChanges) -> None:
    async with container.record.transaction() as transaction:
        await transaction.collections.create(LOCAL, "default")
    since = await changes.moment(ALICE, [])
    async with container.record.transaction() as transaction:
        await add_for(transaction, "alice")
        await transaction.connection.rollback()
    assert await changes.moment(ALICE, [], since) is since


async def test_what_is_forgotten_is_not_taken_for_unchanged(container: Container, changes: PostgresChanges) -> None:
    async with container.record.transaction() as transaction:
        await transaction.collections.create(LOCAL, "default")
    old = await changes.moment(ALICE, [])
    async with container.record.transaction() as transaction:
        await add_for(transaction, "alice")
    new = await changes.moment(ALICE, [])
    await changes.forget(seconds=3600)
    assert await noted(container) == 1
    await changes.forget(seconds=-1)
    assert await noted(container) == 0
    assert await changes.moment(ALICE, [], old) is not old
    assert await changes.moment(ALICE, [], new) is new
    await changes.forget(seconds=-1)
    assert await changes.moment(ALICE, [], new) is new, "there was nothing to forget"


async def test_what_some_may_not_have_seen_is_not_forgotten(container: Container, changes: PostgresChanges) -> None:
    async with container.record.transaction() as transaction:
        await transaction.collections.create(LOCAL, "default")
    async with writing(container):
        async with container.record.transaction() as other:
            await add_for(other, "alice")
        await changes.forget(seconds=-1)
        assert await noted(container) == 1
    await changes.forget(seconds=-1)
    assert await noted(container) == 0


async def noted(container: Container) -> int:
    async with container.database.connection() as connection:
        cursor = await connection.execute("select count(*) from reply_changes")
        return int((await cursor.fetchall())[0][0])


async def test_a_connection_is_given_back_as_it_was(container: Container, changes: PostgresChanges) -> None:
    for _ in range(20):
        await changes.moment(LOCAL, [])
    async with container.database.connection() as connection:
        assert not connection.autocommit
        await connection.execute("create table left_over ()")
        await connection.rollback()
    async with container.database.connection() as connection:
        cursor = await connection.execute("select to_regclass('left_over')")
        assert await cursor.fetchone() == (None,)


async def test_a_space_is_told_from_another(container: Container, changes: PostgresChanges) -> None:
    none = await changes.moment(LOCAL, [])
    assert none.space == 0
    await container.vectors.ensure(MODEL)
    assert await changes.moment(LOCAL, [], none) is none
    async with container.record.transaction() as transaction:
        await transaction.spaces.activate_first(MODEL, {})
        active = await transaction.spaces.of_role(Role.ACTIVE)
    assert active
    assert (await changes.moment(LOCAL, [], none)).space == active.id


async def test_a_collection_that_takes_the_name_of_another_is_another(
    container: Container, changes: PostgresChanges
) -> None:
    async with container.record.transaction() as transaction:
        await transaction.collections.create(LOCAL, "one")
        await transaction.collections.create(LOCAL, "two")
    since: Moment = await changes.moment(ALICE, ["one"])
    assert since.collections
    assert [type(each) for each in since.collections] == [UUID]
    async with container.record.transaction() as transaction:
        await transaction.connection.execute("update collections set name = 'former' where name = 'one'")
        await transaction.connection.execute("update collections set name = 'one' where name = 'two'")
    now = await changes.moment(ALICE, ["one"], since)
    assert now.collections != since.collections
