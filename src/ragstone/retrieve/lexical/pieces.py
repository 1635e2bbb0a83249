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
from ragstone.retrieve.lexical.segment import term_key

Numbers: TypeAlias = NDArray[np.int64]
Pairs: TypeAlias = NDArray[np.uint64]
"""Pieces as two numbers each, shape ``(n, 2)``."""

_MOST_PIECES = 1 << 18
_MOST_TERMS_OF_PIECES = 1 << 20
"""And of places among them. Beyond either, all pieces of a language are forgotten: they take some 50 MB at the most."""
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
"""Of the number of slots, each of 20 bytes."""


class Terms(dict[str, int]):
    """The numbers of terms, in the order in which they were first met. Terms of one key have one number."""

    def __init__(self) -> None:
        super().__init__()
        self._by_key: dict[int, int] = {}

    def learn(self, terms: Iterable[str]) -> None:
        """Give a number to those of ``terms`` that have none."""
        new = [term for term in dict.fromkeys(terms) if term not in self]
        by_key = self._by_key
        self.update(zip(new, [by_key.setdefault(key, len(by_key)) for key in map(term_key, new)], strict=True))

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
        self._several, self._ends = array("q", [-1]), array("q", [1])  # what is empty has no view
        self._table = _Table()

    def of(self, texts: Sequence[str]) -> tuple[Numbers, Numbers]:
        """Return all terms of ``texts``, in no order: the number of each, and the place of its text."""
        if len(self._codes) > _MOST_PIECES or len(self._several) + len(self._ends) > _MOST_TERMS_OF_PIECES:
            self._forget()
        written = [text.encode(errors="surrogatepass") for text in texts]
        data = b"\n".join((*written, _PAD))
        begins, ends = _between_spaces(data)
        text_ends = np.cumsum([len(each) + 1 for each in written])
        places = np.repeat(np.arange(len(texts)), np.diff(np.searchsorted(begins, text_ends), prepend=0))
        return self._apart(self._codes_of(data, begins, ends), places)

    def _codes_of(self, data: bytes, begins: Numbers, ends: Numbers) -> Numbers:
        pairs = _as_pairs(data, begins, ends - begins)
        codes, there = self._table.find(pairs)
        asked = np.flatnonzero(~there)
        codes[asked] = self._one_by_one(data, begins[asked], ends[asked])
        self._table.put(pairs[asked], codes[asked])
        return codes

    def _one_by_one(self, data: bytes, begins: Numbers, ends: Numbers) -> Numbers:
        pieces = [data[begin:end] for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]
        new = [piece for piece in dict.fromkeys(pieces) if piece not in self._codes]
        self._learn(new)
        codes = np.fromiter(map(self._codes.__getitem__, pieces), np.int64, len(pieces))
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
        ends, terms = np.frombuffer(self._ends, np.int64), np.frombuffer(self._several, np.int64)
        counts = ends[rows + 1] - ends[rows]
        done = np.cumsum(counts)
        take = np.repeat(ends[rows + 1] - done, counts) + np.arange(int(done[-1]))
        return (
            np.concatenate((codes[~several], terms[take])),
            np.concatenate((places[~several], np.repeat(places[several], counts))),
        )


class _Table:
    """Codes of short pieces, each in the one slot that it may have: where two want the same, the first one has it."""

    def __init__(self) -> None:
        self._start(_FEWEST_BITS)

    def _start(self, bits: int) -> None:
        self._bits = bits
        self._held = 0
        self._pieces = np.zeros(1 << bits, "V16")
        self._codes = np.zeros(1 << bits, np.int32)

    def find(self, pieces: Pairs) -> tuple[Numbers, NDArray[np.bool_]]:
        """Return the codes of pieces, and which of them are there."""
        slots = self._slots(pieces)
        there = _pairs(self._pieces[slots])
        return self._codes[slots].astype(np.int64), (there[:, 0] == pieces[:, 0]) & (there[:, 1] == pieces[:, 1])

    def put(self, pieces: Pairs, codes: Numbers) -> None:
        """Keep the codes of those short pieces for which there is room."""
        if self._bits < _MOST_BITS and 4 * (self._held + len(codes)) > 1 << self._bits:
            self._grow()
        slots = self._slots(pieces)
        empty = _pairs(self._pieces[slots])[:, 1] == 0
        free = np.flatnonzero(empty & (pieces[:, 1] < _SIZES[_TOO_LONG]))
        self._codes[slots[free]] = free
        kept = free[self._codes[slots[free]] == free]  # one of those that want the same slot
        self._pieces[slots[kept]] = pieces[kept].view("V16").ravel()
        self._codes[slots[kept]] = codes[kept]
        self._held += len(kept)

    def _grow(self) -> None:
        pieces, codes = _pairs(self._pieces), self._codes
        held = np.flatnonzero(pieces[:, 1])
        self._start(min(self._bits + 3, _MOST_BITS))
        self.put(pieces[held], codes[held].astype(np.int64))

    def _slots(self, pieces: Pairs) -> Numbers:
        spread = ((pieces[:, 1] * _SPREAD) ^ pieces[:, 0]) * _SPREAD
        return (spread >> np.uint64(64 - self._bits)).view(np.int64)


def _between_spaces(data: bytes) -> tuple[Numbers, Numbers]:
    """Return where pieces begin and end, a comma or a full stop behind them left out: they part sentences."""
    spaces = np.flatnonzero(np.frombuffer(data.translate(_SPACES), np.bool_))
    begins = np.concatenate(([0], spaces[:-1] + 1))
    signs = np.frombuffer(data.translate(_PARTS_SENTENCES), np.bool_)
    ends = spaces - signs[spaces - 1]
    there = ends > begins
    return begins[there], ends[there]


def _as_pairs(data: bytes, begins: Numbers, sizes: Numbers) -> Pairs:
    """Return pieces as two numbers each: their first 8 bytes, and the next 7 and their size."""
    pairs = _pairs(np.ndarray((len(data) - 15,), "V16", data, strides=(1,))[begins])
    sizes = np.minimum(sizes, _TOO_LONG)
    pairs[:, 0] &= _HEADS[sizes]
    pairs[:, 1] = (pairs[:, 1] & _TAILS[sizes]) | _SIZES[sizes]
    return pairs


def _pairs(sixteen: NDArray[np.void]) -> Pairs:
    """Return values of 16 bytes as two numbers each."""
    return sixteen.view("<u8").reshape(-1, 2)
