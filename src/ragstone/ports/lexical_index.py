"""Port: search by words."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from ragstone.domain.documents import Chunk
from ragstone.domain.queries import Ranked, Scope
from ragstone.ports.record import Transaction


class LexicalIndex(Protocol):
    """Ranks chunks by BM25: Robertson & Zaragoza, The Probabilistic Relevance Framework (2009), with
    ``idf = ln(1 + (N - df + 0.5) / (df + 0.5))``, document frequencies counted over what the scope may see."""

    async def add(self, transaction: Transaction, version_id: UUID, title: str, chunks: Sequence[Chunk]) -> None:
        """Index the chunks of a version; they are found once ``transaction`` commits."""
        ...

    async def reindex(self, transaction: Transaction, version_id: UUID, title: str, chunks: Sequence[Chunk]) -> None:
        """Index the chunks of a version in place of what was indexed of it."""
        ...

    async def search(self, question: str, scope: Scope, limit: int) -> Sequence[Ranked]:
        """Return at most ``limit`` chunks in ``scope``, best first; score is BM25 (0 or more, unbounded)."""
        ...
