"""The answer without a language model: the sentences of the passages that answer the question, quoted."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ragstone.answer.confidence import answer_features, confidence, likelihoods, sentence_features
from ragstone.answer.evidence import Reading, Sentence, read
from ragstone.answer.quoting import Quote, citation, span_of
from ragstone.domain.answers import Citation, Context, Support
from ragstone.domain.sentences import Kind, Unit
from ragstone.ports.embedder import Embedder, Vectors

MOST_QUOTES: Final = 4
MOST_SENTENCES: Final = 3
MOST_CODE_CHARACTERS: Final = 700
MOST_LIST_CHARACTERS: Final = 700
KEEP: Final = 0.6
"""Share of the best sentence's likelihood that a further sentence must reach."""
REPEATS: Final = 0.6
"""Share of a sentence's words in what is quoted already, from which on it repeats."""
_LEANS: Final = re.compile(
    r"(?:[*_\"“(]*)(?:it|this|that|these|those|they|he|she|his|her|its|their|such|however|therefore|thus|then|also|but"
    r"|so|er|sie|es|dies|diese|dieser|daher|jedoch|esto|ello|cela|ceci)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Extract:
    """The quotes that answer, the best first, and how likely they do (0..1)."""

    quotes: tuple[Quote, ...]
    confidence: float


NOTHING: Final = Extract((), 0.0)


async def extract(question: str, context: Context, embedder: Embedder) -> Extract:
    """Quote the sentences of ``context`` that answer ``question``. Raises ``EmbedderUnavailable``."""
    reading = await asyncio.to_thread(read, question, context.passages)
    if not reading.sentences:
        return NOTHING
    vectors = await embedder.embed([question, *(sentence.text for sentence in reading.sentences)])
    return await asyncio.to_thread(_choose, reading, vectors)


def rendered(quotes: Sequence[Quote]) -> list[tuple[str, Citation]]:
    """Return for each quote its paragraph of Markdown, which ends with its mark, and its citation."""
    return [(_paragraph(quote, n), citation(quote, n, Support.SUPPORTED)) for n, quote in enumerate(quotes, 1)]


def _paragraph(quote: Quote, n: int) -> str:
    """Set the mark so that Markdown reads it as text: after code and tables on a line of its own."""
    last = quote.text.rstrip().rpartition("\n")[2].lstrip()
    apart = last.startswith(("```", "~~~", "|"))
    return f"{quote.text}\n\n[{n}]" if apart else f"{quote.text} [{n}]"


def _choose(reading: Reading, vectors: Vectors) -> Extract:
    measured = sentence_features(reading, vectors[1:], vectors[0])
    found = likelihoods(measured)
    order = sorted(range(len(found)), key=found.__getitem__, reverse=True)
    chosen = _Chosen(reading)
    for index in order:
        if found[index] < KEEP * found[order[0]] or chosen.full:
            break
        chosen.add(reading.sentences[index])
    return Extract(chosen.quotes(), confidence(answer_features(reading, measured)))


class _Chosen:
    """The runs of neighbouring units that are quoted so far, the best first."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._runs: list[tuple[int, int, int]] = []
        self._said: set[str] = set()

    @property
    def full(self) -> bool:
        """Whether no further quote may be added."""
        return len(self._runs) >= MOST_QUOTES

    def add(self, sentence: Sentence) -> None:
        """Quote a sentence, with what it cannot be read without, unless it repeats what is quoted."""
        position, index = sentence.passage.n - 1, sentence.index
        if any(p == position and first <= index <= last for p, first, last in self._runs) or self._repeats(sentence):
            return
        self._said |= sentence.terms
        for i, (p, first, last) in enumerate(self._runs):
            longer = (p, min(first, index), max(last, index))
            if p == position and longer[2] - longer[1] < MOST_SENTENCES and self._adjacent(*longer):
                self._runs[i] = longer
                return
        self._runs.append((position, *self._completed(position, index)))

    def quotes(self) -> tuple[Quote, ...]:
        """Return the quotes: the best first, the others by passage and place."""
        runs = self._runs[:1] + sorted(self._runs[1:])
        return tuple(self._quote(*run) for run in runs)

    def _repeats(self, sentence: Sentence) -> bool:
        return bool(self._said) and len(sentence.terms & self._said) >= REPEATS * len(sentence.terms)

    def _adjacent(self, position: int, first: int, last: int) -> bool:
        """Say whether nothing but white space and list marks lies between the units."""
        lying = self._reading.lying[position]
        text = self._reading.passages[position].hit.chunk.text
        return all(
            _quotable(before) and _quotable(after) and not re.search(r"[^\s\d.)*+•>-]", text[before.end : after.start])
            for before, after in zip(lying[first:last], lying[first + 1 : last + 1], strict=True)
        )

    def _completed(self, position: int, index: int) -> tuple[int, int]:
        """Add the sentence before where this one leans on it, and the code or list that a colon announces."""
        lying = self._reading.lying[position]
        text = self._reading.passages[position].hit.chunk.text
        first = last = index
        if self._leans(position, index):
            first = index - 1
        if text[lying[index].start : lying[index].end].rstrip("*_ ").endswith(":"):
            last = _announced(lying, index)
        return first, last

    def _leans(self, position: int, index: int) -> bool:
        """Say whether a sentence refers to the one right before it by its first word."""
        lying = self._reading.lying[position]
        text = self._reading.passages[position].hit.chunk.text
        if index == 0 or lying[index].kind is not Kind.PROSE or lying[index - 1].kind is not Kind.PROSE:
            return False
        return _LEANS.match(text, lying[index].start) is not None and self._adjacent(position, index - 1, index)

    def _quote(self, position: int, first: int, last: int) -> Quote:
        lying = self._reading.lying[position]
        return span_of(self._reading.passages[position], lying[first].start, lying[last].end)


def _quotable(unit: Unit) -> bool:
    return unit.kind not in (Kind.HEADING, Kind.MARKUP)


def _announced(lying: Sequence[Unit], index: int) -> int:
    """Return the last unit of the short code block or list that follows a colon at ``index``."""
    last = index
    if index + 1 < len(lying) and lying[index + 1].kind is Kind.CODE:
        code = lying[index + 1]
        return index + 1 if code.end - code.start <= MOST_CODE_CHARACTERS else index
    while last + 1 < len(lying) and lying[last + 1].kind is Kind.ITEM:
        if lying[last + 1].end - lying[index].end > MOST_LIST_CHARACTERS:
            break
        last += 1
    return last
