"""The run of one ``import``: documents are read, gathered into batches, and stored by two transactions at a time."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ragstone.api.requests import VectorsOf
from ragstone.cli import output
from ragstone.cli.client import Client
from ragstone.cli.importing_documents import BadDocument, BadRow, Documents, Gathered, Place
from ragstone.cli.importing_progress import Pace, Reading, Show
from ragstone.cli.importing_summary import ImportFailure, ImportSummary
from ragstone.domain.errors import EmbedderDenied, InvalidRequest, RagstoneError, TooManyRequests, Unavailable
from ragstone.ingest.importing import ChunkRefused, refused_place
from ragstone.ports.versions import BatchRefused

_LANES = 2
_MOST_FAILURES = 1000
_MOST_BYTES = 32 << 20
"""Of a batch, in memory."""
_PATIENCE_SECONDS = 60.0
_AGAIN_SECONDS = 1.0


@dataclass(slots=True)
class Failing:
    """What is wrong with rows and documents: the first ends the import, unless they are to be skipped."""

    skip: bool
    skipped: int = 0
    failed: int = 0
    failures: list[ImportFailure] = field(default_factory=list)

    def row(self, bad: BadRow) -> None:
        """Note a row that is left out, or raise what is wrong with it."""
        self._note(bad.place, bad.error)
        self.skipped += 1

    def document(self, gathered: Gathered, error: RagstoneError) -> None:
        """Note a document that is refused, or raise why."""
        self._note(gathered.place(refused_place(error) or 0), error)
        self.failed += 1

    def _note(self, place: Place, error: RagstoneError) -> None:
        if not self.skip:
            kind = type(error) if type(error) is not ChunkRefused else InvalidRequest
            raise kind(f"{place}: {error.message}", remedy=_then(error.remedy)) from error
        if len(self.failures) < _MOST_FAILURES:
            self.failures.append(
                ImportFailure(file=str(place.path), line=place.number, message=error.message, remedy=error.remedy)
            )


def _then(remedy: str) -> str:
    return f"{remedy} Then run it again: what was stored is kept. --skip-bad leaves out what is wrong.".strip()


@dataclass(frozen=True, slots=True)
class _Batch:
    documents: Sequence[Gathered]
    read: int


class Import:
    """Stores documents, at least ``batch_chunks`` chunks at a time, each document whole."""

    def __init__(
        self,
        client: Client,
        documents: Documents,
        vectors_of: VectorsOf | None,
        failing: Failing,
        *,
        batch_chunks: int,
    ) -> None:
        self._client = client
        self._documents = documents
        self._vectors_of = vectors_of
        self._failing = failing
        self._batch_chunks = batch_chunks
        self._counts = ImportSummary()
        self._stopped: RagstoneError | None = None
        self._done = 0
        self._pace = Pace()

    async def run(self, show: Show) -> None:
        """Store all. Raises what ends it, once what was under way is stored."""
        batches = self._batches()
        reading = asyncio.Lock()

        async def take_turns() -> None:
            while not self._stopped:
                try:
                    async with reading:
                        batch = None if self._stopped else await asyncio.to_thread(next, batches, None)
                    if batch is None:
                        return
                    await self._store(batch.documents)
                except RagstoneError as error:
                    self._stopped = self._stopped or error
                    return
                self._done = max(self._done, batch.read)
                show(self._reading())

        async with asyncio.TaskGroup() as group:
            for _ in range(_LANES):
                group.create_task(take_turns())
        if self._stopped:
            raise self._stopped

    def summary(self, seconds: float) -> ImportSummary:
        """Return the outcome so far."""
        failing = self._failing
        return self._counts.model_copy(
            update={
                "failed": failing.failed,
                "skipped": failing.skipped,
                "seconds": round(seconds, 2),
                "failures": failing.failures,
            }
        )

    def _batches(self) -> Iterator[_Batch]:
        """Yield what is stored together. Blocks."""
        waiting: list[Gathered] = []
        chunks = weight = 0
        for each in self._documents:
            if isinstance(each, BadRow):
                self._failing.row(each)
                continue
            if isinstance(each, BadDocument):
                self._failing.failed += 1
                continue
            waiting.append(each)
            chunks += len(each.document.chunks)
            weight += each.weight
            if chunks >= self._batch_chunks or weight >= _MOST_BYTES:
                yield _Batch(waiting, self._documents.read)
                waiting, chunks, weight = [], 0, 0
        if waiting:
            yield _Batch(waiting, self._documents.size)

    async def _store(self, documents: Sequence[Gathered]) -> None:
        """Store documents, without those that are refused, if these are to be skipped."""
        while documents:
            try:
                accepted = await self._patiently(documents)
            except BatchRefused as refused:
                for place, outcome in refused.accepted.items():
                    self._count(documents[place], created=outcome.created)
                for place, error in sorted(refused.errors.items()):
                    self._failing.document(documents[place], error)
                out = refused.errors.keys() | refused.accepted.keys()
                documents = [each for place, each in enumerate(documents) if place not in out]
                continue
            for each, created in zip(documents, accepted, strict=True):
                self._count(each, created=created)
            return

    async def _patiently(self, documents: Sequence[Gathered]) -> list[bool]:
        """Send documents, again and again for a minute while PostgreSQL or the server is away."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        said = False
        while True:
            try:
                accepted = await self._client.accept_documents([each.document for each in documents], self._vectors_of)
                return [each.created for each in accepted]
            except EmbedderDenied:
                raise
            except (Unavailable, TooManyRequests) as error:
                if isinstance(error, TooManyRequests):
                    deadline = time.monotonic() + _PATIENCE_SECONDS
                elif time.monotonic() > deadline:
                    raise
                if not said:
                    output.note(f"{error.message} Trying again ...")
                    said = True
                await asyncio.sleep(error.retry_after or _AGAIN_SECONDS)

    def _count(self, gathered: Gathered, *, created: bool) -> None:
        self._counts.documents += 1
        self._counts.chunks += len(gathered.document.chunks)
        self._counts.unchanged += not created

    def _reading(self) -> Reading:
        counts, size = self._counts, self._documents.size
        speed, eta = self._pace.of(time.monotonic(), counts.chunks, self._done, size)
        wrong = self._failing.failed + self._failing.skipped
        return Reading(self._done, size, counts.documents, counts.chunks, wrong, speed, eta)
