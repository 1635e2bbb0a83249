"""The answer without a language model: the sentences of the passages that answer the question, quoted."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ragstone.answer.confidence import Signs, confidence, signs
from ragstone.answer.evidence import Reading, read
from ragstone.answer.quoting import Quote, citation
from ragstone.answer.ranking import WEIGHTS_BY_WORDS, Features, features_by_words, passage_cosine, score
from ragstone.answer.ruler import Ruler, measure
from ragstone.answer.selection import Ranked, select
from ragstone.domain.answers import Citation, Context, Support
from ragstone.ports.embedder import Embedder, Vectors

MOST_EMBEDDED: Final = 10
MOST_CHARACTERS: Final = 1600
"""Most sentences whose meaning is compared with the question, and their characters: embedding takes the time."""
MOST_OF_ONE: Final = 500
"""Characters of one sentence that are compared."""


@dataclass(frozen=True, slots=True)
class Extract:
    """The quotes that answer, the best first, and how likely they do (0..1). ``signs`` is why."""

    quotes: tuple[Quote, ...]
    confidence: float
    signs: Signs | None = None


NOTHING: Final = Extract((), 0.0)


class Extractor:
    """Quotes answers. Words choose among all sentences, meaning among the best of those."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._ruler: Ruler | None = None

    async def extract(self, question: str, context: Context) -> Extract:
        """Quote the sentences of ``context`` that answer ``question``. Raises ``EmbedderUnavailable``."""
        ruler = await self._measured()
        reading, features, order = await asyncio.to_thread(_prepare, question, context, ruler)
        if not order:
            return NOTHING
        texts = [reading.sentences[index].text[:MOST_OF_ONE] for index in order]
        vectors = await self._embedder.embed([question, *texts])
        return await asyncio.to_thread(_conclude, reading, features, order, vectors, ruler)

    async def _measured(self) -> Ruler:
        if self._ruler is None:
            self._ruler = await measure(self._embedder)
        return self._ruler


def rendered(quotes: Sequence[Quote]) -> list[tuple[str, Citation]]:
    """Return for each quote its paragraph of Markdown, which ends with its mark, and its citation."""
    return [(_paragraph(quote, n), citation(quote, n, Support.SUPPORTED)) for n, quote in enumerate(quotes, 1)]


def _paragraph(quote: Quote, n: int) -> str:
    """Set the mark where Markdown reads it as text: after code and tables on a line of its own."""
    last = quote.text.rstrip().rpartition("\n")[2].lstrip()
    apart = last.startswith(("```", "~~~", "|"))
    return f"{quote.text}\n\n[{n}]" if apart else f"{quote.text} [{n}]"


def _prepare(question: str, context: Context, ruler: Ruler) -> tuple[Reading, list[Features], list[int]]:
    """Read the passages and choose which sentences are worth embedding, by words, the most promising first."""
    reading = read(question, context.passages)
    features = features_by_words(reading, ruler)
    promise = [
        score(sentence, each, reading, WEIGHTS_BY_WORDS)
        for sentence, each in zip(reading.sentences, features, strict=True)
    ]
    chosen: list[int] = []
    characters = 0
    for index in sorted(range(len(promise)), key=promise.__getitem__, reverse=True)[:MOST_EMBEDDED]:
        characters += min(len(reading.sentences[index].text), MOST_OF_ONE)
        if chosen and characters > MOST_CHARACTERS:
            break
        chosen.append(index)
    return reading, features, chosen


def _conclude(
    reading: Reading, features: Sequence[Features], order: Sequence[int], vectors: Vectors, ruler: Ruler
) -> Extract:
    """Rank the embedded sentences, select quotes, and say how likely they answer."""
    cosines = [ruler.read(cosine) for cosine in (vectors[1:] @ vectors[0]).tolist()]
    ranked = []
    for index, cosine in zip(order, cosines, strict=True):
        sentence = reading.sentences[index]
        ranked.append(Ranked(sentence, score(sentence, features[index]._replace(cosine=cosine), reading)))
    ranked.sort(key=lambda each: each.score, reverse=True)
    best = ranked[0].sentence
    found = signs(reading, best, max(cosines), passage_cosine(reading.passages[best.position], ruler))
    return Extract(select(reading, ranked), confidence(found), found)
