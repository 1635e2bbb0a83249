"""How the words of versions become segments."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from ragstone.domain.documents import Chunk
from ragstone.ports.lexical_index import Entry
from ragstone.retrieve.analysis import count_terms, detect
from ragstone.retrieve.lexical.counting import Tally
from ragstone.retrieve.lexical.fields import Fields, FieldWeights
from ragstone.retrieve.lexical.segment import MOST_CHUNKS, Counted, Segment, members_of, segment_of

_ANALYSIS = "1"
"""What cuts text into terms, and how. Where that changes this does, and every segment is made anew."""
_COUNTED_AT_A_TIME = 100
_FEW = 16
"""Chunks that are counted as fast one by one."""
_LOOKED_AT = 8
"""Chunks by which a document's language is told."""


def made_by(weights: FieldWeights) -> str:
    """Return what segments of these weights are marked with. Those marked otherwise than now are made anew."""
    return f"{_ANALYSIS} {weights.title:g} {weights.headings:g}"


def weights_of(mark: str) -> FieldWeights | None:
    """Return the weights of segments that are marked so; ``None`` where they were made otherwise than by this code."""
    match mark.split():
        case [analysis, title, headings] if analysis == _ANALYSIS:
            return FieldWeights(float(title), float(headings))
    return None


async def languages_of(entries: Sequence[Entry]) -> list[str]:
    """Return the language of each version's text, ``""`` where it cannot be told."""
    return await asyncio.to_thread(lambda: [_language_of(entry.chunks) for entry in entries])


def _language_of(chunks: Sequence[Chunk]) -> str:
    return detect("\n".join(chunk.text for chunk in chunks[:_LOOKED_AT]))


def in_segments(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Yield versions in lots of at most ``MOST_CHUNKS`` chunks; one that has more is in several."""
    lot: list[Entry] = []
    left = MOST_CHUNKS
    for entry in entries:
        begin = 0
        while begin < len(entry.chunks):
            chunks = entry.chunks[begin : begin + left]
            lot.append(replace(entry, chunks=chunks))
            left -= len(chunks)
            begin += len(chunks)
            if not left:
                yield lot
                lot, left = [], MOST_CHUNKS
    if lot:
        yield lot


async def make_segment(lot: Sequence[Entry], languages: Mapping[UUID, str], weights: FieldWeights) -> Segment:
    """Return the segment of versions of at most ``MOST_CHUNKS`` chunks, titles and headings included."""
    return await asyncio.to_thread(_made, lot, languages, weights)


def _made(lot: Sequence[Entry], languages: Mapping[UUID, str], weights: FieldWeights) -> Segment:
    if sum(len(entry.chunks) for entry in lot) <= _FEW:
        counted = [_counted(entry, _count(entry, languages[entry.version_id], weights)) for entry in lot]
        return segment_of(counted, weights.unit)
    tally = Tally()
    for entry in lot:
        language = languages[entry.version_id]
        for chunk in entry.chunks:
            tally.add(weights.of(entry.title, chunk), language)
    versions = [(entry.version_id, [chunk.id for chunk in entry.chunks]) for entry in lot]
    return Segment(members_of(versions, tally.lengths(), weights.unit), tally.postings())


async def count_words(entry: Entry, language: str, weights: FieldWeights) -> Counted:
    """Return how much each term counts in each chunk of a version, its title and headings included.

    One chunk after the other: slower than ``make_segment`` where they are many, which is checked by this.
    """
    counted: list[Mapping[str, int]] = []
    for begin in range(0, len(entry.chunks), _COUNTED_AT_A_TIME):
        part = replace(entry, chunks=entry.chunks[begin : begin + _COUNTED_AT_A_TIME])
        counted += await asyncio.to_thread(_count, part, language, weights)
    return _counted(entry, counted)


def _counted(entry: Entry, counted: Sequence[Mapping[str, int]]) -> Counted:
    return Counted(entry.version_id, [chunk.id for chunk in entry.chunks], counted)


def _count(entry: Entry, language: str, weights: FieldWeights) -> list[Mapping[str, int]]:
    return [count_fields(weights.of(entry.title, chunk), language) for chunk in entry.chunks]


def count_fields(fields: Fields, language: str) -> Mapping[str, int]:
    """Return how much each term counts in all fields of a chunk together."""
    if len(fields) == 1 and fields[0][1] == 1:  # as nearly always
        return count_terms(fields[0][0], language)
    summed: Counter[str] = Counter()
    for text, weight in fields:
        for term, frequency in count_terms(text, language).items():
            summed[term] += weight * frequency
    return summed
