"""The record: what is accepted once is there once, what is deleted is nowhere, and leases hold."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from ragstone.container import Container
from ragstone.domain.access import EVERYONE, LOCAL, Permission, Principal
from ragstone.domain.documents import Failure, ParsedDocument, State
from ragstone.domain.errors import Conflict, LeaseLost, NotFound, Unauthenticated
from ragstone.domain.queries import Scope
from ragstone.ports.documents import Accepted, NewDocument
from ragstone.ports.lexical_index import Entry
from ragstone.postgres.leases import alive
from ragstone.postgres.queue import Stage
from ragstone.testing.records import place, store

DOCUMENT = NewDocument("default", "file:///a.txt", None, "a.txt", "text/plain", {}, (EVERYONE,))
BOARD = Principal(name="board", readers=frozenset({EVERYONE, "board"}))
FAILURE = Failure("parse", "damaged", "It is damaged.", "Mend it.", retryable=False)


async def accept(container: Container, data: bytes, document: NewDocument = DOCUMENT) -> Accepted:
    return await accept_as(container, LOCAL, data, document)


async def accept_as(container: Container, principal: Principal, data: bytes, document: NewDocument) -> Accepted:
    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 10):
            yield data[start : start + 10]

    async with container.record.transaction() as transaction:
        await transaction.collections.create(LOCAL, document.collection)
        blob = await transaction.blobs.write(parts())
        return await transaction.documents.accept(principal, document, blob)


async def count(container: Container, table: str) -> int:
    async with container.database.connection() as connection:
        cursor = await connection.execute(f"select count(*) from {table}")
        rows = await cursor.fetchall()
        return int(rows[0][0])


async def claim(container: Container, accepted: Accepted, owner: int, seconds: float = 30, stage: Stage = Stage.PARSE):  # type: ignore[no-untyped-def]
    async with container.record.transaction() as transaction:
        return await transaction.versions.claim(accepted.job_id, stage.states, owner, seconds)


async def test_bytes_come_back_as_they_went_in(container: Container) -> None:
    data = bytes(range(256)) * 3
    await accept(container, data)
    async with container.record.transaction() as transaction:
        async with container.database.connection() as connection:
            cursor = await connection.execute("select id from blobs")
            rows = await cursor.fetchall()
        assert await transaction.blobs.read(rows[0][0]) == data


async def test_same_bytes_are_no_work(container: Container) -> None:
    first = await accept(container, b"same")
    again = await accept(container, b"same")
    assert (again.document_id, again.job_id, again.created) == (first.document_id, first.job_id, False)
    assert await count(container, "versions") == 1
    assert await count(container, "procrastinate_jobs") == 1


async def test_same_bytes_under_two_names_are_stored_once(container: Container) -> None:
    await accept(container, b"shared")
    await accept(container, b"shared", replace(DOCUMENT, uri="file:///b.txt"))
    assert (await count(container, "documents"), await count(container, "blobs")) == (2, 1)
    assert await count(container, "blob_parts") == 1


async def test_changed_bytes_are_a_new_version_and_the_old_one_answers_until_then(container: Container) -> None:
    old, _ = await store(container.record, container.lexical, ["old text"], uri=DOCUMENT.uri)
    new = await accept(container, b"new text")
    assert (new.document_id, new.created) == (old.document_id, True)
    async with container.record.transaction() as transaction:
        document = await transaction.documents.get(LOCAL, old.document_id)
        assert (document.current_version, document.job_id) == (old.job_id, new.job_id)
        assert (await transaction.documents.content(LOCAL, old.document_id)).content == "old text"


async def test_deleting_leaves_nothing(container: Container) -> None:
    accepted, _ = await store(container.record, container.lexical, ["some words", "and more"])
    async with container.record.transaction() as transaction:
        await transaction.documents.delete(LOCAL, accepted.document_id)
    for table in ("documents", "versions", "chunks", "lexical_members", "vectors", "blobs", "blob_parts"):
        assert await count(container, table) == 0, table


async def test_deleting_keeps_bytes_that_another_document_has(container: Container) -> None:
    first = await accept(container, b"shared")
    await accept(container, b"shared", replace(DOCUMENT, uri="file:///b.txt"))
    async with container.record.transaction() as transaction:
        await transaction.documents.delete(LOCAL, first.document_id)
    assert (await count(container, "blobs"), await count(container, "blob_parts")) == (1, 1)


async def test_a_lease_is_exclusive_until_its_owner_is_gone(container: Container) -> None:
    accepted = await accept(container, b"text")
    async with alive(container.database, 1), alive(container.database, 2):
        work = await claim(container, accepted, 1)
        assert work is not None
        assert work.state is State.PARSING
        assert await claim(container, accepted, 2) is None
    async with alive(container.database, 2):
        taken = await claim(container, accepted, 2)
        assert taken is not None
        assert taken.attempts == 2
        with pytest.raises(LeaseLost):
            async with container.record.transaction() as transaction:
                await transaction.versions.fail(work, 1, FAILURE)


async def test_a_frozen_owner_loses_its_lease_when_time_is_over(container: Container) -> None:
    accepted = await accept(container, b"text")
    async with alive(container.database, 1), alive(container.database, 2):
        assert await claim(container, accepted, 1, seconds=-1)
        assert await claim(container, accepted, 2)


async def test_what_a_lost_lease_stored_is_rolled_back(container: Container) -> None:
    accepted = await accept(container, b"text")
    async with alive(container.database, 1):
        await claim(container, accepted, 1)
        with pytest.raises(LeaseLost):
            async with container.record.transaction() as transaction:
                await transaction.versions.store_parsed(
                    accepted.job_id, 9, ParsedDocument("text", "text/plain"), place(["text"]), {}
                )
    assert await count(container, "chunks") == 0


async def test_lost_work_is_woken_once(container: Container) -> None:
    accepted = await accept(container, b"text")
    async with container.database.connection() as connection:
        await connection.execute("delete from procrastinate_jobs")
        await connection.execute("update versions set updated_at = now() - interval '1 minute'")
    for expected in (1, 0):
        async with container.record.transaction() as transaction:
            assert await transaction.versions.wake_lost() == expected
    async with container.record.transaction() as transaction:
        await transaction.jobs.cancel(LOCAL, accepted.job_id)


async def test_cancel_and_retry(container: Container) -> None:
    accepted = await accept(container, b"text")
    async with alive(container.database, 1):
        work = await claim(container, accepted, 1)
        async with container.record.transaction() as transaction:
            assert (await transaction.jobs.cancel(LOCAL, accepted.job_id)).state is State.CANCELLED
        with pytest.raises(LeaseLost):
            async with container.record.transaction() as transaction:
                await transaction.versions.extend(work.version_id, 1, 30)
        async with container.record.transaction() as transaction:
            with pytest.raises(Conflict):
                await transaction.jobs.cancel(LOCAL, accepted.job_id)
            assert (await transaction.jobs.retry(LOCAL, accepted.job_id)).state is State.ACCEPTED
            with pytest.raises(Conflict):
                await transaction.jobs.retry(LOCAL, accepted.job_id)


async def test_a_failure_is_kept_and_sending_again_tries_again(container: Container) -> None:
    accepted = await accept(container, b"text")
    async with alive(container.database, 1):
        work = await claim(container, accepted, 1)
        async with container.record.transaction() as transaction:
            await transaction.versions.fail(work, 1, FAILURE)
    async with container.record.transaction() as transaction:
        assert (await transaction.jobs.get(LOCAL, accepted.job_id)).failure == FAILURE
    again = await accept(container, b"text")
    assert again.created
    assert again.job_id != accepted.job_id
    assert await count(container, "versions") == 1


async def test_nobody_sees_or_takes_what_is_kept_from_him(container: Container) -> None:
    secret, _ = await store(
        container.record, container.lexical, ["secret"], uri="s", principal=BOARD, readers=["board"]
    )
    async with container.record.transaction() as transaction:
        assert (await transaction.documents.get(BOARD, secret.document_id)).uri == "s"
        for principal in (LOCAL, Principal(tenant="other", readers=frozenset({EVERYONE, "board"}))):
            for read in (transaction.documents.get, transaction.documents.content, transaction.documents.delete):
                with pytest.raises(NotFound):
                    await read(principal, secret.document_id)
            with pytest.raises(NotFound):
                await transaction.jobs.get(principal, secret.job_id)
            with pytest.raises(NotFound):
                await transaction.jobs.cancel(principal, secret.job_id)
            listed = await transaction.documents.list(principal, collection=None, state=None, after=None, limit=10)
            assert list(listed) == []
        assert [each.documents for each in await transaction.collections.list(LOCAL)] == [0]
    with pytest.raises(Conflict):
        await accept(container, b"mine now", replace(DOCUMENT, uri="s"))


async def test_keys(container: Container) -> None:
    async with container.record.transaction() as transaction:
        assert not await transaction.keys.any()
        key, secret = await transaction.keys.create(
            name="app", tenant="t", permissions=[Permission.READ], readers=["hr"]
        )
        principal = await transaction.keys.principal(secret)
        assert principal == Principal("t", "app", frozenset({EVERYONE, "hr"}), frozenset({Permission.READ}))
        with pytest.raises(Unauthenticated):
            await transaction.keys.principal(secret + "x")
        await transaction.keys.revoke(key.id)
        with pytest.raises(Unauthenticated):
            await transaction.keys.principal(secret)
        assert not await transaction.keys.any()
    async with container.database.connection() as connection:
        cursor = await connection.execute("select api_keys::text from api_keys")
        assert secret not in str(await cursor.fetchall())


async def test_new_readers_take_effect_with_the_new_text_only(container: Container) -> None:
    old, _ = await store(
        container.record, container.lexical, ["salary 777777"], uri="s", principal=BOARD, readers=["board"]
    )

    async def parts() -> AsyncIterator[bytes]:
        yield b"open text"

    opened = replace(DOCUMENT, uri="s", metadata={"open": True})
    async with container.record.transaction() as transaction:
        new = await transaction.documents.accept(BOARD, opened, await transaction.blobs.write(parts()))
    assert list((await container.lexical.search("salary", Scope(LOCAL), 10)).ranked) == []
    assert list((await container.lexical.search("salary", Scope(BOARD, (), {"open": True}), 10)).ranked) == []
    async with container.record.transaction() as transaction:
        with pytest.raises(NotFound):
            await transaction.documents.content(LOCAL, old.document_id)
    async with alive(container.database, 1):
        work = await claim(container, new, 1)
        async with container.record.transaction() as transaction:
            chunks = place(["open text"])
            await transaction.versions.store_parsed(
                new.job_id, 1, ParsedDocument("open text", "text/plain"), chunks, {}
            )
            await container.lexical.add(transaction, [Entry(new.job_id, "", chunks)])
        work = await claim(container, new, 1, stage=Stage.EMBED)
        async with container.record.transaction() as transaction:
            await transaction.versions.finish(work, 1, {})
    async with container.record.transaction() as transaction:
        assert (await transaction.documents.content(LOCAL, old.document_id)).content == "open text"
    assert len((await container.lexical.search("open", Scope(LOCAL), 10)).ranked) == 1


async def test_a_new_version_for_others_shows_nothing_of_itself(container: Container) -> None:
    old, _ = await store(container.record, container.lexical, ["for all"], uri=DOCUMENT.uri)
    board = replace(DOCUMENT, readers=("board",), etag='"merger"', last_modified="Sat, 21 Nov 2026 18:00:00 GMT")
    new = await accept_as(container, BOARD, b"the merger", board)
    async with alive(container.database, 1):
        work = await claim(container, new, 1)
        async with container.record.transaction() as transaction:
            await transaction.versions.fail(work, 1, replace(FAILURE, message="merger.exe is of no kind that is read."))
    async with container.record.transaction() as transaction:
        assert await transaction.documents.list(LOCAL, collection=None, state=None, after=None, limit=9) == []
        assert await transaction.jobs.list(LOCAL, state=None, after=None, limit=9) == []
        for job_id in (old.job_id, new.job_id):
            for call in (transaction.jobs.get, transaction.jobs.cancel, transaction.jobs.retry):
                with pytest.raises(NotFound):
                    await call(LOCAL, job_id)
        assert (await transaction.jobs.queue(LOCAL)).states == {}
        assert (await transaction.documents.get(BOARD, old.document_id)).job_id == new.job_id
        assert (await transaction.jobs.get(BOARD, new.job_id)).state == State.FAILED
    with pytest.raises(Conflict, match="may not read"):
        await accept(container, b"the merger")


async def test_same_bytes_with_other_readers_are_relabelled(container: Container) -> None:
    first = await accept(container, b"same")
    again = await accept(container, b"same", replace(DOCUMENT, metadata={"a": 1}, title="New"))
    assert not again.created
    async with container.record.transaction() as transaction:
        document = await transaction.documents.get(LOCAL, first.document_id)
    assert (document.title, document.metadata) == ("New", {"a": 1})


async def test_accepting_and_deleting_at_once_never_wait_in_a_ring(container: Container) -> None:
    """Each change locks the document, then its versions, then their bytes; the other order deadlocked."""

    async def client(number: int) -> None:
        for turn in range(12):
            uri = f"file:///{(number + turn) % 2}"
            accepted = await accept(container, b"the same bytes for all", replace(DOCUMENT, uri=uri))
            async with container.record.transaction() as transaction:
                with contextlib.suppress(NotFound):
                    await transaction.documents.delete(LOCAL, accepted.document_id)

    await asyncio.gather(*(client(number) for number in range(6)))
    for table in ("documents", "versions", "blobs", "blob_parts"):
        assert await count(container, table) == 0, table


async def test_working_while_it_is_sent_again_and_deleted(container: Container) -> None:
    async def work(accepted: Accepted, owner: int) -> None:
        async with alive(container.database, owner):
            if not await claim(container, accepted, owner):
                return
            with contextlib.suppress(LeaseLost):
                async with container.record.transaction() as transaction:
                    chunks = place(["some text"] * 50)
                    await transaction.versions.store_parsed(
                        accepted.job_id, owner, ParsedDocument("x", "text/plain"), chunks, {}
                    )
                    await container.lexical.add(transaction, [Entry(accepted.job_id, "", chunks)])

    async def change(accepted: Accepted, number: int) -> None:
        if number % 2:
            await accept(container, f"other {number}".encode(), replace(DOCUMENT, uri=f"file:///{number}"))
        else:
            async with container.record.transaction() as transaction:
                await transaction.documents.delete(LOCAL, accepted.document_id)

    for number in range(16):
        accepted = await accept(container, b"text", replace(DOCUMENT, uri=f"file:///{number}"))
        await asyncio.gather(work(accepted, number + 1), change(accepted, number))
    assert await count(container, "documents") == 8
