"""An embedder that misbehaves in memory, and what stands before it, with waits of milliseconds."""

import asyncio
import time
from collections.abc import Callable, Sequence

from ragstone.domain.errors import EmbedderUnavailable
from ragstone.ingest.embedding import Circuit, DocumentEmbedder, EmbeddingObserver, Outcome, Patience, Policy, Provider
from ragstone.ports.embedder import Vectors
from ragstone.testing.embedders import HashingEmbedder

FAST = Policy(
    backoff=0.001,
    longest_backoff=0.004,
    pause=0.2,
    longest_pause=0.4,
    documents=Patience(attempts=5, seconds=1.0, queued=True),
    questions=Patience(attempts=2, seconds=0.1, queued=False),
)
DOWN = EmbedderUnavailable("It is down.", remedy="Start it.")


class Scripted(HashingEmbedder):
    """Fails as ``fault`` says for a call's texts; notes every call and when it came."""

    def __init__(self, *script: Exception) -> None:
        super().__init__(dimensions=16)
        self.script = list(script)
        self.fault: Callable[[Sequence[str]], Exception | None] = lambda _: None
        self.wait = 0.0
        self.calls: list[list[str]] = []
        self.times: list[float] = []

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.calls.append(list(texts))
        self.times.append(time.monotonic())
        await asyncio.sleep(self.wait)
        error = self.script.pop(0) if self.script else self.fault(texts)
        if error:
            raise error
        return await super().embed(texts)


class Noted:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.states: list[Circuit] = []
        self.texts = self.retries = 0

    def requested(self, outcome: Outcome, texts: int, seconds: float) -> None:
        assert seconds >= 0
        self.outcomes.append(outcome)
        self.texts += texts

    def retried(self) -> None:
        self.retries += 1

    def circuit(self, state: Circuit) -> None:
        self.states.append(state)


def documents(embedder: Scripted, policy: Policy = FAST, noted: EmbeddingObserver | None = None) -> DocumentEmbedder:
    return DocumentEmbedder(Provider(embedder, policy, noted), batch_texts=64)


async def vectors(*texts: str) -> Vectors:
    return await HashingEmbedder(dimensions=16).embed(texts)
