"""The client over a server, by HTTP."""

import asyncio
import json
from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import UUID

import httpx
from pydantic import BaseModel, ValidationError

from ragstone.api.answers import Answer, Citation, Delta, Restart, Retrieval
from ragstone.api.found import Found
from ragstone.api.requests import Ask, DocumentChanges, DocumentForm, NewCollection, Retrieve, VectorsOf
from ragstone.api.schemas import (
    Accepted,
    ChunkPage,
    Collection,
    CollectionPage,
    Content,
    Document,
    DocumentPage,
    Job,
    JobPage,
    Problem,
    QueueState,
    Reply,
)
from ragstone.cli import output
from ragstone.cli.client import BrokenOff, ServerUnavailable, just_before, requested
from ragstone.cli.files import printable
from ragstone.cli.importing_body import chunks_body
from ragstone.cli.running import for_each
from ragstone.cli.sized_file import SizedFile
from ragstone.domain import errors
from ragstone.domain.documents import State
from ragstone.domain.errors import (
    Forbidden,
    InvalidRequest,
    RagstoneError,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from ragstone.ingest.intake import ReadyDocument
from ragstone.ports import documents as ports
from ragstone.ports.fetcher import Fetched, Fetcher, Validators
from ragstone.ports.jobs import Progress
from ragstone.ports.versions import BatchRefused

M = TypeVar("M", bound=BaseModel)

_TIMEOUT = httpx.Timeout(120.0, connect=5.0)
_NAMELESS = "page"  # a form cannot send a file without a name
_JOBS_OF_A_PAGE = 200
_PAGES_OF_A_LOOK = 8
_FIRST_ID, _LAST_ID = UUID(int=0), UUID(int=2**128 - 1)
_SERVER_ERRORS = 500
_SENT_AT_A_TIME = 4
_AGAIN_SECONDS = 5.0
_JSON = {"Content-Type": "application/json"}
_STREAM = {"Accept": "text/event-stream"}
_EVENTS: dict[str, type[Reply]] = {
    "retrieval": Retrieval,
    "delta": Delta,
    "citation": Citation,
    "restart": Restart,
    "done": Answer,
}
_KINDS = {
    kind.code: kind
    for kind in (
        errors.InvalidRequest,
        errors.NotFound,
        errors.Conflict,
        errors.TooLarge,
        errors.UnsupportedMediaType,
        errors.Unauthenticated,
        errors.Forbidden,
        errors.Unavailable,
        errors.DatabaseUnavailable,
        errors.EmbedderUnavailable,
        errors.ChatModelUnavailable,
        errors.ConfigurationError,
    )
}


@asynccontextmanager
async def open_server(url: str, key: str | None) -> AsyncIterator["HttpClient"]:
    """Open the server at ``url``; it is not asked anything yet. Raises ``InvalidRequest`` for no URL or no key."""
    if key and not (key.isascii() and key.isprintable()):
        raise InvalidRequest("--key is no API key.", remedy="A key reads rs_...; `ragstone keys create` makes one.")
    try:
        base = httpx.URL(url if url.endswith("/") else f"{url}/")
    except httpx.InvalidURL as error:
        raise _no_url() from error
    if base.scheme not in ("http", "https") or not base.host:
        raise _no_url()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=_TIMEOUT) as http:
        yield HttpClient(http)


