"""Jobs: the ingestion of versions, as callers see and steer it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from ragstone.domain.access import Principal
from ragstone.domain.documents import Failure, Job, QueueState, State
from ragstone.domain.errors import Conflict, NotFound
from ragstone.ports.jobs import Progress
from ragstone.postgres.database import Connection
from ragstone.postgres.documents import to_failure
from ragstone.postgres.queue import Queue, Stage
from ragstone.postgres.versions import WORKERS
from ragstone.postgres.visibility import OWN_VERSIONS, principal_parameters

_SELECT_JOBS = f"""
    with own as ({OWN_VERSIONS})
    select id, document_id, collection, uri, state, attempts, chunk_count, embedded_count,
           stage_seconds, failure, waiting, due_at, created_at, updated_at, {WORKERS}
    from own
"""  # noqa: S608 (no input)


_RECENT_SECONDS = 600.0
_RECENT = f"make_interval(secs => {_RECENT_SECONDS})"

_QUEUE = f"""
    with own as ({OWN_VERSIONS})
    select state, count(*), count(waiting), sum(chunk_count - embedded_count)::bigint, avg(chunk_count)::float,
           sum(chunk_count) filter (where updated_at > now() - {_RECENT})::bigint,
           extract(epoch from now() - min(created_at) filter (where updated_at > now() - {_RECENT}))::float,
           min(created_at)
    from own where is_latest group by state
"""  # noqa: S608 (no input)


_NO_WORKER = Failure(
    "queue", "no_worker", "No worker runs.", "Start one: `ragstone worker`, or `ragstone up`.", retryable=True
)


class PostgresJobs:
    """The ``Jobs`` of the record port."""

    def __init__(self, connection: Connection, queue: Queue) -> None:
        self._connection = connection
        self._queue = queue

    async def get(self, principal: Principal, job_id: UUID) -> Job:
        """Raise ``NotFound`` where there is none that the principal may see."""
        parameters = {**principal_parameters(principal), "id": job_id}
        cursor = await self._connection.execute(f"{_SELECT_JOBS} where id = %(id)s", parameters)
        row = await cursor.fetchone()
        if row is None:
            raise NotFound("There is no such job.", remedy="GET /v1/jobs lists those that this key may see.")
        return _to_job(row)

    async def list(self, principal: Principal, *, state: State | None, after: UUID | None, limit: int) -> Sequence[Job]:
        """Return jobs by id (that is, by age), those after ``after``."""
        cursor = await self._connection.execute(
            f"""{_SELECT_JOBS} where (%(state)s::text is null or state = %(state)s)
                and (%(after)s::uuid is null or id > %(after)s) order by id limit %(limit)s""",
            {**principal_parameters(principal), "state": state, "after": after, "limit": limit},
        )
        return [_to_job(row) for row in await cursor.fetchall()]

    async def progress(self, job_ids: Sequence[UUID]) -> Progress:
        """Count how far these jobs are."""
        cursor = await self._connection.execute(
            "select state, count(*), sum(chunk_count)::bigint, sum(embedded_count)::bigint, count(waiting),"
            " coalesce(max(waiting ->> 'message'), '') from versions where id = any(%s) group by state",
            (list(job_ids),),
        )
        rows = await cursor.fetchall()
        return Progress(
            states={State(row[0]): row[1] for row in rows},
            chunks=sum(row[2] for row in rows),
            embedded=sum(row[3] for row in rows),
            waiting=sum(row[4] for row in rows),
            cause=max((row[5] for row in rows), default=""),
        )

    async def open_count(self, principal: Principal, most: int) -> int:
        """Count the documents of the principal's tenant that are on their way; at most ``most`` are counted."""
        cursor = await self._connection.execute(
            "select count(*) from (select from versions v join documents d on d.id = v.document_id"
            " where v.state in ('accepted', 'parsing', 'searchable') and d.tenant = %s limit %s) counted",
            (principal.tenant, most),
        )
        return int((await cursor.fetchall())[0][0])

    async def queue(self, principal: Principal) -> QueueState:
        """Say what of the principal's documents is on its way, and how long it will take."""
        cursor = await self._connection.execute(f"select {WORKERS}")
        workers = int((await cursor.fetchall())[0][0])
        cursor = await self._connection.execute(_QUEUE, principal_parameters(principal))
        return _to_queue([_StateRow(State(row[0]), *row[1:]) for row in await cursor.fetchall()], workers)

    async def cancel(self, principal: Principal, job_id: UUID) -> Job:
        """End a job that is not final. Raise ``NotFound``, or ``Conflict`` where it is final."""
        job = await self.get(principal, job_id)
        if not await self._move(job, State.CANCELLED):
            raise Conflict(f"The job is {job.state} and cannot be cancelled.", remedy="Only open jobs can be.")
        return await self.get(principal, job_id)

    async def retry(self, principal: Principal, job_id: UUID) -> Job:
        """Begin a failed or cancelled job again where it stood. Raise ``NotFound`` or ``Conflict``."""
        job = await self.get(principal, job_id)
        begin = State.SEARCHABLE if job.chunk_count else State.ACCEPTED
        if job.state not in (State.FAILED, State.CANCELLED) or not await self._move(job, begin):
            raise Conflict(f"The job is {job.state}; there is nothing to retry.", remedy="Wait until it ends.")
        await self._queue.wake(self._connection, Stage.of(begin), [job_id])
        return await self.get(principal, job_id)

    async def _move(self, job: Job, state: State) -> bool:
        """Move a job to ``state`` if that is legal and it has not moved since it was read."""
        if not job.state.may_become(state):
            return False
        cursor = await self._connection.execute(
            "update versions set state = %s, failure = null, waiting = null, attempts = 0, crashes = 0, due_at = now(),"
            " lease_owner = null, lease_until = null, updated_at = now() where id = %s and state = %s",
            (state, job.id, job.state),
        )
        return cursor.rowcount == 1


