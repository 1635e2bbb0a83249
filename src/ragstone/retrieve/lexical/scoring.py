"""BM25 over segments: Robertson & Zaragoza, The Probabilistic Relevance Framework (2009), with
``idf = ln(1 + (N - df + 0.5) / (df + 0.5))``; exact, in 32-bit floats."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ragstone.retrieve.lexical.blocks import Posting
from ragstone.retrieve.lexical.segment import Ids

_BLOCK = 64
"""Chunks whose best score stands for them where a first bound of the result is sought."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Formula:
    """``k1`` saturates term frequency, ``b`` (0 to 1) normalises by length; both are constants of BM25."""

    k1: float = 1.2
    b: float = 0.75


@dataclass(frozen=True, slots=True)
class Statistics:
    """What BM25 counts over: chunks, and words in them."""

    chunks: int
    words: float

    @property
    def average_length(self) -> float:
        """Words of a chunk, in the mean."""
        return self.words / self.chunks if self.words else 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A segment as one question sees it.

    ``lengths`` and ``chunk_ids`` have shape ``(chunks,)``, and so have ``mask``, the chunks that count and may be
    found, and ``within``, those that are asked for; ``None`` stands for all. ``groups`` holds the postings of each
    group's alternatives; ``required`` those of which each must be there. Lengths and frequencies are in ``1 / unit``.
    """

    chunk_ids: Ids
    lengths: NDArray[np.uint32]
    mask: Mask | None
    groups: Sequence[Sequence[Posting]]
    within: Mask | None = None
    required: Sequence[Sequence[Posting]] = ()
    unit: int = 1


class Best(NamedTuple):
    """Ids and scores, and the score that no chunk can pass: that of all words of the question, without end."""

    found: list[tuple[bytes, float]]
    attainable: float


def frequency_of(posting: Posting, mask: Mask | None) -> int:
    """Return in how many chunks of the mask a term stands."""
    return len(posting.places) if mask is None else int(np.count_nonzero(mask[posting.places]))


def idf(statistics: Statistics, frequency: int) -> float:
    """Return how rare a term is that stands in ``frequency`` chunks."""
    return math.log(1 + (statistics.chunks - frequency + 0.5) / (frequency + 0.5))


def best(parts: Sequence[Part], weights: Sequence[float], statistics: Statistics, formula: Formula, limit: int) -> Best:
    """Return at most ``limit`` chunks with a score above 0, best first.

    ``weights`` has one number for each group. A chunk scores a group by the best of its alternatives. Equals are in
    the order of their ids.
    """
    idfs = _idfs(parts, statistics)
    least, found = 0.0, _Found(limit)
    for part in parts:
        scores = _scores(part, weights, idfs, statistics, formula)
        if scores is not None:
            least = found.take(part.chunk_ids, scores, least)
    most = sum(weight * max(rarities) for weight, rarities in zip(weights, idfs, strict=True)) * (formula.k1 + 1)
    return Best(found.ranked(), most if parts else 0.0)


def _idfs(parts: Sequence[Part], statistics: Statistics) -> list[list[float]]:
    """Return the idf of each alternative of each group."""
    groups = len(parts[0].groups) if parts else 0
    return [
        [
            idf(statistics, sum(frequency_of(part.groups[group][place], part.mask) for part in parts))
            for place in range(len(parts[0].groups[group]))
        ]
        for group in range(groups)
    ]


def _scores(
    part: Part, weights: Sequence[float], idfs: Sequence[Sequence[float]], statistics: Statistics, formula: Formula
) -> NDArray[np.float32] | None:
    """Return the score of every chunk, 0 where a mask hides it; ``None`` where no term stands in a chunk of the mask.

    A term that only hidden chunks have costs what one costs that no chunk has, or the time would tell of it.
    """
    if not any(frequency_of(posting, part.mask) for group in part.groups for posting in group):
        return None
    relative = part.lengths.astype(np.float32) / np.float32(part.unit * statistics.average_length)
    saturation = np.float32(part.unit * formula.k1) * (np.float32(1 - formula.b) + np.float32(formula.b) * relative)
    scores = np.zeros(len(part.lengths), np.float32)
    for group, weight, rarities in zip(part.groups, weights, idfs, strict=True):
        factors = [weight * rarity * (formula.k1 + 1) for rarity in rarities]
        if len(group) == 1:
            places, gains = _gains(group[0], saturation, factors[0])
            np.add.at(scores, places, gains)
        else:
            scores += _best_of(group, saturation, factors)
    for alternatives in part.required:
        scores[~_holding(alternatives, len(scores))] = 0
    for mask in (part.mask, part.within):
        if mask is not None:
            scores[~mask] = 0
    return scores


def _gains(
    posting: Posting, saturation: NDArray[np.float32], factor: float
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    places = posting.places.astype(np.intp)
    frequencies = posting.frequencies.astype(np.float32)
    gains = saturation.take(places)
    gains += frequencies
    np.divide(frequencies, gains, out=gains)
    gains *= np.float32(factor)
    return places, gains


def _best_of(
    group: Sequence[Posting], saturation: NDArray[np.float32], factors: Sequence[float]
) -> NDArray[np.float32]:
    most = np.zeros(len(saturation), np.float32)
    for posting, factor in zip(group, factors, strict=True):
        places, gains = _gains(posting, saturation, factor)
        most[places] = np.maximum(most.take(places), gains)
    return most


def _holding(alternatives: Sequence[Posting], chunks: int) -> Mask:
    holding = np.zeros(chunks, np.bool_)
    for posting in alternatives:
        holding[posting.places] = True
    return holding


class _Found:
    """The best chunks so far."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._scores: list[NDArray[np.float32]] = []
        self._ids: list[Ids] = []
        self._held = 0

    def take(self, ids: Ids, scores: NDArray[np.float32], least: float) -> float:
        """Take what may be among the best; return the score that the last of the best has at least."""
        least = max(least, self._bound(scores))
        places = np.flatnonzero(scores >= least if least > 0 else scores > 0)
        self._scores.append(scores[places])
        self._ids.append(ids[places])
        self._held += len(places)
        if self._held > 4 * self._limit:
            least = max(least, self._shrink())
        return least

    def _bound(self, scores: NDArray[np.float32]) -> float:
        """Return a score that ``limit`` chunks reach: that of the last of so many blocks, each taken by its best."""
        blocks = len(scores) // _BLOCK
        if blocks < self._limit:
            return 0.0
        tops = scores[: blocks * _BLOCK].reshape(blocks, _BLOCK).max(axis=1)
        return float(np.partition(tops, blocks - self._limit)[blocks - self._limit])

    def _shrink(self) -> float:
        """Forget what cannot be among the best any more; return the score of the last one."""
        scores, ids = np.concatenate(self._scores), np.concatenate(self._ids)
        last = np.partition(scores, len(scores) - self._limit)[len(scores) - self._limit]
        above = scores > last
        equal = np.flatnonzero(scores == last)
        wanted = self._limit - int(np.count_nonzero(above))
        if len(equal) > wanted:
            equal = equal[np.argsort(ids[equal].view("S16"), kind="stable")[:wanted]]
        places = np.concatenate((np.flatnonzero(above), equal))
        self._scores, self._ids, self._held = [scores[places]], [ids[places]], len(places)
        return float(last)

    def ranked(self) -> list[tuple[bytes, float]]:
        """Return ids and scores, best first."""
        if not self._held:
            return []
        if self._held > self._limit:
            self._shrink()
        scores = np.concatenate(self._scores)
        ids = [bytes(each) for each in np.concatenate(self._ids)]
        order = sorted(range(len(ids)), key=lambda place: (-scores[place], ids[place]))
        return [(ids[place], float(scores[place])) for place in order[: self._limit]]
