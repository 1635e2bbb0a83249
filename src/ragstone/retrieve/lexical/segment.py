"""A segment: the postings of up to 65,536 chunks, in arrays.

It is never changed. What is new makes another segment; several are merged into one, and what was deleted stays
behind. A term is known by 64 bits of its digest: among ten million terms two share them once in 400,000 indexes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import chain
from typing import TypeAlias
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

MOST_CHUNKS = 1 << 16
"""So that the place of a chunk takes two bytes, and the scores of a segment stay in the processor's cache."""
MOST_FREQUENT = (1 << 16) - 1

Ids: TypeAlias = NDArray[np.void]
"""UUIDs of 16 bytes each, shape ``(n,)``."""


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """What a segment holds: its chunks in order, those of one version side by side.

    ``chunk_ids`` and ``lengths`` (in words) have shape ``(chunks,)``, ``version_ids`` and ``sizes`` (in chunks)
    ``(versions,)``. Lengths and frequencies are multiples of 1 / ``unit``: a word of the text counts ``unit``.
    """

    chunk_ids: Ids
    lengths: NDArray[np.uint32]
    version_ids: Ids
    sizes: NDArray[np.uint32]
    unit: int = 1

    def words(self, mask: NDArray[np.bool_] | None = None) -> float:
        """Return how many words the chunks of the mask have, all of them for ``None``."""
        return int((self.lengths if mask is None else self.lengths[mask]).sum()) / self.unit


@dataclass(frozen=True, slots=True, eq=False)
class Postings:
    """Where terms stand. Shape ``(terms,)``: ``terms``, ascending, and ``counts``; all postings of the first term
    come first in ``places`` (of chunks in the segment, ascending) and ``frequencies``, both ``(postings,)``."""

    terms: NDArray[np.uint64]
    counts: NDArray[np.uint32]
    places: NDArray[np.uint16]
    frequencies: NDArray[np.uint16]


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Members and their postings."""

    members: Members
    postings: Postings


@lru_cache(maxsize=200_000)
def term_key(term: str) -> int:
    """Return the 64 bits that a term is known by."""
    return int.from_bytes(blake2b(term.encode(errors="surrogatepass"), digest_size=8).digest(), "little")


def ids_of(ids: Sequence[UUID]) -> Ids:
    """Return UUIDs as an array."""
    return np.frombuffer(b"".join(each.bytes for each in ids), dtype="V16")


@dataclass(frozen=True, slots=True)
class Counted:
    """A version's chunks, and how often each has each term."""

    version_id: UUID
    chunk_ids: Sequence[UUID]
    terms: Sequence[Mapping[str, int]]


def segment_of(versions: Sequence[Counted], unit: int = 1) -> Segment:
    """Return the segment of versions of at most ``MOST_CHUNKS`` chunks, counted in ``1 / unit``.

    A count beyond 65,535 is taken for that.
    """
    counted = [terms for version in versions for terms in version.terms]
    lengths = np.fromiter((sum(terms.values()) for terms in counted), np.uint32, len(counted))
    members = members_of([(version.version_id, version.chunk_ids) for version in versions], lengths, unit)
    return Segment(members, _postings_of(counted))


def members_of(versions: Sequence[tuple[UUID, Sequence[UUID]]], lengths: NDArray[np.uint32], unit: int = 1) -> Members:
    """Return what a segment of versions, each with its chunks of these lengths, holds."""
    return Members(
        ids_of([each for _, chunk_ids in versions for each in chunk_ids]),
        lengths,
        ids_of([version_id for version_id, _ in versions]),
        np.fromiter((len(chunk_ids) for _, chunk_ids in versions), np.uint32, len(versions)),
        unit,
    )


class _Numbers(dict[str, int]):
    """Terms in the order in which they were first asked for."""

    def __missing__(self, term: str) -> int:
        number = self[term] = len(self)
        return number


