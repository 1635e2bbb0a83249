"""What a question found and what its variants did, in one ranking."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from ragstone.domain.queries import LegRank, Ranked
from ragstone.retrieve.fusion import Fused

VARIANT_WEIGHT: Final = 0.2
"""By benchmarks/merging.py. On questions of two parts, with the parts for variants, nDCG@10 rises by 0.006 to 0.031;
with another question of the set for the only variant it falls by 0.004 at the most, at 0.3 by 0.019. Reciprocal ranks
lose 0.03 to 0.6 with the right variants, as what every ranking has somewhere passes the first of one; the best score of
all, at its best weight, loses 0.02 to 0.05 with a wrong one."""


def merged(question: Fused, variants: Sequence[Fused], weight: float = VARIANT_WEIGHT) -> Fused:
    """Merge the ranking of a question with those of its variants, all by scores on the same scale, from 0 on.

    ``score(c) = (score by the question + weight * best score by a variant) / (1 + weight)``: a passage gains by the one
    variant that it answers best, so that many variants of one kind do not outvote the question. What a ranking has not
    found scores 0 there. A passage's legs are the question's, else those of the variant that it scores best by. Ties go
    to the smaller id; without variants the question's ranking stays as it is.
    """
    if not variants:
        return list(question)
    own, best = _entries([question]), _entries(variants)
    found: Fused = []
    for chunk_id in own.keys() | best.keys():
        by_question, by_variants = own.get(chunk_id), best.get(chunk_id)
        score = (by_question[0] if by_question else 0.0) + weight * (by_variants[0] if by_variants else 0.0)
        legs = (by_question or by_variants or (0.0, {}))[1]
        found.append((Ranked(chunk_id, score / (1 + weight)), dict(legs)))
    return sorted(found, key=lambda entry: (-entry[0].score, entry[0].chunk_id))


def _entries(rankings: Sequence[Fused]) -> dict[UUID, tuple[float, Mapping[str, LegRank]]]:
    """Return each chunk's best score, and its legs there."""
    best: dict[UUID, tuple[float, Mapping[str, LegRank]]] = {}
    for ranked, legs in (entry for ranking in rankings for entry in ranking):
        if ranked.chunk_id not in best or ranked.score > best[ranked.chunk_id][0]:
            best[ranked.chunk_id] = (ranked.score, legs)
    return best
