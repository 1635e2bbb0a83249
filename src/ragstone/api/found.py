"""What a search found, as JSON."""

from typing import Any, Self
from uuid import UUID

from pydantic import Field

from ragstone.api.schemas import Reply
from ragstone.domain import found, queries
from ragstone.domain.filter_matching import overlaid


class LegRank(Reply):
    """Where one leg of the search placed a passage: rank from 1, and the leg's own score."""

    rank: int
    score: float


class Folded(Reply):
    """A passage that says what a better hit says."""

    chunk_id: UUID
    document_id: UUID
    title: str
    uri: str
    collection: str
    score: float


class Hit(Reply):
    """A passage that was found, and why it stands where it does."""

    chunk_id: UUID
    document_id: UUID
    collection: str
    title: str
    uri: str
    page: int | None
    page_label: str | None = None
    heading_path: list[str]
    text: str
    start: int
    end: int
    metadata: dict[str, Any] = Field(description="The document's, with the passage's own keys in place of its.")
    external_id: str | None = Field(None, description="The passage's own id, where it came ready-made with one.")
    lead: str = Field("", description="The header of the table that the text goes on with; it is searched as well.")
    score: float = Field(
        description="The score after fusion and boosts: comparable among replies of the same mode and settings."
    )
    legs: dict[str, LegRank] = Field(
        description="Rank and score by leg: `meaning` is cosine similarity (-1 to 1), `words` is BM25 (0 or more)."
    )
    folded: list[Folded] = Field(default_factory=list, description="Passages that say the same, and are not given.")
    chunk_ids: list[UUID] = Field(
        default_factory=list, description="The chunks whose text is joined here, or stands within; empty for one alone."
    )

    @classmethod
    def from_domain(cls, value: object) -> Self:
        """Return the reply that shows a ``queries.Hit``."""
        if not isinstance(value, queries.Hit):
            raise TypeError("A hit is made from a hit.")
        chunk = value.chunk
        return cls(
            chunk_id=chunk.id,
            document_id=value.document_id,
            collection=value.collection,
            title=value.title,
            uri=value.uri,
            page=chunk.page,
            page_label=chunk.page_label,
            heading_path=list(chunk.heading_path),
            text=chunk.text,
            start=chunk.start,
            end=chunk.end,
            metadata=dict(overlaid(value.metadata, chunk.metadata)),
            external_id=chunk.external_id,
            lead=chunk.lead,
            score=value.score,
            legs={name: LegRank.from_domain(leg) for name, leg in value.legs.items()},
            folded=[Folded.from_domain(each) for each in value.folded],
            chunk_ids=list(value.chunk_ids),
        )


class Step(Reply):
    """A step of a search."""

    name: str
    milliseconds: float
    details: dict[str, str | int | float]


class Considered(Reply):
    """A passage that a search considered, and what became of it."""

    chunk_id: UUID
    document_id: UUID
    title: str
    legs: dict[str, LegRank] = Field(description="Rank and score by leg.")
    fused: LegRank = Field(description="Rank and score by the fusion.")
    boost: float = Field(description="What the fused score was multiplied by, for age and for boosts; 1 as a rule.")
    reranked: LegRank | None = Field(description="Rank and score by the reranker alone, where it read the passage.")
    rank: int | None = Field(description="The place in the reply, from 1; null where it is not among the hits.")
    cut: str = Field(description="Why it is not: `limit`, or what shaping did with it; empty where it is.")
    of: UUID | None = Field(description="The chunk of the hit that it went into, or fell behind.")


class Trace(Reply):
    """Why the hits are those, in this order: steps in their order, and passages in the order of the fusion."""

    steps: list[Step]
    considered: list[Considered]


class Correction(Reply):
    """A word of the question that no passage has, and the one that was searched for, too."""

    word: str
    instead: str
    chunks: int = Field(description="How many passages have it.")


class Found(Reply):
    """What a search found, best first."""

    hits: list[Hit]
    missing: dict[str, str] = Field(
        description="What it did without (`meaning`, `words`, `spelling`, `phrase`, `rewrite`, `rerank`), and why."
    )
    corrections: list[Correction] = Field(description="Words that were taken for slips of the pen.")
    trace: Trace | None = Field(None, description="How the search went, where `explain` asked for it.")

    @classmethod
    def from_domain(cls, value: object) -> Self:
        """Return the reply that shows a ``found.Found``."""
        if not isinstance(value, found.Found):
            raise TypeError("What was found is made from what a search found.")
        return cls(
            hits=[Hit.from_domain(hit) for hit in value.hits],
            missing=dict(value.missing),
            corrections=[Correction.from_domain(each) for each in value.corrections],
            trace=Trace.from_domain(value.trace) if value.trace else None,
        )
