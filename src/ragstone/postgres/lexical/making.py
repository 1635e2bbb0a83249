"""How the words of a version become a segment."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence

from ragstone.domain.documents import Chunk, embedding_text
from ragstone.ports.lexical_index import Entry
from ragstone.retrieve.analysis import count_terms, detect
from ragstone.retrieve.lexical.segment import MOST_CHUNKS, Counted

MADE_BY = "1"
"""What cuts text into terms, and how. Where that changes this does, and every segment is made anew."""
_COUNTED_AT_A_TIME = 100
_LOOKED_AT = 8
"""Chunks by which a document's language is told."""


async def language_of(chunks: Sequence[Chunk]) -> str:
    """Return the language of a version's text, ``""`` where it cannot be told."""
    return await asyncio.to_thread(detect, "\n".join(chunk.text for chunk in chunks[:_LOOKED_AT]))


async def count_words(entry: Entry, language: str) -> Counted:
    """Return how often each chunk of a version has each term, its title and headings included."""
    counted: list[Counter[str]] = []
    for begin in range(0, len(entry.chunks), _COUNTED_AT_A_TIME):
        part = entry.chunks[begin : begin + _COUNTED_AT_A_TIME]
        counted += await asyncio.to_thread(_count, entry.title, part, language)
    return Counted(entry.version_id, [chunk.id for chunk in entry.chunks], counted)


def _count(title: str, chunks: Sequence[Chunk], language: str) -> list[Counter[str]]:
    return [
        count_terms(embedding_text(title, chunk.heading_path, chunk.text, lead=chunk.lead), language)
        for chunk in chunks
    ]


def in_segments(versions: Sequence[Counted]) -> Iterator[list[Counted]]:
    """Yield versions in lots of at most ``MOST_CHUNKS`` chunks; one that has more is in several."""
    lot: list[Counted] = []
    left = MOST_CHUNKS
    for version in versions:
        begin = 0
        while begin < len(version.chunk_ids):
            end = min(begin + left, len(version.chunk_ids))
            lot.append(Counted(version.version_id, version.chunk_ids[begin:end], version.terms[begin:end]))
            left -= end - begin
            begin = end
            if not left:
                yield lot
                lot, left = [], MOST_CHUNKS
    if lot:
        yield lot
