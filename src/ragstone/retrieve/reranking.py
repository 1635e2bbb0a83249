"""Reranking: the best of what was found, in the order of a slower judge, where it answers in time.

It is waited for so long and no longer: where it is late or fails, the fused order stands, and the outcome says so.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

import structlog

from ragstone.domain.documents import embedding_text
from ragstone.domain.errors import RagstoneError, RerankerUnavailable, Unavailable
from ragstone.domain.queries import Hit, LegRank
from ragstone.ports.reranker import Candidate, Reranker

FAILURES: Final = 3
REST: Final = 30.0
"""After so many failures in a row, the reranker is not asked for so many seconds: no question waits for it in vain."""

log = structlog.get_logger(__name__)


class Outcome(StrEnum):
    """What became of the reranking of one question. In all but the first case the fused order stands."""

    RERANKED = "reranked"
    OFF = "off"
    """There is no reranker, or fewer than two hits."""
    LATE = "late"
    FAILED = "failed"
    RESTING = "resting"
    """It failed lately, or asked to be left alone, and was not asked."""


@dataclass(frozen=True, slots=True)
class Reranked:
    """The hits in their order, and what a trace says of it.

    ``ranks`` holds, for each hit that was scored, the reranker's own score, and the rank by it alone, from 1. ``cause``
    says why the fused order stands, where it does so against the settings.
    """

    hits: tuple[Hit, ...]
    outcome: Outcome
    reranker: str = ""
    cause: str = ""
    milliseconds: float = 0.0
    ranks: Mapping[UUID, LegRank] = field(default_factory=dict)


class Reranking:
    """Has ``reranker`` order the best ``depth`` hits; those below stay where they are.

    ``timeout`` in seconds is how long a question waits for it. ``weight`` (0 to 1) is the share of the reranker's score
    in the order, beside the fused one, both scaled to 0..1 over the hits that are scored: 1 is its order alone, with
    ties in the fused order. ``clock`` counts seconds and only goes forward.
    """

    def __init__(
        self,
        reranker: Reranker | None,
        *,
        depth: int,
        timeout: float,
        weight: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reranker = reranker
        self._depth, self._timeout, self._weight = depth, timeout, weight
        self._clock = clock
        self._failures = 0
        self._resting_until = -math.inf
        self._resting_for = ""

    @property
    def depth(self) -> int:
        """How many hits are worth bringing; 0 without a reranker."""
        return self._depth if self._reranker else 0

    async def warm(self) -> None:
        """Load what the first question would wait for. Raises ``RerankerUnavailable``, ``ConfigurationError``."""
        if self._reranker:
            await self._reranker.warm()

    async def rerank(self, question: str, hits: Sequence[Hit]) -> Reranked:
        """Return ``hits``, best first, all of them. Whatever happens to the reranker, nothing is raised."""
        best, rest = tuple(hits[: self._depth]), tuple(hits[self._depth :])
        if self._reranker is None or len(best) < 2:
            return Reranked(tuple(hits), Outcome.OFF)
        name, started = self._reranker.name, self._clock()
        if started < self._resting_until:
            return Reranked(tuple(hits), Outcome.RESTING, name, self._resting_for)
        outcome, cause, scores = await self._scored(self._reranker, question, best)
        took = (self._clock() - started) * 1000
        if outcome is not Outcome.RERANKED:
            return Reranked(tuple(hits), outcome, name, cause, took)
        ordered = _in_order(best, scores, self._weight)
        return Reranked((*ordered, *rest), outcome, name, "", took, _ranks(best, scores))

    async def _scored(
        self, reranker: Reranker, question: str, hits: Sequence[Hit]
    ) -> tuple[Outcome, str, Sequence[float]]:
        candidates = [_candidate(hit) for hit in hits]
        try:
            async with asyncio.timeout(self._timeout):
                scores = await reranker.score(question, candidates)
            _check(scores, len(candidates))
        except TimeoutError:
            cause = f"The reranker {reranker.name} did not answer within {self._timeout:g} seconds."
            return self._failed(Outcome.LATE, reranker, cause), cause, ()
        except RagstoneError as error:
            wait = error.retry_after if isinstance(error, Unavailable) else None
            return self._failed(Outcome.FAILED, reranker, error.message, wait), error.message, ()
        self._failures = 0
        return Outcome.RERANKED, "", scores

    def _failed(self, outcome: Outcome, reranker: Reranker, cause: str, wait: float | None = None) -> Outcome:
        self._failures += 1
        pause = max(wait or 0.0, REST if self._failures >= FAILURES else 0.0)
        if pause:
            self._resting_until, self._resting_for = self._clock() + pause, cause
        log.warning("search_without_reranking", outcome=outcome, reranker=reranker.name, cause=cause, pause=pause)
        return outcome


def _candidate(hit: Hit) -> Candidate:
    return Candidate(embedding_text(hit.title, hit.chunk.heading_path, ""), hit.chunk.told)


def _check(scores: Sequence[float], wanted: int) -> None:
    """Raise ``RerankerUnavailable`` for what is not a finite score for each candidate, whoever made it."""
    if len(scores) != wanted or not all(map(math.isfinite, scores)):
        raise RerankerUnavailable(f"The reranker did not return a finite score for each of {wanted} passages.")


def _in_order(hits: Sequence[Hit], scores: Sequence[float], weight: float) -> list[Hit]:
    fused = _scaled([hit.score for hit in hits])
    blended = [weight * new + (1 - weight) * old for new, old in zip(_scaled(scores), fused, strict=True)]
    # Sorting is stable: what is equal stays in the fused order.
    return [hits[place] for place in sorted(range(len(hits)), key=lambda place: -blended[place])]


def _scaled(scores: Sequence[float]) -> list[float]:
    """Scale to 0..1; where all are equal, to 0."""
    halves = [score / 2 for score in scores]  # the difference of two finite numbers may not be finite
    least, span = min(halves), max(halves) - min(halves)
    return [(half - least) / span if span else 0.0 for half in halves]


def _ranks(hits: Sequence[Hit], scores: Sequence[float]) -> dict[UUID, LegRank]:
    order = sorted(range(len(hits)), key=lambda place: -scores[place])
    return {hits[place].chunk.id: LegRank(rank, scores[place]) for rank, place in enumerate(order, 1)}
