"""What texts come apart into: the terms of many texts at once, as numbers.

What stands between spaces is a piece; its terms depend on nothing around it. Nearly all pieces of a text came before,
and have few bytes: as two numbers of 64 bits they are looked up in a table, all at once, by NumPy. Only those that it
does not have are looked up one by one, and only those that are new are taken apart into terms. To look up strings in a
dictionary takes several times as long, and holds the interpreter's lock.
"""

from array import array
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragstone.retrieve.analysis import terms_of_pieces
from ragstone.retrieve.lexical.segment import term_keys

Numbers: TypeAlias = NDArray[np.int64]

_MOST_PIECES = 1 << 18
_MOST_TERMS_OF_PIECES = 1 << 20
"""Beyond either, all pieces are forgotten, so that they take no more than some 50 MB."""
_LONGEST_KEPT = 64
"""Bytes of a piece. Longer ones, as the lines of Chinese are, seldom come again."""

_SPACES = bytes(byte < 128 and chr(byte).isspace() for byte in range(256))
_PARTS_SENTENCES = bytes(byte in b",." for byte in range(256))
_LONGEST = 15
"""Bytes of a piece in the table. The sixteenth is their number, so that each piece is other two numbers."""
_TOO_LONG = _LONGEST + 1
_PAD = bytes(_TOO_LONG)
_HEADS = np.array([(1 << 8 * min(size, 8)) - 1 for size in range(_TOO_LONG + 1)], np.uint64)
_TAILS = np.array([(1 << 8 * max(size - 8, 0)) - 1 for size in range(_TOO_LONG)] + [0], np.uint64)
_SIZES = np.array([*range(_TOO_LONG), 255], np.uint64) << np.uint64(56)
_SPREAD = np.uint64(0x9E37_79B9_7F4A_7C15)
_FEWEST_BITS, _MOST_BITS = 12, 19
"""Of the number of slots, each of 24 bytes."""


class Terms(dict[str, int]):
    """The numbers of terms, in the order in which they were first met. Terms of one key have one number."""

    def __init__(self) -> None:
        super().__init__()
        self._by_key: dict[int, int] = {}

    def learn(self, terms: Iterable[str]) -> None:
        """Give a number to those of ``terms`` that have none."""
        new = [term for term in dict.fromkeys(terms) if term not in self]
        for term, key in zip(new, term_keys(new), strict=True):
            self[term] = self._by_key.setdefault(key, len(self._by_key))

    def keys_in_order(self) -> NDArray[np.uint64]:
        """Return the key of each number."""
        return np.fromiter(self._by_key, np.uint64, len(self._by_key))


class Pieces:
    """The terms of pieces of one language, by their numbers in ``terms``.

    A piece's code is the number of its term where it has one, as most have, or else the complement of its place among
    those that have several, or none.
    """

    def __init__(self, language: str, terms: Terms) -> None:
        self._language = language
        self._terms = terms
        self._forget()

    def _forget(self) -> None:
        self._codes: dict[bytes, int] = {}
        self._several, self._ends = array("q"), array("q", [0])
        self._table = _Table()

    def of(self, texts: Sequence[str]) -> tuple[Numbers, Numbers]:
        """Return all terms of ``texts``, in no order: the number of each, and the place of its text."""
        if len(self._codes) > _MOST_PIECES or len(self._several) > _MOST_TERMS_OF_PIECES:
            self._forget()
        written = [text.encode(errors="surrogatepass") for text in texts]
        data = b"\n".join((*written, _PAD))
        begins, ends = _between_spaces(data)
        text_ends = np.cumsum([len(each) + 1 for each in written])
        places = np.repeat(np.arange(len(texts)), np.diff(np.searchsorted(begins, text_ends), prepend=0))
        return self._apart(self._codes_of(data, begins, ends), places)

    def _codes_of(self, data: bytes, begins: Numbers, ends: Numbers) -> Numbers:
        heads, tails = _as_numbers(data, begins, ends - begins)
        codes, there = self._table.find(heads, tails)
        asked = np.flatnonzero(~there)
        pieces = [data[begin:end] for begin, end in zip(begins[asked].tolist(), ends[asked].tolist(), strict=True)]
        new = [piece for piece in dict.fromkeys(pieces) if piece not in self._codes]
        self._learn(new)
        codes[asked] = np.fromiter(map(self._codes.__getitem__, pieces), np.int64, len(pieces))
        self._table.put(heads[asked], tails[asked], codes[asked])
        for piece in new:
            if len(piece) > _LONGEST_KEPT:
                del self._codes[piece]
        return codes

    def _learn(self, pieces: Sequence[bytes]) -> None:
        found = terms_of_pieces([piece.decode(errors="surrogatepass") for piece in pieces], self._language)
        self._terms.learn(chain.from_iterable(found))
        for piece, terms in zip(pieces, found, strict=True):
            if len(terms) == 1:
                self._codes[piece] = self._terms[terms[0]]
            else:
                self._codes[piece] = ~(len(self._ends) - 1)
                self._several.extend(map(self._terms.__getitem__, terms))
                self._ends.append(len(self._several))

    def _apart(self, codes: Numbers, places: Numbers) -> tuple[Numbers, Numbers]:
        """Put its terms in the place of each piece that has several, or none."""
        several = codes < 0
        if not several.any():
            return codes, places
        rows = ~codes[several]
        ends = np.array(self._ends)
        counts = ends[rows + 1] - ends[rows]
        done = np.cumsum(counts)
        take = np.repeat(ends[rows + 1] - done, counts) + np.arange(int(done[-1]))
        return (
            np.concatenate((codes[~several], np.array(self._several)[take])),
            np.concatenate((places[~several], np.repeat(places[several], counts))),
        )


