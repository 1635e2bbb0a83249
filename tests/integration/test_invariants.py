"""A record is sound in every moment of what ordinarily happens to it."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from ragstone.container import Container
from ragstone.domain.access import LOCAL
from ragstone.domain.documents import Job, ParsedDocument, State
from ragstone.domain.errors import EmbeddingRefused, ParseFailed
from ragstone.ingest.importing import GivenVectors
from ragstone.ingest.intake import Label, ReadyChunk
from ragstone.ingest.pipeline import Pipeline
from ragstone.ports.embedder import Vectors
from ragstone.ports.embedding_spaces import Role
from ragstone.postgres.invariants import violations
from ragstone.testing.embedders import HashingEmbedder

TEXT = "\n\n".join(f"## Bird {number}\n\nBird {number} sings tune {number} of the café." for number in range(120))


class PlainParser:
    """Takes bytes for the text that they are, and misbehaves when a test tells it to."""

    error: Exception | None = None

    def media_type(self, filename: str, head: bytes, declared: str | None = None) -> str:
        return declared or "text/markdown"

    async def parse(self, data: bytes, media_type: str, filename: str) -> ParsedDocument:
        if self.error:
            raise self.error
        return ParsedDocument(data.decode(), media_type)

    async def close(self) -> None:
        pass


class StickyEmbedder(HashingEmbedder):
    """Refuses texts with ``refused`` in them; stands still after so many ``calls``, if told so."""

    refused: str | None = None
    calls: int | None = None

    async def embed(self, texts: Sequence[str]) -> Vectors:
        if self.refused and any(self.refused in text for text in texts):
            raise EmbeddingRefused("It is refused.", remedy="Shorten it.")
        if self.calls is not None:
            if not self.calls:
                await asyncio.Event().wait()
            self.calls -= 1
        return await super().embed(texts)


class Bench:
    """A record, and what is done to it; each step ends with a look at the whole."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self.parser, self.embedder = PlainParser(), StickyEmbedder()
        container.__dict__.update(parser=self.parser, embedder=self.embedder)

    @property
    def pipeline(self) -> Pipeline:
        return self.container.pipeline(owner=1)

    async def check(self) -> None:
        async with self.container.database.connection() as connection:
            assert await violations(connection, seconds=30) == {}

    async def send(self, text: str = TEXT, uri: str = "birds.md", **label: Any) -> UUID:
        accepted = await self.container.intake.accept_text(LOCAL, Label(uri=uri, **label), text)
        await self.check()
        return accepted.job_id

    async def parse(self, job_id: UUID, state: State = State.SEARCHABLE) -> None:
        await self.pipeline.parse(job_id)
        await self.check()
        assert (await self.job(job_id)).state is state

    async def embed(self, job_id: UUID, state: State = State.READY) -> None:
        await self.pipeline.embed(job_id)
        await self.check()
        assert (await self.job(job_id)).state is state

    async def embed_in_part(self, job_id: UUID) -> None:
        """Embed the first chunks; then the worker is stopped."""
        self.embedder.calls = 1
        task = asyncio.create_task(self.pipeline.embed(job_id))
        async with asyncio.timeout(20):
            while not (await self.job(job_id)).embedded_count:
                await asyncio.sleep(0.02)
        await self.check()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self.embedder.calls = None
        await self.check()
        job = await self.job(job_id)
        assert job.state is State.SEARCHABLE
        assert 0 < job.embedded_count < job.chunk_count

    async def job(self, job_id: UUID) -> Job:
        async with self.container.record.transaction() as transaction:
            return await transaction.jobs.get(LOCAL, job_id)

    async def cancel(self, job_id: UUID) -> None:
        async with self.container.record.transaction() as transaction:
            await transaction.jobs.cancel(LOCAL, job_id)
        await self.check()

    async def retry(self, job_id: UUID) -> None:
        async with self.container.record.transaction() as transaction:
            await transaction.jobs.retry(LOCAL, job_id)
        await self.check()

    async def rename(self, job_id: UUID, uri: str) -> None:
        await self.container.intake.change(LOCAL, (await self.job(job_id)).document_id, uri=uri)
        await self.check()


@pytest.fixture
async def bench(container: Container) -> Bench:
    return Bench(container)


