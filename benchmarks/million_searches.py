"""What is asked over the million chunks, by us and by others, in turns, and how long each takes."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from benchmarks.million_record import CLUSTERS_SEED, drawn, number_of
from benchmarks.million_texts import PER_DOCUMENT, blocks, questions, spell
from benchmarks.vector_record import MODEL, Clusters
from benchmarks.vectors import FILTERS, TOP, Kept, ours
from ragstone.container import Container
from ragstone.domain.access import LOCAL
from ragstone.domain.found import Found
from ragstone.domain.queries import Mode, Scope
from ragstone.ingest.space_embedders import SpaceEmbedders
from ragstone.ports.embedder import Embedder, EmbeddingModel, ModelInput, Tokenizer, Vectors

Retrieve = Callable[..., Awaitable[Found]]
Times = list[float]
"""Milliseconds."""
Ask = Callable[[int], Awaitable[Sequence[UUID]]]
"""Asks the question of this number; returns chunks, best first."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions: as text, as the words' ranks, and as vectors, shape ``(questions, dimensions)``."""

    texts: list[str]
    ranks: list[NDArray[np.int64]]
    vectors: Vectors


def asked(count: int) -> Asked:
    """Return so many questions."""
    ranks = questions(count)
    return Asked([" ".join(spell(each)) for each in ranks], ranks, Clusters(CLUSTERS_SEED).questions(count))


class Given:
    """An embedder of questions whose vectors are there: what embedding takes is measured elsewhere."""

    def __init__(self, asked: Asked) -> None:
        self._vectors = dict(zip(asked.texts, asked.vectors, strict=True))

    @property
    def model(self) -> EmbeddingModel:
        """The model of the made vectors."""
        return MODEL

    @property
    def tokenizer(self) -> Tokenizer:
        """None: nothing is cut here."""
        raise NotImplementedError

    async def input(self) -> ModelInput:
        """Nothing reads texts here."""
        raise NotImplementedError

    async def warm(self) -> None:
        """Nothing is to be loaded."""

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of questions."""
        return np.stack([self._vectors[each] for each in texts])

    async def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of questions."""
        return await self.embed(texts)

    async def close(self) -> None:
        """Nothing is held."""


class _Embedders:
    """In the place of the embedding models that the record's spaces have."""

    def __init__(self, given: Given) -> None:
        self._given = given

    async def active(self) -> Embedder:
        """Return what has the questions' vectors."""
        return self._given

    async def close(self) -> None:
        """Nothing is held."""


def search_of(container: Container, asked: Asked) -> Retrieve:
    """Return the container's search, its questions embedded before; to be asked for before anything else uses it."""
    container.embedders = cast(SpaceEmbedders, _Embedders(Given(asked)))
    return container.search.retrieve


def words_leg(container: Container, asked: Asked, limit: int) -> Ask:
    """Return what asks the index of words."""

    async def ask(number: int) -> Sequence[UUID]:
        matches = await container.lexical.search(asked.texts[number], Scope(LOCAL), limit)
        return [each.chunk_id for each in matches.ranked]

    return ask


def meaning_leg(container: Container, asked: Asked, kept: Kept) -> Ask:
    """Return what asks the index of vectors."""
    search = ours(container.vectors, kept)

    async def ask(number: int) -> Sequence[UUID]:
        return await search(asked.vectors[number], TOP)

    return ask


def searching(retrieve: Retrieve, asked: Asked, mode: Mode, kept: Kept, limit: int = TOP) -> Ask:
    """Return what asks the whole search in a mode, under a filter."""

    async def ask(number: int) -> Sequence[UUID]:
        found = await retrieve(asked.texts[number], kept.scope, mode=mode, limit=limit)
        return [each.chunk.id for each in found.hits]

    return ask


async def timed(ask: Ask, count: int, clients: int) -> tuple[Times, float]:
    """Ask ``count`` questions by so many clients at once; return the time of each, and the seconds of all."""
    waiting, times = iter(range(count)), []

    async def client() -> None:
        for number in waiting:
            begun = time.perf_counter()
            await ask(number)
            times.append((time.perf_counter() - begun) * 1000)

    begun = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return times, time.perf_counter() - begun


