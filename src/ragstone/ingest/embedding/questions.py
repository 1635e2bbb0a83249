"""``Embedder`` for those who ask: no queue, little patience, and a circuit that is respected.

Texts that come at the same time are embedded together, and a text that was asked for of late is not embedded again.
"""

import asyncio
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ragstone.domain.errors import EmbedderUnavailable, EmbeddingRefused
from ragstone.ingest.embedding.division import Counted, batch_end, embed_divided
from ragstone.ingest.embedding.gathering import Embed, Gathering, Vector, VectorCache
from ragstone.ingest.embedding.provider import Provider
from ragstone.ports.embedder import EmbeddingModel, ModelInput, Tokenizer, Vectors

_MOST_TEXTS = 2048
_FEW = 4
"""Calls of more texts go alone, and are not kept: they are the sentences of an answer, and not questions."""
_MOST_TOGETHER = 32
_MOST_CHARS = 500
"""Characters of questions that are embedded together: a local model takes as much before any document."""


class QuestionEmbedder:
    """Asks ``provider`` before any document that waits, and fails at once where it is known not to answer.

    The vectors of the last ``cached`` questions are kept, and of as many texts that came a few at a time. Belongs to
    one event loop.
    """

    def __init__(self, provider: Provider, *, cached: int = 4096) -> None:
        self.provider = provider
        self._texts, self._questions = self._few(cached, questions=False), self._few(cached, questions=True)

    @property
    def model(self) -> EmbeddingModel:
        """The provider's."""
        return self.provider.embedder.model

    @property
    def tokenizer(self) -> Tokenizer:
        """The provider's."""
        return self.provider.embedder.tokenizer

    async def input(self) -> ModelInput:
        """Return what the provider's model reads. Raises ``ConfigurationError``."""
        return await self.provider.embedder.input()

    async def warm(self) -> None:
        """Load the model, or ask the provider what it is. Raises ``EmbedderUnavailable``, ``ConfigurationError``."""
        await self.provider.warm()

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return float32 of shape ``(len(texts), dimensions)``, each row of length 1, in the order given.

        Raises ``EmbedderUnavailable``, also for a text that the provider refuses: who asked can do without vectors.
        """
        return await self._embed(texts, self._texts)

    async def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors by which to search. Shape and errors are those of ``embed``."""
        return await self._embed(texts, self._questions)

    async def _embed(self, texts: Sequence[str], few: "_Few") -> Vectors:
        if not texts:
            return await self.provider.embedder.embed(texts)
        if len(texts) <= _FEW:
            return np.stack(await asyncio.gather(*map(few.vector, texts)))
        vectors: list[Vector] = []
        for each in await few.embed_each(texts):
            if isinstance(each, EmbedderUnavailable):
                raise each
            vectors.append(each)
        return np.stack(vectors)

    def _few(self, cached: int, *, questions: bool) -> "_Few":
        return _Few(self.provider, cached, partial(self._embed_each, questions=questions))

    async def _embed_each(self, texts: Sequence[str], *, questions: bool) -> list[Vector | EmbedderUnavailable]:
        """Return for each text its vector, or the provider's refusal."""
        results: list[Vector | EmbedderUnavailable] = []

        def deliver(_: int, result: NDArray[np.float32] | EmbeddingRefused) -> None:
            if isinstance(result, EmbeddingRefused):
                refused = EmbedderUnavailable(result.message, remedy=result.remedy)
                refused.__cause__ = result
                results.append(refused)
            else:
                results.append(result)

        counted = [Counted(*each) for each in zip(texts, await self.provider.count(texts), strict=True)]
        policy = self.provider.policy
        while counted:
            end = batch_end(counted, self.provider.most_texts or _MOST_TEXTS, policy.most_tokens)
            await embed_divided(self.provider, counted[:end], deliver, policy.questions, questions=questions)
            counted = counted[end:]
        return results

    async def close(self) -> None:
        """Break off what is under way, and close the provider."""
        await asyncio.gather(self._texts.close(), self._questions.close())
        await self.provider.close()


class _Few:
    """Vectors of a few texts at a time, of one kind: gathered, and kept."""

    def __init__(self, provider: Provider, cached: int, embed_each: Embed) -> None:
        self.embed_each = embed_each
        self._embedder = provider.embedder
        self._cache = VectorCache(cached)
        self._gathering = Gathering(
            embed_each,
            at_a_time=provider.policy.concurrency,
            most_texts=_MOST_TOGETHER,
            most_chars=_MOST_CHARS,
        )

    async def vector(self, text: str) -> Vector:
        """Return the vector of a text. Raises ``EmbedderUnavailable``."""
        if self._cache:  # else the model may not be known yet
            kept = self._cache.get(self._embedder.model, text)
            if kept is not None:
                return kept
        vector = await self._gathering.vector(text)
        self._cache.put(self._embedder.model, text, vector)
        return vector

    async def close(self) -> None:
        """Break off what is under way."""
        await self._gathering.close()