async def test_sent_read_embedded_updated_and_deleted(bench: Bench) -> None:
    first = await bench.send()
    await bench.parse(first)
    await bench.embed(first)
    await bench.send(title="Another title")  # the same bytes: it is renamed
    second = await bench.send(TEXT.replace("tune 7", "no tune"))
    assert second != first
    await bench.parse(second)
    third = await bench.send("# Fish\n\nFish swim.")
    await bench.parse(third)
    await bench.embed(third)
    await bench.embed(await bench.send(uri="copy.md"), State.ACCEPTED)  # not its turn
    async with bench.container.record.transaction() as transaction:
        await transaction.documents.delete(LOCAL, (await bench.job(third)).document_id)
    await bench.check()


async def test_renamed_in_every_state(bench: Bench) -> None:
    job_id = await bench.send()
    await bench.rename(job_id, "a.md")
    await bench.parse(job_id)
    await bench.rename(job_id, "b.md")
    await bench.embed_in_part(job_id)
    await bench.rename(job_id, "c.md")
    await bench.embed(job_id)
    await bench.rename(job_id, "d.md")
    other = await bench.send(uri="c.md")  # the same text under the name that the other one had
    await bench.parse(other)
    await bench.embed(other)


async def test_failed_cancelled_and_retried(bench: Bench) -> None:
    bench.parser.error = ParseFailed("damaged", "It is damaged.", remedy="Mend it.")
    job_id = await bench.send()
    await bench.parse(job_id, State.FAILED)
    bench.parser.error = None
    await bench.retry(job_id)
    await bench.cancel(job_id)
    await bench.retry(job_id)
    await bench.parse(job_id)
    await bench.cancel(job_id)
    await bench.retry(job_id)
    bench.embedder.refused = "tune 100 "
    await bench.embed(job_id, State.FAILED)
    bench.embedder.refused = None
    await bench.retry(job_id)
    await bench.embed(job_id)
    bench.parser.error = ParseFailed("damaged", "It is damaged.", remedy="Mend it.")
    await bench.parse(await bench.send("# Damaged"), State.FAILED)


async def test_chunks_of_others(bench: Bench) -> None:
    intake, model = bench.container.intake, bench.embedder.model
    given = GivenVectors(bench.container.vectors, bench.container.embedders, model.name, model.version)
    one = np.ones(model.dimensions, dtype=np.float32)
    stones = [ReadyChunk(f"Stone {number}:\n\n 🪨 granite.", vector=one) for number in range(30)]
    with_vectors = await intake.accept_chunks(LOCAL, Label(uri="stones", title="Stones"), stones, given)
    await bench.check()
    await bench.rename(with_vectors.job_id, "rocks")
    without = [ReadyChunk(each.text, heading_path=("Stones", "", "Hard")) for each in stones]
    accepted = await intake.accept_chunks(LOCAL, Label(uri="rocks", title="Rocks"), without)
    await bench.check()
    await bench.embed(accepted.job_id)


async def test_another_model(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    container, other = bench.container, HashingEmbedder(dimensions=16)
    for uri in ("birds.md", "copy.md"):
        job_id = await bench.send(uri=uri)
        await bench.parse(job_id)
        await bench.embed(job_id)
    half = await bench.send(TEXT.replace("sings", "whistles"), uri="half.md")
    await bench.parse(half)
    await bench.embed_in_part(half)
    monkeypatch.setattr(container.embedders, "_build", lambda _: other)
    await container.vectors.ensure(other.model)
    async with container.record.transaction() as transaction:
        await transaction.spaces.begin(other.model, {"embedder": "other"}, chunks_per_second=None, swap_when_full=True)
        space = await transaction.spaces.of_role(Role.FILLING)
        assert space
        missing = await transaction.spaces.unfilled(space, None, 50)
    assert missing
    texts = dict(missing.texts)
    async with container.record.transaction() as transaction:
        await container.vectors.upsert(transaction, other.model, texts, await other.embed(list(texts.values())))
    await bench.check()
    await bench.rename(job_id, "renamed.md")
    await container.reembedding().fill()
    await bench.check()
    async with container.record.transaction() as transaction:
        active = await transaction.spaces.of_role(Role.ACTIVE)
    assert active
    assert active.holds(other.model)
    async with container.record.transaction() as transaction:
        assert len(await transaction.spaces.drop_unused()) == 1
    await bench.check()
    await container.embedders.prepare()
    await bench.embed(half)
