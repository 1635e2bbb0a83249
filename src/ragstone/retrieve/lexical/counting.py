"""The postings of the chunks of a segment, counted a few hundred chunks at a time."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ragstone.retrieve.lexical.fields import Fields
from ragstone.retrieve.lexical.pieces import Numbers, Pieces, Terms
from ragstone.retrieve.lexical.segment import MOST_FREQUENT, Postings

_PLACE_BITS, _KIND_BITS = 8, 2
_KIND = (1 << _KIND_BITS) - 1
_MOST_TEXTS = 1 << _PLACE_BITS
_MOST_CHARACTERS = 1 << 18
"""What is counted at once: little enough for the arrays to stay in the processor's cache."""
_FEW = 1 << 32 - _PLACE_BITS
"""Numbers of terms that fit 32 bits together with a text's place."""
_LOW = np.uint64(0xFFFF)
_MOST_LANGUAGES = 8


class Tally:
    """Counts the terms of at most ``MOST_CHUNKS`` chunks. Not for several threads at once."""

    def __init__(self) -> None:
        self._terms = Terms()
        self._pieces: dict[str, Pieces] = {}
        self._language = ""
        self._waiting: list[str] = []
        self._weights: list[int] = []
        self._places: list[int] = []
        """Of the chunk of each text that waits, among those that do."""
        self._chunks_waiting = 0
        self._characters = 0
        self._lengths: list[Numbers] = []
        self._chunks = 0
        self._runs: list[NDArray[np.uint64]] = []
        """Postings in the order of their terms' numbers and, for one term, of chunks; each 64 bits: the term's number,
        16 bits of the chunk's place, 16 of the frequency."""

    def add(self, fields: Fields, language: str) -> None:
        """Count what the next chunk says. Among all of them a word counts one of at most four numbers."""
        if language != self._language or self._chunks_waiting == _MOST_TEXTS or self._characters > _MOST_CHARACTERS:
            self._count()
            self._language = language
        for text, weight in fields:
            self._waiting.append(text)
            self._weights.append(weight)
            self._places.append(self._chunks_waiting)
            self._characters += len(text)
        self._chunks_waiting += 1

    def _count(self) -> None:
        """Count what waits."""
        if not self._waiting:
            return
        if self._language not in self._pieces:
            if len(self._pieces) == _MOST_LANGUAGES:
                self._pieces.clear()
            self._pieces[self._language] = Pieces(self._language, self._terms)
        terms, texts = self._pieces[self._language].of(self._waiting)
        if len(self._waiting) == self._chunks_waiting and self._weights.count(1) == len(self._weights):
            self._lengths.append(np.bincount(texts, minlength=self._chunks_waiting))
            self._runs.append(_run(terms, texts, self._chunks))
        else:
            self._weigh(terms, texts)
        self._chunks += self._chunks_waiting
        self._waiting, self._weights, self._places = [], [], []
        self._chunks_waiting = self._characters = 0

    def _weigh(self, terms: Numbers, texts: Numbers) -> None:
        """Count terms by the weights of the texts that they stand in."""
        places, weights = np.array(self._places)[texts], np.array(self._weights)
        lengths = np.bincount(places, weights[texts], minlength=self._chunks_waiting)
        self._lengths.append(lengths.astype(np.int64))
        known, kinds = np.unique(weights, return_inverse=True)
        self._runs.append(_run(terms, places, self._chunks, _Weighed(known, kinds[texts])))

    def lengths(self) -> NDArray[np.uint32]:
        """Return what the terms of each chunk count, with repetitions."""
        self._count()
        return np.concatenate([np.empty(0, np.uint32), *self._lengths], dtype=np.uint32, casting="unsafe")

    def postings(self) -> Postings:
        """Return the postings of all chunks. A count beyond 65,535 is taken for that."""
        self._count()
        keys = self._terms.keys_in_order()
        order = np.argsort(keys)
        ranks = np.empty(len(keys), np.int64)
        ranks[order] = np.arange(len(keys))
        counts = np.zeros(len(keys), np.int64)
        for run in self._runs:
            counts += np.bincount((run >> np.uint64(32)).view(np.int64), minlength=len(keys))
        places, frequencies = self._moved(np.cumsum(counts[order])[ranks] - counts)
        return Postings(keys[order], counts[order].astype(np.uint32), places, frequencies)

    def _moved(self, begins: Numbers) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
        """Return places and frequencies, those of each term together: from where its number's ``begins`` says on.

        Runs are in order, and follow each other: nothing is sorted again.
        """
        total = sum(map(len, self._runs))
        places, frequencies = np.empty(total, np.uint16), np.empty(total, np.uint16)
        for run in self._runs:
            terms = (run >> np.uint64(32)).view(np.int64)
            first = _firsts(terms)
            counts = np.diff(first, append=len(terms))
            to = np.repeat(begins[terms[first]] - first, counts) + np.arange(len(terms))
            begins[terms[first]] += counts
            places[to] = run >> np.uint64(16) & _LOW
            frequencies[to] = run & _LOW
        return places, frequencies


class _Weighed(NamedTuple):
    """What each of many terms counts: ``weights[kinds]``."""

    weights: Numbers
    kinds: Numbers


def _run(terms: Numbers, places: Numbers, chunks: int, weighed: _Weighed | None = None) -> NDArray[np.uint64]:
    """Return the postings of terms found at places from 0 to 255, counted from chunk ``chunks`` on; each counts 1 where
    nothing else is said."""
    packed, few = terms << _PLACE_BITS | places, _FEW
    if weighed:
        packed, few = packed << _KIND_BITS | weighed.kinds, _FEW >> _KIND_BITS
    # Half as many bits are sorted in half the time.
    packed = packed.astype(np.uint32 if terms.max(initial=0) < few else np.uint64)
    packed.sort()
    if weighed:
        counted = weighed.weights[packed & _KIND]
        packed >>= _KIND_BITS
        first = _firsts(packed)
        sums = np.add.reduceat(counted, first)
    else:
        first = _firsts(packed)
        sums = np.diff(first, append=len(packed))
    frequencies = np.minimum(sums, MOST_FREQUENT)
    found = packed[first].astype(np.int64)
    low = (found & (1 << _PLACE_BITS) - 1) + chunks << 16 | frequencies
    return (found >> _PLACE_BITS << 32 | low).view(np.uint64)


def _firsts(ordered: NDArray[Any]) -> Numbers:
    """Return where each distinct value first stands."""
    return np.flatnonzero(np.concatenate((np.ones(min(len(ordered), 1), np.bool_), ordered[1:] != ordered[:-1])))
