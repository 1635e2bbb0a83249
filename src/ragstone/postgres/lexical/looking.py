"""One question over the segments that it may look at."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from ragstone.domain.queries import Ranked, Scope
from ragstone.postgres.lexical.corpora import View
from ragstone.retrieve.computing import computed
from ragstone.retrieve.lexical.blocks import Posting
from ragstone.retrieve.lexical.scoring import Formula, Mask, Part, Statistics, best

_BRIEF: Final = 1 << 16
"""Lengths and postings that are reckoned with in less than a millisecond."""


@dataclass(frozen=True, slots=True)
class Looking:
    """A question: ``parts`` are the segments ``views`` with its postings, ``weights`` those of its words."""

    scope: Scope
    views: Sequence[View]
    parts: Sequence[Part]
    weights: Sequence[float]
    formula: Formula

    def within(self, masks: Sequence[Mask]) -> "Looking":
        """Return the same question of those chunks of each segment alone. What is counted over stays the same."""
        pairs = zip(self.parts, masks, strict=True)
        return replace(self, parts=[replace(part, within=mask) for part, mask in pairs])

    def requiring(self, postings: Sequence[Sequence[Sequence[Posting]]]) -> "Looking":
        """Return the same question of those chunks alone that have, of each segment's groups, one posting each."""
        pairs = zip(self.parts, postings, strict=True)
        return replace(self, parts=[replace(part, required=groups) for part, groups in pairs])

    @property
    def _size(self) -> int:
        """How many numbers there are to reckon with."""
        groups = (group for part in self.parts for group in (*part.groups, *part.required))
        return sum(len(part.lengths) for part in self.parts) + sum(
            len(each.places) for group in groups for each in group
        )

    async def best(self, limit: int) -> tuple[list[Ranked], float]:
        """Return the best chunks, and the score that none can pass."""
        statistics = Statistics(
            sum(view.statistics.chunks for view in self.views), sum(view.statistics.words for view in self.views)
        )
        found = await computed(self._size <= _BRIEF, best, self.parts, self.weights, statistics, self.formula, limit)
        return [Ranked(UUID(bytes=chunk_id), score) for chunk_id, score in found.found], found.attainable
