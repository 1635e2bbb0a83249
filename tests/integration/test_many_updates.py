"""A document that is sent anew faster than it can be read or embedded: it answers, and not from its first text."""

import asyncio
from dataclasses import dataclass, field

import pytest

from ragstone.container import Container
from ragstone.domain.access import LOCAL
from ragstone.domain.documents import ParsedDocument
from ragstone.ingest.intake import Label
from ragstone.ports.embedder import Vectors
from ragstone.postgres.invariants import violations
from ragstone.testing.embedders import HashingEmbedder
from ragstone.worker.run import work

SECONDS = 30.0
PAUSE = 0.1
SLOW = 0.4


class Parser:
    """Reads UTF-8, in its own time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def media_type(self, filename: str, head: bytes, declared: str | None = None) -> str | None:
        return "text/plain"

    async def parse(self, data: bytes, media_type: str, filename: str) -> ParsedDocument:
        await asyncio.sleep(self.seconds)
        return ParsedDocument(data.decode(), media_type)

    async def close(self) -> None:
        pass


class Embedder(HashingEmbedder):
    """Embeds, in its own time."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    async def embed(self, texts: object) -> Vectors:
        await asyncio.sleep(self.seconds)
        return await super().embed(texts)  # type: ignore[arg-type]


@dataclass
class Seen:
    """What a document answered from: which updates, by their numbers, and which of them by meaning, too."""

    by_words: list[int] = field(default_factory=list)
    by_meaning: list[int] = field(default_factory=list)

    async def look(self, container: Container) -> None:
        async with container.database.connection() as connection:
            cursor = await connection.execute(
                "select substring(v.content from '\\d+')::int, v.state from documents d"
                " join versions v on v.id = d.current_version"
            )
            for number, state in await cursor.fetchall():
                (self.by_meaning if state == "ready" else self.by_words).append(number)


@pytest.mark.parametrize(("reading", "embedding"), [(0.0, SLOW), (SLOW, 0.0), (SLOW, SLOW)])
async def test_a_document_that_changes_all_the_time_answers_from_texts_not_old(
    container: Container, reading: float, embedding: float
) -> None:
    container.__dict__["parser"] = Parser(reading)
    container.__dict__["embedder"] = Embedder(embedding)
    task = asyncio.create_task(work(container))
    seen, number = Seen(), 0
    async with asyncio.timeout(SECONDS):
        while len(set(seen.by_meaning)) < 3:
            number += 1
            await container.intake.accept_text(LOCAL, Label(uri="news"), f"Number {number} is the newest of all news.")
            await asyncio.sleep(PAUSE)
            await seen.look(container)
        while number not in seen.by_meaning:
            await asyncio.sleep(PAUSE)
            await seen.look(container)
    assert seen.by_meaning == sorted(seen.by_meaning)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with container.database.connection() as connection:
        assert await violations(connection, seconds=30) == {}
        cursor = await connection.execute("select count(*) from versions")
        assert await cursor.fetchone() == (1,)
