"""Made texts of which only the number of chunks is large: documents of ten chunks of 60 to 140 words, the same
each time, a block at a time. Needs NumPy alone: what is measured beside us reads the very same texts.

Words have the frequencies of a double power law (Gerlach & Altmann, Physical Review X 2013, for English: exponents 1
and 1.77, which part at rank 7,873), so that the vocabulary grows as Heaps' law says: 0.9 million words in a hundred
million. The most frequent are English function words, the others syllables, shorter where they are more frequent. They
end as no English suffix does: a word is its own stem, and what is right can be counted without any analysis.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

PER_DOCUMENT = 10
FEWEST_WORDS, MOST_WORDS = 60, 140
"""Of a chunk, its document's title apart."""
TITLE_WORDS = 3
DOCUMENTS_AT_A_TIME = 6_553
"""A block is about as many chunks as a full segment has."""

_SEED = 20_261_122
_KNEE = 7_873
_TAIL = 0.77
_LAST_RANK = 10**10
_FUNCTION_WORDS = ("the", "of", "and", "to", "in", "is", "that", "for", "it", "as", "was", "with")
_ONSETS, _VOWELS, _CODAS = "bdfghjklmnprstvz", "aeiou", "bgkmnptvxz"
_SENTENCE = 12
_COMMONEST_ASKED = 30
_QUESTION_SEED, _UPDATE_SEED = 1 << 30, 1 << 31

Ranks = NDArray[np.int64]
"""Words by their rank, from 0."""

_OPEN = np.array([onset + vowel for onset in _ONSETS for vowel in _VOWELS], object)
_CLOSED = np.array([syllable + coda for syllable in _OPEN for coda in _CODAS], object)
_MIXED = 30_703_213
"""Neighbours in rank are not neighbours in spelling. It has no factor in common with the numbers of words."""


@dataclass(frozen=True, slots=True)
class Block:
    """Documents from number ``first`` on: ``titles``, shape ``(documents, TITLE_WORDS)``, all words of their chunks one
    after the other, and how many each chunk has, shape ``(chunks,)``."""

    first: int
    titles: Ranks
    words: Ranks
    lengths: Ranks

    @property
    def starts(self) -> Ranks:
        """Where each chunk's words begin."""
        return np.cumsum(self.lengths) - self.lengths

    def written_titles(self) -> list[str]:
        """Return the titles as text."""
        return [" ".join(word.capitalize() for word in row) for row in spell(self.titles).tolist()]

    def written(self) -> list[str]:
        """Return the chunks as text, in sentences."""
        ranks, places = np.unique(self.words, return_inverse=True)
        words = spell(ranks)
        within = np.arange(len(self.words)) - np.repeat(self.starts, self.lengths)
        last = within == np.repeat(self.lengths - 1, self.lengths)
        text = words[places]
        for where, spelt in (
            (within % _SENTENCE == 0, np.array([word.capitalize() for word in words], object)),
            (within % _SENTENCE == _SENTENCE // 2, words + ","),
            ((within % _SENTENCE == _SENTENCE - 1) | last, words + "."),
        ):
            text[where] = spelt[places[where]]
        listed = text.tolist()
        ends = np.cumsum(self.lengths).tolist()
        return [" ".join(listed[begin:end]) for begin, end in zip([0, *ends], ends, strict=False)]


def blocks(chunks: int) -> Iterator[Block]:
    """Yield the documents of so many chunks, a multiple of ``PER_DOCUMENT``."""
    documents = chunks // PER_DOCUMENT
    for number, first in enumerate(range(0, documents, DOCUMENTS_AT_A_TIME)):
        yield _drawn(np.random.default_rng((_SEED, number)), first, min(DOCUMENTS_AT_A_TIME, documents - first))


def updated(first: int, documents: int) -> Block:
    """Return what so many documents say after an update."""
    return _drawn(np.random.default_rng((_SEED, _UPDATE_SEED, first)), first, documents)


def _drawn(random: np.random.Generator, first: int, documents: int) -> Block:
    lengths = random.integers(FEWEST_WORDS, MOST_WORDS + 1, documents * PER_DOCUMENT)
    titles = draw(random, documents * TITLE_WORDS).reshape(documents, TITLE_WORDS)
    return Block(first, titles, draw(random, int(lengths.sum())), lengths)


def draw(random: np.random.Generator, count: int) -> Ranks:
    """Draw words by their frequency."""
    head = 1 / np.arange(1, _KNEE + 1)
    share = head.sum() / (head.sum() + 1 / _TAIL)
    drawn = random.random(count)
    ranks = np.searchsorted(np.cumsum(head) / head.sum() * share, drawn)
    rare = np.flatnonzero(ranks == _KNEE)
    # The tail's distribution, turned round: the share of words beyond rank x falls as x to the power of -0.77.
    beyond = (_KNEE + 0.5) * (np.maximum(1 - drawn[rare], 1e-12) / (1 - share)) ** (-1 / _TAIL)
    ranks[rare] = np.minimum(np.rint(beyond), _LAST_RANK).astype(np.int64) - 1
    return ranks


def spell(ranks: Ranks) -> NDArray[Any]:
    """Return words by their ranks, as an array of ``str`` of the same shape."""
    flat = ranks.ravel()
    words = np.empty(len(flat), object)
    known = flat < len(_FUNCTION_WORDS)
    words[known] = np.array(_FUNCTION_WORDS, object)[flat[known]]
    begin, size = len(_FUNCTION_WORDS), len(_OPEN) * len(_CLOSED)
    while begin <= _LAST_RANK:
        here = (flat >= begin) & (flat < begin + size)
        if here.any():
            words[here] = _of_syllables((flat[here] - begin) * _MIXED % size, size)
        begin, size = begin + size, size * len(_OPEN)
    return words.reshape(ranks.shape)


def _of_syllables(numbers: Ranks, size: int) -> NDArray[Any]:
    """Return the words with these numbers, of all that have the same number of syllables."""
    words = _CLOSED[numbers % len(_CLOSED)]
    numbers, left = numbers // len(_CLOSED), size // len(_CLOSED)
    while left > 1:
        words = _OPEN[numbers % len(_OPEN)] + words
        numbers, left = numbers // len(_OPEN), left // len(_OPEN)
    return words


def questions(count: int) -> list[Ranks]:
    """Return questions of 3 to 6 words, drawn as the texts' are, but for the very commonest."""
    random = np.random.default_rng((_SEED, _QUESTION_SEED))
    asked = []
    for length in random.integers(3, 7, count):
        drawn = draw(random, 100)
        asked.append(np.array(list(dict.fromkeys(drawn[drawn >= _COMMONEST_ASKED]))[:length], np.int64))
    return asked
