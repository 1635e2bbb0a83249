"""The terms of a segment held at hand, so that hundreds of guesses are looked up at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragstone.retrieve.lexical.scoring import Mask
from ragstone.retrieve.lexical.segment import Postings, term_key


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """Which terms there are, shape ``(terms,)``, ascending, and in which chunks: those of term ``t`` are
    ``places[starts[t]:starts[t + 1]]``."""

    terms: NDArray[np.uint64]
    starts: NDArray[np.int64]
    places: NDArray[np.uint16]

    def frequencies(self, keys: NDArray[np.uint64], mask: Mask | None) -> NDArray[np.int64]:
        """Return in how many chunks of the mask each term stands; shape ``(keys,)``.

        A term that stands outside of it alone is not told from one that does not stand anywhere.
        """
        found = np.zeros(len(keys), np.int64)
        if not len(self.terms):
            return found
        at = np.minimum(np.searchsorted(self.terms, keys), len(self.terms) - 1)
        (there,) = np.nonzero(self.terms[at] == keys)
        if mask is None:
            found[there] = self.starts[at[there] + 1] - self.starts[at[there]]
        else:
            found[there] = [len(self._places(place, mask)) for place in at[there].tolist()]
        return found

    def holders(self, key: int, mask: Mask | None, most: int) -> list[int]:
        """Return the places of the first chunks of the mask that a term stands in."""
        at = int(np.searchsorted(self.terms, np.uint64(key)))
        if at == len(self.terms) or self.terms[at] != key:
            return []
        found: list[int] = self._places(at, mask)[:most].tolist()
        return found

    def _places(self, at: int, mask: Mask | None) -> NDArray[np.uint16]:
        places = self.places[self.starts[at] : self.starts[at + 1]]
        return places if mask is None else places[mask[places]]


def vocabulary_of(postings: Postings) -> Vocabulary:
    """Return the vocabulary of a segment."""
    starts = np.zeros(len(postings.counts) + 1, np.int64)
    np.cumsum(postings.counts, out=starts[1:])
    return Vocabulary(postings.terms, starts, postings.places)


def keys_of(terms: Sequence[str]) -> NDArray[np.uint64]:
    """Return what guessed terms are known by, as ``term_key`` does, which would keep them in its cache."""
    return np.fromiter(map(term_key.__wrapped__, terms), np.uint64, len(terms))
