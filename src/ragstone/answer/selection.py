"""From ranked sentences to quotes: what is quoted with what, and when it is enough."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from ragstone.answer.evidence import Read, Reading, Sentence, announced
from ragstone.answer.quoting import Quote, span_of
from ragstone.domain.sentences import Kind

MOST_QUOTES: Final = 4
MOST_SENTENCES: Final = 3
CLOSE: Final = 2.0
"""How much less a neighbour may score and still be quoted together with a sentence."""
SHORT: Final = 160
"""Characters below which a quote takes its neighbours along: ``Import it.`` alone is no answer."""
FURTHER: Final = 2.0
"""How much less than the best a sentence may score and still be quoted as well."""
REPEATS: Final = 0.6
"""Share of a sentence's words in what is quoted already, from which on it repeats."""

_LEANS: Final = re.compile(
    r"[*_\"“(]*(?:it|this|that|these|those|they|he|she|his|her|its|their|such|however|therefore|thus|then|also|but"
    r"|so|er|sie|es|dies|diese|dieser|daher|jedoch|esto|ello|cela|ceci)\b",
    re.I,
)
_BETWEEN: Final = re.compile(r"[\s\d.)*+•>-]*")


@dataclass(frozen=True, slots=True)
class Ranked:
    """A sentence and how well it answers."""

    sentence: Sentence
    score: float


class _Run(NamedTuple):
    """Neighbouring units of one passage, from ``first`` to ``last``."""

    position: int
    first: int
    last: int

    def with_unit(self, index: int) -> "_Run":
        return _Run(self.position, min(self.first, index), max(self.last, index))

    def overlaps(self, other: "_Run") -> bool:
        return self.position == other.position and self.first <= other.last and other.first <= self.last

    @property
    def length(self) -> int:
        return self.last - self.first + 1


def select(reading: Reading, ranked: Sequence[Ranked]) -> tuple[Quote, ...]:
    """Return one to four quotes: the best first, the others in the order of the passages.

    ``ranked`` holds the sentences worth quoting, best first.
    """
    chosen = _Chosen(reading, ranked)
    for each in ranked:
        if each.score < ranked[0].score - FURTHER or chosen.full:
            break
        chosen.add(each)
    return chosen.quotes()


class _Chosen:
    """The runs of units that are quoted so far, the best first."""

    def __init__(self, reading: Reading, ranked: Sequence[Ranked]) -> None:
        self._passages = reading.passages
        self._scores = {(each.sentence.position, each.sentence.index): each.score for each in ranked}
        self._runs: list[_Run] = []
        self._said: set[str] = set()
        self._texts: set[str] = set()

    @property
    def full(self) -> bool:
        """Whether no further quote may be added."""
        return len(self._runs) >= MOST_QUOTES

    def add(self, each: Ranked) -> None:
        """Quote a sentence, with what it cannot be read without, unless it is quoted or repeats what is."""
        sentence = each.sentence
        if self._quoted(sentence) or self._repeats(sentence):
            return
        alone = _Run(sentence.position, sentence.first, sentence.last)
        run = self._completed(alone, each.score)
        if not self._texts.isdisjoint(self._texts_of(run)):
            run = alone
        if any(run.overlaps(other) for other in self._runs):
            return
        self._runs.append(run)
        self._said |= sentence.terms
        self._texts |= self._texts_of(run)

    def quotes(self) -> tuple[Quote, ...]:
        """Return the quotes in the order in which they are read."""
        return tuple(self._quote(run) for run in self._runs[:1] + sorted(self._runs[1:]))

    def _quoted(self, sentence: Sentence) -> bool:
        return any(run.position == sentence.position and run.first <= sentence.index <= run.last for run in self._runs)

    def _texts_of(self, run: _Run) -> set[str]:
        each = self._passages[run.position]
        return {" ".join(each.text(index).casefold().split()) for index in range(run.first, run.last + 1)}

    def _repeats(self, sentence: Sentence) -> bool:
        return bool(self._said) and len(sentence.terms & self._said) >= REPEATS * len(sentence.terms)

    def _completed(self, run: _Run, score: float) -> _Run:
        """Add the sentence before where this one leans on it, neighbours that answer nearly as well, and what a
        colon announces."""
        each = self._passages[run.position]
        if _leans(each, run.first):
            run = run.with_unit(run.first - 1)
        while run.length < MOST_SENTENCES:
            near = [index for index in (run.first - 1, run.last + 1) if _adjoins(each, run, index)]
            scores = {index: self._scores.get((run.position, index), float("-inf")) for index in near}
            best = max(scores, key=scores.__getitem__, default=None)
            if best is None or scores[best] < score - CLOSE:
                break
            run = run.with_unit(best)
        return _lengthened(each, run.with_unit(announced(each, run.last)))

    def _quote(self, run: _Run) -> Quote:
        each = self._passages[run.position]
        start = each.units[run.first].start
        if run.length > 1 and each.units[run.first].kind is Kind.ITEM:
            start = _list_mark(each.passage.hit.chunk.text, start)
        return span_of(each.passage, start, each.units[run.last].end)


def _lengthened(each: Read, run: _Run) -> _Run:
    """Add to a run that is too short to say much what stands after it, else what stands before it."""
    while run.length < MOST_SENTENCES and len(each.text(run.first, run.last)) < SHORT:
        if _adjoins(each, run, run.last + 1):
            run = run.with_unit(announced(each, run.last + 1))
        elif _adjoins(each, run, run.first - 1):
            run = run.with_unit(run.first - 1)
        else:
            break
    return run


def _adjoins(each: Read, run: _Run, index: int) -> bool:
    """Say whether the unit ``index`` reads on from the run beside it: of the same kind, white space between."""
    if not 0 <= index < len(each.units) or each.units[index].kind not in (Kind.PROSE, Kind.ITEM):
        return False
    before, after = (index, run.first) if index < run.first else (run.last, index)
    if each.units[before].kind is not each.units[after].kind:
        return False
    between = each.passage.hit.chunk.text[each.units[before].end : each.units[after].start]
    return _BETWEEN.fullmatch(between) is not None


def _list_mark(text: str, start: int) -> int:
    """Return where the mark of the list item begins whose words begin at ``start``: several items are a list."""
    line = text.rfind("\n", 0, start) + 1
    before = text[line:start]
    return start - len(before.lstrip()) if _BETWEEN.fullmatch(before) else start


def _leans(each: Read, index: int) -> bool:
    """Say whether a sentence refers to the one right before it by its first word."""
    if each.units[index].kind is not Kind.PROSE or index == 0 or each.units[index - 1].kind is not Kind.PROSE:
        return False
    return _LEANS.match(each.text(index)) is not None and _adjoins(each, _Run(0, index, index), index - 1)
