"""Jobs: how far the ingestion of each version of a document is."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from uuid import UUID

from fastapi import APIRouter, status

from ragstone.api.access import Key, Reader, Writer
from ragstone.api.dependencies import OpenRecord, Stopping
from ragstone.api.paging import Cursor, Limit, paged
from ragstone.api.problems import documented
from ragstone.api.schemas import Job, JobPage, QueueState
from ragstone.api.stream import EventStream, begun, described
from ragstone.domain import documents
from ragstone.domain.access import Principal
from ragstone.domain.documents import State
from ragstone.ports.record import Record

_LOOK_SECONDS = 0.3

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


@router.get("", responses=documented(401, 403, 422, 503))
async def list_jobs(
    principal: Reader, record: OpenRecord, state: State | None = None, cursor: Cursor = None, limit: Limit = 50
) -> JobPage:
    """List jobs, the oldest first."""
    async with record.transaction() as transaction:
        found = await transaction.jobs.list(principal, state=state, after=cursor, limit=limit + 1)
    items, next_cursor = paged(found, limit)
    return JobPage(items=[Job.from_domain(each) for each in items], next_cursor=next_cursor)


@router.get("/queue", responses=documented(401, 403, 503))
async def get_queue(principal: Reader, record: OpenRecord) -> QueueState:
    """Show what is on its way to be searchable, and how long it will take at the pace of the last ten minutes."""
    async with record.transaction() as transaction:
        return QueueState.from_domain(await transaction.jobs.queue(principal))


@router.get("/{job_id:uuid}", responses=documented(401, 403, 404, 422, 503))
async def get_job(job_id: UUID, principal: Reader, record: OpenRecord) -> Job:
    """Show one job."""
    async with record.transaction() as transaction:
        return Job.from_domain(await transaction.jobs.get(principal, job_id))


@router.get(
    "/{job_id:uuid}/events",
    status_code=status.HTTP_200_OK,
    response_class=EventStream,
    responses={
        200: described("The job, as the server-sent event `job` at every change until it is final.", ["job", "error"]),
        **documented(401, 403, 404, 422, 503),
    },
)
async def follow_job(job_id: UUID, principal: Reader, key: Key, record: OpenRecord, stopping: Stopping) -> EventStream:
    """Follow a job to its end. Each event shows it whole, so that who comes back late has missed nothing."""
    changes = await begun(_changes(record, principal, key, job_id))
    return EventStream(changes, lambda job: ("job", Job.from_domain(job)), stopping)


async def _changes(
    record: Record, principal: Principal, key: str | None, job_id: UUID
) -> AsyncGenerator[documents.Job, None]:
    seen = None
    while seen is None or not seen.state.final:
        async with record.transaction() as transaction:
            if key is not None:  # it may have been revoked since
                principal = await transaction.keys.principal(key)
            job = await transaction.jobs.get(principal, job_id)
        # A lease that is kept alive touches the row, but is no news.
        if seen is None or replace(job, updated_at=seen.updated_at) != seen:
            yield job
            seen = job
        else:
            await asyncio.sleep(_LOOK_SECONDS)


@router.post("/{job_id:uuid}/cancel", responses=documented(401, 403, 404, 409, 422, 503))
async def cancel_job(job_id: UUID, principal: Writer, record: OpenRecord) -> Job:
    """End a job that is not at its end. What it has made so far stays searchable."""
    async with record.transaction() as transaction:
        return Job.from_domain(await transaction.jobs.cancel(principal, job_id))


@router.post("/{job_id:uuid}/retry", responses=documented(401, 403, 404, 409, 422, 503))
async def retry_job(job_id: UUID, principal: Writer, record: OpenRecord) -> Job:
    """Begin a failed or cancelled job again where it stood."""
    async with record.transaction() as transaction:
        return Job.from_domain(await transaction.jobs.retry(principal, job_id))
