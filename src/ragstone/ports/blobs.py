"""Port: the bytes of documents."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Blob:
    """The bytes of a document, as the record holds them. ``sha256`` in hex."""

    id: UUID
    sha256: str
    size: int


class Blobs(Protocol):
    """Bytes of documents, written and read in parts so that no whole file need be in memory."""

    async def write(self, parts: AsyncIterator[bytes]) -> Blob:
        """Store the parts of a blob, for ``Documents.accept`` in the same transaction to keep."""
        ...

    async def read(self, blob_id: UUID) -> bytearray:
        """Return the whole content."""
        ...
