"""Fusion: rankings by words and by meaning become one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from ragstone.domain.queries import LegRank, Ranked

RANK_CONSTANT = 60

Legs = Mapping[str, Sequence[Ranked]]
Fused = list[tuple[Ranked, dict[str, LegRank]]]
"""Best first, each chunk with its rank and score in every leg that found it."""


def by_ranks(legs: Legs) -> Fused:
    """Merge rankings by reciprocal ranks: Cormack, Clarke & Büttcher, SIGIR 2009.

    ``score(c) = sum over legs of 1 / (60 + rank of c)``. Ties go to the smaller id, so the order is always the same.
    """
    return _sorted(
        (Ranked(chunk_id, sum(1 / (RANK_CONSTANT + place.rank) for place in found.values())), found)
        for chunk_id, found in _places(legs).items()
    )


@dataclass(frozen=True, slots=True)
class Leg:
    """What a leg's scores are worth: ``weight`` for a score of ``scale``. What it did not find has ``absent``."""

    weight: float
    scale: float = 1.0
    absent: float = 0.0


def by_scores(legs: Legs, worth: Mapping[str, Leg]) -> Fused:
    """Merge rankings by a convex combination of scores, each on a scale that means the same for every question.

    ``score(c) = sum over legs of weight * score of c / scale``: Bruch, Gai & Ingber, ACM TOIS 2023, have both legs'
    scores stretched from the least to the best of each question; on absolute scales a question whose words no chunk
    has is answered by its meaning, and one whose words are all in one chunk by that.
    """
    fused = []
    for chunk_id, found in _places(legs).items():
        score = sum(
            leg.weight * (found[name].score if name in found else leg.absent) / leg.scale
            for name, leg in worth.items()
            if leg.scale > 0
        )
        fused.append((Ranked(chunk_id, score), found))
    return _sorted(fused)


def _places(legs: Legs) -> dict[UUID, dict[str, LegRank]]:
    places: dict[UUID, dict[str, LegRank]] = {}
    for name, ranking in legs.items():
        for rank, ranked in enumerate(ranking, start=1):
            places.setdefault(ranked.chunk_id, {})[name] = LegRank(rank, ranked.score)
    return places


def _sorted(fused: Iterable[tuple[Ranked, dict[str, LegRank]]]) -> Fused:
    return sorted(fused, key=lambda entry: (-entry[0].score, entry[0].chunk_id))