class Tantivy:
    """tantivy in a process of its own."""

    def __init__(self, python: Path, folder: Path, chunks: int) -> None:
        self._command = [str(python), "-m", "benchmarks.million_tantivy", str(folder), str(chunks)]
        self._process: asyncio.subprocess.Process | None = None
        self.memory_mb = 0

    async def start(self) -> dict[str, float]:
        """Build; return what that took."""
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stdout=pipe, limit=1 << 24)
        return dict(await self._line())

    async def ask(self, texts: Sequence[str], limit: int, clients: int) -> tuple[Times, float]:
        """Ask all questions; return as ``timed`` does."""
        assert self._process is not None
        assert self._process.stdin is not None
        line = json.dumps({"questions": list(texts), "limit": limit, "clients": clients})
        self._process.stdin.write(line.encode() + b"\n")
        await self._process.stdin.drain()
        answer = await self._line()
        self.memory_mb = answer["memory_mb"]
        return answer["times"], answer["seconds"]

    async def _line(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise SystemExit("tantivy's process ended: see what it said above.")
        return dict(json.loads(line))

    async def stop(self) -> None:
        """Let the process end."""
        if self._process and self._process.stdin:
            self._process.stdin.close()
            await self._process.wait()


def truth(asked: Asked, chunks: int, folder: Path) -> Mapping[str, NDArray[np.int64]]:
    """Return by filter the numbers of the nearest ten chunks of each question, exactly, over what is stored: halves.

    They are computed once, a block at a time, and kept.
    """
    kept_as = folder / f"nearest-{chunks}-{len(asked.texts)}.npz"
    if kept_as.exists():
        return dict(np.load(kept_as))
    clusters = Clusters(CLUSTERS_SEED)
    of_questions = asked.vectors.astype(np.float16).astype(np.float32)
    best: dict[str, list[Top]] = defaultdict(list)
    for block in blocks(chunks):
        marks, vectors = drawn(clusters, block)
        stored = vectors.astype(np.float16).astype(np.float32)
        stored /= np.linalg.norm(stored, axis=1, keepdims=True)
        cosines = of_questions @ stored.T
        for kept in FILTERS:
            inside = np.ones(len(stored), np.bool_)
            if kept.field:
                inside = np.repeat(marks[kept.field] == 0, PER_DOCUMENT)
            places = np.flatnonzero(inside)
            best[kept.name].append(_top(cosines[:, places], block.first * PER_DOCUMENT + places))
    nearest = {name: _nearest(parts) for name, parts in best.items()}
    np.savez(kept_as, allow_pickle=False, **nearest)
    return nearest


Top = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Cosines and numbers of each question's nearest chunks."""


def _top(cosines: NDArray[np.float32], numbers: NDArray[np.int64]) -> Top:
    count = min(TOP, len(numbers))
    order = np.argpartition(-cosines, count - 1, axis=1)[:, :count] if count else np.zeros((len(cosines), 0), np.intp)
    return np.take_along_axis(cosines, order, 1), numbers[order]


def _nearest(parts: Sequence[Top]) -> NDArray[np.int64]:
    cosines, numbers = (np.concatenate(each, axis=1) for each in zip(*parts, strict=True))
    return np.take_along_axis(numbers, np.argsort(-cosines, axis=1)[:, :TOP], 1)


async def recall(find: Ask, nearest: NDArray[np.int64]) -> tuple[float, int]:
    """Return the share of the nearest chunks that are found, and how many questions found fewer than there are."""
    found = [{number_of(each) for each in await find(number)} for number in range(len(nearest))]
    shares = [len(those & set(right.tolist())) / len(right) for those, right in zip(found, nearest, strict=True)]
    return float(np.mean(shares)), sum(len(those) < len(right) for those, right in zip(found, nearest, strict=True))
