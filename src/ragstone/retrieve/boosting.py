"""Boosts: what is recent, and what a filter names, counts for more than its score alone.

A boost by setting is a filter and a factor: ``type = "faq" => 1.2``. Recency is a factor that falls with age, by half
of its weight in every half-life.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from ragstone.domain.filter_matching import matches, overlaid
from ragstone.domain.filter_text import parse_field, parse_filter
from ragstone.domain.filters import Field, Filter, FilterError
from ragstone.domain.iso_times import parse_time
from ragstone.domain.queries import Hit

MOST_BOOSTS: Final = 20
LEAST_FACTOR: Final = 0.01
LARGEST_FACTOR: Final = 100.0
_SECONDS_OF_A_DAY: Final = 86_400.0

_ARROW: Final = re.compile(r"\s*=>\s*([0-9]+(?:[.][0-9]+)?)\s*\Z")
_ONE: Final = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^;\n"'])+""", re.DOTALL)
_BETWEEN: Final = re.compile(r"[;\s]*")


@dataclass(frozen=True, slots=True)
class Boost:
    """The factor (0.01 to 100) for the scores of what meets ``condition``."""

    condition: Filter
    factor: float

    def __post_init__(self) -> None:
        if not LEAST_FACTOR <= self.factor <= LARGEST_FACTOR:
            raise FilterError(f"a factor is {LEAST_FACTOR:g} to {LARGEST_FACTOR:g}")


@dataclass(frozen=True, slots=True)
class Recency:
    """How scores decay with age: by ``weight`` (0 to 1) at most, by half of it in ``half_life_days`` (above 0).

    The age is that of the time in ``field``, or of the document's last change where that is ``None`` or not there.
    """

    half_life_days: float
    weight: float
    field: Field | None = None

    def __post_init__(self) -> None:
        if not (0 < self.half_life_days < math.inf and 0 <= self.weight <= 1):
            raise ValueError("a half-life is more than 0 days, a weight 0 to 1")

    def factor(self, at: datetime, now: datetime) -> float:
        """Return the factor for what is of ``at``: ``(1 - w) + w * 0.5 ** (age / half-life)``; the future is now."""
        days = max(0.0, (now - at).total_seconds() / _SECONDS_OF_A_DAY)
        return (1 - self.weight) + self.weight * math.pow(0.5, days / self.half_life_days)


@dataclass(frozen=True, slots=True)
class Boosted:
    """The hits in their new order, and by which factor the score of each was changed, by chunk id."""

    hits: tuple[Hit, ...]
    factors: Mapping[UUID, float] = field(default_factory=dict)


class Boosts:
    """Weighs hits by age and by filters. Without ``recency`` and ``boosts``, they stay as they are.

    Factors multiply. A hit with no time at all has the factor 1 for its age.
    """

    def __init__(self, recency: Recency | None = None, boosts: Sequence[Boost] = ()) -> None:
        if len(boosts) > MOST_BOOSTS:
            raise FilterError(f"there are at most {MOST_BOOSTS} boosts")
        self._recency = recency
        self._boosts = tuple(boosts)

    @property
    def active(self) -> bool:
        """Whether there is anything to weigh by."""
        return self._recency is not None or bool(self._boosts)

    def apply(self, hits: Sequence[Hit], now: datetime) -> Boosted:
        """Return the hits by their new scores, best first; equals stay in the order in which they came.

        A score below 0, as a cosine may be, is divided by the factor: so more is better there, too, and of two hits
        with the same factor the better one stays before the other. CPU-bound: some 7 µs for a hit and a filter.
        """
        if not self.active:
            return Boosted(tuple(hits))
        factors = {hit.chunk.id: self._factor(hit, now) for hit in hits}
        weighed = [replace(hit, score=_times(hit.score, factors[hit.chunk.id])) for hit in hits]
        return Boosted(tuple(sorted(weighed, key=lambda hit: -hit.score)), factors)

    def _factor(self, hit: Hit, now: datetime) -> float:
        metadata, built_in = overlaid(hit.metadata, hit.chunk.metadata), _built_in(hit)
        factor = math.prod(each.factor for each in self._boosts if matches(each.condition, metadata, built_in))
        if self._recency:
            at = _time(self._recency.field, metadata, built_in) or hit.updated_at
            factor *= self._recency.factor(at, now) if at else 1.0
        return min(max(factor, LEAST_FACTOR), LARGEST_FACTOR)


def parse_boosts(text: str) -> tuple[Boost, ...]:
    """Return the boosts that ``text`` says: ``FILTER => FACTOR``, one a line or divided by semicolons.

    Raise ``FilterError``, which names the boost, for any other text.
    """
    boosts: list[Boost] = []
    position = _after(_BETWEEN, text, 0)
    while position < len(text):
        end = _after(_ONE, text, position)
        if end == position:
            raise FilterError(f"boost {len(boosts) + 1}: a quote is not closed", position)
        boosts.append(_parse_one(text[position:end], len(boosts) + 1))
        position = _after(_BETWEEN, text, end)
    if len(boosts) > MOST_BOOSTS:
        raise FilterError(f"there are at most {MOST_BOOSTS} boosts")
    return tuple(boosts)


def parse_recency(half_life_days: float | None, weight: float, where: str | None = None) -> Recency | None:
    """Return the decay that three settings say; ``None`` where there is no half-life or no weight.

    ``where`` is a field as in a filter, ``published`` or ``@created_at``. Raise ``FilterError`` for what is no field.
    """
    if half_life_days is None or not weight:
        return None
    return Recency(half_life_days, weight, parse_field(where) if where else None)


def _parse_one(text: str, number: int) -> Boost:
    arrow = _ARROW.search(text)
    if arrow is None:
        raise FilterError(f'boost {number}: `=> FACTOR` is missing at the end, as in `type = "faq" => 1.2`')
    try:
        return Boost(parse_filter(text[: arrow.start()]), float(arrow[1]))
    except FilterError as error:
        raise FilterError(f"boost {number}: {error}", error.position) from error


def _after(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position


def _times(score: float, factor: float) -> float:
    return score * factor if score >= 0 else score / factor


def _built_in(hit: Hit) -> dict[str, str | datetime]:
    """Return what a filter sees of a document beside its metadata."""
    said: dict[str, str | datetime | None] = {
        "uri": hit.uri,
        "title": hit.title,
        "collection": hit.collection,
        "media_type": hit.media_type or None,
        "created_at": hit.created_at,
        "updated_at": hit.updated_at,
    }
    return {name: value for name, value in said.items() if value is not None}


def _time(where: Field | None, metadata: Mapping[str, Any], built_in: Mapping[str, str | datetime]) -> datetime | None:
    """Return the time that a field holds, if it holds one."""
    if where is None:
        return None
    value: object = built_in.get(where.name) if where.built_in else metadata
    for key in () if where.built_in else where.keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    found = parse_time(value) if isinstance(value, str) else value
    return (found if found.tzinfo else found.replace(tzinfo=UTC)) if isinstance(found, datetime) else None
