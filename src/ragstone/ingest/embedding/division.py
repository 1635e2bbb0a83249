"""From a batch that a provider does not take to the one text that is the matter, by halves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragstone.domain.errors import EmbedderUnavailable, EmbeddingRefused
from ragstone.ingest.embedding.policy import Patience
from ragstone.ingest.embedding.provider import GivenUp, Provider

Deliver: TypeAlias = Callable[[int, NDArray[np.float32] | EmbeddingRefused], None]
"""Takes the row of a text within the batch, and its vector or the reason why it has none."""

_CONFIRMATIONS = 3
"""How often a text must fail beside a sentence that does not, before it is the text's fault."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A text, and how many tokens it has (0 where nothing depends on it)."""

    text: str
    tokens: int


async def embed_divided(
    provider: Provider, texts: Sequence[Counted], deliver: Deliver, patience: Patience, *, questions: bool = False
) -> None:
    """Deliver a vector or a refusal for each text, or question, of a batch that fits into one request.

    Raises ``EmbedderUnavailable`` where the provider does not answer; what was delivered until then is right.
    """
    await _Division(provider, deliver, patience, questions).embed(0, texts, patience)


class _Division:
    def __init__(self, provider: Provider, deliver: Deliver, patience: Patience, questions: bool) -> None:
        self._provider, self._deliver, self._questions = provider, deliver, questions
        # Halves are of a batch that has had all its attempts.
        self._less = Patience(min(2, patience.attempts), patience.seconds, patience.queued)
        self._checked = False

    async def embed(self, first: int, texts: Sequence[Counted], patience: Patience) -> bool:
        """Deliver the texts whose first is row ``first``; return whether each got its vector."""
        try:
            await self._ask(first, texts, patience)
        except EmbeddingRefused as refusal:
            return await self._refused(first, texts, refusal)
        except GivenUp:
            if not patience.queued:
                raise
            # Raises where it is the provider that fails, and not the texts.
            await self._provider.check(patience)
            return await self._failed(first, texts)
        return True

    async def _ask(self, first: int, texts: Sequence[Counted], patience: Patience) -> None:
        tokens = sum(each.tokens for each in texts)
        asked = [each.text for each in texts]
        vectors = await self._provider.ask(asked, tokens, patience, questions=self._questions)
        for row, vector in enumerate(vectors, start=first):
            self._deliver(row, vector)

    async def _refused(self, first: int, texts: Sequence[Counted], refusal: EmbeddingRefused) -> bool:
        if not self._checked:
            # A provider that refuses everything, for a wrong parameter say, has no bad text to be found.
            await self._provider.check(self._less)
            self._checked = True
        if len(texts) == 1:
            self._deliver(first, refusal)
            return False
        whole = await self._halves(first, texts)
        if whole:
            # Only now is it known that their number was the matter, and not one text among them.
            self._provider.most_texts = min(self._provider.most_texts or len(texts), (len(texts) + 1) // 2)
        return whole

    async def _failed(self, first: int, texts: Sequence[Counted]) -> bool:
        if len(texts) > 1:
            return await self._halves(first, texts)
        for _ in range(_CONFIRMATIONS):
            try:
                await self._ask(first, texts, self._less)
            except EmbeddingRefused as refusal:
                return await self._refused(first, texts, refusal)
            except GivenUp as failure:
                await self._provider.check(self._less)
                cause: EmbedderUnavailable = failure
            else:
                return True
        self._deliver(
            first,
            EmbeddingRefused(
                f"The embedding model fails on this text, though on no other: {cause.message}",
                remedy="Shorten or change the passage, or choose another model.",
            ),
        )
        return False

    async def _halves(self, first: int, texts: Sequence[Counted]) -> bool:
        half = (len(texts) + 1) // 2
        left = await self.embed(first, texts[:half], self._less)
        right = await self.embed(first + half, texts[half:], self._less)
        return left and right


def batch_end(texts: Sequence[Counted], most_texts: int, most_tokens: int) -> int:
    """Return how many texts, from the first on, go into one request; at least one. 0 tokens are no limit."""
    tokens = 0
    for number, each in enumerate(texts):
        tokens += each.tokens
        if number == most_texts or (number and most_tokens and tokens > most_tokens):
            return number
    return len(texts)
