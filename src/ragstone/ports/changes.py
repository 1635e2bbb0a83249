"""Port: whether anything has changed that a search could show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from ragstone.domain.access import Principal


@dataclass(frozen=True, slots=True)
class Moment:
    """What the record held at one moment, for a principal in some of the collections of its tenant.

    ``snapshot`` tells what had been committed. ``collections`` are those that were named, as they were found, or
    ``None`` where all were meant; ``space`` is the embedding space that answered, 0 where there was none.
    """

    snapshot: str
    collections: tuple[UUID, ...] | None
    space: int


class Changes(Protocol):
    """Looks for changes, by one small statement."""

    async def moment(self, principal: Principal, collections: Sequence[str], since: Moment | None = None) -> Moment:
        """Return ``since`` itself if nothing has changed from then on, else the moment of now.

        A change is one that the principal's searches in these collections (all, where none is named) could show,
        committed by now and not at ``since``: of documents that it may read, or could, their names, metadata, times,
        chunks and vectors; of the collections' names; of the space that answers. An index that is built over the same
        vectors or words is none. Raises ``DatabaseUnavailable``.
        """
        ...
