"""What the passages hold that bears on a question: their sentences, each with measured features."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ragstone.answer.expectation import Expectation, expectation_of
from ragstone.answer.terms import Language, coverage, language_of, rarity
from ragstone.domain.answers import Passage
from ragstone.domain.sentences import Kind, Unit, units

MOST_EMBEDDED: Final = 24
"""Sentences whose meaning is compared with the question: embedding them is what extraction spends its time on."""
MOST_CHARACTERS: Final = 3600
"""Characters of sentences to embed, some 900 tokens."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, read once: its language, what it is about and what kind of answer it expects."""

    text: str
    language: Language
    terms: tuple[str, ...]
    expects: Expectation


@dataclass(frozen=True, slots=True)
class Sentence:
    """One quotable unit of a passage. ``index`` is its place among ``units(passage text)``."""

    passage: Passage
    index: int
    unit: Unit
    text: str
    terms: frozenset[str]


@dataclass(frozen=True, slots=True)
class Reading:
    """The packed passages, read with the question in mind, before any embedding."""

    asked: Asked
    passages: tuple[Passage, ...]
    passage_terms: tuple[frozenset[str], ...]
    place_terms: tuple[frozenset[str], ...]
    lying: tuple[tuple[Unit, ...], ...]
    weights: dict[str, float]
    sentences: tuple[Sentence, ...]


def ask(question: str) -> Asked:
    """Read a question."""
    language = language_of(question)
    terms = language.content_terms(question) or list(dict.fromkeys(language.terms(question)))
    return Asked(question, language, tuple(terms), expectation_of(question))


def read(question: str, passages: Sequence[Passage]) -> Reading:
    """Split the passages into sentences and weigh the question's words by their rarity among the passages."""
    asked = ask(question)
    language = asked.language
    passage_terms = tuple(frozenset(language.terms(passage.hit.chunk.text)) for passage in passages)
    place_terms = tuple(frozenset(language.terms(place_of(passage))) for passage in passages)
    lying = tuple(units(passage.hit.chunk.text) for passage in passages)
    weights = rarity(asked.terms, [mine | place for mine, place in zip(passage_terms, place_terms, strict=True)])
    found = [
        _sentence(passage, index, unit, language)
        for passage, lines in zip(passages, lying, strict=True)
        for index, unit in enumerate(lines)
        if unit.kind not in (Kind.HEADING, Kind.MARKUP)
    ]
    chosen = _worth_embedding(found, passage_terms, weights)
    return Reading(asked, tuple(passages), passage_terms, place_terms, lying, weights, chosen)


def place_of(passage: Passage) -> str:
    """Return where a passage stands: the document's title, then the headings above it."""
    return "\n".join((passage.hit.title, *passage.hit.chunk.heading_path))


def _sentence(passage: Passage, index: int, unit: Unit, language: Language) -> Sentence:
    text = passage.hit.chunk.text[unit.start : unit.end]
    return Sentence(passage, index, unit, text, frozenset(language.terms(text)))


def _worth_embedding(
    found: Sequence[Sentence], passage_terms: Sequence[frozenset[str]], weights: dict[str, float]
) -> tuple[Sentence, ...]:
    """Choose the sentences whose words, and whose passage's words and rank, promise the most."""

    def promise(sentence: Sentence) -> float:
        n = sentence.passage.n
        return (
            coverage(weights, sentence.terms)
            + 0.5 * coverage(weights, passage_terms[n - 1])
            + 0.6 / n
            - (0.5 if sentence.unit.kind is Kind.CODE else 0.0)
        )

    chosen: list[Sentence] = []
    characters = 0
    for sentence in sorted(found, key=promise, reverse=True):
        characters += min(len(sentence.text), 600)
        if chosen and (characters > MOST_CHARACTERS or len(chosen) == MOST_EMBEDDED):
            break
        chosen.append(sentence)
    return tuple(sorted(chosen, key=lambda sentence: (sentence.passage.n, sentence.index)))
