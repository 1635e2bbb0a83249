"""The batches of one document: embedded in order, one ahead of what is stored."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import pytest

from ragstone.domain.errors import EmbedderUnavailable
from ragstone.domain.ids import new_id
from ragstone.ingest.pipeline import _embedded
from ragstone.ports.embedder import Vectors
from ragstone.testing.word_vectors import WordVectors

BATCHES = [[(place, new_id(), f"word{place}")] for place in range(4)]


async def test_one_is_embedded_while_one_is_stored() -> None:
    embedder = WordVectors()
    seen = []
    async with aclosing(_embedded(embedder, BATCHES)) as embedded:
        async for batch, vectors in embedded:
            await asyncio.sleep(0)
            seen.append((batch, vectors.shape[0], len(embedder.calls)))
    assert [batch for batch, *_ in seen] == BATCHES
    assert [rows for _, rows, _ in seen] == [1] * 4
    assert [calls for *_, calls in seen] == [2, 3, 4, 4]


async def test_one_that_fails_ends_the_others() -> None:
    class Failing(WordVectors):
        ended = 0

        async def embed(self, texts: Sequence[str]) -> Vectors:
            if list(texts) == ["word0"]:
                raise EmbedderUnavailable("It is down.")
            try:
                await asyncio.Event().wait()
            finally:
                self.ended += 1
            raise AssertionError

    embedder = Failing()

    async def take_all() -> None:
        async with aclosing(_embedded(embedder, BATCHES)) as embedded:
            async for _ in embedded:
                raise AssertionError

    with pytest.raises(EmbedderUnavailable):
        await take_all()
    assert embedder.ended == 1
    assert len(asyncio.all_tasks()) == 1
