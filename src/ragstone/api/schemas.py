"""What Ragstone says, as JSON: one shape for the HTTP replies and for the command line's ``--json``.

``Model.from_domain(value)`` makes the reply from the domain's value of the same name, and
``Model.model_validate_json(text)`` reads a reply back.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Generic, Self, TypeVar
from uuid import UUID

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from ragstone.domain import answers, queries
from ragstone.domain.access import Permission
from ragstone.domain.answers import Support
from ragstone.domain.documents import State

T = TypeVar("T")


class Reply(BaseModel):
    """What every reply has in common."""

    model_config = ConfigDict(from_attributes=True, frozen=True)

    @classmethod
    def from_domain(cls, value: object) -> Self:
        """Return the reply that shows ``value``, whose attributes are named as the fields."""
        return cls.model_validate(value)


class Page(Reply, Generic[T]):
    """A part of a list. With ``next_cursor`` as ``cursor``, the same request returns the next part."""

    items: list[T]
    next_cursor: str | None = Field(None, description="Where the next page begins; null on the last page.")


class Accepted(Reply):
    """The document is stored and its ingestion is enqueued."""

    document_id: UUID
    job_id: UUID
    created: bool = Field(description="False where the same bytes were there already, so that nothing is to be done.")


class Failure(Reply):
    """Why an ingestion failed, and how to mend it."""

    stage: str
    code: str
    message: str
    remedy: str
    retryable: bool


class Document(Reply):
    """A document, and how far its newest version has come."""

    id: UUID
    collection: str
    uri: str
    title: str
    media_type: str
    size: int = Field(description="Bytes.")
    sha256: str
    metadata: dict[str, Any]
    readers: list[str]
    state: State
    job_id: UUID = Field(description="The job that ingests the newest version.")
    current_version: UUID | None = Field(description="The version that answers questions; null before the first does.")
    chunk_count: int
    failure: Failure | None
    created_at: datetime
    updated_at: datetime
    source: str | None = Field(None, description="What a sync mirrors it from; null where it was sent by hand.")
    etag: str | None = Field(None, description="The ETag of the newest version's bytes, where they are from the web.")
    last_modified: str | None = Field(None, description="Their Last-Modified, as the web server gave it.")
    unread: dict[str, str] = Field({}, description="Parts of it that could not be read, as attachments, and why.")


class DocumentPage(Page[Document]):
    """Documents, the oldest first."""


class Content(Reply):
    """A document's text. ``start`` and ``end`` of its chunks and citations count its Unicode code points."""

    document_id: UUID
    title: str
    uri: str
    media_type: str
    content: str


class Chunk(Reply):
    """A passage of a document: ``text`` is ``content[start:end]``."""

    id: UUID
    external_id: str | None = Field(description="The sender's own id, where the chunk was sent ready-made.")
    ordinal: int
    text: str
    start: int
    end: int
    token_count: int
    heading_path: list[str]
    page: int | None
    page_label: str | None = None
    lead: str = Field("", description="Header of the table that the chunk goes on with; searched with its text.")
    metadata: dict[str, Any]


class ChunkPage(Page[Chunk]):
    """Chunks of one document, in order."""


class Job(Reply):
    """The ingestion of one version of a document."""

    id: UUID
    document_id: UUID
    collection: str
    uri: str
    state: State
    attempts: int
    chunk_count: int
    embedded_count: int
    stage_seconds: dict[str, float]
    failure: Failure | None
    waiting: Failure | None = Field(None, description="Why the last attempt ended without a result; it is tried again.")
    due_at: datetime | None = Field(None, description="When the next attempt is due, where the job waits for one.")
    created_at: datetime
    updated_at: datetime


class QueueState(Reply):
    """What is on its way to be searchable."""

    states: dict[State, int]
    waiting: int = Field(
        description="Documents whose last attempt ended without a result, or for which no worker runs."
    )
    workers: int = Field(description="Workers that run.")
    pending_chunks: int
    chunks_per_second: float | None = Field(description="Pace of the last ten minutes, if any.")
    eta_seconds: float | None
    oldest_at: datetime | None


class JobPage(Page[Job]):
    """Jobs, the oldest first."""


class Collection(Reply):
    """A named set of documents. The counts are of what the caller may read."""

    id: UUID
    name: str
    documents: int
    chunks: int
    created_at: datetime


class CollectionPage(Page[Collection]):
    """Collections, by name."""


