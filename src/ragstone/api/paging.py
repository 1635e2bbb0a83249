"""Lists by cursor: stable while documents come and go, and as quick on the last page as on the first."""

from collections.abc import Sequence
from typing import Annotated, Protocol, TypeVar
from uuid import UUID

from fastapi import Query

Limit = Annotated[int, Query(ge=1, le=200, description="Most items of one page.")]
Cursor = Annotated[UUID | None, Query(description="`next_cursor` of the page before.")]


class Identified(Protocol):
    """What a list is made of."""

    @property
    def id(self) -> UUID: ...


T = TypeVar("T", bound=Identified)


def paged(found: Sequence[T], limit: int) -> tuple[Sequence[T], str | None]:
    """Return a page's items and the cursor of the next; ``found`` holds one more than ``limit`` where there is one."""
    return found[:limit], str(found[limit - 1].id) if len(found) > limit else None
