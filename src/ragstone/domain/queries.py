"""A question, where it may look, and what it finds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
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
class Correction:
    """A word of the question, as written, that no chunk in view has, and the likeliest that some do have.

    ``instead`` is spelt out, not a stem. ``chunks``: how many have a term of it, of those that the principal may read
    in the scope's collections; nothing beyond these was looked at to choose it.
    """

    word: str
    instead: str
    chunks: int


@dataclass(frozen=True, slots=True)
class Folded:
    """A chunk that says what a better hit says, and is named by that one in place of a hit of its own."""

    chunk_id: UUID
    document_id: UUID
    title: str
    uri: str
    collection: str
    score: float


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that was found, with the document it is from and why it ranks where it does.

    ``score`` is the fused score; ``legs`` holds each leg's rank and score (``meaning``: cosine
    similarity in -1..1; ``words``: BM25, unbounded). From ``metadata`` to ``updated_at``, all is the document's.

    After shaping, a hit may stand for several: ``folded`` are those that say the same elsewhere; ``chunk_ids`` are
    the chunks found, in the document's order, whose joined text, or the section or document around which, ``chunk``
    has now (empty: its own text alone).
    """

    chunk: Chunk
    document_id: UUID
    title: str
    uri: str
    collection: str
    score: float
    legs: Mapping[str, LegRank]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    media_type: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    folded: tuple[Folded, ...] = ()
    chunk_ids: tuple[UUID, ...] = ()
