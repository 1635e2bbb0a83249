"""``Embedder`` for questions: no queue, little patience, and a circuit that is respected."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ragstone.domain.errors import EmbedderUnavailable, EmbeddingRefused
from ragstone.ingest.embedding.division import Counted, batch_end, embed_divided
from ragstone.ingest.embedding.provider import Provider
from ragstone.ports.embedder import EmbeddingModel, ModelInput, Tokenizer, Vectors

_MOST_TEXTS = 2048


class QuestionEmbedder:
    """Asks ``provider`` before any document that waits, and fails at once where it is known not to answer."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider

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
        if not texts:
            return await self.provider.embedder.embed(texts)
        rows: list[NDArray[np.float32]] = []

        def deliver(_: int, result: NDArray[np.float32] | EmbeddingRefused) -> None:
            if isinstance(result, EmbeddingRefused):
                raise EmbedderUnavailable(result.message, remedy=result.remedy) from result
            rows.append(result)

        counted = [Counted(*each) for each in zip(texts, await self.provider.count(texts), strict=True)]
        policy = self.provider.policy
        while counted:
            end = batch_end(counted, self.provider.most_texts or _MOST_TEXTS, policy.most_tokens)
            await embed_divided(self.provider, counted[:end], deliver, policy.questions)
            counted = counted[end:]
        return np.stack(rows)

    async def close(self) -> None:
        """Close the provider."""
        await self.provider.close()
