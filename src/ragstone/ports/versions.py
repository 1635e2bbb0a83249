"""Port: versions of documents, and the work on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from ragstone.domain.access import Principal
from ragstone.domain.documents import Chunk, Failure, ParsedDocument, State
from ragstone.domain.errors import RagstoneError
from ragstone.ports.documents import Accepted, NewDocument
from ragstone.ports.embedder import EmbeddingModel


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
