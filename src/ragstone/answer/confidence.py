"""How likely the passages answer a question at all: what decides between answering and refusing.

A logistic model over four features that mean the same in every corpus. Its coefficients are fitted by
``python -m benchmarks.answers --fit`` on questions with and without an answer in the corpus; an answerable
question that is refused counts there for more than an unanswerable one that is answered, since the reader
of a quote sees for himself that it does not answer.
"""

import math
from typing import Final, NamedTuple

from ragstone.answer.evidence import Reading, Sentence
from ragstone.answer.terms import coverage


class Signs(NamedTuple):
    """What speaks for the passages answering the question. Cosines as MiniLM would give them; shares 0..1."""

    sentence_cosine: float
    """Cosine of the question and the sentence nearest to it."""
    passage_cosine: float
    """Cosine of the question and the passage that holds the best sentence."""
    held: float
    """Share of the question's words in that passage, its title and its headings."""
    said: float
    """Share of the question's words in the best sentence."""


WEIGHTS: Final = Signs(6.18, 6.69, 2.50, 2.18)
BIAS: Final = -9.40


def signs(reading: Reading, best: Sentence, nearest: float, passage_cosine: float | None) -> Signs:
    """Measure. ``nearest`` is the highest cosine of any sentence; it stands in for an unknown ``passage_cosine``."""
    each = reading.passages[best.position]
    wanted = dict.fromkeys(reading.asked.terms, 1.0)
    return Signs(
        sentence_cosine=nearest,
        passage_cosine=nearest if passage_cosine is None else passage_cosine,
        held=coverage(wanted, each.terms | each.place),
        said=coverage(wanted, best.terms),
    )


def confidence(found: Signs) -> float:
    """Return how likely the passages answer the question (0..1)."""
    logit = BIAS + sum(value * weight for value, weight in zip(found, WEIGHTS, strict=True))
    return 1.0 / (1.0 + math.exp(-max(-700.0, logit)))
