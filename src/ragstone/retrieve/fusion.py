"""Reciprocal rank fusion: Cormack, Clarke & Büttcher, SIGIR 2009."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from ragstone.domain.queries import LegRank, Ranked

RANK_CONSTANT = 60


def fuse(legs: Mapping[str, Sequence[Ranked]]) -> list[tuple[Ranked, dict[str, LegRank]]]:
    """Merge rankings into one, best first, each chunk with its rank and score in every leg that found it.

    ``score(c) = sum over legs of 1 / (60 + rank of c)``. Ties go to the smaller id, so the order is always the same.
    """
    places: dict[UUID, dict[str, LegRank]] = {}
    for name, ranking in legs.items():
        for rank, ranked in enumerate(ranking, start=1):
            places.setdefault(ranked.chunk_id, {})[name] = LegRank(rank, ranked.score)
    fused = [
        (Ranked(chunk_id, sum(1 / (RANK_CONSTANT + place.rank) for place in found.values())), found)
        for chunk_id, found in places.items()
    ]
    return sorted(fused, key=lambda entry: (-entry[0].score, entry[0].chunk_id))
