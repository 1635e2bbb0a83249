"""The postings of the chunks of a segment, counted a few hundred chunks at a time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragstone.retrieve.lexical.pieces import Numbers, Pieces, Terms
from ragstone.retrieve.lexical.segment import MOST_FREQUENT, Postings

_PLACE_BITS = 8
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
        self._characters = 0
        self._lengths: list[Numbers] = []
        self._chunks = 0
        self._runs: list[NDArray[np.uint64]] = []
        """Postings in the order of their terms' numbers and, for one term, of chunks; each 64 bits: the term's number,
        16 bits of the chunk's place, 16 of the frequency."""

    def add(self, text: str, language: str) -> None:
        """Count what the next chunk says."""
        if language != self._language or len(self._waiting) == _MOST_TEXTS or self._characters > _MOST_CHARACTERS:
            self._count()
            self._language = language
        self._waiting.append(text)
        self._characters += len(text)

    def _count(self) -> None:
        """Count what waits."""
        if not self._waiting:
            return
        if self._language not in self._pieces:
            if len(self._pieces) == _MOST_LANGUAGES:
                self._pieces.clear()
            self._pieces[self._language] = Pieces(self._language, self._terms)
        terms, places = self._pieces[self._language].of(self._waiting)
        self._lengths.append(np.bincount(places, minlength=len(self._waiting)))
        self._runs.append(_run(terms, places, self._chunks))
        self._chunks += len(self._waiting)
        self._waiting, self._characters = [], 0

    def lengths(self) -> NDArray[np.uint32]:
        """Return how many terms each chunk has, with repetitions."""
        self._count()
        return np.concatenate([np.empty(0, np.uint32), *self._lengths], dtype=np.uint32, casting="unsafe")

    def postings(self) -> Postings:
        """Return the postings of all chunks. A frequency beyond 65,535 is taken for that."""
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


def _run(terms: Numbers, places: Numbers, chunks: int) -> NDArray[np.uint64]:
    """Return the postings of terms found at places from 0 to 255, counted from chunk ``chunks`` on."""
    # Half as many bits are sorted in half the time.
    packed = (terms << _PLACE_BITS | places).astype(np.uint32 if terms.max(initial=0) < _FEW else np.uint64)
    packed.sort()
    first = _firsts(packed)
    frequencies = np.minimum(np.diff(first, append=len(packed)), MOST_FREQUENT)
    found = packed[first].astype(np.int64)
    low = (found & (1 << _PLACE_BITS) - 1) + chunks << 16 | frequencies
    return (found >> _PLACE_BITS << 32 | low).view(np.uint64)


def _firsts(ordered: NDArray[Any]) -> Numbers:
    """Return where each distinct value first stands."""
    return np.flatnonzero(np.concatenate((np.ones(min(len(ordered), 1), np.bool_), ordered[1:] != ordered[:-1])))
