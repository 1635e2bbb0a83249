"""The legs of a search: by words and by meaning, side by side."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from ragstone.domain.errors import EmbedderUnavailable
from ragstone.domain.found import Step
from ragstone.domain.queries import Mode, Scope
from ragstone.ports.embedder import ActiveEmbedder, Embedder
from ragstone.ports.lexical_index import LexicalIndex, Matches
from ragstone.ports.vector_index import VectorIndex
from ragstone.retrieve.fusion import MEANING, WORDS, Near

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Legwork:
    """What the legs found, and the steps that it took. ``missing`` names each that could not search, with the
    reason."""

    words: Matches
    near: Near
    steps: tuple[Step, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)


class Legs:
    """Searches by words, by meaning, or by both at once."""

    def __init__(self, embedder: ActiveEmbedder, vectors: VectorIndex, lexical: LexicalIndex) -> None:
        self._embedder = embedder
        self._vectors = vectors
        self._lexical = lexical

    async def search(self, question: str, scope: Scope, mode: Mode, depth: int) -> Legwork:
        """Return at most ``depth`` chunks of each leg that ``mode`` asks for.

        A hybrid search goes on by words when the embedding model does not answer.
        Raises ``EmbedderUnavailable`` for a search by meaning alone.
        """
        by_words = self._by_words(question, scope, depth) if mode is not Mode.MEANING else _no_words()
        by_meaning = self._by_meaning(question, scope, depth) if mode is not Mode.WORDS else _no_meaning()
        words, near = await asyncio.gather(by_words, by_meaning, return_exceptions=True)
        missing: dict[str, str] = {}
        if isinstance(near, EmbedderUnavailable) and mode is Mode.HYBRID:
            log.warning("search_without_meaning", cause=near.message)
            missing[MEANING] = near.message
            near = Near(), ()
        if isinstance(words, BaseException):
            raise words
        if isinstance(near, BaseException):
            raise near
        return Legwork(words[0], near[0], (*words[1], *near[1]), missing)

    async def _by_words(self, question: str, scope: Scope, depth: int) -> tuple[Matches, tuple[Step, ...]]:
        started = time.perf_counter()
        matches = await self._lexical.search(question, scope, depth)
        return matches, (_step(WORDS, started, found=len(matches.ranked), language=matches.language),)

    async def _by_meaning(self, question: str, scope: Scope, depth: int) -> tuple[Near, tuple[Step, ...]]:
        started = time.perf_counter()
        # No question goes to a model that does not answer any more, so this is known before anything else.
        embedder = await self._embedder()
        try:
            near = await self._near(embedder, question, scope, depth)
        except EmbedderUnavailable:
            # Its space may have been dropped since, another one having taken its place.
            active = await self._embedder()
            if active.model == embedder.model:
                raise
            embedder, near = active, await self._near(active, question, scope, depth)
        return near, (_step(MEANING, started, found=len(near.ranked), model=embedder.model.name),)

    async def _near(self, embedder: Embedder, question: str, scope: Scope, depth: int) -> Near:
        vectors = await embedder.embed_questions([question])
        ranked = await self._vectors.search(embedder.model, vectors[0], scope, depth)
        return Near(ranked, embedder.model.languages)


def _step(name: str, started: float, **details: str | float) -> Step:
    return Step(name, (time.perf_counter() - started) * 1000, details)


async def _no_words() -> tuple[Matches, tuple[Step, ...]]:
    return Matches(), ()


async def _no_meaning() -> tuple[Near, tuple[Step, ...]]:
    return Near(), ()
