"""What Ragstone says, as JSON: one shape for the HTTP replies and for the command line's ``--json``.

``Model.from_domain(value)`` makes the reply from the domain's value of the same name, and
``Model.model_validate_json(text)`` reads a reply back.
"""

from datetime import datetime
from typing import Any, Generic, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from ragstone.domain.access import Permission
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
