"""Port: search by words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from ragstone.domain.documents import Chunk
from ragstone.domain.queries import Correction, Ranked, Scope
from ragstone.ports.record import Transaction


@dataclass(frozen=True, slots=True)
class Entry:
    """A version to be indexed: its chunks are searched with its title and their headings."""

    version_id: UUID
    title: str
    chunks: Sequence[Chunk]


@dataclass(frozen=True, slots=True)
class Matches:
    """What a search by words found: chunks, best first; score is BM25 (0 or more, unbounded).

    ``attainable``: what a chunk would score at the most that has every word of the question again and again.
    ``language``: the question's (ISO 639-1), else that of most documents; ``""`` where neither can be told.
    ``corrections``: words that no chunk has; what was meant was searched for instead where the index is made so.
    ``missing``: what was done without, and why: ``words``, where those of documents that the principal may read were
    lost, and are indexed anew; ``spelling``, where these were not looked for, as that would have taken
    too long this once; ``phrase``, where no chunk has one, or not all were looked at.
    """

    ranked: Sequence[Ranked] = ()
    attainable: float = 0.0
    language: str = ""
    corrections: Sequence[Correction] = ()
    missing: Mapping[str, str] = field(default_factory=dict)


class LexicalIndex(Protocol):
    """Ranks chunks by BM25: Robertson & Zaragoza, The Probabilistic Relevance Framework (2009), with
    ``idf = ln(1 + (N - df + 0.5) / (df + 0.5))``, document frequencies counted over what the scope may see."""

    async def add(self, transaction: Transaction, entries: Sequence[Entry]) -> None:
        """Index versions; they are found once ``transaction`` commits. What was indexed of them before goes."""
        ...

    async def search(self, question: str, scope: Scope, limit: int) -> Matches:
        """Return at most ``limit`` chunks in ``scope``."""
        ...

    async def spelling(self, question: str, scope: Scope) -> Sequence[Correction]:
        """Return what those words of the question may have been meant to be that stand nowhere in view.

        Names, function words, identifiers, numbers, what stands in quotes and words of three letters are left alone.
        """
        ...
