"""Jobs: how far the ingestion of each version of a document is."""

from uuid import UUID

from fastapi import APIRouter

from ragstone.api.access import Reader, Writer
from ragstone.api.dependencies import OpenRecord
from ragstone.api.paging import Cursor, Limit, paged
from ragstone.api.problems import documented
from ragstone.api.schemas import Job, JobPage
from ragstone.domain.documents import State

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


@router.get("", responses=documented(401, 403, 422, 503))
async def list_jobs(
    principal: Reader, record: OpenRecord, state: State | None = None, cursor: Cursor = None, limit: Limit = 50
) -> JobPage:
    """List jobs, the oldest first."""
    async with record.transaction() as transaction:
        found = await transaction.versions.jobs(principal, state=state, after=cursor, limit=limit + 1)
    items, next_cursor = paged(found, limit)
    return JobPage(items=[Job.from_domain(each) for each in items], next_cursor=next_cursor)


@router.get("/{job_id:uuid}", responses=documented(401, 403, 404, 422, 503))
async def get_job(job_id: UUID, principal: Reader, record: OpenRecord) -> Job:
    """Show one job."""
    async with record.transaction() as transaction:
        return Job.from_domain(await transaction.versions.job(principal, job_id))


@router.post("/{job_id:uuid}/cancel", responses=documented(401, 403, 404, 409, 422, 503))
async def cancel_job(job_id: UUID, principal: Writer, record: OpenRecord) -> Job:
    """End a job that is not at its end. What it has made so far stays searchable."""
    async with record.transaction() as transaction:
        return Job.from_domain(await transaction.versions.cancel(principal, job_id))


@router.post("/{job_id:uuid}/retry", responses=documented(401, 403, 404, 409, 422, 503))
async def retry_job(job_id: UUID, principal: Writer, record: OpenRecord) -> Job:
    """Begin a failed or cancelled job again where it stood."""
    async with record.transaction() as transaction:
        return Job.from_domain(await transaction.versions.retry(principal, job_id))
