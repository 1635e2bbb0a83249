"""Port: nearest neighbours among the vectors of one embedding space."""

from collections.abc import Mapping, Sequence, Set
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
        self, transaction: Transaction, model: EmbeddingModel, texts: Mapping[UUID, str], vectors: Vectors
    ) -> None:
        """Store the vector of each chunk's embedded text, in the order of ``texts``.

        Visible when ``transaction`` commits, where the store can. Raises ``EmbedderUnavailable`` where the space of
        ``model`` was dropped.
        """
        ...

    async def reuse(self, transaction: Transaction, model: EmbeddingModel, texts: Mapping[UUID, str]) -> Set[UUID]:
        """Give chunks the vector that the same text of the same tenant has in this space, or had until lately.

        Return the chunks of ``texts`` that have a vector now. An index that cannot tell returns those that have one.
        Raises ``EmbedderUnavailable`` where the space was dropped.
        """
        ...

    async def tune(self, name: str, version: str) -> bool:
        """Build what the space of a model needs to be searched fast at its present size; return whether that was to do.

        Searches and changes go on meanwhile. Breaking it off does no harm, and nor does
        dropping the space.
        """
        ...

    async def search(self, model: EmbeddingModel, vector: Vectors, scope: Scope, limit: int) -> Sequence[Ranked]:
        """Return at most ``limit`` chunks in ``scope``, nearest first; score is the cosine similarity (-1..1).

        ``vector`` has shape ``(dimensions,)``. Raises ``EmbedderUnavailable`` where the space of ``model`` was dropped.
        """
        ...
