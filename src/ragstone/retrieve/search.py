"""Search: both legs side by side, fused, joined with the record, reranked."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from ragstone.domain.found import Considered, Found, Step, Trace
from ragstone.domain.queries import Hit, LegRank, Mode, Scope
from ragstone.ports.record import Record
from ragstone.retrieve.fusion import Fused, Fusion
from ragstone.retrieve.legs import Legs, Legwork
from ragstone.retrieve.reranking import Reranked, Reranking

RERANK: Final = "rerank"
BEYOND_LIMIT: Final = "limit"
"""Why a hit was cut that ranks below as many as were asked for."""


class Search:
    """Finds passages. ``depth`` is how many chunks each leg brings to the fusion; ``note`` is told the steps of each
    search."""

    def __init__(
        self,
        record: Record,
        legs: Legs,
        *,
        depth: int,
        fusion: Fusion,
        reranking: Reranking,
        note: Callable[[Sequence[Step]], None] | None = None,
    ) -> None:
        self._record = record
        self._legs = legs
        self._depth = depth
        self._fusion = fusion
        self._reranking = reranking
        self._note = note

    async def retrieve(
        self, question: str, scope: Scope, *, mode: Mode = Mode.HYBRID, limit: int = 10, explain: bool = False
    ) -> Found:
        """Return at most ``limit`` passages; to ``explain`` them, a trace goes with them.

        A hybrid search goes on by words when the embedding model does not answer, and says so in ``missing``.
        Raises ``NotFound`` for an unknown collection and ``EmbedderUnavailable`` for a search by meaning alone.
        """
        steps: list[Step] = []
        await self._check_collections(scope)
        work = await self._legs.search(question, scope, mode, max(self._depth, limit))
        steps += work.steps
        fused = self._fusion.of(work.words, work.near)
        steps.append(self._fusion_step(work))
        wanted = len(fused) if explain else max(limit, self._reranking.depth)
        hits = await self._load(scope, fused[:wanted], steps)
        reranked = await self._reranking.rerank(question, hits)
        steps.append(_reranking_step(reranked))
        if self._note:
            self._note(steps)
        found = reranked.hits[:limit]
        trace = Trace(steps, _considered(fused, hits, reranked, found)) if explain else None
        return Found(found, work.missing, trace)

    def _fusion_step(self, work: Legwork) -> Step:
        if self._fusion.reciprocal_ranks:
            return Step("fusion", 0.0, {"by": "ranks"})
        weight = self._fusion.weight(work.words, work.near)
        said = {"meaning": weight, "words": 1 - weight, "attainable": work.words.attainable}
        return Step("fusion", 0.0, {"by": "scores", **said})

    async def _check_collections(self, scope: Scope) -> None:
        if not scope.collections:
            return
        async with self._record.transaction() as transaction:
            for name in scope.collections:
                await transaction.collections.id_of(scope.principal, name)

    async def _load(self, scope: Scope, fused: Fused, steps: list[Step]) -> tuple[Hit, ...]:
        """Join with the record, which has the last word on what is there and who may read it."""
        started = time.perf_counter()
        async with self._record.transaction() as transaction:
            stored = await transaction.chunks.load(scope, [ranked.chunk_id for ranked, _ in fused])
        found = {ranked.chunk_id: (ranked.score, legs) for ranked, legs in fused}
        steps.append(Step("load", _since(started), {"asked": len(fused), "found": len(stored)}))
        return tuple(
            Hit(each.chunk, each.document_id, each.title, each.uri, each.collection, *found[each.chunk.id])
            for each in stored
        )


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def _reranking_step(reranked: Reranked) -> Step:
    said = {"outcome": reranked.outcome, "reranker": reranked.reranker, "cause": reranked.cause}
    return Step(RERANK, reranked.milliseconds, {name: text for name, text in said.items() if text})


def _considered(fused: Fused, hits: Sequence[Hit], reranked: Reranked, found: Sequence[Hit]) -> list[Considered]:
    """Say what became of each hit that the record let through, in the order of the fusion."""
    places = {ranked.chunk_id: place for place, (ranked, _) in enumerate(fused, 1)}
    ranks = {hit.chunk.id: rank for rank, hit in enumerate(found, 1)}
    return [
        Considered(
            chunk_id=hit.chunk.id,
            document_id=hit.document_id,
            title=hit.title,
            legs=hit.legs,
            fused=LegRank(places[hit.chunk.id], hit.score),
            reranked=reranked.ranks.get(hit.chunk.id),
            rank=ranks.get(hit.chunk.id),
            cut="" if hit.chunk.id in ranks else BEYOND_LIMIT,
        )
        for hit in hits
    ]
