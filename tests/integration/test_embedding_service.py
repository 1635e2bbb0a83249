"""A provider that misbehaves, over real HTTP, on a real record: nothing is lost or fails that a retry would mend."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from ragstone.adapters.embedders.minilm import MiniLM
from ragstone.adapters.embedders.openai import OpenAIEmbedder
from ragstone.container import Container
from ragstone.domain.access import LOCAL
from ragstone.domain.documents import Job, State, embedding_text
from ragstone.domain.errors import ConfigurationError
from ragstone.domain.queries import Mode, Scope
from ragstone.ingest.embedding import Patience, Policy, Provider, QuestionEmbedder
from ragstone.ingest.intake import Label, ReadyChunk
from ragstone.ingest.reembedding import Reembedding
from ragstone.ports.embedder import Embedder
from ragstone.ports.embedding_spaces import EmbeddingSpace, Role
from ragstone.postgres.leases import alive
from ragstone.testing.embedders import HashingEmbedder
from ragstone.testing.embedding_server import EmbeddingServer, RateLimit, Reply
from ragstone.worker.run import work

# A provider's minute is a second and a half here, and ten minutes of outage are four seconds.
WINDOW, OUTAGE = 1.5, 4.0
POLICY = Policy(
    concurrency=4,
    batch_tokens=400,
    window=WINDOW,
    backoff=0.05,
    longest_backoff=0.4,
    pause=0.4,
    longest_pause=1.0,
    documents=Patience(attempts=5, seconds=2.0, queued=True),
    questions=Patience(attempts=2, seconds=0.2, queued=False),
)
DOCUMENTS, MOST_CHUNKS = 24, 9


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with EmbeddingServer() as running:
        yield running


@asynccontextmanager
async def worker(
    container: Container, server: EmbeddingServer, policy: Policy, *, dimensions: int | None = 64
) -> AsyncIterator[None]:
    """Work with the stand-in as the provider."""
    embedder = OpenAIEmbedder("stand-in", base_url=server.base_url, dimensions=dimensions, timeout=0.4)
    container.__dict__["embedder"] = QuestionEmbedder(Provider(embedder, policy))
    task = asyncio.create_task(work(container))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def send(container: Container, name: str, texts: list[str]) -> UUID:
    chunks = [ReadyChunk(text, id=f"{name}-{number}") for number, text in enumerate(texts)]
    return (await container.intake.accept_chunks(LOCAL, Label(uri=name, title=name), chunks)).job_id


async def send_all(container: Container) -> list[UUID]:
    return [
        await send(
            container,
            f"bird-{number}",
            [f"Bird {number} eats seed {number * 31 + each}." for each in range(number % MOST_CHUNKS + 1)],
        )
        for number in range(DOCUMENTS)
    ]


async def jobs(container: Container, ids: list[UUID]) -> list[Job]:
    async with container.record.transaction() as transaction:
        return [await transaction.jobs.get(LOCAL, each) for each in ids]


async def until(
    container: Container, ids: list[UUID], holds: Callable[[Job], object], seconds: float = 90
) -> list[Job]:
    async with asyncio.timeout(seconds):
        while not all(map(holds, found := await jobs(container, ids))):
            await asyncio.sleep(0.1)
    return found


async def all_final(container: Container, ids: list[UUID]) -> list[Job]:
    return await until(container, ids, lambda job: job.state.final)


async def check_vectors(container: Container, chunks: int) -> None:
    """Assert that each of so many chunks has one vector, and that it is its own."""
    async with container.database.connection() as connection:
        cursor = await connection.execute(
            "select d.uri, c.heading_path, c.text, x.embedding::text from chunks c"
            " join versions v on v.id = c.version_id join documents d on d.id = v.document_id"
            " join vectors x on x.chunk_id = c.id"
        )
        rows = await cursor.fetchall()
    assert len(rows) == chunks
    expected = await HashingEmbedder().embed([embedding_text(uri, tuple(path), text) for uri, path, text, _ in rows])
    stored = np.array([json.loads(vector) for *_, vector in rows])
    np.testing.assert_allclose(stored, expected, atol=2e-3)


def chunk_total() -> int:
    return sum(number % MOST_CHUNKS + 1 for number in range(DOCUMENTS))


def misbehaviour() -> list[Reply]:
    """Return replies to the first requests: every way to fail that may pass, in any order, good ones between."""
    replies = [
        *[Reply(429, {"retry-after": "0.3"})] * 3,
        *[Reply(429)] * 2,
        *[Reply(status) for status in (500, 502, 503, 504, 500, 408)],
        Reply(503, {"retry-after": "0.5"}),
        *[Reply(wait=0.8)] * 2,
        *[Reply(body=body) for body in (b"", b"<html>", b'{"data": []}', b'{"data": [{"index": 0}]}')],
        *[Reply()] * 14,
    ]
    random.Random(3).shuffle(replies)
    return replies


async def test_through_every_fault_and_an_outage_to_the_end(container: Container, server: EmbeddingServer) -> None:
    server.limit = RateLimit(requests=10, window=WINDOW)
    server.script(*misbehaviour())
    policy = replace(POLICY, requests=10)
    async with worker(container, server, policy):
        ids = await send_all(container)
        async with asyncio.timeout(60):
            while len(server.requests) < 12:
                await asyncio.sleep(0.02)
        server.outage(OUTAGE)
        await asyncio.sleep(OUTAGE / 2)
        asked = len(server.requests)
        during = await jobs(container, ids)
        assert {job.state for job in during} <= {State.SEARCHABLE, State.READY}
        assert sum(job.state is State.SEARCHABLE for job in during) > DOCUMENTS / 2
        found = await container.search.retrieve("seed 31 of bird 1", Scope(LOCAL), mode=Mode.HYBRID)
        assert any("Bird 1 eats" in hit.chunk.text for hit in found.hits)
        assert found.missing
        await asyncio.sleep(OUTAGE / 4)
        # An outage is looked at now and then, and not run against.
        assert len(server.requests) - asked <= 5
        done = await all_final(container, ids)
    assert [job.state for job in done] == [State.READY] * DOCUMENTS
    assert server.limit.over == 0
    await check_vectors(container, chunk_total())


async def test_a_limit_that_nobody_set_is_learned_by_obeying(container: Container, server: EmbeddingServer) -> None:
    server.limit = RateLimit(requests=4, window=0.5)
    policy = replace(POLICY, concurrency=1)
    async with worker(container, server, policy):
        done = await all_final(container, await send_all(container))
    assert [job.state for job in done] == [State.READY] * DOCUMENTS
    assert server.limit.over
    assert server.limit.early == 0
    await check_vectors(container, chunk_total())


async def test_one_bad_text_fails_its_document_and_no_other(container: Container, server: EmbeddingServer) -> None:
    server.refused, server.broken = "forbidden", "unspeakable"
    async with worker(container, server, POLICY):
        bad = [
            await send(container, "refused", ["A swift.", "A forbidden swift.", "A third."]),
            await send(container, "broken", ["An unspeakable owl."]),
        ]
        done = await all_final(container, [*await send_all(container), *bad])
    assert [job.state for job in done] == [State.READY] * DOCUMENTS + [State.FAILED] * 2
    for job in done[-2:]:
        assert job.failure
        assert (job.failure.stage, job.failure.code) == ("embed", "embedding_refused")
        assert job.failure.remedy
        assert "swift" not in job.failure.message
        assert "owl" not in job.failure.message
    found = await container.search.retrieve("forbidden swift", Scope(LOCAL), mode=Mode.WORDS)
    assert found.hits


async def test_a_wrong_key_lets_documents_wait(container: Container, server: EmbeddingServer) -> None:
    server.api_key = "sk-right"
    async with worker(container, server, POLICY):
        ids = await send_all(container)
        waiting = await until(container, ids, lambda job: job.waiting)
        assert {job.state for job in waiting} == {State.SEARCHABLE}
        assert all(job.waiting and "RAGSTONE_EMBEDDER_API_KEY" in job.waiting.remedy for job in waiting)
        server.api_key = None
        done = await all_final(container, ids)
    assert [job.state for job in done] == [State.READY] * DOCUMENTS


async def test_down_from_the_first_start_documents_are_found_by_words(
    container: Container, server: EmbeddingServer
) -> None:
    """Nobody has ever said how many dimensions the vectors have."""
    server.api_key = "sk-unknown"

    async def text() -> AsyncIterator[bytes]:
        yield b"# Swifts\n\nThey sleep on the wing."

    async with worker(container, server, POLICY, dimensions=None):
        label = Label(uri="swifts.md", title="Swifts", filename="swifts.md")
        ids = [(await container.intake.accept(LOCAL, label, text())).job_id, await send(container, "chunks", ["Wing."])]
        waiting = await until(container, ids, lambda job: job.waiting)
        assert {job.state for job in waiting} == {State.SEARCHABLE}
        found = await container.search.retrieve("wing", Scope(LOCAL), mode=Mode.WORDS, limit=5)
        assert {hit.uri for hit in found.hits} == {"swifts.md", "chunks"}
        server.api_key = None
        done = await all_final(container, ids)
    assert {job.state for job in done} == {State.READY}


async def test_what_a_worker_lacks_is_no_fault_of_the_document(container: Container, tmp_path: Path) -> None:
    async def text() -> AsyncIterator[bytes]:
        yield b"They sleep on the wing."

    container.__dict__["embedder"] = MiniLM(data_dir=tmp_path, weights_path=tmp_path / "nowhere")
    accepted = await container.intake.accept(LOCAL, Label(uri="a.txt", filename="a.txt"), text())
    pipeline = container.pipeline(1)
    async with alive(container.database, 1):
        await pipeline.parse(accepted.job_id)
    (job,) = await jobs(container, [accepted.job_id])
    assert not job.state.final
    assert job.waiting
    assert job.waiting.remedy


async def test_a_model_that_cannot_be_had_here_lets_the_filling_wait(container: Container, tmp_path: Path) -> None:
    here = HashingEmbedder()
    container.__dict__["embedder"] = here
    await container.embedders.prepare()
    await container.vectors.ensure(replace(here.model, name="elsewhere"))
    async with container.record.transaction() as transaction:
        await transaction.spaces.begin(
            replace(here.model, name="elsewhere"),
            {"embedder": "minilm", "minilm_path": str(tmp_path / "nowhere")},
            chunks_per_second=None,
            swap_when_full=True,
        )

    async def missing(_: EmbeddingSpace) -> Embedder:
        raise ConfigurationError("The weights are not here.", remedy="Install them.")

    assert await Reembedding(container.record, container.vectors, missing, batch=8).fill() > 0
    async with container.record.transaction() as transaction:
        (filling,) = [each for each in await transaction.spaces.all() if each.role is Role.FILLING]
    assert filling.trouble
    assert filling.trouble.message == "The weights are not here."
