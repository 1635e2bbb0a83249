"""Search: both legs in parallel, fused, joined with the record."""

import asyncio
from collections.abc import Sequence

import structlog

from ragstone.domain.errors import EmbedderUnavailable
from ragstone.domain.queries import Found, Hit, LegRank, Mode, Ranked, Scope
from ragstone.ports.embedder import ActiveEmbedder, Embedder
from ragstone.ports.lexical_index import LexicalIndex
from ragstone.ports.record import Record
from ragstone.ports.vector_index import VectorIndex
from ragstone.retrieve.fusion import fuse

WORDS = "words"
MEANING = "meaning"

log = structlog.get_logger(__name__)


class Search:
    """Finds passages. ``depth`` is how many chunks each leg brings to the fusion."""

    def __init__(
        self, record: Record, embedder: ActiveEmbedder, vectors: VectorIndex, lexical: LexicalIndex, *, depth: int
    ) -> None:
        self._record = record
        self._embedder = embedder
        self._vectors = vectors
        self._lexical = lexical
        self._depth = depth

    async def retrieve(self, question: str, scope: Scope, *, mode: Mode = Mode.HYBRID, limit: int = 10) -> Found:
        """Return at most ``limit`` passages.

        A hybrid search goes on by words when the embedding model does not answer, and says so in ``missing``.
        Raises ``NotFound`` for an unknown collection and ``EmbedderUnavailable`` for a search by meaning alone.
        """
        await self._check_collections(scope)
        depth = max(self._depth, limit)
        by_words = self._by_words(question, scope, depth) if mode is not Mode.MEANING else _nothing()
        by_meaning = self._by_meaning(question, scope, depth) if mode is not Mode.WORDS else _nothing()
        words, meaning = await asyncio.gather(by_words, by_meaning, return_exceptions=True)
        missing: dict[str, str] = {}
        if isinstance(meaning, EmbedderUnavailable) and mode is Mode.HYBRID:
            log.warning("search_without_meaning", cause=meaning.message)
            missing[MEANING] = meaning.message
            meaning = []
        if isinstance(words, BaseException):
            raise words
        if isinstance(meaning, BaseException):
            raise meaning
        fused = fuse({WORDS: words, MEANING: meaning})[:limit]
        return Found(await self._load(scope, fused), missing)

    async def _by_words(self, question: str, scope: Scope, depth: int) -> Sequence[Ranked]:
        return await self._lexical.search(question, scope, depth)

    async def _by_meaning(self, question: str, scope: Scope, depth: int) -> Sequence[Ranked]:
        embedder = await self._embedder()
        try:
            return await self._near(embedder, question, scope, depth)
        except EmbedderUnavailable:
            # Its space may have been dropped since, another one having taken its place.
            active = await self._embedder()
            if active.model == embedder.model:
                raise
            return await self._near(active, question, scope, depth)

    async def _near(self, embedder: Embedder, question: str, scope: Scope, depth: int) -> Sequence[Ranked]:
        vectors = await embedder.embed([question])
        return await self._vectors.search(embedder.model, vectors[0], scope, depth)

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


async def _nothing() -> Sequence[Ranked]:
    return []