class _Table:
    """Codes of short pieces, each in the one slot that it may have: where two want the same, the first one has it."""

    def __init__(self, bits: int = _FEWEST_BITS) -> None:
        self._bits = bits
        self._held = 0
        self._heads = np.zeros(1 << bits, np.uint64)
        self._tails = np.zeros(1 << bits, np.uint64)
        self._codes = np.zeros(1 << bits, np.int64)

    def find(self, heads: NDArray[np.uint64], tails: NDArray[np.uint64]) -> tuple[Numbers, NDArray[np.bool_]]:
        """Return the codes of pieces, and which of them are there."""
        slots = self._slots(heads, tails)
        return self._codes[slots], (self._heads[slots] == heads) & (self._tails[slots] == tails)

    def put(self, heads: NDArray[np.uint64], tails: NDArray[np.uint64], codes: Numbers) -> None:
        """Keep the codes of those short pieces for which there is room."""
        if self._bits < _MOST_BITS and 4 * (self._held + len(codes)) > 1 << self._bits:
            self._grow()
        slots = self._slots(heads, tails)
        free = np.flatnonzero((tails < _SIZES[_TOO_LONG]) & (self._tails[slots] == 0))
        self._codes[slots[free]] = free
        kept = free[self._codes[slots[free]] == free]  # one of those that want the same slot
        slots = slots[kept]
        self._heads[slots], self._tails[slots], self._codes[slots] = heads[kept], tails[kept], codes[kept]
        self._held += len(kept)

    def _grow(self) -> None:
        held = np.flatnonzero(self._tails)
        larger = _Table(min(self._bits + 3, _MOST_BITS))
        larger.put(self._heads[held], self._tails[held], self._codes[held])
        self.__dict__ |= larger.__dict__

    def _slots(self, heads: NDArray[np.uint64], tails: NDArray[np.uint64]) -> Numbers:
        spread = ((tails * _SPREAD) ^ heads) * _SPREAD
        return (spread >> np.uint64(64 - self._bits)).view(np.int64)


def _between_spaces(data: bytes) -> tuple[Numbers, Numbers]:
    """Return where pieces begin and end, a comma or a full stop behind them left out: they part sentences."""
    spaces = np.flatnonzero(np.frombuffer(data.translate(_SPACES), np.bool_))
    begins = np.concatenate(([0], spaces[:-1] + 1))
    signs = np.frombuffer(data.translate(_PARTS_SENTENCES), np.bool_)
    ends = spaces - signs[spaces - 1]
    there = ends > begins
    return begins[there], ends[there]


def _as_numbers(data: bytes, begins: Numbers, sizes: Numbers) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return pieces as two numbers each: their first 8 bytes, and the next 7 and their size."""
    sixteen = np.ndarray((len(data) - 15,), "V16", data, strides=(1,))[begins]
    both = sixteen.view("<u8").reshape(-1, 2)
    sizes = np.minimum(sizes, _TOO_LONG)
    return both[:, 0] & _HEADS[sizes], (both[:, 1] & _TAILS[sizes]) | _SIZES[sizes]
