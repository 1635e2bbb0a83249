"""Fusion: rankings by words and by meaning become one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from ragstone.domain.queries import LegRank, Ranked
from ragstone.ports.lexical_index import Matches

WORDS: Final = "words"
MEANING: Final = "meaning"
RANK_CONSTANT: Final = 60

Legs = Mapping[str, Sequence[Ranked]]
Fused = list[tuple[Ranked, dict[str, LegRank]]]
"""Best first, each chunk with its rank and score in every leg that found it."""


@dataclass(frozen=True, slots=True)
class Near:
    """What a search by meaning found, best first, and the languages that its model was made for (none: all)."""

    ranked: Sequence[Ranked] = ()
    languages: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Fusion:
    """How the legs' rankings become one.

    By scores, ``meaning`` (0 to 1) is the weight of the search by meaning, ``foreign`` that in languages that the
    embedding model was not made for; words have the rest. ``reciprocal_ranks`` decide instead where they are set.
    """

    meaning: float = 0.33
    foreign: float = 0.12
    reciprocal_ranks: bool = False

    def of(self, words: Matches, near: Near) -> Fused:
        """Return one ranking of what both legs found."""
        legs = {WORDS: words.ranked, MEANING: near.ranked}
        if self.reciprocal_ranks:
            return by_ranks(legs)
        weight = self.weight(words, near)
        # What a leg did not find scores no more than the last that it found; of words, next to nothing.
        last = near.ranked[-1].score if near.ranked else 0.0
        return by_scores(legs, {WORDS: Leg(1 - weight, scale=words.attainable), MEANING: Leg(weight, absent=last)})

    def weight(self, words: Matches, near: Near) -> float:
        """Return the weight of the meaning: all of it where only that found something, none where only words did."""
        if not (words.ranked and near.ranked):
            return 1.0 if near.ranked else 0.0
        known = not near.languages or not words.language or words.language in near.languages
        return self.meaning if known else self.foreign


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
