"""``Embedder`` by all-MiniLM-L6-v2 on this machine's cores."""

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from ragstone.adapters.embedders.minilm.batches import Batch, same_length_batches
from ragstone.adapters.embedders.minilm.model_file import graph_file
from ragstone.adapters.embedders.minilm.session import Session
from ragstone.adapters.embedders.minilm.tokenization import MAX_TOKENS, WordPiece
from ragstone.adapters.embedders.minilm.weights import (
    MODEL_NAME,
    TOKENIZER,
    WAYS_OUT,
    fetch_weights,
    find_weights,
    weights_digest,
)
from ragstone.domain.errors import ConfigurationError, EmbedderUnavailable
from ragstone.ports.embedder import EmbeddingModel, Vectors

T = TypeVar("T")

DIMENSIONS = 384
SHORT_CALL_CHARS = 500
"""A call of at most so many characters in all is a question, and does not queue behind documents."""


@dataclass(frozen=True, slots=True)
class _Source:
    folder: Path
    digest: str


class MiniLM:
    """all-MiniLM-L6-v2 by ONNX Runtime. Loads on first use, once; nothing is read before.

    Each of ``threads`` threads (0: one for each core) runs a few texts at a time, and calls take turns, so that a
    question waits for none of the documents that are being embedded beside it.
    """

    def __init__(self, *, data_dir: Path, weights_path: Path | None = None, threads: int = 0) -> None:
        self._models_dir = data_dir / "models"
        self._weights_path = weights_path
        self._threads = threads or _cores()
        self._documents = ThreadPoolExecutor(self._threads, thread_name_prefix="minilm")
        self._questions = ThreadPoolExecutor(1, thread_name_prefix="minilm-question")
        self._lock = threading.RLock()
        self._source: _Source | None = None
        self._wordpiece: WordPiece | None = None
        self._session: Session | None = None
        self._closed = False

    @property
    def model(self) -> EmbeddingModel:
        """The model; its version tells its weights apart. Reads 90 MB on the first start, a line on later ones.

        Raises ``ConfigurationError`` where the weights are not on this machine: ``warm`` downloads them.
        """
        digest = self._found().digest
        return EmbeddingModel(MODEL_NAME, f"{digest[:12]}-fp32", DIMENSIONS, MAX_TOKENS)

    @property
    def tokenizer(self) -> WordPiece:
        """WordPiece, loaded on first use. Raises ``ConfigurationError`` as ``model`` does."""
        with self._lock:
            if self._wordpiece is None:
                self._wordpiece = WordPiece(self._found().folder / TOKENIZER)
            return self._wordpiece

    async def warm(self) -> None:
        """Find or download the weights, build the graph and load it. Raises ``ConfigurationError``."""
        await self._off_loop(self._questions, self._load)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return float32 of shape ``(len(texts), 384)``, each row of length 1, in the order given.

        Longer texts are cut at 256 tokens. Raises ``ConfigurationError`` where the model cannot be loaded.
        """
        if not texts:
            return np.empty((0, DIMENSIONS), dtype=np.float32)
        if sum(map(len, texts)) <= SHORT_CALL_CHARS:
            return await self._off_loop(self._questions, partial(self._embed_here, texts))
        batches = await self._off_loop(self._documents, partial(self._batches, texts))
        return await self._embed_in_turns(batches, len(texts))

    async def close(self) -> None:
        """Wait for what runs, and release threads and memory."""
        self._closed = True
        for executor in (self._questions, self._documents):
            await asyncio.to_thread(executor.shutdown)
        with self._lock:
            self._session = self._wordpiece = None

    async def _embed_in_turns(self, batches: list[Batch], texts: int) -> Vectors:
        """Run batches, no more than ``threads`` at a time, so that another call's come in between."""
        vectors = np.empty((texts, DIMENSIONS), dtype=np.float32)
        waiting = iter(batches)

        async def take_turns() -> None:
            for batch in waiting:
                vectors[batch.rows] = await self._off_loop(self._documents, partial(self._run, batch))

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._threads, len(batches))):
                group.create_task(take_turns())
        return vectors

    def _embed_here(self, texts: Sequence[str]) -> Vectors:
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        for batch in self._batches(texts):
            vectors[batch.rows] = self._run(batch)
        return vectors

    def _batches(self, texts: Sequence[str]) -> list[Batch]:
        self._load()
        return same_length_batches(self.tokenizer.ids(texts))

    def _run(self, batch: Batch) -> Vectors:
        return self._load().run(batch.ids)

    def _load(self) -> Session:
        with self._lock:
            if self._session is None:
                source = self._found(download=True)
                self._session = Session(graph_file(source.folder, source.digest, self._models_dir))
                self.tokenizer  # noqa: B018  (loads it)
            return self._session

    def _found(self, *, download: bool = False) -> _Source:
        with self._lock:
            if self._source is None:
                folder = find_weights(self._weights_path) or (fetch_weights() if download else None)
                if folder is None:
                    raise ConfigurationError(
                        "The weights of all-MiniLM-L6-v2 are not on this machine yet.", remedy=WAYS_OUT
                    )
                self._source = _Source(folder, weights_digest(folder, self._models_dir))
            return self._source

    async def _off_loop(self, executor: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        if self._closed:
            raise EmbedderUnavailable("The embedder is closed.")
        return await asyncio.get_running_loop().run_in_executor(executor, work)


def _cores() -> int:
    """Cores that this process may use, which in a container are fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