class HttpClient:
    """The ``Client`` over HTTP. Looks at jobs a page at a time, and never again at one that is at its end."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._jobs: dict[UUID, Job] = {}
        self._gone: set[UUID] = set()
        self._next = _FIRST_ID
        self._slower = False

    @cached_property
    def fetcher(self) -> Fetcher:
        """What fetches web pages from this machine, within the limits of its settings."""
        from ragstone.container import Container
        from ragstone.settings import load_settings

        return Container(load_settings()).fetcher

    async def create_collection(self, name: str) -> Collection:
        """Make a collection, or return the one of this name."""
        wanted = requested(NewCollection, name=name)
        return await self._post("v1/collections", Collection, json=wanted.model_dump(mode="json"))

    async def collections(self) -> CollectionPage:
        """List all, by name."""
        return await self._get("v1/collections", CollectionPage)

    async def delete_collection(self, name: str) -> None:
        """Remove a collection with all its documents and all that was made from them."""
        await self._send("DELETE", f"v1/collections/{quote(name, safe='')}")

    async def accept_file(
        self, path: Path, described: DocumentForm, *, name: str | None = None, media_type: str | None = None
    ) -> Accepted:
        """Send a file as it is now, streamed: httpx reads it piece by piece, as the connection takes it.

        Raises ``FileChanged`` where it becomes shorter.
        """
        fields = described.model_dump(mode="json", exclude_none=True)
        fields["metadata"] = json.dumps(fields["metadata"])
        with await asyncio.to_thread(path.open, "rb") as file:
            sent = (printable(path.name) if name is None else name or _NAMELESS, SizedFile(file), media_type)
            return await self._post("v1/documents", Accepted, data=fields, files={"file": sent})

    async def accept_url(self, url: str, described: DocumentForm) -> Accepted:
        """Let the server fetch a document."""
        fields = described.model_dump(mode="json", exclude_none=True)
        return await self._post("v1/documents", Accepted, json={"uri": url, **fields})

    async def accept_documents(
        self, documents: Sequence[ReadyDocument], vectors_of: VectorsOf | None
    ) -> Sequence[Accepted]:
        """Send documents of ready-made chunks, a few at a time, as fast as the server takes them."""
        accepted: dict[int, Accepted] = {}
        refused: dict[int, RagstoneError] = {}

        async def send(place: int) -> None:
            body = await asyncio.to_thread(chunks_body, documents[place], vectors_of)
            while place not in accepted and place not in refused:
                try:
                    accepted[place] = await self._post("v1/documents/chunks", Accepted, content=body, headers=_JSON)
                except (Unauthenticated, Forbidden):
                    raise
                except TooManyRequests as error:
                    self._say_slower(error)
                    await asyncio.sleep(error.retry_after)
                except InvalidRequest as error:
                    refused[place] = error

        await for_each(range(len(documents)), send, at_a_time=_SENT_AT_A_TIME)
        if refused:
            there = {place: ports.Accepted(**dict(each)) for place, each in accepted.items()}
            raise BatchRefused(refused, there)
        return [accepted[place] for place in range(len(documents))]

    def fetch(self, url: str, known: Validators) -> AbstractAsyncContextManager[Fetched]:
        """Begin to fetch ``url`` from here: what the server knows of it is compared with what is found."""
        return self.fetcher.open(url, known)

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
        query = {"collection": collection, "state": state, "source": source, "uri": uri}
        return await self._get("v1/documents", DocumentPage, **query, cursor=cursor, limit=limit)

    async def document(self, document_id: UUID) -> Document:
        """Return one document."""
        return await self._get(f"v1/documents/{document_id}", Document)

    async def change_document(self, document_id: UUID, changes: DocumentChanges) -> Document:
        """Rename a document or say what mirrors it."""
        changed = changes.model_dump(mode="json", exclude_none=True)
        return _read(Document, (await self._send("PATCH", f"v1/documents/{document_id}", json=changed)).content)

    async def delete_document(self, document_id: UUID) -> None:
        """Remove a document and all that was made from it."""
        await self._send("DELETE", f"v1/documents/{document_id}")

    async def content(self, document_id: UUID) -> Content:
        """Return a document's text."""
        return await self._get(f"v1/documents/{document_id}/content", Content)

    async def chunks(self, document_id: UUID, *, cursor: str | None, limit: int) -> ChunkPage:
        """List the chunks of a document, in order."""
        return await self._get(f"v1/documents/{document_id}/chunks", ChunkPage, cursor=cursor, limit=limit)

    async def jobs(self, *, state: State | None, cursor: str | None, limit: int) -> JobPage:
        """List jobs, the oldest first."""
        return await self._get("v1/jobs", JobPage, state=state, cursor=cursor, limit=limit)

    async def job(self, job_id: UUID) -> Job:
        """Return one job."""
        return await self._get(f"v1/jobs/{job_id}", Job)

    async def queue(self) -> QueueState:
        """Say what is on its way, and how long it will take."""
        return await self._get("v1/jobs/queue", QueueState)

    async def cancel(self, job_id: UUID) -> Job:
        """End a job."""
        return await self._post(f"v1/jobs/{job_id}/cancel", Job)

    async def retry(self, job_id: UUID) -> Job:
        """Begin a failed or cancelled job again."""
        return await self._post(f"v1/jobs/{job_id}/retry", Job)

    async def retrieve(self, asked: Retrieve) -> Found:
        """Find passages."""
        return await self._post("v1/retrieve", Found, json=asked.model_dump(mode="json"))

    async def ask(self, asked: Ask) -> AsyncGenerator[Reply, None]:
        """Answer a question, event by event."""
        body = {**asked.model_dump(mode="json"), "stream": True}
        try:
            async with self._http.stream("POST", "v1/ask", json=body, headers=_STREAM) as response:
                if response.is_error:
                    await response.aread()
                    raise _error_of(_read(Problem, response.content))
                async for name, data in _events(response):
                    if name == "error":
                        raise _error_of(_read(Problem, data))
                    if name in _EVENTS:
                        yield _read(_EVENTS[name], data)
        except httpx.HTTPError as error:
            raise self._away(error) from error

    async def progress(self, job_ids: Sequence[UUID]) -> Progress:
        """Look at some pages of the open jobs, going on each time where the last look ended; count all as last seen."""
        open_ids = sorted(each for each in job_ids if not self._ended(each))
        turn = bisect_left(open_ids, self._next)
        waiting = open_ids[turn:] + open_ids[:turn]
        for _ in range(_PAGES_OF_A_LOOK):
            if not waiting:
                break
            covered = await self._look(waiting[0], waiting)
            waiting = [each for each in waiting if each not in covered]
        self._next = waiting[0] if waiting else _FIRST_ID
        return self._counted(job_ids)

    async def unfinished(self, job_ids: Sequence[UUID]) -> Sequence[Job]:
        """Return those of these jobs that failed or were cancelled."""
        seen = (self._jobs[each] for each in job_ids if each in self._jobs)
        return [each for each in seen if each.state in (State.FAILED, State.CANCELLED)]

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Leave the work to the server's workers."""
        yield

    async def _look(self, first: UUID, open_ids: Sequence[UUID]) -> frozenset[UUID]:
        """See how far the open jobs from ``first`` on are; return those that the page tells of."""
        page = await self.jobs(state=None, cursor=str(just_before(first)), limit=_JOBS_OF_A_PAGE)
        last = page.items[-1].id if page.next_cursor else _LAST_ID
        there = {job.id: job for job in page.items}
        covered = frozenset(each for each in open_ids if first <= each <= last)
        self._jobs |= {each: there[each] for each in covered & there.keys()}
        self._gone |= covered - there.keys()
        return covered

    def _ended(self, job_id: UUID) -> bool:
        return job_id in self._gone or (job_id in self._jobs and self._jobs[job_id].state.final)

    def _counted(self, job_ids: Sequence[UUID]) -> Progress:
        """Count jobs as last seen; one that was not looked at yet is as it was accepted."""
        seen = [self._jobs[each] for each in job_ids if each in self._jobs]
        states = Counter(each.state for each in seen)
        states[State.ACCEPTED] += sum(each not in self._jobs and each not in self._gone for each in job_ids)
        causes = [each.waiting.message for each in seen if each.waiting]
        return Progress(
            states,
            sum(each.chunk_count for each in seen),
            sum(each.embedded_count for each in seen),
            len(causes),
            max(causes, default=""),
        )

    async def _get(self, path: str, model: type[M], **query: object) -> M:
        params = {name: str(value) for name, value in query.items() if value is not None}
        return _read(model, (await self._send("GET", path, params=params)).content)

    async def _post(self, path: str, model: type[M], **body: Any) -> M:
        return _read(model, (await self._send("POST", path, **body)).content)

    async def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Return the reply. Raises the error that the server tells of, ``ServerUnavailable`` or ``BrokenOff``."""
        try:
            response = await self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            raise self._away(error) from error
        if not response.is_success:
            raise _error_of(_read(Problem, response.content), _seconds(response.headers.get("retry-after")))
        return response

    def _say_slower(self, error: TooManyRequests) -> None:
        if not self._slower:
            output.note(f"{error.message} Going on more slowly ...")
        self._slower = True

    def _away(self, error: httpx.HTTPError) -> Unavailable:
        """Tell a server that is not there from one that ended a request in the middle."""
        cause = str(error) or type(error).__name__
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return ServerUnavailable(
                f"The server at {self._http.base_url} does not answer: {cause}.",
                remedy="See that it runs, and check --url.",
            )
        return BrokenOff(
            f"The server broke off: {cause}.",
            remedy="If it does so again, the document may be larger than the server's RAGSTONE_MAX_UPLOAD_MB.",
        )


async def _events(response: httpx.Response) -> AsyncGenerator[tuple[str, str], None]:
    """Yield name and data of each server-sent event; comments (heartbeats) are passed over."""
    name, data = "", ""
    async for line in response.aiter_lines():
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            data = value
        elif not line and name:
            yield name, data
            name, data = "", ""


def _read(model: type[M], text: bytes | str) -> M:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise ServerUnavailable("What answers at --url is not this Ragstone.", remedy="Check the address.") from error


def _error_of(problem: Problem, retry_after: float | None = None) -> RagstoneError:
    """Return the error that the server tells of, of the same kind as it was there."""
    if problem.code == TooManyRequests.code:
        return TooManyRequests(problem.detail, remedy=problem.remedy, retry_after=retry_after or _AGAIN_SECONDS)
    kind = _KINDS.get(problem.code, InvalidRequest if problem.status < _SERVER_ERRORS else Unavailable)
    return kind(problem.detail, remedy=problem.remedy)


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after and retry_after.isdecimal() else None


def _no_url() -> InvalidRequest:
    return InvalidRequest("--url is not the address of a server.", remedy="It reads http://HOST:PORT.")