class LegRank(Reply):
    """Where one leg of the search placed a passage: rank from 1, and the leg's own score."""

    rank: int
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
    metadata: dict[str, Any]
    score: float = Field(description="The score after fusion; comparable within one reply only.")
    legs: dict[str, LegRank] = Field(
        description="Rank and score by leg: `meaning` is cosine similarity (-1 to 1), `words` is BM25 (0 or more)."
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
            metadata=dict(chunk.metadata),
            score=value.score,
            legs={name: LegRank.from_domain(leg) for name, leg in value.legs.items()},
        )


class Found(Reply):
    """What a search found, best first."""

    hits: list[Hit]
    missing: dict[str, str] = Field(description="Each leg that could not search, with the reason; empty as a rule.")

    @classmethod
    def from_domain(cls, value: object) -> Self:
        """Return the reply that shows a ``queries.Found``."""
        if not isinstance(value, queries.Found):
            raise TypeError("What was found is made from what a search found.")
        return cls(hits=[Hit.from_domain(hit) for hit in value.hits], missing=dict(value.missing))


class Citation(Reply):
    """A verbatim quote: the document's ``content[start:end]``. ``n`` is the number of its mark in the answer."""

    n: int
    source: str
    document_id: UUID
    chunk_id: UUID
    title: str
    uri: str
    page: int | None
    page_label: str | None = None
    heading_path: list[str]
    quote: str
    start: int
    end: int
    score: float
    support: Support = Field(description="Whether the quote bears out the sentence that carries its mark.")


class Usage(Reply):
    """Tokens that the language model counted; zeros where none was asked."""

    model: str
    input_tokens: int
    output_tokens: int


class Answer(Reply):
    """An answer: Markdown with ``[n]`` marks, and one citation for each mark."""

    question: str
    answer: str = Field(validation_alias=AliasChoices("answer", "text"))
    citations: list[Citation]
    refused: bool = Field(description="True where the documents do not hold the answer.")
    mode: str = Field(description="`generated` by a language model, or `extractive`: quoted from the documents.")
    notice: str = Field(description="What to know about how the answer was made; empty as a rule.")
    usage: Usage
    timings: dict[str, float] = Field(description="Milliseconds by step.")
    trace_id: UUID


class Retrieval(Reply):
    """First event of a stream, ``retrieval``: what was found."""

    trace_id: UUID
    hits: list[Hit]


class Delta(Reply):
    """Event ``delta``: a piece of the answer's text."""

    text: str


class Restart(Reply):
    """Event ``restart``: forget the deltas so far, the answer begins anew."""

    reason: str


class ApiKey(Reply):
    """An API key, without its secret."""

    id: UUID
    name: str
    tenant: str
    permissions: list[Permission]
    readers: list[str]
    created_at: datetime
    revoked_at: datetime | None


class Health(Reply):
    """The process lives."""

    status: str


class Readiness(Reply):
    """Whether Ragstone can serve, part by part."""

    status: str = Field(description="`ready` or `not ready`.")
    checks: dict[str, str] = Field(description="`ok`, or what is missing, by part.")


class FieldError(Reply):
    """One field of the request that is wrong."""

    field: str
    message: str


class Problem(Reply):
    """An error: a problem detail (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable and machine-readable.")
    remedy: str = Field(description="How to mend it.")
    errors: list[FieldError] = Field(default_factory=list, description="The fields that are wrong, where some are.")


EVENTS: Mapping[type[answers.AnswerEvent], str] = {
    answers.Retrieved: "retrieval",
    answers.Delta: "delta",
    answers.Cited: "citation",
    answers.Restart: "restart",
    answers.Done: "done",
}
"""The name of each event in a stream of server-sent events."""


def answer_frame(event: answers.AnswerEvent) -> tuple[str, Reply]:
    """Return an event's name in the stream, and its data."""
    return EVENTS[type(event)], event_reply(event)


def event_reply(event: answers.AnswerEvent) -> Reply:
    """Return the data of an event of the stream."""
    match event:
        case answers.Retrieved(hits, trace_id):
            return Retrieval(trace_id=trace_id, hits=[Hit.from_domain(hit) for hit in hits])
        case answers.Delta():
            return Delta.from_domain(event)
        case answers.Cited(citation):
            return Citation.from_domain(citation)
        case answers.Restart():
            return Restart.from_domain(event)
        case answers.Done(answer):
            return Answer.from_domain(answer)
