"""Port: documents, as those who send and read them see them."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from ragstone.domain.access import Principal
from ragstone.domain.documents import Chunk, Document, State
from ragstone.ports.blobs import Blob


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
class Accepted:
    """The outcome of accepting bytes: ``created`` is false where the same bytes are there already."""

    document_id: UUID
    job_id: UUID
    created: bool


@dataclass(frozen=True, slots=True)
class Content:
    """A document's text, as its citations count it."""

    document_id: UUID
    title: str
    uri: str
    media_type: str
    content: str


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
