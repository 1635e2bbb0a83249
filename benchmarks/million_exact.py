"""BM25 of the made texts from their words' ranks, in 64-bit floats: no analysis, segments or SQL of ours take part."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.million_record import CLUSTERS_SEED, document_id, index_words, lot_of, number_of, store
from benchmarks.million_searches import Asked
from benchmarks.million_texts import PER_DOCUMENT, TITLE_WORDS, Block, Ranks, blocks, updated
from benchmarks.vector_record import ELSEWHERE, FIELDS, Clusters
from ragstone.container import Container
from ragstone.domain.access import LOCAL
from ragstone.domain.queries import Ranked, Scope

TOLERANCE = 1e-4
_TOP = 10
_DELETED_OF = 20
_LOTS, _UPDATED_OF = 10, 50
_AT_A_TIME = 1_000


@dataclass(slots=True)
class Changes:
    """What happened to the record since it was filled: documents that went, and blocks that took another's place, each
    with the number of its first chunk."""

    deleted: set[int] = field(default_factory=set)
    updates: list[tuple[int, Block]] = field(default_factory=list)

    def blocks(self, chunks: int) -> Iterator[tuple[int, Block, NDArray[np.bool_]]]:
        """Yield all blocks: the number of the first chunk, the block, and which of its chunks are there still."""
        gone = set(self.deleted)
        for _, block in self.updates:
            gone |= {*range(block.first, block.first + len(block.titles))}
        for block in blocks(chunks):
            there = [number not in gone for number in range(block.first, block.first + len(block.titles))]
            yield block.first * PER_DOCUMENT, block, np.repeat(there, PER_DOCUMENT)
        for first_chunk, block in self.updates:
            yield first_chunk, block, np.ones(len(block.lengths), np.bool_)


class Reference:
    """Scores of chunks, by Robertson & Zaragoza (2009) with k1 1.2 and b 0.75; a word of a title counts ``title``."""

    def __init__(self, chunks: int, asked: Sequence[Ranks], changes: Changes, title: float) -> None:
        self._words, self._title = np.unique(np.concatenate(asked)), title
        parts = [self._counted(*each) for each in changes.blocks(chunks)]
        numbers, lengths, places, words, frequencies = zip(*parts, strict=True)
        begins = np.cumsum([0, *map(len, numbers[:-1])])
        word_of = np.concatenate(words)
        order = np.argsort(word_of, kind="stable")
        self.numbers = np.concatenate(numbers)
        self._lengths = np.concatenate(lengths).astype(np.float64)
        self._ends = np.searchsorted(word_of[order], np.arange(len(self._words) + 1))
        moved = [place + begin for place, begin in zip(places, begins, strict=True)]
        self._chunks, self._frequencies = np.concatenate(moved)[order], np.concatenate(frequencies)[order]

    def _counted(self, first: int, block: Block, there: NDArray[np.bool_]) -> tuple[Any, ...]:
        """Return numbers and lengths of the chunks that are there, and of each word in a chunk, which chunk, which word
        and how often."""
        titles = np.repeat(block.titles, PER_DOCUMENT, axis=0)
        place_of = np.cumsum(there) - 1
        ranks = np.concatenate((block.words, titles.ravel()))
        chunk_of = np.concatenate(
            (np.repeat(np.arange(len(there)), block.lengths), np.repeat(np.arange(len(there)), TITLE_WORDS))
        )
        weights = np.repeat((1.0, self._title), (len(block.words), titles.size))
        counts = np.isin(ranks, self._words) & there[chunk_of] & (weights > 0)
        keys = place_of[chunk_of[counts]] * len(self._words) + np.searchsorted(self._words, ranks[counts])
        unique, at = np.unique(keys, return_inverse=True)
        numbers, lengths = first + np.flatnonzero(there), block.lengths[there] + self._title * TITLE_WORDS
        return numbers, lengths, *np.divmod(unique, len(self._words)), np.bincount(at, weights[counts])

    def scores(self, question: Ranks) -> NDArray[np.float64]:
        """Return the score of each chunk of ``numbers``."""
        scores = np.zeros(len(self.numbers))
        saturation = 1.2 * (0.25 + 0.75 * self._lengths / self._lengths.mean())
        for word in np.searchsorted(self._words, question):
            those = slice(self._ends[word], self._ends[word + 1])
            chunks, frequencies = self._chunks[those], self._frequencies[those]
            idf = np.log(1 + (len(scores) - len(chunks) + 0.5) / (len(chunks) + 0.5))
            scores[chunks] += idf * frequencies * 2.2 / (frequencies + saturation[chunks])
        return scores


@dataclass(frozen=True, slots=True)
class Compared:
    """How our first ten agree with the reference: the largest difference of a score, relative, and the questions of
    which a place among the ten has another score."""

    when: str
    questions: int
    chunks: int
    largest_difference: float
    wrong: int


async def compare(container: Container, asked: Asked, chunks: int, changes: Changes, when: str) -> dict[str, Any]:
    """Compare each question's first ten; equals may stand in any order."""
    title = container.settings.words_title_weight
    reference = await asyncio.to_thread(Reference, chunks, asked.ranks, changes, title)
    differences, wrong = [0.0], 0
    for text, ranks in zip(asked.texts, asked.ranks, strict=True):
        matches = await container.lexical.search(text, Scope(LOCAL), _TOP)
        scores = await asyncio.to_thread(reference.scores, ranks)
        largest = _difference(matches.ranked, reference.numbers, scores)
        differences.append(largest)
        wrong += largest > TOLERANCE
    return asdict(Compared(when, len(asked.texts), len(reference.numbers), float(max(differences)), wrong))


def _difference(found: Sequence[Ranked], numbers: Ranks, scores: NDArray[np.float64]) -> float:
    """Return the largest relative difference of a score: from that of the same chunk, and of the same place."""
    best = np.sort(scores[scores > 0])[::-1][:_TOP]
    places = np.searchsorted(numbers, [number_of(each.chunk_id) for each in found])
    ours = np.array([each.score for each in found])
    if len(ours) != len(best):
        return float("inf")
    right = np.stack((best, scores[np.minimum(places, len(scores) - 1)]))
    return float((abs(ours - right) / best).max(initial=0.0))


async def change(container: Container, chunks: int) -> Changes:
    """Update a fiftieth of the documents, in ten lots, and delete a twentieth of the others."""
    changes, documents, clusters = Changes(), chunks // PER_DOCUMENT, Clusters(CLUSTERS_SEED)
    size, next_chunk = max(documents // (_LOTS * _UPDATED_OF), 1), chunks
    async with container.database.connect() as connection:
        for place in range(_LOTS):
            block = updated(place * documents // _LOTS, size)
            marks = {name: np.full(size, 1, np.int16) for name in (*FIELDS, ELSEWHERE)}
            vectors = clusters.draw((1 << 21) + place, np.zeros(size * PER_DOCUMENT, np.intp))
            lot = lot_of(block, marks, vectors, new_version=1 << 40, first_chunk=next_chunk)
            await store(connection, lot, anew=False)
            await index_words(container, lot.entries())
            changes.updates.append((next_chunk, block))
            next_chunk += size * PER_DOCUMENT
        kept = {number for _, block in changes.updates for number in range(block.first, block.first + size)}
        changes.deleted = set(range(7, documents, _DELETED_OF)) - kept
        deleted = [document_id(each) for each in sorted(changes.deleted)]
        for begin in range(0, len(deleted), _AT_A_TIME):
            await connection.execute("delete from documents where id = any(%s)", (deleted[begin : begin + _AT_A_TIME],))
    return changes
