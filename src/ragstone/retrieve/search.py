"""Search: from a question to the passages that bear on it, step by step.

    rewrite ─▶ words  ─┐
            └▶ meaning ┴▶ fusion ─▶ load ─▶ boost ─▶ rerank ─▶ shape

Each step that is switched off hands on what it was given.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from ragstone.domain.errors import EmbedderUnavailable
from ragstone.domain.found import Found, Step, Trace
from ragstone.domain.queries import Hit, Mode, Scope
from ragstone.ports.lexical_index import Matches
from ragstone.ports.record import Record
from ragstone.retrieve.boosting import Boosted, Boosts
from ragstone.retrieve.course import Chosen, Course
from ragstone.retrieve.fusion import Fused, Fusion, Near
from ragstone.retrieve.legs import Legs, Legwork
from ragstone.retrieve.merging import merged
from ragstone.retrieve.reranking import Reranking
from ragstone.retrieve.rewriting import Rewriting, Variant
from ragstone.retrieve.shaping import Shape, Shaping

_LOADED: Final = 2
"""Times as many hits as are asked for are loaded: some of them may say the same, or be gone by now."""


@dataclass(frozen=True, slots=True)
class Stages:
    """What a search goes through beside its legs, and the ``shape`` of the hits where a question asks for no other."""

    fusion: Fusion
    reranking: Reranking
    shaping: Shaping
    rewriting: Rewriting = field(default_factory=lambda: Rewriting(None))
    boosts: Boosts = field(default_factory=Boosts)
    shape: Shape = field(default_factory=Shape)


class Search:
    """Finds passages. ``depth`` is how many chunks each leg brings to the fusion; ``note`` is told the steps of each
    search."""

    def __init__(
        self,
        record: Record,
        legs: Legs,
        stages: Stages,
        *,
        depth: int,
        note: Callable[[Sequence[Step]], None] | None = None,
    ) -> None:
        self._record = record
        self._legs = legs
        self._stages = stages
        self._depth = depth
        self._note = note

    async def retrieve(
        self,
        question: str,
        scope: Scope,
        *,
        mode: Mode = Mode.HYBRID,
        limit: int = 10,
        shape: Shape | None = None,
        explain: bool = False,
    ) -> Found:
        """Return at most ``limit`` passages, in this ``shape``; to ``explain`` them, a trace goes with them.

        A hybrid search goes on by words when the embedding model does not answer, and any without the models that
        would rewrite the question or rerank what is found; it says so in ``missing``.
        Raises ``NotFound`` for an unknown collection and ``EmbedderUnavailable`` for a search by meaning alone.
        """
        # Before a model is asked, of the question or of how to put it: it may cost something.
        await self._check_collections(scope)
        course = Course(question, scope, mode, limit, shape or self._stages.shape)
        fused = await self._fused(course)
        chosen = await self._chosen(course, fused, all_of_them=explain)
        if self._note:
            self._note(course.steps)
        trace = Trace(tuple(course.steps), chosen.considered(fused)) if explain else None
        return Found(chosen.shaped.hits, course.missing, tuple(course.corrections), trace)

    async def _check_collections(self, scope: Scope) -> None:
        if not scope.collections:
            return
        async with self._record.reading() as transaction:
            for name in scope.collections:
                await transaction.collections.id_of(scope.principal, name)

    async def _fused(self, course: Course) -> Fused:
        """Return one ranking of what the question and its variants find."""
        depth = max(self._depth, course.limit)
        legwork = self._legs.search(course.question, course.scope, course.mode, depth)
        work, rewritten = await asyncio.gather(legwork, self._stages.rewriting.of(course.question))
        course.steps.extend(work.steps)
        course.missing.update(work.missing)
        course.corrections.extend(work.words.corrections)
        course.missing.update(work.words.missing)
        variants = course.searched_for(rewritten)
        others = await asyncio.gather(*(self._by_variant(course, *each, depth) for each in variants))
        started = time.perf_counter()
        fusion = self._stages.fusion
        rankings = [
            # What a made-up passage means goes with the words that were asked.
            fusion.of(its.words if Mode.WORDS in variant.legs else work.words, its.near)
            for (variant, _), its in zip(variants, others, strict=True)
        ]
        fused = fusion.of(work.words, work.near)
        fused = merged(fused, rankings) if rankings else fused
        course.note("fusion", _since(started), **_said(fusion, work))
        return fused

    async def _by_variant(self, course: Course, variant: Variant, mode: Mode, depth: int) -> Legwork:
        """Return what a variant finds; where it can only be searched for by meaning and that is down, nothing."""
        try:
            work = await self._legs.search(variant.text, course.scope, mode, depth)
        except EmbedderUnavailable:
            return Legwork(Matches(), Near())
        course.steps.extend(replace(step, details={**step.details, variant.kind: variant.text}) for step in work.steps)
        return work

    async def _chosen(self, course: Course, fused: Fused, *, all_of_them: bool) -> Chosen:
        """Return the hits that are given, of those the best of which are loaded: as many as it takes."""
        stages = self._stages
        all_of_them |= stages.boosts.active or stages.reranking.depth > 0
        loaded = len(fused) if all_of_them else _LOADED * course.limit
        while True:
            hits = await self._load(course, fused[:loaded])
            boosted = await self._boosted(hits)
            reranked = await stages.reranking.rerank(course.question, boosted.hits)
            started = time.perf_counter()
            shaped = await stages.shaping.shape(self._record, course.scope, reranked.hits, course.shape, course.limit)
            # Where it is a second time, nothing was reranked the first: whoever reranks has loaded everything.
            if loaded >= len(fused) or len(shaped.hits) >= course.limit:
                break
            loaded = len(fused)
        course.note_reranking(reranked)
        course.note("shape", _since(started), given=len(shaped.hits))
        return Chosen(hits, boosted, reranked, shaped)

    async def _boosted(self, hits: Sequence[Hit]) -> Boosted:
        boosts = self._stages.boosts
        if not boosts.active:
            return Boosted(tuple(hits))
        # Twenty filters on hundreds of hits would hold the event loop.
        return await asyncio.to_thread(boosts.apply, hits, datetime.now(UTC))

    async def _load(self, course: Course, fused: Fused) -> tuple[Hit, ...]:
        """Join with the record, which has the last word on what is there and who may read it."""
        started = time.perf_counter()
        async with self._record.reading() as transaction:
            stored = await transaction.chunks.load(course.scope, [ranked.chunk_id for ranked, _ in fused])
        found = {ranked.chunk_id: (ranked.score, legs) for ranked, legs in fused}
        course.note("load", _since(started), asked=len(fused), found=len(stored))
        return tuple(
            Hit(
                each.chunk,
                each.document_id,
                each.title,
                each.uri,
                each.collection,
                *found[each.chunk.id],
                metadata=each.metadata,
                media_type=each.media_type,
                created_at=each.created_at,
                updated_at=each.updated_at,
            )
            for each in stored
        )


def _said(fusion: Fusion, work: Legwork) -> dict[str, str | float]:
    """Return what a trace says of the fusion."""
    if fusion.reciprocal_ranks:
        return {"by": "ranks"}
    weight = fusion.weight(work.words, work.near)
    return {"by": "scores", "meaning": weight, "words": 1 - weight, "attainable": work.words.attainable}


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
