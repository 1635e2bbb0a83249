"""Documents, their versions, and the chunks they are cut into.

Every ``start``/``end`` in Ragstone counts Unicode code points of the document's ``content``,
so that ``content[start:end]`` in Python is the text meant.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

DEFAULT_COLLECTION = "default"
LONGEST_URI_BYTES = 2000
"""A uri, or a source, is part of a B-tree key, which PostgreSQL bounds to some 2,700 bytes."""
LONGEST_COLLECTION_NAME = 100


class State(StrEnum):
    """Where one version of a document stands on the offline flow."""

    ACCEPTED = "accepted"
    PARSING = "parsing"
    SEARCHABLE = "searchable"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"

    def may_become(self, other: "State") -> bool:
        """Say whether the move to ``other`` is legal."""
        return other in _MOVES[self]

    @property
    def final(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in (State.READY, State.FAILED, State.CANCELLED)


_MOVES: Mapping[State, frozenset[State]] = {
    State.ACCEPTED: frozenset({State.PARSING, State.SEARCHABLE, State.FAILED, State.CANCELLED}),
    State.PARSING: frozenset({State.ACCEPTED, State.SEARCHABLE, State.FAILED, State.CANCELLED}),
    State.SEARCHABLE: frozenset({State.READY, State.FAILED, State.CANCELLED}),
    # Another embedding model was configured: the words stay, the meaning is computed anew.
    State.READY: frozenset({State.SEARCHABLE}),
    State.FAILED: frozenset({State.ACCEPTED, State.SEARCHABLE}),
    State.CANCELLED: frozenset({State.ACCEPTED, State.SEARCHABLE}),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a version ended in ``failed``: where, what, how to mend it, and whether a retry can help."""

    stage: str
    code: str
    message: str
    remedy: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class PageSpan:
    """The part of ``content`` that stands on one page (slide, sheet, part of a message), numbered from 1.

    ``label`` is what people call it where that is more than its number: a sheet's name, an attachment's.
    """

    page: int
    start: int
    end: int
    label: str | None = None


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What a parser makes of bytes: text (Markdown where the source has structure) and where pages lie.

    ``unread`` maps the parts that could not be read, as attachments or files of an archive, to the cause.
    """

    content: str
    media_type: str
    title: str | None = None
    pages: tuple[PageSpan, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)

    @property
    def structured(self) -> bool:
        """Whether ``content`` is Markdown, whose headings and tables mean something."""
        return self.media_type != "text/plain"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of a document: what is searched and cited. ``text == content[start:end]``.

    ``lead`` is what stands before it in the document and is needed to read it: the header of a table that began in
    an earlier chunk. It is searched, and shown to a model, with the text. ``page`` is the one that most of the text
    stands on, ``pages`` all of them where they are several.
    """

    id: UUID
    ordinal: int
    text: str
    start: int
    end: int
    token_count: int
    heading_path: tuple[str, ...] = ()
    page: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    external_id: str | None = None
    page_label: str | None = None
    lead: str = ""
    pages: tuple[PageSpan, ...] = ()

    def page_at(self, position: int) -> tuple[int | None, str | None]:
        """Return number and label of the page on which ``content[position]``, a character of this chunk, stands."""
        for span in self.pages:
            if span.start <= position < span.end:
                return span.page, span.label
        return self.page, self.page_label

    @property
    def told(self) -> str:
        """What a model reads of it: the lead, then the text."""
        return f"{self.lead}\n{self.text}" if self.lead else self.text


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a collection, and how far its latest version has come.

    ``current_version`` is the version that answers questions (none before the first is searchable);
    ``job_id`` is the latest version, whose ingestion the job of the same id is. ``source`` is what a sync mirrors the
    document from; ``etag`` and ``last_modified`` are what the web server said of the latest version's bytes.
    ``unread`` maps the parts of these that could not be read to the cause.
    """

    id: UUID
    collection: str
    uri: str
    title: str
    media_type: str
    size: int
    sha256: str
    metadata: Mapping[str, Any]
    readers: tuple[str, ...]
    state: State
    job_id: UUID
    current_version: UUID | None
    chunk_count: int
    failure: Failure | None
    created_at: datetime
    updated_at: datetime
    source: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    unread: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """The ingestion of one version of a document. Times are seconds spent in each stage.

    ``waiting`` says why the last attempt ended without a result, or that no worker runs; the next attempt is due at
    ``due_at``.
    """

    id: UUID
    document_id: UUID
    collection: str
    uri: str
    state: State
    attempts: int
    chunk_count: int
    embedded_count: int
    stage_seconds: Mapping[str, float]
    failure: Failure | None
    waiting: Failure | None
    due_at: datetime
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class QueueState:
    """What is on its way: documents by state, chunks yet to be embedded, and how fast the last minutes went.

    ``chunks_per_second`` and ``eta_seconds`` are ``None`` where nothing was finished lately; ``waiting`` counts the
    documents whose last attempt ended without a result, or for which none of the ``workers`` lives.
    """

    states: Mapping[State, int]
    waiting: int
    workers: int
    pending_chunks: int
    chunks_per_second: float | None
    eta_seconds: float | None
    oldest_at: datetime | None


def embedding_text(title: str, heading_path: tuple[str, ...], text: str, *, lead: str = "") -> str:
    """Return what is embedded and indexed for a chunk: its place in the document, then ``lead`` and its text."""
    path = heading_path if heading_path and heading_path[0] == title else (title, *heading_path)
    heading = " > ".join(part for part in path if part)
    return "\n".join(part for part in (heading, lead, text) if part)
