"""How likely a sentence answers a question, and how likely the passages answer it at all.

Two small logistic models over features that mean the same in every corpus. Their coefficients are
fitted by ``python -m benchmarks.answers --fit`` on public question sets and written here by hand.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from ragstone.answer.evidence import Reading, Sentence
from ragstone.answer.expectation import meets
from ragstone.answer.terms import coverage
from ragstone.domain.sentences import Kind
from ragstone.ports.embedder import Vectors


@dataclass(frozen=True, slots=True)
class SentenceFeatures:
    """What speaks for one sentence; shares and cosines, 0..1 but for the cosine (-1..1)."""

    cosine: float
    coverage: float
    around: float
    passage: float
    rank: float
    place: float
    expected: float
    news: float
    code: float
    unfinished: float


SENTENCE_WEIGHTS: Final = (4.0, 2.0, 1.0, 1.0, 1.5, 0.3, 1.0, 0.5, -1.0, -0.5)
SENTENCE_BIAS: Final = -6.0


def sentence_features(reading: Reading, vectors: Vectors, question: Sequence[float]) -> list[SentenceFeatures]:
    """Measure ``reading.sentences``; ``vectors[i]`` is the embedding of the i-th, ``question`` the question's."""
    cosines = (vectors @ np.asarray(question, dtype=np.float32)).tolist()
    return [_measure(reading, sentence, cosine) for sentence, cosine in zip(reading.sentences, cosines, strict=True)]


def _measure(reading: Reading, sentence: Sentence, cosine: float) -> SentenceFeatures:
    asked, weights = reading.asked, reading.weights
    position = sentence.passage.n - 1
    wanted = set(asked.terms)
    news = sum(1 for term in sentence.terms if term not in wanted and term not in asked.language.stop_words)
    return SentenceFeatures(
        cosine=cosine,
        coverage=coverage(weights, sentence.terms),
        around=coverage(weights, _around(reading, sentence)),
        passage=coverage(weights, reading.passage_terms[position]),
        rank=1.0 / sentence.passage.n,
        place=coverage(weights, reading.place_terms[position]),
        expected=float(meets(asked.expects, sentence.text, asked.text)),
        news=min(news, 12) / 12,
        code=float(sentence.unit.kind is Kind.CODE),
        unfinished=float(sentence.text.rstrip("*_ ").endswith((":", "?"))),
    )


def _around(reading: Reading, sentence: Sentence) -> set[str]:
    """Return the terms of the sentence and of its neighbours."""
    lying = reading.lying[sentence.passage.n - 1]
    near = lying[max(0, sentence.index - 1) : sentence.index + 2]
    text = sentence.passage.hit.chunk.text
    return set(reading.asked.language.terms(" ".join(text[unit.start : unit.end] for unit in near)))


def likelihoods(measured: Sequence[SentenceFeatures]) -> list[float]:
    """Return for each sentence how likely it answers the question (0..1)."""
    return [_logistic(_values(features), SENTENCE_WEIGHTS, SENTENCE_BIAS) for features in measured]


@dataclass(frozen=True, slots=True)
class AnswerFeatures:
    """What speaks for the passages answering the question."""

    passage_cosine: float
    sentence_cosine: float
    best: float
    covered: float
    missing: float
    expected: float


ANSWER_WEIGHTS: Final = (3.0, 3.0, 2.0, 1.0, -3.0, 0.3)
ANSWER_BIAS: Final = -3.0


def answer_features(reading: Reading, measured: Sequence[SentenceFeatures]) -> AnswerFeatures:
    """Measure the whole of the passages."""
    found = likelihoods(measured)
    best = max(range(len(found)), key=found.__getitem__)
    held = frozenset().union(*reading.passage_terms, *reading.place_terms)
    cosine = max(features.cosine for features in measured)
    legs = [passage.hit.legs["meaning"].score for passage in reading.passages if "meaning" in passage.hit.legs]
    return AnswerFeatures(
        passage_cosine=max(legs, default=cosine),
        sentence_cosine=cosine,
        best=found[best],
        covered=measured[best].around,
        missing=1.0 - coverage(dict.fromkeys(reading.asked.terms, 1.0), held),
        expected=measured[best].expected,
    )


def confidence(features: AnswerFeatures) -> float:
    """Return how likely the passages answer the question (0..1)."""
    return _logistic(_values(features), ANSWER_WEIGHTS, ANSWER_BIAS)


def _values(features: SentenceFeatures | AnswerFeatures) -> list[float]:
    return [getattr(features, field.name) for field in fields(features)]


def _logistic(values: Sequence[float], weights: Sequence[float], bias: float) -> float:
    score = bias + sum(value * weight for value, weight in zip(values, weights, strict=True))
    return 1.0 / (1.0 + math.exp(-score)) if score > -700 else 0.0
