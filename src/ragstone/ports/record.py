"""Port: the system of record. One request or one job is one transaction; repositories never commit."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence, Set
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from ragstone.domain.access import Permission, Principal
from ragstone.domain.documents import Chunk, Document, Failure, ParsedDocument, State
from ragstone.domain.errors import RagstoneError
from ragstone.domain.queries import Scope
from ragstone.ports.embedder import EmbeddingModel
from ragstone.ports.embedding_spaces import EmbeddingSpaces
from ragstone.ports.jobs import Jobs


@dataclass(frozen=True, slots=True)
class Collection:
    """A named set of documents of one tenant."""

    id: UUID
    name: str
    documents: int
    chunks: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Blob:
    """The bytes of a document, as the record holds them. ``sha256`` in hex."""

    id: UUID
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class NewDocument:
    """What a caller sends in beside the bytes. ``uri`` names the document within its collection; without a
    ``title``, the one that the parser finds stands.

    ``source`` is what a sync mirrors the document from; ``etag`` and ``last_modified`` are a web server's validators.
    """

    collection: str
    uri: str
    title: str | None
    filename: str
    media_type: str
    metadata: Mapping[str, Any]
    readers: tuple[str, ...]
    source: str | None = None
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class ReadyMade:
    """A document that came cut into chunks. ``sha256`` (in hex) and ``size`` (in bytes) are of what was sent.

    ``embedded_by`` is the active model of which all its chunks have vectors, which the caller stores in the same
    transaction; ``None`` where they are yet to be made.
    """

    document: NewDocument
    parsed: ParsedDocument
    chunks: Sequence[Chunk]
    sha256: str
    size: int
    embedded_by: EmbeddingModel | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The outcome of accepting bytes: ``created`` is false where the same bytes are there already."""

    document_id: UUID
    job_id: UUID
    created: bool


class BatchRefused(RagstoneError):
    """Documents of a batch cannot be taken in: ``errors`` by their place in it, from 0.

    ``accepted`` are those that were taken in all the same; where a batch is one transaction, none was.
    """

    def __init__(self, errors: Mapping[int, RagstoneError], accepted: Mapping[int, Accepted] | None = None) -> None:
        first = errors[min(errors)]
        super().__init__(first.message, remedy=first.remedy)
        self.errors = errors
        self.accepted = accepted or {}


@dataclass(frozen=True, slots=True)
class Work:
    """One version that a worker has leased, with what its next step needs.

    ``title`` is the sender's or, once parsed, the document's own; ``name`` stands in where neither has one.
    ``crashes`` counts the workers that died, or were lost, one after the other while they held it.
    """

    version_id: UUID
    document_id: UUID
    blob_id: UUID | None
    state: State
    media_type: str
    uri: str
    title: str | None
    name: str
    chunk_count: int
    embedded_count: int
    attempts: int
    crashes: int


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk with the document it is from, as retrieval reads it. From ``metadata`` on, all is the document's."""

    chunk: Chunk
    document_id: UUID
    title: str
    uri: str
    collection: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    media_type: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Parent:
    """A whole document, or section of one, with its chunks in order: ``text`` goes from the first to the last."""

    document_id: UUID
    text: str
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """A document's text, as its citations count it."""

    document_id: UUID
    title: str
    uri: str
    media_type: str
    content: str


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key's row; the secret itself is shown once, at creation, and stored as a SHA-256 digest."""

    id: UUID
    name: str
    tenant: str
    permissions: tuple[Permission, ...]
    readers: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


class Collections(Protocol):
    """Collections of a tenant."""

    async def create(self, principal: Principal, name: str) -> bool:
        """Create ``name``; return whether it was not there yet."""
        ...

    async def id_of(self, principal: Principal, name: str) -> UUID:
        """Return the id, at the same small cost however much is in it.

        Raise ``NotFound`` for a name that the principal's tenant does not have.
        """
        ...

    async def get(self, principal: Principal, name: str) -> Collection:
        """Return the collection with its counts, for which all its documents are looked at. Raise as ``id_of``."""
        ...

    async def list(self, principal: Principal) -> Sequence[Collection]:
        """Return all, by name; counts are of what the principal may see."""
        ...


