"""The documents of one ``ingest``: sent a few at a time, then followed until each is at its end."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

from ragstone.api.requests import DocumentForm
from ragstone.api.schemas import Accepted
from ragstone.cli import output
from ragstone.cli.client import BrokenOff, Client, ServerUnavailable
from ragstone.cli.files import Finding, Item
from ragstone.cli.meter import Meter, Reading
from ragstone.cli.running import for_each
from ragstone.cli.summary import IngestFailure, IngestSummary, of_error, of_job, unreadable
from ragstone.domain.documents import State
from ragstone.domain.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    Forbidden,
    RagstoneError,
    TooManyRequests,
    Unauthenticated,
    UnsupportedMediaType,
)
from ragstone.ports.jobs import Progress

T = TypeVar("T")
Describe = Callable[[Item], DocumentForm]
Show = Callable[[Reading], None]

_SENT_AT_A_TIME = 4
_LOOK_SECONDS = 0.3
_PAUSE = 5  # times as long as a look takes, so that looking costs the work little
_LONGEST_PAUSE_SECONDS = 2.0
_PATIENCE_SECONDS = 60.0
_AGAIN_SECONDS = 1.0
_BROKEN_OFF = 2
_AWAY = (DatabaseUnavailable, ServerUnavailable)
_OF_ALL = (Unauthenticated, Forbidden, ConfigurationError, *_AWAY)
"""Errors that every other document would end in, too."""


class Batch:
    """What becomes of the documents that were found, and of jobs that are there already."""

    def __init__(self, client: Client, finding: Finding, job_ids: Sequence[UUID] = ()) -> None:
        self._client = client
        self._items = finding.items
        self._skipped = finding.skipped
        self._refused: list[IngestFailure] = []
        self._job_ids = list(job_ids)
        self._unmeasured: list[UUID] = []
        self._files = len(finding.items) + len(job_ids)
        self._unchanged = 0
        self._before = 0
        self._meter = Meter()
        self._progress = Progress({}, 0, 0)

    async def complete(self, describe: Describe, show: Show) -> None:
        """Send every document, and show how far they are until each is at its end."""
        sending = asyncio.create_task(self.send(describe), name="send-documents")
        try:
            await self.follow(show, sending)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def send(self, describe: Describe) -> None:
        """Send every document. One that is refused is noted; what is wrong with all of them is raised."""

        async def send_one(item: Item) -> None:
            try:
                self._note(await _patiently(lambda: self._send(item, describe(item))))
            except _OF_ALL:
                raise
            except UnsupportedMediaType as error:
                self._leave_out(item, error)
            except RagstoneError as error:
                self._refused.append(of_error(item.uri, error))
            except OSError as error:
                self._refused.append(unreadable(item.uri, error))

        await for_each(self._items, send_one, at_a_time=_SENT_AT_A_TIME)

    async def follow(self, show: Show, sending: "asyncio.Task[None] | None" = None) -> None:
        """Show how far the documents are until ``sending`` is over and each is at its end."""
        while True:
            all_sent = sending is None or sending.done()
            if sending and sending.done():
                sending.result()
            begun = time.monotonic()
            show(await _patiently(self.look))
            if all_sent and not self._progress.open:
                return
            await asyncio.sleep(min(max(_LOOK_SECONDS, _PAUSE * (time.monotonic() - begun)), _LONGEST_PAUSE_SECONDS))

    async def look(self) -> Reading:
        """Count how far the documents are."""
        unmeasured = self._unmeasured[:]
        if unmeasured:
            self._before += (await self._client.progress(unmeasured)).embedded
            del self._unmeasured[: len(unmeasured)]
        self._progress = await self._client.progress(self._job_ids[:])
        return self._meter.read(
            time.monotonic(),
            files=self._files,
            accepted=len(self._job_ids),
            refused=len(self._refused),
            progress=self._progress,
            before=self._before,
        )

    async def summary(self, seconds: float) -> IngestSummary:
        """Return the outcome, as of the last look."""
        unfinished = await _patiently(lambda: self._client.unfinished(self._job_ids))
        states = self._progress.states
        return IngestSummary(
            documents=len(self._job_ids),
            accepted=len(self._job_ids) - self._unchanged,
            unchanged=self._unchanged,
            skipped=self._skipped.total(),
            skipped_kinds=dict(self._skipped.most_common()),
            ready=states.get(State.READY, 0),
            failed=len(self._refused) + states.get(State.FAILED, 0) + states.get(State.CANCELLED, 0),
            unknown=len(self._job_ids) - sum(states.values()),
            chunks=self._progress.chunks,
            seconds=round(seconds, 2),
            failures=[*self._refused, *map(of_job, unfinished)],
        )

    async def _send(self, item: Item, described: DocumentForm) -> Accepted:
        if isinstance(item.source, str):
            return await self._client.accept_url(item.source, described)
        return await self._client.accept_file(item.source, described)

    def _leave_out(self, item: Item, error: UnsupportedMediaType) -> None:
        """Note a document of a kind that is not read: it failed only if it was named."""
        if item.named:
            self._refused.append(of_error(item.uri, error))
        else:
            self._skipped[item.kind] += 1
            self._files -= 1

    def _note(self, accepted: Accepted) -> None:
        self._job_ids.append(accepted.job_id)
        if not accepted.created:
            self._unchanged += 1
            self._unmeasured.append(accepted.job_id)


async def _patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Return what ``call`` returns, tried again for a minute while PostgreSQL or the server is away.

    A request that the server broke off is made anew twice: if it was stopped, it is away by then.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    broken_off = 0
    said = False
    while True:
        try:
            return await call()
        except BrokenOff:
            broken_off += 1
            if broken_off > _BROKEN_OFF:
                raise
        except TooManyRequests as error:
            if not said:
                output.note(f"{error.message} Going on more slowly ...")
                said = True
            await asyncio.sleep(error.retry_after)
            deadline = time.monotonic() + _PATIENCE_SECONDS
            continue
        except _AWAY as error:
            if time.monotonic() > deadline:
                raise
            if not said:
                output.note(f"{error.message} Trying again ...")
                said = True
        await asyncio.sleep(_AGAIN_SECONDS)