class _StateRow(NamedTuple):
    """The documents of one state; ``recent_chunks`` are of those that came to it in the last ten minutes."""

    state: State
    documents: int
    waiting: int
    pending_chunks: int
    mean_chunks: float
    recent_chunks: int | None
    recent_seconds: float | None
    oldest_at: datetime


def _to_queue(rows: Sequence[_StateRow], workers: int) -> QueueState:
    under_way = [row for row in rows if not row.state.final]
    ready = next((row for row in rows if row.state is State.READY), None)
    pace = None
    if ready and ready.recent_chunks and ready.recent_seconds:
        pace = ready.recent_chunks / min(ready.recent_seconds, _RECENT_SECONDS)
    # How many chunks an unread document will have is not known; those that are ready say what is usual.
    unread = sum(row.documents for row in under_way if row.state is not State.SEARCHABLE)
    pending = sum(row.pending_chunks for row in under_way)
    expected = pending + unread * (ready.mean_chunks if ready else 0.0)
    return QueueState(
        states={row.state: row.documents for row in rows},
        waiting=sum(row.waiting if workers else row.documents for row in under_way),
        workers=workers,
        pending_chunks=pending,
        chunks_per_second=pace,
        eta_seconds=0.0 if not under_way else expected / pace if pace else None,
        oldest_at=min((row.oldest_at for row in under_way), default=None),
    )


def _to_job(row: Sequence[Any]) -> Job:
    state, waiting, workers = State(row[4]), to_failure(row[10]), row[14]
    return Job(
        id=row[0],
        document_id=row[1],
        collection=row[2],
        uri=row[3],
        state=state,
        attempts=row[5],
        chunk_count=row[6],
        embedded_count=row[7],
        stage_seconds=row[8],
        failure=to_failure(row[9]),
        waiting=waiting if workers or state.final else _NO_WORKER,
        due_at=row[11],
        created_at=row[12],
        updated_at=row[13],
    )
