"""Words that no chunk in view has, and what they may have been meant to be, by the index's own vocabulary.

The index knows terms by digests of their stems. So what a word may have been meant to be is guessed, the guesses are
looked up, and those that are there are read in the text of a few chunks: "percentate", one slip from "percentage", has
the stem of "percent", but no text has it.

A reader's view is all that is looked at. Which words are doubted, which guesses count and in which order they come is
told by document frequencies under his mask; guesses are made of the doubted word alone, always as many; the vocabulary
of a segment is read whole or not at all; and texts are read through what he may see. So a word that stands only where
he may not look gives no hint, changes none, and costs no statement more: he is answered as if it were not there.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from ragstone.domain.queries import Correction, Scope
from ragstone.postgres.database import Connection
from ragstone.postgres.lexical.corpora import View
from ragstone.postgres.visibility import visible
from ragstone.retrieve.analysis import QuestionTerms, plain_words, tried_languages
from ragstone.retrieve.analysis.function_words import FUNCTION_WORDS
from ragstone.retrieve.analysis.misspellings import SHORTEST_FOR_TWO, is_spelt, one_slip_away, two_slips_away
from ragstone.retrieve.analysis.stems import fold, stems, unmarked
from ragstone.retrieve.lexical.blocks import Posting
from ragstone.retrieve.lexical.scoring import Part, frequency_of
from ragstone.retrieve.lexical.vocabulary import Vocabulary, keys_of

PATIENCE: Final = 0.05
"""Seconds that a search waits for vocabularies that are not at hand yet; they are read on meanwhile."""

_WEIGHT = 0.8
"""Of a word that was searched for instead of one that no chunk has."""
_MOST_DOUBTED = 4
_LEAD = 5
"""So many times the chunks of the next likely word are needed: of two equally likely ones, neither is told."""
_TERMS_READ = 3
_CHUNKS_READ = 4
_TEXTS = """
    with visible as ({versions})
    select c.text, c.lead, c.heading_path, v.indexed_title
    from chunks c join visible on visible.version_id = c.version_id join versions v on v.id = c.version_id
    where c.id = any(%(chunk_ids)s) and {chunks}
