"""One question on its way through a search, and what is told of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ragstone.domain.found import Considered, Step
from ragstone.domain.queries import Correction, Hit, LegRank, Mode, Scope
from ragstone.retrieve.boosting import Boosted
from ragstone.retrieve.fusion import Fused
from ragstone.retrieve.reranking import Reranked
from ragstone.retrieve.rewriting import Outcome, Rewritten, Variant
from ragstone.retrieve.shaping import Shape, Shaped

REWRITE: Final = "rewrite"
RERANK: Final = "rerank"


@dataclass(frozen=True, slots=True)
class Course:
    """One question on its way: the steps that it took, what it had to do without, and slips of the pen."""

    question: str
    scope: Scope
    mode: Mode
    limit: int
    shape: Shape
    steps: list[Step] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    corrections: list[Correction] = field(default_factory=list)

    def note(self, name: str, milliseconds: float, **details: str | float) -> None:
        """Note a step; details that are empty say nothing."""
        self.steps.append(Step(name, milliseconds, {key: value for key, value in details.items() if value != ""}))

    def note_reranking(self, reranked: Reranked) -> None:
        """Note what became of the reranking."""
        details = {"outcome": reranked.outcome, "reranker": reranked.reranker, "cause": reranked.cause}
        self.note(RERANK, reranked.milliseconds, **details)
        if reranked.cause:
            self.missing[RERANK] = reranked.cause

    def searched_for(self, rewritten: Rewritten) -> list[tuple[Variant, Mode]]:
        """Return the variants, each with the legs that are to search for it: its own, of those that are asked for."""
        if rewritten.outcome is not Outcome.OFF:
            self.note(REWRITE, rewritten.milliseconds, outcome=rewritten.outcome, cause=rewritten.cause)
        if rewritten.cause:
            self.missing[REWRITE] = rewritten.cause
        if self.mode is not Mode.HYBRID:
            return [(each, self.mode) for each in rewritten.variants if self.mode in each.legs]
        return [(each, Mode.HYBRID if len(each.legs) > 1 else next(iter(each.legs))) for each in rewritten.variants]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The hits that the record let through, and what the later steps made of them."""

    hits: Sequence[Hit]
    boosted: Boosted
    reranked: Reranked
    shaped: Shaped

    def considered(self, fused: Fused) -> tuple[Considered, ...]:
        """Say what became of each hit, in the order of the fusion."""
        places = {ranked.chunk_id: place for place, (ranked, _) in enumerate(fused, 1)}
        ranks = {hit.chunk.id: rank for rank, hit in enumerate(self.shaped.hits, 1)}
        cuts = self.shaped.cuts
        return tuple(
            Considered(
                chunk_id=hit.chunk.id,
                document_id=hit.document_id,
                title=hit.title,
                legs=hit.legs,
                fused=LegRank(places[hit.chunk.id], hit.score),
                boost=self.boosted.factors.get(hit.chunk.id, 1.0),
                reranked=self.reranked.ranks.get(hit.chunk.id),
                rank=ranks.get(hit.chunk.id),
                cut=cuts[hit.chunk.id].reason if hit.chunk.id in cuts else "",
                of=cuts[hit.chunk.id].of if hit.chunk.id in cuts else None,
            )
            for hit in self.hits
        )
