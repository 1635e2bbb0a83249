"""The offline flow on a real record: to the end, through failures, and taken over from the dead."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from uuid import UUID

import psutil
import pytest
from tests.integration.leftovers import rows_of_documents

from ragstone.answer.quoting import citation, span_of
from ragstone.container import Container
from ragstone.domain.access import LOCAL
from ragstone.domain.answers import Passage, Support
from ragstone.domain.documents import Job, ParsedDocument, State
from ragstone.domain.errors import EmbedderUnavailable, ParseFailed
from ragstone.domain.queries import Mode, Scope
from ragstone.ingest.intake import Label, ReadyChunk
from ragstone.ports.documents import Accepted
from ragstone.ports.embedder import Vectors
from ragstone.postgres.invariants import violations
from ragstone.postgres.leases import alive, new_owner
from ragstone.testing.embedders import HashingEmbedder
from ragstone.testing.parsers import pdf
from ragstone.worker import run
from ragstone.worker.run import work

TEXT = "# Birds\n\nThe swift sleeps while it flies.\n\n## Food\n\nIt eats insects in the air.\n"


class PlainParser:
    """Reads UTF-8, and misbehaves when a test tells it to."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.wait = 0.0
        self.ended = 0

    def media_type(self, filename: str, head: bytes, declared: str | None = None) -> str | None:
        return declared or "text/markdown"

    async def parse(self, data: bytes, media_type: str, filename: str) -> ParsedDocument:
        await asyncio.sleep(self.wait)
        if self.error:
            raise self.error
        self.ended += 1
        return ParsedDocument(data.decode(), media_type, "Birds")

    async def close(self) -> None:
        pass


