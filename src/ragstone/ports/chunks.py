"""Port: chunks, as retrieval reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from ragstone.domain.documents import Chunk
from ragstone.domain.queries import Scope


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
