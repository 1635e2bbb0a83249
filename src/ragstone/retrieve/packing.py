"""Hits to context: numbered passages within a budget of tokens, nothing twice."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from ragstone.domain.answers import Context, Passage
from ragstone.domain.queries import Hit
from ragstone.domain.sentences import sentences, units

MIN_REMAINDER: Final = 24
"""A hit of which fewer characters are new says nothing that the passages before it do not say."""


def pack(hits: Sequence[Hit], *, budget_tokens: int, max_passages: int, count_tokens: Callable[[str], int]) -> Context:
    """Number the best hits that fit into ``budget_tokens``, best first.

    Chunks overlap: of a hit that repeats part of a better one of the same document only the sentences that
    are new are packed, as a shorter chunk with its own ``start`` and ``end``. Text that a better hit holds
    word for word, from whichever document, is cut. The best hit is always packed, shortened to the
    sentences that fit if need be.
    """
    passages: list[Passage] = []
    cut: list[Hit] = []
    covered = _Covered()
    left = budget_tokens
    for hit in hits:
        new = covered.remainder(hit) if len(passages) < max_passages else None
        if new is not None and not passages:
            new = _shortened(new, left, count_tokens)
        tokens = count_tokens(new.chunk.told) if new is not None else 0
        if new is None or (passages and tokens > left):
            cut.append(hit)
            continue
        passages.append(Passage(n=len(passages) + 1, hit=new, tokens=tokens))
        covered.add(new)
        left -= tokens
    return Context(tuple(passages), tuple(cut))


class _Covered:
    """What is packed already: spans by document, and texts."""

    def __init__(self) -> None:
        self._spans: dict[UUID, list[tuple[int, int]]] = {}
        self._texts: set[str] = set()

    def add(self, hit: Hit) -> None:
        """Note that ``hit`` is packed."""
        self._texts.add(_folded(hit.chunk.text))
        spans = self._spans.setdefault(hit.document_id, [])
        spans.append((hit.chunk.start, hit.chunk.end))

    def remainder(self, hit: Hit) -> Hit | None:
        """Return ``hit`` with the sentences that are not packed yet, or ``None`` where there are none."""
        if _folded(hit.chunk.text) in self._texts:
            return None
        start, end = hit.chunk.start, hit.chunk.end
        for other_start, other_end in self._spans.get(hit.document_id, ()):
            if other_end <= start or end <= other_start:
                continue
            start, end = _outside(hit, (start, end), (other_start, other_end))
            if end - start < MIN_REMAINDER:
                return None
        return _part(hit, start, end)


def _outside(hit: Hit, span: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    """Return the part of ``span`` whose sentences do not lie wholly within ``other``.

    A sentence that ``other`` holds only half stays whole, so nothing is lost at the seam. Where ``other``
    lies in the middle of ``span``, all of ``span`` stays: both ends are new.
    """
    start, end = span
    offset = hit.chunk.start
    lying = [(unit.start + offset, unit.end + offset) for unit in units(hit.chunk.text)]
    if other[0] <= start:
        new = [unit for unit in lying if unit[1] > other[1] and unit[0] >= start]
        return (new[0][0], end) if new else (end, end)
    if other[1] >= end:
        new = [unit for unit in lying if unit[0] < other[0] and unit[1] <= end]
        return (start, new[-1][1]) if new else (start, start)
    return span


def _part(hit: Hit, start: int, end: int) -> Hit:
    """Return ``hit`` with its chunk narrowed to ``[start:end]`` of the document."""
    chunk = hit.chunk
    if (start, end) == (chunk.start, chunk.end):
        return hit
    text = chunk.text[start - chunk.start : end - chunk.start]
    return replace(hit, chunk=replace(chunk, text=text, start=start, end=end))


def _shortened(hit: Hit, budget: int, count_tokens: Callable[[str], int]) -> Hit:
    """Return ``hit`` with as many whole sentences from its beginning as fit; at least the first one."""
    if count_tokens(hit.chunk.text) <= budget:
        return hit
    ends = [unit.end for unit in sentences(hit.chunk.text)]
    if not ends:
        return hit
    fitting = bisect_right(ends, budget, key=lambda end: count_tokens(hit.chunk.text[:end]))
    return _part(hit, hit.chunk.start, hit.chunk.start + ends[max(fitting - 1, 0)])


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