def _postings_of(counted: Sequence[Mapping[str, int]]) -> Postings:
    """Return the postings of chunks by how often they have each term.

    Postings are many: they are put in order as numbers of 64 bits, the term's place among all in the upper half, then
    the chunk's, then the frequency.
    """
    numbers = _Numbers()
    distinct = np.fromiter(map(len, counted), np.int64, len(counted))
    total = int(distinct.sum())
    of_terms = np.fromiter(map(numbers.__getitem__, chain.from_iterable(counted)), np.int64, total)
    frequencies = np.fromiter(chain.from_iterable(terms.values() for terms in counted), np.int64, total)
    keys = np.fromiter(map(term_key, numbers), np.uint64, len(numbers))
    keys, places_of_terms = np.unique(keys, return_inverse=True)
    terms = places_of_terms[of_terms]
    packed = terms.astype(np.uint64) << np.uint64(32)
    packed |= np.repeat(np.arange(len(counted), dtype=np.uint64) << np.uint64(16), distinct)
    packed |= np.minimum(frequencies, MOST_FREQUENT).astype(np.uint64)
    packed.sort()
    return Postings(
        keys,
        np.bincount(terms, minlength=len(keys)).astype(np.uint32),
        (packed >> np.uint64(16)).astype(np.uint16),
        packed.astype(np.uint16),
    )


def merge(segments: Sequence[Segment], kept: Sequence[NDArray[np.bool_]]) -> Segment:
    """Return one segment of those versions of several that are ``kept`` (a flag for each version of each).

    At most ``MOST_CHUNKS`` chunks may be kept. Raises ``ValueError`` where they are of several units.
    """
    begin, parts = 0, []
    for segment, versions in zip(segments, kept, strict=True):
        chunks = np.repeat(versions, segment.members.sizes)
        parts.append(_kept_part(segment, versions, chunks, begin))
        begin += int(chunks.sum())
    members, postings = zip(*((part.members, part.postings) for part in parts), strict=True)
    return Segment(_joined_members(members), _joined_postings(postings))


def _kept_part(segment: Segment, versions: NDArray[np.bool_], chunks: NDArray[np.bool_], begin: int) -> Segment:
    """Return what stays of a segment, its chunks counted from ``begin``."""
    members, postings = segment.members, segment.postings
    new_places = (begin + np.cumsum(chunks) - 1).astype(np.uint16)
    places, frequencies, counts = new_places[postings.places], postings.frequencies, postings.counts
    if not versions.all():
        stays = chunks[postings.places]
        counts = np.add.reduceat(stays, _starts(counts), dtype=np.uint32) if len(counts) else counts
        places, frequencies = places[stays], frequencies[stays]
    stay = Members(
        members.chunk_ids[chunks],
        members.lengths[chunks],
        members.version_ids[versions],
        members.sizes[versions],
        members.unit,
    )
    return Segment(stay, Postings(postings.terms[counts > 0], counts[counts > 0], places, frequencies))


def _starts(counts: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return where each term's postings begin."""
    ends = np.cumsum(counts, dtype=np.int64)
    return ends - counts


def _joined_members(parts: Sequence[Members]) -> Members:
    (unit,) = {part.unit for part in parts if len(part.sizes)} or {1}
    return Members(
        np.concatenate([part.chunk_ids for part in parts]),
        np.concatenate([part.lengths for part in parts]),
        np.concatenate([part.version_ids for part in parts]),
        np.concatenate([part.sizes for part in parts]),
        unit,
    )


def _joined_postings(parts: Sequence[Postings]) -> Postings:
    """Join postings of chunks that follow each other. Only terms are sorted; their postings move as they are."""
    terms = np.concatenate([part.terms for part in parts])
    counts = np.concatenate([part.counts for part in parts])
    order = np.argsort(terms, kind="stable")
    moved = counts[order].astype(np.int64)
    from_, to = _starts(counts)[order], np.cumsum(moved) - moved
    take = np.repeat(from_ - to, moved) + np.arange(int(moved.sum()))
    first = np.flatnonzero(np.diff(terms[order], prepend=terms[order][:1] + np.uint64(1))) if len(terms) else order
    return Postings(
        terms[order][first],
        np.add.reduceat(moved, first).astype(np.uint32) if len(first) else counts,
        np.concatenate([part.places for part in parts])[take],
        np.concatenate([part.frequencies for part in parts])[take],
    )
