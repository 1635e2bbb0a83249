"""Search: both legs in parallel, fused, joined with the record."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from ragstone.domain.errors import EmbedderUnavailable
from ragstone.domain.queries import Found, Hit, LegRank, Mode, Ranked, Scope
from ragstone.ports.embedder import ActiveEmbedder, Embedder
from ragstone.ports.lexical_index import LexicalIndex, Matches
from ragstone.ports.record import Record
from ragstone.ports.vector_index import VectorIndex
from ragstone.retrieve.fusion import Fused, Leg, by_ranks, by_scores

WORDS = "words"
MEANING = "meaning"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Fusion:
    """How the legs' rankings become one.

    By scores, ``meaning`` (0 to 1) is the weight of the search by meaning, ``foreign`` that in languages that the
    embedding model was not made for; words have the rest. ``by_ranks`` has reciprocal ranks decide instead.
    """

    meaning: float = 0.35
    foreign: float = 0.12
    by_ranks: bool = False


class Search:
    """Finds passages. ``depth`` is how many chunks each leg brings to the fusion."""

    def __init__(
        self,
        record: Record,
        embedder: ActiveEmbedder,
        vectors: VectorIndex,
        lexical: LexicalIndex,
        *,
        depth: int,
        fusion: Fusion | None = None,
    ) -> None:
        self._record = record
        self._embedder = embedder
        self._vectors = vectors
        self._lexical = lexical
        self._depth = depth
        self._fusion = fusion or Fusion()

    async def retrieve(self, question: str, scope: Scope, *, mode: Mode = Mode.HYBRID, limit: int = 10) -> Found:
        """Return at most ``limit`` passages.

        A hybrid search goes on by words when the embedding model does not answer, and says so in ``missing``.
        Raises ``NotFound`` for an unknown collection and ``EmbedderUnavailable`` for a search by meaning alone.
        """
        await self._check_collections(scope)
        depth = max(self._depth, limit)
        by_words = self._lexical.search(question, scope, depth) if mode is not Mode.MEANING else _no_words()
        by_meaning = self._by_meaning(question, scope, depth) if mode is not Mode.WORDS else _no_meaning()
        words, near = await asyncio.gather(by_words, by_meaning, return_exceptions=True)
        missing: dict[str, str] = {}
        if isinstance(near, EmbedderUnavailable) and mode is Mode.HYBRID:
            log.warning("search_without_meaning", cause=near.message)
            missing[MEANING] = near.message
            near = _Near()
        if isinstance(words, BaseException):
            raise words
        if isinstance(near, BaseException):
            raise near
        return Found(await self._load(scope, self._fused(words, near)[:limit]), missing)

    def _fused(self, words: Matches, near: "_Near") -> Fused:
        legs = {WORDS: words.ranked, MEANING: near.ranked}
        if self._fusion.by_ranks:
            return by_ranks(legs)
        known = not near.languages or not words.language or words.language in near.languages
        weight = self._fusion.meaning if known else self._fusion.foreign
        if not (words.ranked and near.ranked):
            weight = 1.0 if near.ranked else 0.0
        # What a leg did not find scores no more than the last that it found; of words, next to nothing.
        last = near.ranked[-1].score if near.ranked else 0.0
        return by_scores(legs, {WORDS: Leg(1 - weight, scale=words.attainable), MEANING: Leg(weight, absent=last)})

    async def _by_meaning(self, question: str, scope: Scope, depth: int) -> "_Near":
        embedder = await self._embedder()
        try:
            return await self._near(embedder, question, scope, depth)
        except EmbedderUnavailable:
            # Its space may have been dropped since, another one having taken its place.
            active = await self._embedder()
            if active.model == embedder.model:
                raise
            return await self._near(active, question, scope, depth)

    async def _near(self, embedder: Embedder, question: str, scope: Scope, depth: int) -> "_Near":
        vectors = await embedder.embed([question])
        ranked = await self._vectors.search(embedder.model, vectors[0], scope, depth)
        return _Near(ranked, embedder.model.languages)

    async def _check_collections(self, scope: Scope) -> None:
        if not scope.collections:
            return
        async with self._record.transaction() as transaction:
            for name in scope.collections:
                await transaction.collections.id_of(scope.principal, name)

    async def _load(self, scope: Scope, fused: Sequence[tuple[Ranked, dict[str, LegRank]]]) -> tuple[Hit, ...]:
        """Join with the record, which has the last word on what is there and who may read it."""
        async with self._record.transaction() as transaction:
            stored = await transaction.chunks.load(scope, [ranked.chunk_id for ranked, _ in fused])
        found = {ranked.chunk_id: (ranked.score, legs) for ranked, legs in fused}
        return tuple(
            Hit(each.chunk, each.document_id, each.title, each.uri, each.collection, *found[each.chunk.id])
            for each in stored
        )


@dataclass(frozen=True, slots=True)
class _Near:
    """What a search by meaning found, and the languages that its model was made for."""

    ranked: Sequence[Ranked] = ()
    languages: frozenset[str] = frozenset()


async def _no_words() -> Matches:
    return Matches()


async def _no_meaning() -> _Near:
    return _Near()
