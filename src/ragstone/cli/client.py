"""What commands ask of Ragstone, whether it is the record on this machine or a server.

Every method returns what the HTTP reply's body holds, so that a command prints the same either way.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError

from ragstone.api.found import Found
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
    QueueState,
    Reply,
)
from ragstone.domain.documents import State
from ragstone.domain.errors import InvalidRequest, Unavailable
from ragstone.ports.fetcher import Fetched, Validators
from ragstone.ports.jobs import Progress

if TYPE_CHECKING:
    from ragstone.api.requests import Ask, DocumentChanges, DocumentForm, Retrieve, VectorsOf
    from ragstone.ingest.intake import ReadyDocument

M = TypeVar("M", bound=BaseModel)


class ServerUnavailable(Unavailable):
    """The server at --url does not answer, or is not Ragstone."""


class BrokenOff(Unavailable):
    """The server at --url ended a request in the middle: it was stopped, or would not read such a large document."""


class Client(Protocol):
    """Ragstone, near or far. Ids that nobody knows raise ``NotFound``; a dependency that is away, ``Unavailable``."""

    async def create_collection(self, name: str) -> Collection:
        """Make a collection, or return the one of this name."""
        ...

    async def collections(self) -> CollectionPage:
        """List all, by name."""
        ...

    async def delete_collection(self, name: str) -> None:
        """Remove a collection with all its documents and all that was made from them."""
        ...

    async def accept_file(
        self, path: Path, described: "DocumentForm", *, name: str | None = None, media_type: str | None = None
    ) -> Accepted:
        """Take in a file, streamed, called ``name`` if not as its path says.

        Raises ``InvalidRequest`` and its kinds, and ``OSError`` for the file's own.
        """
        ...

    async def accept_url(self, url: str, described: "DocumentForm") -> Accepted:
        """Fetch a document and take it in, named by ``url`` unless the description names it."""
        ...

    async def accept_documents(
        self, documents: "Sequence[ReadyDocument]", vectors_of: "VectorsOf | None"
    ) -> Sequence[Accepted]:
        """Take in documents of ready-made chunks. Raises ``BatchRefused`` where some are refused.

        On this machine they are one transaction; over HTTP each is its own, and the others are taken in.
        """
        ...

    def fetch(self, url: str, known: Validators) -> AbstractAsyncContextManager[Fetched]:
        """Begin to fetch ``url`` from this machine, as a ``Fetcher`` does: from public addresses only."""
        ...

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
        ...

    async def change_document(self, document_id: UUID, changes: "DocumentChanges") -> Document:
        """Rename a document or say what mirrors it. Raises ``Conflict`` where the new uri is taken."""
        ...

    async def document(self, document_id: UUID) -> Document:
        """Return one document."""
        ...

    async def delete_document(self, document_id: UUID) -> None:
        """Remove a document and all that was made from it."""
        ...

    async def content(self, document_id: UUID) -> Content:
        """Return a document's text. Raises ``Conflict`` before it is parsed."""
        ...

    async def chunks(self, document_id: UUID, *, cursor: str | None, limit: int) -> ChunkPage:
        """List the chunks of a document, in order."""
        ...

    async def jobs(self, *, state: State | None, cursor: str | None, limit: int) -> JobPage:
        """List jobs, the oldest first."""
        ...

    async def job(self, job_id: UUID) -> Job:
        """Return one job."""
        ...

    async def queue(self) -> QueueState:
        """Say what is on its way, and how long it will take."""
        ...

    async def cancel(self, job_id: UUID) -> Job:
        """End a job. Raises ``Conflict`` where it is at its end."""
        ...

    async def retry(self, job_id: UUID) -> Job:
        """Begin a failed or cancelled job again. Raises ``Conflict`` for any other."""
        ...

    async def retrieve(self, asked: "Retrieve") -> Found:
        """Find passages."""
        ...

    def ask(self, asked: "Ask") -> AsyncGenerator[Reply, None]:
        """Answer a question: ``Retrieval``, then each ``Delta``, ``Citation`` and ``Restart``, last the ``Answer``."""
        ...

    async def progress(self, job_ids: Sequence[UUID]) -> Progress:
        """Count how far these jobs are. Those that are gone, or not for this caller, count nowhere."""
        ...

    async def unfinished(self, job_ids: Sequence[UUID]) -> Sequence[Job]:
        """Return those of these jobs that failed or were cancelled."""
        ...

    def working(self) -> AbstractAsyncContextManager[None]:
        """Take part in the work while the block runs, where the work is this machine's."""
        ...


@asynccontextmanager
async def open_client(url: str | None, key: str | None, *, readers: Sequence[str] = ()) -> AsyncIterator[Client]:
    """Open the server at ``url``, or the record on this machine, there as one who holds these ``readers``, too."""
    if url:
        from ragstone.cli.remote import open_server

        async with open_server(url, key) as server:
            yield server
    else:
        from ragstone.cli.local import open_local

        async with open_local(readers) as local:
            yield local


def requested(model: type[M], /, **fields: Any) -> M:
    """Return the request of these fields. Raise ``InvalidRequest`` that names the ones that are wrong."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in each['loc'])}: {each['msg'].removeprefix('Value error, ')}"
            for each in error.errors(include_url=False, include_input=False)
        )
        raise InvalidRequest(f"The request is not valid. {wrong}.") from error


def just_before(job_id: UUID) -> UUID:
    """Return the cursor after which ``job_id`` is the first that can come."""
    return UUID(int=max(job_id.int - 1, 0))
