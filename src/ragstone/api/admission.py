"""How many documents are taken in from whom: a queue that only grows helps nobody."""

import time
from collections import deque
from typing import Annotated

from fastapi import Depends, Request

from ragstone.api.access import Writer
from ragstone.api.dependencies import OpenRecord
from ragstone.domain.access import Principal
from ragstone.domain.errors import TooManyRequests
from ragstone.ports.record import Record

_WINDOW_SECONDS = 60.0
_COUNTED_SECONDS = 1.0
_LONGEST_WAIT = 60.0
_MOST_KEYS = 10_000


class Admission:
    """Bounds the documents of a tenant that are on their way, and the uploads of a key in any minute; 0 bounds nothing.

    Uploads are counted by this process alone.
    """

    def __init__(self, *, most_open: int, uploads_per_minute: int) -> None:
        self._most_open = most_open
        self._uploads = uploads_per_minute
        self._sent: dict[tuple[str, str], deque[float]] = {}
        self._crowded: dict[str, tuple[float, float | None]] = {}

    async def admit(self, principal: Principal, record: Record) -> None:
        """Let one document in, or raise ``TooManyRequests``."""
        if self._most_open:
            await self._check_queue(principal, record)
        if self._uploads:
            self._check_rate((principal.tenant, principal.name), time.monotonic())

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

    async def _check_queue(self, principal: Principal, record: Record) -> None:
        """Look at the queue, once a second at most for each tenant."""
        looked_at, wait = self._crowded.get(principal.tenant, (float("-inf"), None))
        if time.monotonic() - looked_at > _COUNTED_SECONDS:
            wait = await self._wait(principal, record)
            self._crowded[principal.tenant] = (time.monotonic(), wait)
        if wait is not None:
            raise TooManyRequests(
                f"{self._most_open:,} documents are on their way already.",
                remedy="Send again later, start more workers, or raise RAGSTONE_MAX_OPEN_DOCUMENTS.",
                retry_after=wait,
            )

    async def _wait(self, principal: Principal, record: Record) -> float | None:
        """Return after how many seconds there may be room; ``None`` where there is."""
        async with record.transaction() as transaction:
            if await transaction.jobs.open_count(principal, self._most_open) < self._most_open:
                return None
            queue = await transaction.jobs.queue(principal)
        return max(1.0, min(_LONGEST_WAIT, queue.eta_seconds or _LONGEST_WAIT))


async def admitted(principal: Writer, record: OpenRecord, request: Request) -> Principal:
    """Return the principal, if a document of it is taken in now. Raise ``TooManyRequests``."""
    admission: Admission = request.app.state.admission
    await admission.admit(principal, record)
    return principal


Admitted = Annotated[Principal, Depends(admitted)]
