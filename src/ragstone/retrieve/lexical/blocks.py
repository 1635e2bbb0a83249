"""Postings as bytes: blocks of terms that follow each other, each found by its first term.

A block is a header (CRC-32 of the rest, number of terms, bytes of a frequency), the terms (8 bytes each), how many
postings each has (4), all places (2), all frequencies (1, or 2 where one is above 255); little-endian.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragstone.retrieve.lexical.segment import Postings

_HEADER = struct.Struct("<IIB3x")
_POSTINGS_IN_A_BLOCK = 1024
"""A block has more only if its one term does: a question reads a block for each term and segment."""
_SIGN = 1 << 63


class Damaged(Exception):
    """A block is not what was written."""


@dataclass(frozen=True, slots=True, eq=False)
class Posting:
    """One term's postings: ``places``, ascending, and ``frequencies``, shape ``(postings,)``."""

    places: NDArray[np.uint16]
    frequencies: NDArray[np.unsignedinteger[Any]]

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return self.places.nbytes + self.frequencies.nbytes


NO_POSTING = Posting(np.empty(0, np.uint16), np.empty(0, np.uint8))


def signed(term: int) -> int:
    """Return a term's key as PostgreSQL's ``bigint``, in the same order."""
    return term - _SIGN


def blocks(postings: Postings) -> Iterator[tuple[int, bytes]]:
    """Yield the first term of each block, ``signed``, and its bytes."""
    ends = np.cumsum(postings.counts, dtype=np.int64)
    begin, done = 0, 0
    while begin < len(ends):
        end = max(begin + 1, int(np.searchsorted(ends, done + _POSTINGS_IN_A_BLOCK, side="right")))
        last = int(ends[end - 1])
        frequencies = postings.frequencies[done:last]
        narrow = frequencies.max() <= 255
        body = b"".join(
            (
                postings.terms[begin:end].tobytes(),
                postings.counts[begin:end].tobytes(),
                postings.places[done:last].tobytes(),
                (frequencies.astype(np.uint8) if narrow else frequencies).tobytes(),
            )
        )
        head = _HEADER.pack(zlib.crc32(body), end - begin, 1 if narrow else 2)
        yield signed(int(postings.terms[begin])), head + body
        begin, done = end, last


def posting_in(block: bytes, term: int) -> Posting:
    """Return the postings of a term; none where the block does not have it. Raises ``Damaged``."""
    terms, counts, places, frequencies = _parts(block)
    place = int(np.searchsorted(terms, np.uint64(term)))
    if place == len(terms) or terms[place] != term:
        return NO_POSTING
    begin = int(counts[:place].sum())
    end = begin + int(counts[place])
    # Copies, or a posting of two chunks would keep the whole block.
    return Posting(places[begin:end].copy(), frequencies[begin:end].copy())


def joined(parts: list[bytes]) -> Postings:
    """Return the postings of all blocks of a segment, in their order. Raises ``Damaged``."""
    read = [_parts(block) for block in parts]
    none = np.empty(0, np.uint16)
    return Postings(
        np.concatenate([terms for terms, *_ in read] or [np.empty(0, np.uint64)]),
        np.concatenate([counts for _, counts, *_ in read] or [np.empty(0, np.uint32)]),
        np.concatenate([places for _, _, places, _ in read] or [none]),
        np.concatenate([frequencies.astype(np.uint16) for *_, frequencies in read] or [none]),
    )


def _parts(
    block: bytes,
) -> tuple[NDArray[np.uint64], NDArray[np.uint32], NDArray[np.uint16], NDArray[np.unsignedinteger[Any]]]:
    if len(block) < _HEADER.size:
        raise Damaged("A block of postings is cut off.")
    digest, terms, width = _HEADER.unpack_from(block)
    body = memoryview(block)[_HEADER.size :]
    if zlib.crc32(body) != digest:
        raise Damaged("A block of postings is damaged.")
    keys = np.frombuffer(body, np.uint64, terms)
    counts = np.frombuffer(body, np.uint32, terms, offset=8 * terms)
    postings, offset = int(counts.sum()), 12 * terms
    places = np.frombuffer(body, np.uint16, postings, offset=offset)
    kind: type[np.unsignedinteger[Any]] = np.uint8 if width == 1 else np.uint16
    return keys, counts, places, np.frombuffer(body, kind, postings, offset=offset + 2 * postings)
