"""What a search found, and why: each step that it took, and what became of each chunk that it considered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from ragstone.domain.queries import Correction, Hit, LegRank


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a search: what it is called, how long it took, and what there is to say of it."""

    name: str
    milliseconds: float
    details: Mapping[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Considered:
    """A chunk that a search considered.

    ``legs``: the rank and score that each leg gave it; ``fused``: what the fusion made of them; ``boost``: the factor
    of the fused score; ``reranked``: the rank and score by the reranker alone. ``rank``: its place in the reply, from
    1; where it has none, ``cut`` says why, and ``of`` names the hit that it went into or fell behind.
    """

    chunk_id: UUID
    document_id: UUID
    title: str
    legs: Mapping[str, LegRank]
    fused: LegRank
    boost: float = 1.0
    reranked: LegRank | None = None
    rank: int | None = None
    cut: str = ""
    of: UUID | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """How a search went: its steps in order, and what it considered, in the order of the fusion."""

    steps: Sequence[Step]
    considered: Sequence[Considered]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, best first. ``missing`` names each step that had to be done without, with the reason."""

    hits: tuple[Hit, ...]
    missing: Mapping[str, str] = field(default_factory=dict)
    corrections: Sequence[Correction] = ()
    trace: Trace | None = None
