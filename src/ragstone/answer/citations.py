"""Citations of a text that a language model writes, resolved while it streams.

The model marks sentences with the numbers of passages. The reader gets marks with the numbers of
citations: one citation for each sentence and passage, numbered from 1 in order of appearance, so that
every mark in the text is in the list once and the quote beside it belongs to that sentence.
"""

import re
import time
from collections.abc import Sequence
from typing import Final

import numpy as np

from ragstone.answer.marks import Mark
from ragstone.answer.prompts import NO_ANSWER
from ragstone.answer.quoting import Quote, citation, quote_for
from ragstone.answer.support import check
from ragstone.domain.answers import Citation, Cited, Delta, Passage
from ragstone.domain.sentences import sentences, units
from ragstone.ports.embedder import Embedder

_WORD: Final = re.compile(r"\w")
_MOST_EMBEDDED: Final = 12


class CitationWriter:
    """Turns the model's text and marks into the reader's deltas and citations. One writer serves one answer."""

    def __init__(self, passages: Sequence[Passage], embedder: Embedder) -> None:
        self._passages = {passage.n: passage for passage in passages}
        self._embedder = embedder
        self._written: list[str] = []
        self._spaces = ""
        self._mark_removed = False
        self._after_mark = False
        self._unclaimed: list[str] = []
        self._claim = ""
        self._claimed: set[int] = set()
        self.citations: list[Citation] = []
        self.milliseconds = 0.0
        """Time spent on finding and checking quotes."""
        self.unmarked = 0
        """How many sentences came with no mark of their own."""
        self.says_no_answer = False
        """Whether the model wrote the mark that stands for "the sources do not hold the answer"."""

    @property
    def text(self) -> str:
        """What has been written so far, marks rewritten."""
        return "".join(self._written)

    async def write(self, part: str | Mark) -> list[Delta | Cited]:
        """Take the next part of what a ``MarkScanner`` found and return what can be sent of it.

        White space waits for what follows it, so that none is left before a mark that is taken out.
        """
        if isinstance(part, Mark):
            return await self._cite(part)
        text = self._plain(part)
        return [Delta(text)] if text else []

    def finish(self) -> None:
        """Count what follows the last mark."""
        said = "".join(self._unclaimed)
        self.unmarked += sum(1 for unit in units(said) if _WORD.search(said, unit.start, unit.end))

    def _plain(self, part: str) -> str:
        """Note plain text and return what of it can be sent."""
        stripped = part.rstrip()
        spaces, self._spaces = self._spaces, ""
        if not stripped:
            self._spaces = spaces + part
            return ""
        body = stripped.lstrip()
        spaces += stripped[: len(stripped) - len(body)]
        if self._mark_removed:
            spaces = _closed_up(spaces, body)
        if self._after_mark and not spaces and body.startswith(("(", ":")):
            spaces = " "  # "[1](…" would read as a link, "[1]:" as a link's definition
        self._mark_removed = self._after_mark = False
        self._spaces = part[len(stripped) :]
        sent = (spaces if self._written else spaces.lstrip()) + body
        self._written.append(sent)
        self._unclaimed.append(spaces + body)
        return sent

    async def _cite(self, mark: Mark) -> list[Delta | Cited]:
        self.says_no_answer |= NO_ANSWER in mark.numbers
        self._next_claim()
        numbers = [n for n in mark.numbers if n in self._passages and n not in self._claimed] if self._claim else []
        self._mark_removed = not numbers
        events: list[Delta | Cited] = []
        for number in numbers:
            self._claimed.add(number)
            began = time.perf_counter()
            cited = await self._citation(self._passages[number])
            self.milliseconds += (time.perf_counter() - began) * 1000
            self.citations.append(cited)
            sent = f"{self._spaces}[{cited.n}]"
            self._spaces = ""
            self._after_mark = True
            self._written.append(sent)
            events += (Delta(sent), Cited(cited))
        return events

    def _next_claim(self) -> None:
        """Find the sentence that a mark stands for: the last one before it, or that of the mark just before."""
        said = "".join(self._unclaimed)
        if not _WORD.search(said):
            return
        lying = [unit for unit in units(said) if _WORD.search(said, unit.start, unit.end)]
        self.unmarked += len(lying) - 1
        self._claim = said[lying[-1].start : lying[-1].end].lstrip(" .,;:!?")
        self._claimed = set()
        self._unclaimed = []

    async def _citation(self, passage: Passage) -> Citation:
        quote = quote_for(self._claim, passage)
        if not _shares_words(self._claim, quote.text):
            quote = quote_for(self._claim, passage, await self._meaning(passage))
        support = check(self._claim, quote.text, await self._cosine(quote), context=_place(quote))
        return citation(quote, len(self.citations) + 1, support)

    async def _meaning(self, passage: Passage) -> list[float]:
        """Return the cosine of the claim and each sentence of the passage (of the first twelve; the others 0)."""
        text = passage.hit.chunk.text
        lying = [text[unit.start : unit.end] for unit in sentences(text)]
        vectors = await self._embedder.embed([self._claim, *lying[:_MOST_EMBEDDED]])
        cosines: list[float] = (vectors[1:] @ vectors[0]).tolist()
        return cosines + [0.0] * (len(lying) - len(cosines))

    async def _cosine(self, quote: Quote) -> float:
        vectors = await self._embedder.embed([self._claim, quote.text])
        return float(np.dot(vectors[0], vectors[1]))


def _closed_up(spaces: str, body: str) -> str:
    """Return the white space to leave where a mark was taken out: none before punctuation, else one."""
    if "\n" in spaces:
        return spaces[spaces.index("\n") :]
    return "" if not spaces or body[0] in ".,;:!?)]}" else " "


def _shares_words(claim: str, quote: str) -> bool:
    mine = set(re.findall(r"\w{4,}", claim.casefold()))
    return bool(mine & set(re.findall(r"\w{4,}", quote.casefold())))


def _place(quote: Quote) -> str:
    hit = quote.passage.hit
    return " ".join((hit.title, *hit.chunk.heading_path))