class Blobs(Protocol):
    """Bytes of documents, written and read in parts so that no whole file need be in memory."""

    async def write(self, parts: AsyncIterator[bytes]) -> Blob:
        """Store the parts of a blob, for ``Documents.accept`` in the same transaction to keep."""
        ...

    async def read(self, blob_id: UUID) -> bytearray:
        """Return the whole content."""
        ...


class Documents(Protocol):
    """Documents, as callers see them."""

    async def accept(self, principal: Principal, document: NewDocument, blob: Blob) -> Accepted:
        """Store a new version and enqueue its parsing, unless the newest one holds the same bytes of the same media
        type and did not fail or end cancelled. A document that has a source keeps it.
        """
        ...

    async def get(self, principal: Principal, document_id: UUID) -> Document:
        """Raise ``NotFound`` where there is none that the principal may see."""
        ...

    async def list(
        self,
        principal: Principal,
        *,
        collection: str | None,
        state: State | None,
        after: UUID | None,
        limit: int,
        source: str | None = None,
        uri: str | None = None,
    ) -> Sequence[Document]:
        """Return documents by id (that is, by age), those after ``after``."""
        ...

    async def known(self, principal: Principal, uris: Iterable[str]) -> Set[str]:
        """Return those of the uris that documents which the principal may see have, in whichever collection."""
        ...

    async def rename(self, principal: Principal, document_id: UUID, uri: str) -> None:
        """Give the document another uri; its text, chunks and vectors stay. Its words are the caller's to index anew.

        Raise ``NotFound`` as ``get`` does, and ``Conflict`` where the uri is taken in the collection.
        """
        ...

    async def adopt(self, principal: Principal, document_id: UUID, source: str) -> None:
        """Let a sync of ``source`` keep the document from now on. Raise ``NotFound`` as ``get`` does."""
        ...

    async def delete(self, principal: Principal, document_id: UUID) -> None:
        """Remove the document and everything made from it. Raise ``NotFound`` as ``get`` does."""
        ...

    async def content(self, principal: Principal, document_id: UUID) -> Content:
        """Return the text that citations count in. Raise ``Conflict`` before it is parsed."""
        ...

    async def chunks(self, principal: Principal, document_id: UUID, *, after: int, limit: int) -> Sequence[Chunk]:
        """Return the current version's chunks with an ordinal above ``after``, in order."""
        ...


class Versions(Protocol):
    """The work on versions: leased by one worker at a time, each step conditional on the lease."""

    async def claim(self, version_id: UUID, states: Sequence[State], owner: int, seconds: float) -> Work | None:
        """Lease a version in one of ``states`` for ``seconds``, or return ``None``: gone, done, or another's."""
        ...

    async def extend(self, version_id: UUID, owner: int, seconds: float) -> None:
        """Lengthen the lease. Raise ``LeaseLost`` where it is another's by now."""
        ...

    async def store_parsed(
        self,
        version_id: UUID,
        owner: int,
        parsed: ParsedDocument,
        chunks: Sequence[Chunk],
        seconds: Mapping[str, float],
        *,
        chunking: str = "",
    ) -> None:
        """Store content and chunks; move to ``searchable``, release the lease, enqueue the embedding.

        ``chunking`` names the sizes that the chunks were cut to, for ``former``. Raise ``LeaseLost``.
        """
        ...

    async def former(self, work: Work, chunking: str) -> tuple[str, Sequence[Chunk]] | None:
        """Return content and chunks of the version that answers now, if there is one that was cut alike."""
        ...

    async def misnamed(self, document_ids: Sequence[UUID]) -> Sequence[tuple[UUID, str, Sequence[Chunk]]]:
        """Return versions whose words are indexed with a title that is not theirs any more: id, title and chunks."""
        ...

    async def store_ready_made(self, principal: Principal, documents: Sequence[ReadyMade]) -> Sequence[Accepted]:
        """Store documents of different uris, with content and chunks, as new versions; return what became of each.

        One is ``ready`` where its chunks have vectors, and else ``searchable``, its embedding enqueued. The same
        again is no new version, unless that one failed or ended cancelled. Raise ``NotFound`` for an unknown
        collection, and ``BatchRefused`` with a ``Conflict`` for uris that are taken by what the principal may not read.
        """
        ...

    async def begin_embedding(self, work: Work, owner: int, model: EmbeddingModel) -> int:
        """Return how many chunks, from the first on, have their vector in the space of ``model`` already.

        Raise ``LeaseLost``.
        """
        ...

    async def pending_chunks(self, work: Work, after: int, limit: int) -> Sequence[tuple[UUID, str]]:
        """Return id and embedding text of at most ``limit`` chunks, from ordinal ``after`` on."""
        ...

    async def store_progress(self, version_id: UUID, owner: int, embedded_count: int) -> None:
        """Note how many chunks, from the first on, are embedded. Raise ``LeaseLost``."""
        ...

    async def finish(self, work: Work, owner: int, seconds: Mapping[str, float]) -> None:
        """Move to ``ready``, let the version answer questions, release the lease. Raise ``LeaseLost``."""
        ...

    async def fail(self, work: Work, owner: int, failure: Failure) -> None:
        """Move to ``failed`` and release the lease. Raise ``LeaseLost``."""
        ...

    async def release(self, work: Work, owner: int, delay: float, waiting: Failure | None = None) -> None:
        """Give the lease back unfinished; the work is due again in ``delay`` seconds, and waits for this cause."""
        ...

    async def set_aside(self, version_id: UUID, owner: int, failure: Failure) -> None:
        """Move a version that ``owner`` died over to ``failed``, unless another worker has it by now.

        Where ``owner`` died before it had the lease, the death counts as one more worker that was lost.
        """
        ...

    async def wake_lost(self) -> int:
        """Enqueue again all that nobody works on: leases of dead owners, lost queue entries. Return how many."""
        ...


