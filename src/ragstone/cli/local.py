"""The client over the record on this machine: what the HTTP routes do, without HTTP."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeVar
from uuid import UUID

import structlog
from structlog.typing import EventDict

from ragstone.api.answers import event_reply
from ragstone.api.found import Found
from ragstone.api.questions import check_length
from ragstone.api.requests import Ask, DocumentChanges, DocumentForm, NewCollection, Retrieve, VectorsOf
from ragstone.api.schemas import (
    Accepted,
    Chunk,
    ChunkPage,
    Collection,
    CollectionPage,
    Content,
    Document,
    DocumentPage,
    Job,
    JobPage,
    QueueState,
    Reply,
)
from ragstone.cli.client import just_before, requested
from ragstone.cli.files import printable
from ragstone.cli.sized_file import SizedFile
from ragstone.container import Container, open_container
from ragstone.domain.access import LOCAL
from ragstone.domain.documents import State
from ragstone.domain.errors import InvalidRequest
from ragstone.ingest.importing import GivenVectors
from ragstone.ingest.intake import ReadyDocument
from ragstone.ingest.spool import PART_BYTES, spooled
from ragstone.ports.fetcher import Fetched, Validators
from ragstone.ports.jobs import Progress
from ragstone.ports.record import despite_others
from ragstone.registry import shape_of
from ragstone.settings import Settings, load_settings
from ragstone.telemetry import configure_logging

_MOST_IDS = 10_000
_JOBS_AT_A_TIME = 1000


class Identified(Protocol):
    """What is listed by id."""

    @property
    def id(self) -> UUID: ...


T = TypeVar("T", bound=Identified)


def quiet_settings() -> Settings:
    """Return the settings of a command whose output is for a person: it logs warnings only, unless told otherwise."""
    settings = load_settings()
    if "log_level" in settings.model_fields_set:
        configure_logging(settings)
        return settings
    quiet = settings.model_copy(update={"log_level": "warning"})
    configure_logging(quiet)
    structlog.configure(processors=[_without_failures, *structlog.get_config()["processors"]])
    return quiet


def _without_failures(_: object, __: str, event: EventDict) -> EventDict:
    """Drop the log line of a document that failed: the summary tells of it, with its remedy."""
    if event["event"] == "work_failed":
        raise structlog.DropEvent
    return event


@asynccontextmanager
async def open_local(readers: Sequence[str]) -> AsyncIterator["LocalClient"]:
    """Open the record that the settings name, as one who holds ``readers``. Raises as ``open_container``."""
    async with open_container(quiet_settings()) as container:
        yield LocalClient(container, readers)


class LocalClient:
    """The ``Client`` over a container, for the person at this machine."""

    def __init__(self, container: Container, readers: Sequence[str] = ()) -> None:
        self._principal = replace(LOCAL, readers=LOCAL.readers.union(readers))
        self._container = container
        self._record = container.record

    async def create_collection(self, name: str) -> Collection:
        """Make a collection, or return the one of this name."""
        wanted = requested(NewCollection, name=name)
        async with self._record.transaction() as transaction:
            await transaction.collections.create(self._principal, wanted.name)
            return Collection.from_domain(await transaction.collections.get(self._principal, wanted.name))

    async def collections(self) -> CollectionPage:
        """List all, by name."""
        async with self._record.transaction() as transaction:
            found = await transaction.collections.list(self._principal)
        return CollectionPage(items=[Collection.from_domain(each) for each in found], next_cursor=None)

    async def delete_collection(self, name: str) -> None:
        """Remove a collection with all its documents and all that was made from them."""
        await despite_others(self._record, lambda transaction: transaction.collections.remove(self._principal, name))

    async def accept_file(
        self, path: Path, described: DocumentForm, *, name: str | None = None, media_type: str | None = None
    ) -> Accepted:
        """Take in a file, in parts of 1 MiB."""
        label = described.label(filename=printable(path.name) if name is None else name, media_type=media_type)
        async with aclosing(_parts(path)) as parts:
            return Accepted.from_domain(await self._container.intake.accept(self._principal, label, parts))

    async def accept_url(self, url: str, described: DocumentForm) -> Accepted:
        """Fetch a document and take it in, named by ``url`` unless the description names it."""
        named = described if described.uri else described.model_copy(update={"uri": url})
        async with self._container.fetcher.open(url) as fetched, spooled(fetched.parts) as parts:
            label = named.label(filename=fetched.filename, media_type=fetched.media_type, validators=fetched.validators)
            return Accepted.from_domain(await self._container.intake.accept(self._principal, label, parts))

    async def accept_documents(
        self, documents: Sequence[ReadyDocument], vectors_of: VectorsOf | None
    ) -> Sequence[Accepted]:
        """Take in documents of ready-made chunks, in one transaction."""
        held = self._container
        given = GivenVectors(held.vectors, held.embedders, vectors_of.model, vectors_of.version) if vectors_of else None
        accepted = await held.intake.accept_documents(self._principal, documents, given)
        return [Accepted.from_domain(each) for each in accepted]

    def fetch(self, url: str, known: Validators) -> AbstractAsyncContextManager[Fetched]:
        """Begin to fetch ``url``."""
        return self._container.fetcher.open(url, known)

    async def documents(
        self,
        *,
        collection: str | None,
        state: State | None,
        cursor: str | None,
        limit: int,
        source: str | None = None,
        uri: str | None = None,
    ) -> DocumentPage:
        """List documents, the oldest first."""
        async with self._record.transaction() as transaction:
            if collection is not None:
                await transaction.collections.id_of(self._principal, collection)
            found = await transaction.documents.list(
                self._principal,
                collection=collection,
                state=state,
                source=source,
                uri=uri,
                after=_place(cursor),
                limit=limit + 1,
            )
        return DocumentPage(
            items=[Document.from_domain(each) for each in found[:limit]], next_cursor=_next_cursor(found, limit)
        )

    async def document(self, document_id: UUID) -> Document:
        """Return one document."""
        async with self._record.transaction() as transaction:
            return Document.from_domain(await transaction.documents.get(self._principal, document_id))

    async def change_document(self, document_id: UUID, changes: DocumentChanges) -> Document:
        """Rename a document or say what mirrors it."""
        intake = self._container.intake
        changed = await intake.change(self._principal, document_id, uri=changes.uri, source=changes.source)
        return Document.from_domain(changed)

    async def delete_document(self, document_id: UUID) -> None:
        """Remove a document and all that was made from it."""
        async with self._record.transaction() as transaction:
            await transaction.documents.delete(self._principal, document_id)

    async def content(self, document_id: UUID) -> Content:
        """Return a document's text."""
        async with self._record.transaction() as transaction:
            return Content.from_domain(await transaction.documents.content(self._principal, document_id))

    async def chunks(self, document_id: UUID, *, cursor: str | None, limit: int) -> ChunkPage:
        """List the chunks of a document, in order."""
        after = _ordinal(cursor)
        async with self._record.transaction() as transaction:
            found = await transaction.documents.chunks(self._principal, document_id, after=after, limit=limit + 1)
        more = str(found[limit - 1].ordinal) if len(found) > limit else None
        return ChunkPage(items=[Chunk.from_domain(each) for each in found[:limit]], next_cursor=more)

    async def jobs(self, *, state: State | None, cursor: str | None, limit: int) -> JobPage:
        """List jobs, the oldest first."""
        async with self._record.transaction() as transaction:
            found = await transaction.jobs.list(self._principal, state=state, after=_place(cursor), limit=limit + 1)
        return JobPage(items=[Job.from_domain(each) for each in found[:limit]], next_cursor=_next_cursor(found, limit))

    async def job(self, job_id: UUID) -> Job:
        """Return one job."""
        async with self._record.transaction() as transaction:
            return Job.from_domain(await transaction.jobs.get(self._principal, job_id))

    async def queue(self) -> QueueState:
        """Say what is on its way, and how long it will take."""
        async with self._record.transaction() as transaction:
            return QueueState.from_domain(await transaction.jobs.queue(self._principal))

    async def cancel(self, job_id: UUID) -> Job:
        """End a job."""
        async with self._record.transaction() as transaction:
            return Job.from_domain(await transaction.jobs.cancel(self._principal, job_id))

    async def retry(self, job_id: UUID) -> Job:
        """Begin a failed or cancelled job again."""
        async with self._record.transaction() as transaction:
            return Job.from_domain(await transaction.jobs.retry(self._principal, job_id))

    async def retrieve(self, asked: Retrieve) -> Found:
        """Find passages."""
        check_length(asked.question, self._container.settings.max_question_chars)
        found = await self._container.search.retrieve(
            asked.question,
            asked.scope(self._principal),
            mode=asked.mode,
            limit=asked.top_k,
            shape=asked.shape(shape_of(self._container.settings)),
            explain=asked.explain,
        )
        return Found.from_domain(found)

    async def ask(self, asked: Ask) -> AsyncGenerator[Reply, None]:
        """Answer a question, event by event."""
        check_length(asked.question, self._container.settings.max_question_chars)
        asking = self._container.asking.ask(
            asked.question, asked.scope(self._principal), mode=asked.mode, limit=asked.top_k
        )
        async with aclosing(asking) as events:
            async for event in events:
                yield event_reply(event)

    async def progress(self, job_ids: Sequence[UUID]) -> Progress:
        """Count how far these jobs are."""
        states: Counter[State] = Counter()
        chunks = embedded = waiting = 0
        cause = ""
        for start in range(0, len(job_ids), _MOST_IDS):
            async with self._record.transaction() as transaction:
                part = await transaction.jobs.progress(job_ids[start : start + _MOST_IDS])
            states.update(part.states)
            chunks, embedded = chunks + part.chunks, embedded + part.embedded
            waiting, cause = waiting + part.waiting, part.cause or cause
        return Progress(states, chunks, embedded, waiting, cause)

    async def unfinished(self, job_ids: Sequence[UUID]) -> Sequence[Job]:
        """Return those of these jobs that failed or were cancelled."""
        wanted, found = frozenset(job_ids), []
        for state in (State.FAILED, State.CANCELLED) if wanted else ():
            after: UUID | None = just_before(min(wanted))
            while after:
                async with self._record.transaction() as transaction:
                    jobs = await transaction.jobs.list(self._principal, state=state, after=after, limit=_JOBS_AT_A_TIME)
                found += [Job.from_domain(job) for job in jobs if job.id in wanted]
                after = jobs[-1].id if len(jobs) == _JOBS_AT_A_TIME else None
        return found

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Run a worker in this process; others may share its work."""
        from ragstone.worker.run import work

        async with asyncio.TaskGroup() as group:
            worker = group.create_task(work(self._container), name="worker")
            try:
                yield
            finally:
                worker.cancel()


async def _parts(path: Path) -> AsyncGenerator[bytes, None]:
    file = await asyncio.to_thread(path.open, "rb")
    with file:
        sized = SizedFile(file)
        while part := await asyncio.to_thread(sized.read, PART_BYTES):
            yield part


def _place(cursor: str | None) -> UUID | None:
    try:
        return UUID(cursor) if cursor else None
    except ValueError as error:
        raise _no_cursor(cursor) from error


def _ordinal(cursor: str | None) -> int:
    try:
        return int(cursor) if cursor else -1
    except ValueError as error:
        raise _no_cursor(cursor) from error


def _no_cursor(cursor: str | None) -> InvalidRequest:
    return InvalidRequest(f"{cursor!r} is no cursor.", remedy="Give `next_cursor` of the page before.")


def _next_cursor(found: Sequence[T], limit: int) -> str | None:
    """Say where the next page begins; ``found`` holds one more than ``limit`` where there is one."""
    return str(found[limit - 1].id) if len(found) > limit else None
