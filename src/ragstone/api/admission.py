"""How many documents are taken in from whom: a queue that only grows helps nobody."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from ragstone.api.access import Writer
from ragstone.api.dependencies import OpenRecord
from ragstone.domain.access import Principal
from ragstone.domain.errors import TooManyRequests
from ragstone.ports.record import Record

_WINDOW_SECONDS = 60.0
_COUNTED_SECONDS = 1.0
_RECOUNTED_SECONDS = 0.1
_LONGEST_WAIT = 60.0
_UNKNOWN_WAIT = 5.0
_PART_OF_QUEUE = 0.1  # room comes long before the queue is empty
_MOST_KEYS = 10_000


@dataclass(slots=True)
class _Crowd:
    """The documents of a tenant that are on their way: those of the record as last counted, and those of requests that
    may not be among them. ``wait``: after how many seconds there may be room, where the record alone was full.
    """

    counted_at: float = float("-inf")
    counted: int = 0
    wait: float | None = None
    under_way: int = 0
    ended_since: int = 0
    counting: "asyncio.Task[None] | None" = None

    @property
    def size(self) -> int:
        """Documents, at most."""
        return self.counted + self.under_way + self.ended_since

    def stale(self, now: float, most: int) -> bool:
        """Whether to count again. What was sent may have been there already: then there is room."""
        guessed_full = self.counted < most <= self.size
        return now - self.counted_at > (_RECOUNTED_SECONDS if guessed_full else _COUNTED_SECONDS)


class Admission:
    """Bounds the documents of a tenant that are on their way, and the uploads of a key in any minute; 0 bounds nothing.

    Uploads are counted by this process alone, as are documents from their admission until they are in the record.
    """

    def __init__(self, *, most_open: int, uploads_per_minute: int) -> None:
        self._most_open = most_open
        self._uploads = uploads_per_minute
        self._sent: dict[tuple[str, str], deque[float]] = {}
        self._crowds: dict[str, _Crowd] = {}

    @asynccontextmanager
    async def admit(self, principal: Principal, record: Record) -> AsyncIterator[None]:
        """Let one document in while its request lasts, or raise ``TooManyRequests``."""
        crowd = await self._counted(principal, record) if self._most_open else _Crowd()
        if self._uploads:
            self._check_rate((principal.tenant, principal.name), time.monotonic())
        crowd.under_way += 1
        try:
            yield
            crowd.ended_since += 1  # one that is refused ends here otherwise, and is in no record
        finally:
            crowd.under_way -= 1

    def _check_rate(self, sender: tuple[str, str], now: float) -> None:
        sent = self._sent.setdefault(sender, deque())
        while sent and sent[0] <= now - _WINDOW_SECONDS:
            sent.popleft()
        if len(sent) >= self._uploads:
            raise TooManyRequests(
                f"This key may send {self._uploads} documents a minute.",
                remedy="Send slower, or raise RAGSTONE_UPLOADS_PER_MINUTE.",
                retry_after=sent[0] + _WINDOW_SECONDS - now,
            )
        sent.append(now)
        if len(self._sent) > _MOST_KEYS:
            self._sent = {
                each: times for each, times in self._sent.items() if times and times[-1] > now - _WINDOW_SECONDS
            }

    async def _counted(self, principal: Principal, record: Record) -> _Crowd:
        """Return a tenant's crowd that has room for one more. No other request runs between this and its entry."""
        crowd = self._crowds.setdefault(principal.tenant, _Crowd())
        if crowd.stale(time.monotonic(), self._most_open):
            if crowd.counting is None or crowd.counting.done():
                crowd.counting = asyncio.create_task(self._count(crowd, principal, record), name="count-documents")
            # One look serves all who wait for it, and is not theirs to end.
            await asyncio.shield(crowd.counting)
        if crowd.size >= self._most_open:
            raise TooManyRequests(
                f"{self._most_open:,} documents are on their way already.",
                remedy="Send again later, start more workers, or raise RAGSTONE_MAX_OPEN_DOCUMENTS.",
                retry_after=crowd.wait or 1.0,
            )
        return crowd

    async def _count(self, crowd: _Crowd, principal: Principal, record: Record) -> None:
        """Look at the record. Requests that end in the meantime may be too late for this look: they stay counted."""
        ended, wait = crowd.ended_since, None
        async with record.transaction() as transaction:
            counted = await transaction.jobs.open_count(principal, self._most_open)
            if counted >= self._most_open:
                eta = (await transaction.jobs.queue(principal)).eta_seconds
                wait = _UNKNOWN_WAIT if eta is None else max(1.0, min(_LONGEST_WAIT, eta * _PART_OF_QUEUE))
        crowd.counted, crowd.wait, crowd.counted_at = counted, wait, time.monotonic()
        crowd.ended_since -= ended


async def admitted(principal: Writer, record: OpenRecord, request: Request) -> AsyncIterator[Principal]:
    """Yield the principal, if a document of it is taken in now. Raise ``TooManyRequests``."""
    admission: Admission = request.app.state.admission
    async with admission.admit(principal, record):
        yield principal


Admitted = Annotated[Principal, Depends(admitted)]
