"""A question, where it may look, and what it finds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from ragstone.domain.access import Principal
from ragstone.domain.documents import Chunk
from ragstone.domain.filters import And, Filter, Value, shorthand


class Mode(StrEnum):
    """Which legs search: by words (BM25), by meaning (dense vectors), or both, fused."""

    HYBRID = "hybrid"
    WORDS = "words"
    MEANING = "meaning"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a search may see: the principal's documents, in these collections, of which this filter holds.

    ``collections`` empty means all of the principal's; ``metadata`` is short for a filter: keys and the values they
    must equal.
    """

    principal: Principal
    collections: tuple[str, ...] = ()
    metadata: Mapping[str, Value] = field(default_factory=dict)
    filter: Filter | None = None

    @property
    def condition(self) -> Filter | None:
        """What must hold of a chunk, ``metadata`` and ``filter`` in one; ``None`` where nothing must."""
        short = shorthand(self.metadata)
        return And((short, self.filter)) if short and self.filter else short or self.filter


@dataclass(frozen=True, slots=True)
class LegRank:
    """Where one leg placed a chunk: rank from 1, and the leg's own score."""

    rank: int
    score: float


@dataclass(frozen=True, slots=True)
class Ranked:
    """A chunk's id and score, as a leg or the fusion returns it, best first."""

    chunk_id: UUID
    score: float


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, best first. ``missing`` names each leg that could not search, with the reason."""

    hits: "tuple[Hit, ...]"
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that was found, with the document it is from and why it ranks where it does.

    ``score`` is the fused score; ``legs`` holds each leg's rank and score (``meaning``: cosine
    similarity in -1..1; ``words``: BM25, unbounded).
    """

    chunk: Chunk
    document_id: UUID
    title: str
    uri: str
    collection: str
    score: float
    legs: Mapping[str, LegRank]
