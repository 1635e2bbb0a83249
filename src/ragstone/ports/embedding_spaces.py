"""Port: which embedding space answers questions, and the one that is filled to take its place."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from ragstone.domain.documents import Failure
from ragstone.domain.errors import EmbeddingRefused
from ragstone.ports.embedder import EmbeddingModel


class Role(StrEnum):
    """What a space is for; at most one has each. A space without a role only waits to be dropped."""

    ACTIVE = "active"
    FILLING = "filling"
    PREVIOUS = "previous"


@dataclass(frozen=True, slots=True)
class EmbeddingSpace:
    """A space, and how the embedder of its model is made: ``spec`` holds the settings that name it, but no secret.

    ``chunks_per_second`` bounds how fast it is filled; ``trouble`` says why filling stands still. ``skip_refused``: it
    may answer without the chunks that its model does not take. ``was_previous``: it is filled for a rollback.
    """

    id: int
    model: str
    version: str
    role: Role | None
    spec: Mapping[str, Any] = field(default_factory=dict)
    chunks_per_second: float | None = None
    swap_when_full: bool = True
    trouble: Failure | None = None
    skip_refused: bool = False
    was_previous: bool = False

    def holds(self, model: EmbeddingModel) -> bool:
        """Whether the vectors of ``model`` belong here."""
        return (self.model, self.version) == (model.name, model.version)


@dataclass(frozen=True, slots=True)
class Place:
    """Where filling stands: the chunk after which it goes on."""

    version_id: UUID
    ordinal: int


@dataclass(frozen=True, slots=True)
class Unfilled:
    """Chunks that have no vector in a space: the text to embed, by chunk, and the place of the last one."""

    texts: Mapping[UUID, str]
    last: Place


@dataclass(frozen=True, slots=True)
class Refused:
    """What a space's model does not take: how many chunks of how many documents, the first few ``uris``, one reason."""

    chunks: int
    documents: int
    uris: Sequence[str]
    reason: str


class EmbeddingSpaces(Protocol):
    """The spaces of a record."""

    async def all(self) -> Sequence[EmbeddingSpace]:
        """Return all, the oldest first."""
        ...

    async def of_role(self, role: Role) -> EmbeddingSpace | None:
        """Return the space of this role."""
        ...

    async def activate_first(self, model: EmbeddingModel, spec: Mapping[str, Any]) -> EmbeddingSpace:
        """Return the active space; where there is none yet, that of ``model``, which must be there, becomes it."""
        ...

    async def hold_active(self, model: EmbeddingModel) -> bool:
        """Say whether the space of ``model`` is the active one, and keep it so until the transaction ends."""
        ...

    async def hold_roles(self) -> None:
        """Let nobody change a role, or how a space is filled, until the transaction ends."""
        ...

    async def begin(
        self,
        model: EmbeddingModel,
        spec: Mapping[str, Any],
        *,
        chunks_per_second: float | None,
        swap_when_full: bool,
        skip_refused: bool = False,
    ) -> EmbeddingSpace:
        """Have the space of ``model`` filled; what it refused is asked of it once more. Return the space.

        One that answers already is returned as it is. Raise ``Conflict`` where another one is filled, or where the
        space is not there.
        """
        ...

    async def stop(self) -> None:
        """Fill no space any more; what is there stays until it is dropped. One filled for a rollback can be again."""
        ...

    async def unfilled(self, space: EmbeddingSpace, after: Place | None, limit: int) -> Unfilled | None:
        """Return chunks of ready documents that have no vector in ``space`` and were not refused.

        ``None`` where there are no more.
        """
        ...

    async def still_there(self, chunk_ids: Sequence[UUID]) -> Set[UUID]:
        """Return those of the chunks that are not deleted, and keep them until the transaction ends."""
        ...

    async def note_trouble(self, space: EmbeddingSpace, trouble: Failure | None) -> None:
        """Say why filling stands still, or that it goes on."""
        ...

    async def note_refused(self, space: EmbeddingSpace, refusals: Mapping[UUID, EmbeddingRefused]) -> None:
        """Keep which chunks, that must be there, the model of ``space`` does not take."""
        ...

    async def refused(self, space: EmbeddingSpace) -> Refused | None:
        """Return what the model of ``space`` does not take of ready documents; ``None`` where it takes all."""
        ...

    async def fill_state(self, space: EmbeddingSpace) -> tuple[int, int]:
        """Return how many chunks of ready documents have a vector in ``space``, and how many there are."""
        ...

    async def swap(self, space: EmbeddingSpace) -> bool:
        """Let ``space``, which is filled, answer questions from now on; the one that did becomes the previous one.

        Return whether it answers: not where something is missing, or was refused and is not to be skipped. Documents
        of which chunks are skipped fail, and are ready again when a space answers that has all of them. Raise
        ``Conflict`` where ``space`` is not filled any more.
        """
        ...

    async def drop_unused(self) -> Sequence[EmbeddingSpace]:
        """Remove every space that neither answers nor is filled, with its vectors; return them."""
        ...
