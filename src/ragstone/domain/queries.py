"""A question, where it may look, and what it finds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from ragstone.domain.access import Principal
from ragstone.domain.documents import Chunk


class Mode(StrEnum):
    """Which legs search: by words (BM25), by meaning (dense vectors), or both, fused."""

    HYBRID = "hybrid"
    WORDS = "words"
    MEANING = "meaning"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a search may see: the principal's documents, in these collections, with this metadata.

    ``collections`` empty means all of the principal's; ``metadata`` holds keys and the values they must equal.
    """

    principal: Principal
    collections: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


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
