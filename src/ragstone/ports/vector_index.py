"""Port: nearest neighbours among the vectors of one embedding space."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from ragstone.domain.queries import Ranked, Scope
from ragstone.ports.embedder import EmbeddingModel, Vectors
from ragstone.ports.record import Transaction


class VectorIndex(Protocol):
    """Holds one vector per chunk and embedding space; a projection of the record, rebuildable from it."""

    async def ensure(self, model: EmbeddingModel) -> None:
        """Make the space of ``model`` if it is not there."""
        ...

    async def upsert(
        self, transaction: Transaction, model: EmbeddingModel, chunk_ids: Sequence[UUID], vectors: Vectors
    ) -> None:
        """Store ``vectors[i]`` for ``chunk_ids[i]``; visible when ``transaction`` commits, where the store can."""
        ...

    async def search(self, model: EmbeddingModel, vector: Vectors, scope: Scope, limit: int) -> Sequence[Ranked]:
        """Return at most ``limit`` chunks in ``scope``, nearest first; score is the cosine similarity (-1..1).

        ``vector`` has shape ``(dimensions,)``.
        """
        ...