class FlakyEmbedder(HashingEmbedder):
    """Does not answer for the first so many calls."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures

    async def embed(self, texts: object) -> Vectors:
        if self.failures:
            self.failures -= 1
            raise EmbedderUnavailable("The embedding endpoint does not answer.", retry_after=0.1)
        return await super().embed(texts)  # type: ignore[arg-type]


@pytest.fixture
def parser(container: Container) -> PlainParser:
    fake = PlainParser()
    container.__dict__["parser"] = fake
    container.__dict__["embedder"] = HashingEmbedder()
    return fake


async def send(container: Container, text: str = TEXT, uri: str = "birds") -> Accepted:
    return await container.intake.accept_text(LOCAL, Label(uri=uri), text)


async def job(container: Container, job_id: UUID) -> Job:
    async with container.record.transaction() as transaction:
        return await transaction.jobs.get(LOCAL, job_id)


async def until(container: Container, job_id: UUID, holds: Callable[[Job], bool], seconds: float = 20) -> Job:
    async with asyncio.timeout(seconds):
        while not holds(found := await job(container, job_id)):
            await asyncio.sleep(0.02)
    return found


@pytest.fixture
async def worker(container: Container, parser: PlainParser) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(work(container))
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_from_text_to_ready(container: Container, worker: asyncio.Task[None]) -> None:
    accepted = await send(container)
    done = await until(container, accepted.job_id, lambda each: each.state.final)
    assert (done.state, done.embedded_count, done.attempts) == (State.READY, done.chunk_count, 0)
    assert set(done.stage_seconds) == {"parse", "chunk", "embed"}
    for mode in Mode:
        found = await container.search.retrieve("What does the swift eat in the air?", Scope(LOCAL), mode=mode)
        assert "It eats insects" in found.hits[0].chunk.text
        assert found.hits[0].chunk.heading_path == ("Birds", "Food")
        assert found.hits[0].title == "Birds"
    async with container.record.transaction() as transaction:
        content = (await transaction.documents.content(LOCAL, accepted.document_id)).content
        for chunk in await transaction.documents.chunks(LOCAL, accepted.document_id, after=-1, limit=10):
            assert content[chunk.start : chunk.end] == chunk.text


async def test_found_by_words_while_the_embedder_is_down(container: Container, worker: asyncio.Task[None]) -> None:
    container.__dict__["embedder"] = flaky = FlakyEmbedder(failures=10_000)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    again = asyncio.create_task(work(container))
    accepted = await send(container)
    await until(container, accepted.job_id, lambda each: each.state is State.SEARCHABLE)
    found = await container.search.retrieve("swift", Scope(LOCAL))
    assert len(found.hits) == 1
    assert "does not answer" in found.missing["meaning"]
    flaky.failures = 0
    await until(container, accepted.job_id, lambda each: each.state is State.READY)
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)


async def test_a_file_that_cannot_be_read_fails_with_its_reason(
    container: Container, parser: PlainParser, worker: asyncio.Task[None]
) -> None:
    parser.error = ParseFailed("damaged", "The file is damaged.", remedy="Save it again.")
    accepted = await send(container)
    failed = await until(container, accepted.job_id, lambda each: each.state.final)
    assert failed.failure
    assert (failed.failure.code, failed.failure.remedy, failed.failure.stage) == ("damaged", "Save it again.", "parse")
    parser.error = None
    async with container.record.transaction() as transaction:
        await transaction.jobs.retry(LOCAL, accepted.job_id)
    await until(container, accepted.job_id, lambda each: each.state is State.READY)


async def test_cancel_ends_a_long_parse(container: Container, parser: PlainParser, worker: asyncio.Task[None]) -> None:
    parser.wait = 60.0
    accepted = await send(container)
    await until(container, accepted.job_id, lambda each: each.state is State.PARSING)
    async with container.record.transaction() as transaction:
        await transaction.jobs.cancel(LOCAL, accepted.job_id)
    parser.wait = 0.0
    other = await send(container, "# Other\n\nAnother text.", uri="other")
    await until(container, other.job_id, lambda each: each.state is State.READY)
    assert (await job(container, accepted.job_id)).state is State.CANCELLED


async def test_work_of_a_dead_worker_is_taken_over(container: Container, parser: PlainParser) -> None:
    container.__dict__.pop("embedder")  # the other process has the real one
    accepted = await send(container)
    async with alive(container.database, 7), container.record.transaction() as transaction:
        assert await transaction.versions.claim(accepted.job_id, (State.ACCEPTED,), 7, 3600)
    async with container.database.connection() as connection:
        await connection.execute("delete from procrastinate_jobs")
    task = asyncio.create_task(work(container))
    done = await until(container, accepted.job_id, lambda each: each.state.final)
    assert done.state is State.READY
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_worker_goes_on_however_often_it_loses_postgresql(
    container: Container, parser: PlainParser, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners: list[int] = []

    def noted() -> int:
        owners.append(new_owner())
        return owners[-1]

    monkeypatch.setattr(run, "new_owner", noted)
    worker = asyncio.create_task(work(container))
    for number in range(3):
        accepted = await send(container, f"# Bird {number}\n\nIt sings.", uri=f"bird-{number}")
        await until(container, accepted.job_id, lambda each: each.state is State.READY)
        async with container.database.connect() as connection:
            await connection.execute(
                "select pg_terminate_backend(l.pid) from pg_locks l join pg_database d on d.oid = l.database"
                " where d.datname = current_database() and l.locktype = 'advisory' and l.objid = %s",
                (owners[-1],),
            )
        async with asyncio.timeout(20):
            while len(owners) == number + 1:
                assert not worker.done()
                await asyncio.sleep(0.02)
    accepted = await send(container, "# Last bird\n\nIt sleeps.", uri="last")
    await until(container, accepted.job_id, lambda each: each.state is State.READY)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    assert worker.cancelled()


async def lost(container: Container, job_id: UUID, owner: int = 7) -> None:
    """Let a worker die over a version."""
    async with alive(container.database, owner), container.record.transaction() as transaction:
        assert await transaction.versions.claim(job_id, (State.ACCEPTED, State.PARSING), owner, 3600)


async def test_what_a_worker_died_over_goes_on_in_a_process_of_its_own(
    container: Container, parser: PlainParser
) -> None:
    container.__dict__.pop("embedder")  # the other process has the real one
    accepted = await send(container)
    await lost(container, accepted.job_id)
    async with asyncio.TaskGroup() as group:
        worker = group.create_task(work(container))
        done = await until(container, accepted.job_id, lambda each: each.state.final, 60)
        worker.cancel()
    assert done.state is State.READY
    async with container.database.connection() as connection:
        cursor = await connection.execute("select crashes, attempts from versions")
        assert await cursor.fetchall() == [(0, 0)]


async def test_what_kills_its_process_is_set_aside_and_the_queue_goes_on(
    container: Container, parser: PlainParser
) -> None:
    container.__dict__.pop("embedder")  # the other process has the real one
    deadly = await send(container, "# Stones\n\n" + "Granite is a hard stone. " * 100_000, uri="deadly")
    await lost(container, deadly.job_id)
    async with asyncio.TaskGroup() as group:
        worker = group.create_task(work(container))
        await _kill_isolated(container, deadly.job_id)
        failed = await until(container, deadly.job_id, lambda each: each.state.final, 60)
        other = await send(container, uri="harmless")
        await until(container, other.job_id, lambda each: each.state is State.READY, 60)
        worker.cancel()
    assert failed.failure
    assert (failed.failure.code, failed.failure.stage, failed.failure.retryable) == ("worker_died", "parse", True)


async def test_a_process_of_its_own_that_dies_before_it_began_is_no_fault_of_the_document(
    container: Container, parser: PlainParser
) -> None:
    container.__dict__.pop("embedder")  # the other process has the real one
    accepted = await send(container)
    await lost(container, accepted.job_id)
    async with asyncio.TaskGroup() as group:
        worker = group.create_task(work(container))
        await _kill_isolated(container, accepted.job_id, leased=False)
        done = await until(container, accepted.job_id, lambda each: each.state.final, 60)
        worker.cancel()
    assert done.state is State.READY


async def _kill_isolated(container: Container, job_id: UUID, *, leased: bool = True) -> None:
    """Kill the process that a version has to itself, once it has leased the version, or as soon as it is there."""
    async with asyncio.timeout(60):
        while True:
            for process in psutil.Process().children():
                command = process.cmdline()
                if "ragstone.worker.isolation" in command and (not leased or await _leased(container, job_id, command)):
                    return process.kill()
            await asyncio.sleep(0.01)


async def _leased(container: Container, job_id: UUID, command: Sequence[str]) -> bool:
    async with container.database.connection() as connection:
        cursor = await connection.execute(
            "select from versions where id = %s and lease_owner = %s", (job_id, int(command[-1]))
        )
        return await cursor.fetchone() is not None


async def test_workers_lost_again_and_again_set_a_version_aside(container: Container, parser: PlainParser) -> None:
    accepted = await send(container)
    for owner in range(10, 21):
        await lost(container, accepted.job_id, owner)
    task = asyncio.create_task(work(container))
    failed = await until(container, accepted.job_id, lambda each: each.state.final)
    assert failed.failure
    assert failed.failure.code == "worker_died"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_why_a_job_waits_is_told_until_it_goes_on(container: Container, worker: asyncio.Task[None]) -> None:
    container.__dict__["embedder"] = flaky = FlakyEmbedder(failures=10_000)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    again = asyncio.create_task(work(container))
    accepted = await send(container)
    waits = await until(container, accepted.job_id, lambda each: each.waiting is not None)
    assert waits.waiting
    assert (waits.state, waits.waiting.stage, waits.waiting.code) == (State.SEARCHABLE, "embed", "embedder_unavailable")
    async with container.record.transaction() as transaction:
        queue = await transaction.jobs.queue(LOCAL)
    assert (queue.states, queue.waiting, queue.pending_chunks) == ({State.SEARCHABLE: 1}, 1, waits.chunk_count)
    assert (queue.chunks_per_second, queue.eta_seconds) == (None, None)
    flaky.failures = 0
    done = await until(container, accepted.job_id, lambda each: each.state is State.READY)
    assert done.waiting is None
    async with container.record.transaction() as transaction:
        queue = await transaction.jobs.queue(LOCAL)
    assert queue.eta_seconds == 0.0
    assert queue.chunks_per_second
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)


async def test_a_stopping_worker_gives_its_work_back(container: Container, parser: PlainParser) -> None:
    parser.wait = 60.0
    accepted = await send(container)
    task = asyncio.create_task(work(container))
    await until(container, accepted.job_id, lambda each: each.state is State.PARSING)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with container.database.connection() as connection:
        cursor = await connection.execute("select lease_owner from versions")
        assert await cursor.fetchall() == [(None,)]


class CountingEmbedder(HashingEmbedder):
    """Remembers what it embedded."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        return await super().embed(texts)


