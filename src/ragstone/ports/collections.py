"""Port: collections, the named sets of documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from ragstone.domain.access import Principal


@dataclass(frozen=True, slots=True)
class Collection:
    """A named set of documents of one tenant."""

    id: UUID
    name: str
    documents: int
    chunks: int
    created_at: datetime


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

    async def remove(self, principal: Principal, name: str) -> int:
        """Remove the collection with its documents and everything made from them; return how many these were.

        Raise as ``id_of``, and ``Conflict`` where it holds a document that the principal may not read. It touches what
        is being worked on, and may have to give way: see ``despite_others``.
        """
        ...

    async def list(self, principal: Principal) -> Sequence[Collection]:
        """Return all, by name; counts are of what the principal may see."""
        ...