"""
_LETTERS = re.compile(r"[^\W\d_]+")


class Spelling(StrEnum):
    """What a search does about words that no chunk has."""

    OFF = "off"
    TOLD = "told"
    """It says what may have been meant."""
    SEARCHED = "searched"
    """It searches for that instead, at a lower weight, and says so."""


@dataclass(frozen=True, slots=True)
class Doubted:
    """Words of a question that no chunk in view has, each with the place of its group.

    ``languages``: those whose stems the question is tried by.
    """

    words: Mapping[int, str]
    languages: Sequence[str]


@dataclass(frozen=True, slots=True)
class Corrected:
    """A correction, the place of the group of the question that it is for, and the terms to look for instead."""

    place: int
    correction: Correction
    terms: tuple[str, ...]


def absent_groups(asked: QuestionTerms, parts: Sequence[Part]) -> Mapping[tuple[str, ...], int]:
    """Return the groups of a question that no chunk in view has, with their places."""
    return {
        group: place
        for place, group in enumerate(asked.groups)
        if not any(frequency_of(posting, part.mask) for part in parts for posting in part.groups[place])
    }


def standing(
    groups: Sequence[Sequence[str]], views: Sequence[View], postings: Sequence[Sequence[Sequence[Posting]]]
) -> list[tuple[str, ...]]:
    """Return of each group the terms that any chunk in view has; ``postings`` are those of each view, by group."""
    pairs = list(zip(views, postings, strict=True))
    return [
        tuple(
            term
            for at, term in enumerate(group)
            if any(frequency_of(held[place][at], view.mask) for view, held in pairs)
        )
        for place, group in enumerate(groups)
    ]


def doubted(
    question: str, asked: QuestionTerms, absent: Mapping[tuple[str, ...], int], languages: Sequence[str]
) -> Doubted:
    """Return which of the ``absent`` groups to doubt, of a question for documents in ``languages``.

    None where most of its plain words are absent, or it is in another language: then nothing is misspelt.
    """
    tried = tried_languages(question, languages)
    plain = plain_words(question, languages)
    there = {absent[word.group]: word.text for word in plain if word.group in absent}
    if (asked.language and asked.language not in languages) or (len(there) > 1 and 2 * len(there) > len(plain)):
        return Doubted({}, tried)
    spelt = [(place, text) for place, text in there.items() if is_spelt(fold(text, tried[0]))]
    return Doubted(dict(spelt[:_MOST_DOUBTED]), tried)


@dataclass(frozen=True, slots=True, eq=False)
class Guessed:
    """What a doubted word may have been meant to be, the likelier first; in how many chunks in view each guess stands.

    ``read``: chunks in view that have one of the likeliest.
    """

    place: int
    word: str
    guesses: Mapping[str, int]
    read: Sequence[UUID]


def guessed(asked: Doubted, views: Sequence[View], vocabularies: Sequence[Vocabulary]) -> list[Guessed]:
    """Return for each doubted word the guesses that stand in chunks in view, where any does."""
    found = (_guessed(place, word, asked.languages, views, vocabularies) for place, word in asked.words.items())
    return [each for each in found if each]


async def corrections(
    connection: Connection, scope: Scope, languages: Sequence[str], guesses: Sequence[Guessed]
) -> list[Corrected]:
    """Return what each word was likeliest meant to be, where a text in view has it."""
    seen = visible(scope)
    query = _TEXTS.format(versions=seen.versions, chunks=seen.chunks)
    chunk_ids = list({each for guess in guesses for each in guess.read})
    cursor = await connection.execute(query, {**seen.parameters, "chunk_ids": chunk_ids}, prepare=seen.prepare)
    texts = await cursor.fetchall()
    return await asyncio.to_thread(_corrections, languages, guesses, texts)


def _corrections(
    languages: Sequence[str], guesses: Sequence[Guessed], texts: Sequence[tuple[str, str, Sequence[str], str | None]]
) -> list[Corrected]:
    whole = "\n".join(part for text, lead, headings, title in texts for part in (text, lead, *headings, title or ""))
    written = {unmarked(form): form for form in _LETTERS.findall(fold(whole, languages[0]))}
    found = []
    for each in guesses:
        likely = [(guess, chunks) for guess, chunks in each.guesses.items() if unmarked(guess) in written]
        if not likely or _is_rivalled(likely, languages[0]):
            continue
        form = written[unmarked(likely[0][0])]
        correction = Correction(each.word, form.capitalize() if each.word.istitle() else form, likely[0][1])
        terms = dict.fromkeys(stems((form,), language)[0] for language in languages)
        found.append(Corrected(each.place, correction, tuple(terms)))
    return found


def _is_rivalled(likely: Sequence[tuple[str, int]], language: str) -> bool:
    """Say whether another word than the first one, not another form of it, is nearly as likely."""
    (first, chunks), *others = likely
    (term,) = stems((first,), language)
    others = [guess for guess in others if guess[1] * _LEAD > chunks]
    return any(each != term for each in stems([guess for guess, _ in others], language))


def instead(asked: QuestionTerms, corrected: Sequence[Corrected]) -> QuestionTerms:
    """Return the question with what was meant in place of words that no chunk has, at a lower weight."""
    groups, weights = list(asked.groups), list(asked.weights)
    for each in corrected:
        groups[each.place] = each.terms
        weights[each.place] *= _WEIGHT
    return replace(asked, groups=tuple(groups), weights=tuple(weights))


def _guessed(
    place: int, word: str, languages: Sequence[str], views: Sequence[View], vocabularies: Sequence[Vocabulary]
) -> Guessed | None:
    folded = fold(word, languages[0])
    for guesses in _guesses(folded, languages[0]):
        # "whcih" was meant to be a function word, which says nothing.
        if any(guess in FUNCTION_WORDS.get(language, ()) for language in languages for guess in guesses):
            return None
        keys = [keys_of(stems(guesses, language)) for language in languages]
        chunks = np.max([_chunks(each, views, vocabularies) for each in keys], axis=0)
        (there,) = np.nonzero(chunks)
        if len(there):
            order = sorted(there.tolist(), key=lambda at: (guesses[at][0] != folded[0], -chunks[at], at))
            likeliest = list(dict.fromkeys(int(each[at]) for at in order for each in keys))
            read = _holders(likeliest, views, vocabularies)
            return Guessed(place, word, {guesses[at]: int(chunks[at]) for at in order}, read)
    return None


def _guesses(folded: str, language: str) -> Iterator[list[str]]:
    """Yield what is one slip away, then, for a long word, two; these begin with the same letter.

    Of two slips at the beginning of a word more often a prefix comes or goes: "incapacidad" is not "capacidad".
    """
    yield one_slip_away(folded, language)
    if len(folded) >= SHORTEST_FOR_TWO:
        yield [guess for guess in two_slips_away(folded) if guess[0] == folded[0]]


def _chunks(keys: NDArray[np.uint64], views: Sequence[View], vocabularies: Sequence[Vocabulary]) -> NDArray[np.int64]:
    """Return in how many chunks in view each term stands."""
    pairs = zip(views, vocabularies, strict=True)
    found: NDArray[np.int64] = np.sum([each.frequencies(keys, view.mask) for view, each in pairs], axis=0)
    return found


def _holders(keys: Sequence[int], views: Sequence[View], vocabularies: Sequence[Vocabulary]) -> list[UUID]:
    """Return the first chunks in view of each of the first terms that stand in any."""
    found: list[UUID] = []
    read = 0
    for key in keys:
        holders = [
            UUID(bytes=bytes(view.members.chunk_ids[at]))
            for view, vocabulary in zip(views, vocabularies, strict=True)
            for at in vocabulary.holders(key, view.mask, _CHUNKS_READ)
        ][:_CHUNKS_READ]
        found += holders
        read += bool(holders)
        if read == _TERMS_READ:
            break
    return found