BIRDS = "\n\n".join(f"## Bird {number}\n\nBird {number} sings tune {number}." for number in range(20))


async def test_only_what_changed_is_embedded_again(container: Container, worker: asyncio.Task[None]) -> None:
    container.__dict__["embedder"] = counting = CountingEmbedder()
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    again = asyncio.create_task(work(container))

    async def update(text: str) -> list[str]:
        counting.texts.clear()
        accepted = await send(container, text)
        await until(container, accepted.job_id, lambda each: each.state is State.READY)
        async with container.database.connection() as connection:
            assert await violations(connection, seconds=10) == {}
        return [*counting.texts]

    assert len(await update(BIRDS)) == 20
    changed = BIRDS.replace("tune 7", "another tune")
    assert [text.splitlines()[0] for text in await update(changed)] == ["Birds > Bird 7"]
    long = " ".join(f"Sentence number {number} tells of birds that sing." for number in range(200))
    assert len(await update(f"{BIRDS}\n\n{long}")) > 10
    assert 1 <= len(await update(f"{BIRDS}\n\nA sentence more. {long}")) <= 3
    assert await update(BIRDS) == []  # the old text's vector was kept
    assert len(await update("# Fish\n\nFish swim.")) == 1
    async with container.database.connection() as connection:
        await connection.execute("update kept_vectors set kept_until = now() - interval '1 second'")
    assert len(await update(BIRDS)) == 20
    async with container.record.transaction() as transaction:
        (document,) = await transaction.documents.list(LOCAL, collection=None, state=None, after=None, limit=5)
        await transaction.documents.delete(LOCAL, document.id)
    async with container.database.connection() as connection:
        assert await rows_of_documents(connection) == {}
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)