class Chunks(Protocol):
    """Chunks as retrieval reads them."""

    async def load(self, scope: Scope, chunk_ids: Sequence[UUID]) -> Sequence[StoredChunk]:
        """Return those of ``chunk_ids`` that ``scope`` may see, in the order given."""
        ...

    async def parents(self, scope: Scope, chunk_ids: Sequence[UUID], longest: int) -> Sequence[Parent]:
        """Return what stands around these chunks, in at most ``longest`` characters: the document, else the section.

        A section is all chunks in a row of one heading path. What is one chunk, or has a chunk that ``scope`` may not
        see or that has other metadata than the rest, is left out.
        """
        ...

    async def between(self, scope: Scope, pairs: Sequence[tuple[UUID, UUID]]) -> Mapping[tuple[UUID, UUID], str]:
        """Return the text between two chunks that follow one another, for each pair that ``scope`` may see."""
        ...

    async def longest(self) -> int:
        """Return the tokens of the longest chunk; 0 where there is none."""
        ...


class Keys(Protocol):
    """API keys."""

    async def create(
        self, *, name: str, tenant: str, permissions: Sequence[Permission], readers: Sequence[str]
    ) -> tuple[ApiKey, str]:
        """Make a key; the second value is the secret, which is not stored and cannot be shown again."""
        ...

    async def principal(self, secret: str) -> Principal:
        """Return whom the secret stands for. Raise ``Unauthenticated``."""
        ...

    async def list(self) -> Sequence[ApiKey]:
        """Return all keys, the oldest first."""
        ...

    async def revoke(self, key_id: UUID) -> None:
        """End a key. Raise ``NotFound``."""
        ...

    async def any(self) -> bool:
        """Whether a key is there that is not revoked."""
        ...


class Transaction(Protocol):
    """One unit of work. Everything in it is stored when its block ends well, or nothing is."""

    @property
    def collections(self) -> Collections: ...
    @property
    def blobs(self) -> Blobs: ...
    @property
    def documents(self) -> Documents: ...
    @property
    def versions(self) -> Versions: ...
    @property
    def jobs(self) -> Jobs: ...
    @property
    def spaces(self) -> EmbeddingSpaces: ...
    @property
    def chunks(self) -> Chunks: ...
    @property
    def keys(self) -> Keys: ...


class Record(Protocol):
    """The system of record."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction. Raises ``DatabaseUnavailable``."""
        ...

    def reading(self) -> AbstractAsyncContextManager[Transaction]:
        """Open for reads each of which stands by itself, as of its own moment. Raises ``DatabaseUnavailable``."""
        ...
