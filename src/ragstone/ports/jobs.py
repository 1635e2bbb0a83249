"""Port: the ingestion of versions, as callers see and steer it. Part of the record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from ragstone.domain.access import Principal
from ragstone.domain.documents import Job, QueueState, State


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch of jobs is: jobs by state, and chunks made and embedded so far.

    ``waiting`` jobs have tried in vain and try again; ``cause`` is what one of them waits for.
    """

    states: Mapping[State, int]
    chunks: int
    embedded: int
    waiting: int = 0
    cause: str = ""

    @property
    def open(self) -> int:
        """How many are not in a final state."""
        return sum(count for state, count in self.states.items() if not state.final)


class Jobs(Protocol):
    """The ingestion of versions, as callers see and steer it."""

    async def get(self, principal: Principal, job_id: UUID) -> Job:
        """Raise ``NotFound`` where there is none that the principal may see."""
        ...

    async def list(self, principal: Principal, *, state: State | None, after: UUID | None, limit: int) -> Sequence[Job]:
        """Return jobs by id (that is, by age), those after ``after``."""
        ...

    async def progress(self, job_ids: Sequence[UUID]) -> Progress:
        """Count how far these jobs are."""
        ...

    async def open_count(self, principal: Principal, most: int) -> int:
        """Count the documents of the principal's tenant that are on their way; at most ``most`` are counted."""
        ...

    async def queue(self, principal: Principal) -> QueueState:
        """Say what of the principal's documents is on its way, and how long it will take."""
        ...

    async def cancel(self, principal: Principal, job_id: UUID) -> Job:
        """End a job that is not final. Raise ``NotFound``, or ``Conflict`` where it is final."""
        ...

    async def retry(self, principal: Principal, job_id: UUID) -> Job:
        """Begin a failed or cancelled job again where it stood. Raise ``NotFound`` or ``Conflict``."""
        ...
