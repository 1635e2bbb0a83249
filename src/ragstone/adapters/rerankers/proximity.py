"""``Reranker`` without a model: how near to each other the words of the question stand in a passage.

    score = sum over pairs of neighbours in the question of min(rarity of both) / d²  /  sum of all words' rarities

``d`` is the least distance, in words, between the two of a pair; the inverse square is that of Rasolofo & Savoy, ECIR
2003. Rarity is BM25's idf, counted over the passages that are scored: what all of them have tells them not apart.
"""

import asyncio
import math
import sys
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from ragstone.ports.reranker import Candidate
from ragstone.retrieve.analysis import detect, question_terms, terms

MOST_PAIRS: Final = 100
"""Of a question that is longer than that, the beginning is looked at."""

Places = Mapping[int, Sequence[int]]
"""Where each word of the question, by its number, stands in a passage: positions in ascending order."""


class ProximityReranker:
    """Scores in some milliseconds, in any language that is searched by words; nothing is loaded or downloaded.

    Made to be mixed with the fused score at a small weight: alone it says too little.
    """

    @property
    def name(self) -> str:
        """As the settings call it."""
        return "proximity"

    async def warm(self) -> None:
        """Do nothing: there is nothing to load."""

    async def score(self, question: str, candidates: Sequence[Candidate]) -> Sequence[float]:
        """Return 0 to about 1 for each candidate: 1 where all words of the question follow one another."""
        if not candidates:
            return []
        return await asyncio.to_thread(proximities, question, [candidate.whole for candidate in candidates])

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""


def proximities(question: str, texts: Sequence[str]) -> list[float]:
    """Return the score of each text."""
    languages = [detect(text) for text in texts]
    usual = [language for language, _ in Counter(filter(None, languages)).most_common()]
    asked = question_terms(question, usual)
    numbers = {term: number for number, group in enumerate(asked.groups) for term in group}
    usually = next(iter(usual), "")
    found = [_places(text, language or usually, numbers) for text, language in zip(texts, languages, strict=True)]
    rarities = _rarities(asked.weights, found)
    spoken = [numbers[term] for term in terms(question, detect(question) or usually) if term in numbers]
    pairs = [(one, other) for one, other in pairwise(spoken) if one != other][:MOST_PAIRS]
    most = sum(rarities)
    return [_score(places, pairs, rarities) / most if most else 0.0 for places in found]


def _places(text: str, language: str, numbers: Mapping[str, int]) -> Places:
    places: defaultdict[int, list[int]] = defaultdict(list)
    for position, term in enumerate(terms(text, language)):
        if (number := numbers.get(term)) is not None:
            places[number].append(position)
    return places


def _rarities(weights: Sequence[float], found: Sequence[Places]) -> list[float]:
    """Return BM25's idf of each word among the passages; the pieces of a compound count less than a word."""
    holding = Counter(number for places in found for number in places)
    idfs = [math.log(1 + (len(found) - holding[n] + 0.5) / (holding[n] + 0.5)) for n in range(len(weights))]
    return [min(weight, 1.0) * idf for weight, idf in zip(weights, idfs, strict=True)]


def _score(places: Places, pairs: Sequence[tuple[int, int]], rarities: Sequence[float]) -> float:
    return sum(
        min(rarities[one], rarities[other]) / _distance(places[one], places[other]) ** 2
        for one, other in pairs
        if one in places and other in places
    )


def _distance(ones: Sequence[int], others: Sequence[int]) -> int:
    """Return the least distance between a position of the one word and one of the other; both lists ascend."""
    fewer, more = sorted((ones, others), key=len)
    least = sys.maxsize
    for position in fewer:
        after = bisect_left(more, position)
        least = min([least, *(abs(position - near) for near in more[max(0, after - 1) : after + 1])])
    return least
