"""Which sentence answers a question best: a linear model over what words and meaning say of each.

The weights are fitted by ``python -m benchmarks.answers --fit`` so that among the sentences of one
question the one that holds the reference answer stands first (softmax over the sentences of a question).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from ragstone.answer.evidence import Read, Reading, Sentence
from ragstone.answer.expectation import meets
from ragstone.answer.ruler import Ruler
from ragstone.answer.terms import coverage
from ragstone.domain.sentences import Kind


class Features(NamedTuple):
    """What speaks for a sentence. Shares are 0..1, cosines as MiniLM would give them."""

    cosine: float
    """Cosine of the sentence and the question; 0 before it is known."""
    coverage: float
    """Share of the question's words, weighed by rarity, in the sentence."""
    around: float
    """The same, with the sentences before and after it."""
    place: float
    """The same, in the title and headings above it."""
    expected: float
    """1 where it holds the kind of thing that is asked for."""
    near: float
    """How much further its passage is from the question than the nearest passage (0 or less)."""
    phrase: float
    """Share of the question's pairs of neighbouring words in the sentence."""


WEIGHTS: Final = Features(3.43, 2.05, 3.52, 4.05, 1.93, 13.85, 2.69)
WEIGHTS_BY_WORDS: Final = Features(0.0, 3.51, 3.28, 3.81, 1.89, 16.21, 3.16)
"""For the time before any sentence is embedded."""

# Not fitted: the sets that the weights are fitted on hold neither code nor questions nor headings in disguise.
_CODE: Final = -1.5
_UNFINISHED: Final = -1.0
_NOTHING_NEW: Final = -3.0
_POINTS_ELSEWHERE: Final = -1.5
_ASKS_THE_SAME: Final = -20.0
_QUOTATION_MARKS: Final = "\"'`“”„«»"
_MOSTLY_LINKS: Final = 0.35
_BM25_AS_COSINE: Final = 0.25


def features_by_words(reading: Reading, ruler: Ruler) -> list[Features]:
    """Measure every sentence of ``reading`` as far as words and retrieval tell."""
    near = _nearness(reading.passages, ruler)
    return [_measured(reading, sentence, near[sentence.position]) for sentence in reading.sentences]


def score(sentence: Sentence, features: Features, reading: Reading, weights: Features = WEIGHTS) -> float:
    """Return how well a sentence answers; only differences between sentences of one question mean something."""
    total = sum(value * weight for value, weight in zip(features, weights, strict=True))
    if sentence.kind is Kind.CODE:
        total += _CODE
    if sentence.text.endswith("?") or (sentence.text.endswith(":") and sentence.last == sentence.index):
        total += _UNFINISHED
    if sentence.links > _MOSTLY_LINKS:
        total += _POINTS_ELSEWHERE
    asked = reading.asked
    if _quotes_question(sentence.text, asked.text):
        total += _ASKS_THE_SAME
    if all(term in asked.terms or term in asked.language.stop_words for term in sentence.terms):
        total += _NOTHING_NEW
    return total


def _quotes_question(text: str, question: str) -> bool:
    """Whether the question stands in ``text`` between quotation marks: an example of asking, and no answer."""
    asked = question.strip().casefold()
    before, found, after = text.casefold().partition(asked) if asked else ("", "", "")
    return bool(found) and before.endswith(tuple(_QUOTATION_MARKS)) and after.startswith(tuple(_QUOTATION_MARKS))


def _measured(reading: Reading, sentence: Sentence, near: float) -> Features:
    asked, weights = reading.asked, reading.weights
    return Features(
        cosine=0.0,
        coverage=coverage(weights, sentence.terms),
        around=coverage(weights, sentence.around),
        place=coverage(weights, reading.passages[sentence.position].place),
        expected=float(meets(asked.expects, sentence.text, asked.text, shows=sentence.shows)),
        near=near,
        phrase=len(asked.pairs & sentence.pairs) / len(asked.pairs) if asked.pairs else 0.0,
    )


def _nearness(passages: Sequence[Read], ruler: Ruler) -> list[float]:
    """Return for each passage its cosine less the best one's; from BM25 where nothing was searched by meaning."""
    cosines = [passage_cosine(each, ruler) for each in passages]
    known = [cosine for cosine in cosines if cosine is not None]
    if known:
        return [(min(known) if cosine is None else cosine) - max(known) for cosine in cosines]
    scores = [each.passage.hit.legs["words"].score if "words" in each.passage.hit.legs else 0.0 for each in passages]
    best = max(scores, default=0.0)
    return [_BM25_AS_COSINE * (value / best - 1.0) if best > 0 else 0.0 for value in scores]


def passage_cosine(each: Read, ruler: Ruler) -> float | None:
    """Return the passage's cosine with the question, where the search by meaning found it."""
    leg = each.passage.hit.legs.get("meaning")
    return ruler.read(leg.score) if leg is not None else None
