"""``Embedder`` for documents: what several of them ask at the same time leaves in full batches."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ragstone.domain.errors import EmbeddingRefused
from ragstone.ingest.embedding.division import Counted, batch_end, embed_divided
from ragstone.ingest.embedding.provider import Provider
from ragstone.ports.embedder import EmbeddingModel, ModelInput, Tokenizer, Vectors


@dataclass(eq=False, slots=True)
class _Call:
    """One caller, who waits for a vector of each of its texts."""

    rows: list[NDArray[np.float32] | None]
    done: "asyncio.Future[Vectors]"
    missing: int = field(init=False)

    def __post_init__(self) -> None:
        self.missing = len(self.rows)

    def deliver(self, row: int, result: NDArray[np.float32] | EmbeddingRefused) -> None:
        if self.done.done():
            return
        if isinstance(result, EmbeddingRefused):
            self.done.set_exception(EmbeddingRefused(result.message, remedy=result.remedy, index=row))
            return
        self.rows[row] = result
        self.missing -= 1
        if not self.missing:
            self.done.set_result(np.stack([each for each in self.rows if each is not None]))


@dataclass(frozen=True, slots=True)
class _Waiting:
    """One text that waits for its batch."""

    call: _Call
    row: int
    text: Counted
    since: float


class DocumentEmbedder:
    """Merges calls of several documents into batches of ``batch_texts``, and splits the vectors back to the callers.

    As many batches as the provider has lanes are on their way at a time. One that is not full leaves after ``linger``
    seconds, a few thousandths.
    """

    def __init__(self, provider: Provider, *, batch_texts: int, linger: float = 0.003) -> None:
        self._provider = provider
        self._batch_texts, self._linger = batch_texts, linger
        self._waiting: deque[_Waiting] = deque()
        self._running: dict[asyncio.Task[None], list[_Waiting]] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def model(self) -> EmbeddingModel:
        """The provider's."""
        return self._provider.embedder.model

    @property
    def tokenizer(self) -> Tokenizer:
        """The provider's."""
        return self._provider.embedder.tokenizer

    async def input(self) -> ModelInput:
        """Return what the provider's model reads. Raises ``ConfigurationError``."""
        return await self._provider.embedder.input()

    async def warm(self) -> None:
        """Load the model, or ask the provider what it is. Raises ``EmbedderUnavailable``, ``ConfigurationError``."""
        await self._provider.warm()

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return float32 of shape ``(len(texts), dimensions)``, each row of length 1, in the order given.

        Raises ``EmbedderUnavailable`` with the seconds after which to ask again, and ``EmbeddingRefused`` with the
        index of a text that the provider does not take, which no other caller hears of.
        """
        if not texts:
            return await self._provider.embedder.embed(texts)
        tokens = await self._provider.count(texts)
        call = _Call([None] * len(texts), asyncio.get_running_loop().create_future())
        now = time.monotonic()
        self._waiting.extend(
            _Waiting(call, row, Counted(*each), now) for row, each in enumerate(zip(texts, tokens, strict=True))
        )
        self._send_batches()
        try:
            return await call.done
        finally:
            # A caller who leaves, or fails, leaves no work behind.
            self._drop_finished()

    async def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of a few questions, which are asked at once and alone. Raises ``EmbedderUnavailable``."""
        if not texts:
            return await self.embed(texts)
        tokens = sum(await self._provider.count(texts))
        return await self._provider.ask(texts, tokens, self._provider.policy.questions, questions=True)

    async def close(self) -> None:
        """Close the provider."""
        await self._provider.close()

    def _send_batches(self) -> None:
        """Send what is full or has waited long enough, as long as a lane is free."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        while self._waiting and len(self._running) < self._provider.policy.concurrency:
            size = self._full_batch()
            early = self._waiting[0].since + self._linger - time.monotonic()
            if not size and early > 0:
                self._timer = asyncio.get_running_loop().call_later(early, self._send_batches)
                return
            batch = [self._waiting.popleft() for _ in range(size or len(self._waiting))]
            task = asyncio.create_task(self._embed(batch), name="embed-batch")
            self._running[task] = batch
            task.add_done_callback(self._ended)

    def _full_batch(self) -> int:
        """Return how many of those that wait make a full batch; 0 where there are too few."""
        most = min(self._batch_texts, self._provider.most_texts or self._batch_texts)
        first = [each.text for each in islice(self._waiting, most + 1)]
        end = batch_end(first, most, self._provider.policy.most_tokens)
        return end if end == most or end < len(first) else 0

    async def _embed(self, batch: Sequence[_Waiting]) -> None:
        def deliver(row: int, result: NDArray[np.float32] | EmbeddingRefused) -> None:
            batch[row].call.deliver(batch[row].row, result)

        texts = [each.text for each in batch]
        await embed_divided(self._provider, texts, deliver, self._provider.policy.documents)

    def _ended(self, task: asyncio.Task[None]) -> None:
        batch = self._running.pop(task)
        for call in {each.call for each in batch if not each.call.done.done()}:
            if task.cancelled():
                call.done.cancel()
            elif failure := task.exception():
                call.done.set_exception(failure)
        self._send_batches()

    def _drop_finished(self) -> None:
        self._waiting = deque(each for each in self._waiting if not each.call.done.done())
        for task, batch in self._running.items():
            if all(each.call.done.done() for each in batch):
                task.cancel()