async def test_ready_made_chunks(container: Container, worker: asyncio.Task[None]) -> None:
    chunks = [
        ReadyChunk("Swifts sleep on the wing.", id="a", heading_path=("Birds",), page=3, metadata={"k": 1}),
        ReadyChunk("Owls hunt at night.", id="b"),
    ]
    accepted = await container.intake.accept_chunks(LOCAL, Label(uri="made", title="Made"), chunks)
    again = await container.intake.accept_chunks(LOCAL, Label(uri="made", title="Made"), chunks)
    assert again.job_id == accepted.job_id
    await until(container, accepted.job_id, lambda each: each.state is State.READY)
    found = await container.search.retrieve("Which birds hunt at night?", Scope(LOCAL))
    assert found.hits[0].chunk.external_id == "b"
    async with container.record.transaction() as transaction:
        stored = await transaction.documents.chunks(LOCAL, accepted.document_id, after=-1, limit=10)
    assert [(each.external_id, each.page, each.heading_path) for each in stored] == [
        ("a", 3, ("Birds",)),
        ("b", None, ()),
    ]
    assert stored[0].metadata == {"k": 1}


async def test_another_model_takes_over_when_all_is_in_its_space(
    container: Container, worker: asyncio.Task[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted = await send(container)
    await until(container, accepted.job_id, lambda each: each.state is State.READY)
    other = HashingEmbedder(dimensions=16)
    monkeypatch.setattr(container.embedders, "_build", lambda _: other)
    await container.vectors.ensure(other.model)
    async with container.record.transaction() as transaction:
        await transaction.spaces.begin(other.model, {"embedder": "other"}, chunks_per_second=None, swap_when_full=True)
    second = await send(container, "# Fish\n\nThe trout swims.", uri="fish")
    async with asyncio.timeout(20):
        while (await container.embedders.active()).model != other.model:
            found = await container.search.retrieve("swift", Scope(LOCAL), mode=Mode.MEANING)
            assert found.hits
            await asyncio.sleep(0.02)
    await until(container, second.job_id, lambda each: each.state is State.READY)
    found = await container.search.retrieve("trout", Scope(LOCAL), mode=Mode.MEANING)
    assert {each.uri for each in found.hits} == {"birds", "fish"}
    async with container.database.connection() as connection:
        assert await violations(connection, seconds=10) == {}


async def test_a_citation_says_the_page_of_its_quote(container: Container) -> None:
    """The pages are short, so that one chunk stands on all of them."""
    container.__dict__["embedder"] = HashingEmbedder()
    facts = ["Granite weighs 2.7 tons.", "The swift sleeps while it flies.", "Slate is split by hand in Wales."]
    more = "Nothing else is said of it on this page of the book."

    async def parts() -> AsyncIterator[bytes]:
        yield pdf([[fact, more, more] for fact in facts])

    accepted = await container.intake.accept(LOCAL, Label(uri="facts.pdf", filename="facts.pdf"), parts())
    pipeline = container.pipeline(owner=1)
    await pipeline.parse(accepted.job_id)
    await pipeline.embed(accepted.job_id)
    (hit,) = (await container.search.retrieve("slate", Scope(LOCAL), mode=Mode.WORDS)).hits
    assert [span.page for span in hit.chunk.pages] == [1, 2, 3]
    for page, fact in enumerate(facts, 1):
        begin = hit.chunk.text.index(fact)
        quote = span_of(Passage(1, hit, 100), begin, begin + len(fact))
        assert citation(quote, 1, Support.SUPPORTED).page == page


@pytest.mark.parametrize("wait", [0.3, 1.5])
async def test_what_is_cancelled_and_retried_is_done_once(
    container: Container, parser: PlainParser, wait: float
) -> None:
    """Whether the former attempt ends before the new one, or after."""
    parser.wait = 1.0
    accepted = await send(container)
    pipeline = container.pipeline(owner=1)
    async with alive(container.database, 1):
        first = asyncio.create_task(pipeline.parse(accepted.job_id))
        await asyncio.sleep(0.5)
        async with container.record.transaction() as transaction:
            await transaction.jobs.cancel(LOCAL, accepted.job_id)
            await transaction.jobs.retry(LOCAL, accepted.job_id)
        parser.wait = wait
        await asyncio.gather(first, pipeline.parse(accepted.job_id))
        done = await job(container, accepted.job_id)
        assert (done.state, done.failure) == (State.SEARCHABLE, None)
    assert parser.ended == 1
    async with container.database.connection() as connection:
        assert await violations(connection, seconds=10) == {}
