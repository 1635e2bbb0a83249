"""The work on versions: leased by one worker at a time, each step conditional on the lease.

A lease is lost when its time is over (the worker froze) or when its owner is gone: a worker holds an advisory
lock of its number as long as it lives, and PostgreSQL drops the lock the moment the connection ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from ragstone.domain.access import Principal
from ragstone.domain.documents import Chunk, Failure, ParsedDocument, State, embedding_text
from ragstone.domain.errors import LeaseLost
from ragstone.ports.documents import Accepted
from ragstone.ports.embedder import EmbeddingModel
from ragstone.ports.versions import ReadyMade, Work
from ragstone.postgres.chunks import CHUNK_COLUMNS, insert_chunks, to_chunk
from ragstone.postgres.database import Connection
from ragstone.postgres.documents import lock_document
from ragstone.postgres.importing import store_ready_made
from ragstone.postgres.kept_vectors import KeptVectors
from ragstone.postgres.narrowing import narrow
from ragstone.postgres.queue import Queue, Stage
from ragstone.postgres.superseded import drop_superseded
from ragstone.postgres.visibility import NAME, TITLE

OWNERS = "hashtext('ragstone workers in ' || current_schema())"
"""The class of the advisory locks that the workers of a schema hold; the object is the worker's number."""

_OWNER_LOCKS = f"""pg_locks where locktype = 'advisory' and granted
    and database = (select oid from pg_database where datname = current_database())
    and classid = ({OWNERS}::bigint & 4294967295)::oid"""  # noqa: S608 (no input)

_OWNER_LIVES = f"exists (select from {_OWNER_LOCKS} and objid::bigint = v.lease_owner)"

WORKERS = f"(select count(distinct objid) from {_OWNER_LOCKS})"  # noqa: S608 (no input)
"""How many workers of this schema live."""

_FREE = f"(v.lease_owner is null or v.lease_until < now() or not {_OWNER_LIVES})"

_SPACE = "(select id from embedding_spaces where model = %(model)s and version = %(model_version)s)"

# Work that was touched this recently is on its way through the queue; longer, and its entry may be lost.
_GRACE_SECONDS = 2.0

_OPEN = (State.ACCEPTED, State.PARSING, State.SEARCHABLE)


class PostgresVersions:
    """The ``Versions`` of the record port."""

    def __init__(self, connection: Connection, queue: Queue, kept: KeptVectors) -> None:
        self._connection = connection
        self._queue = queue
        self._kept = kept

    async def claim(self, version_id: UUID, states: Sequence[State], owner: int, seconds: float) -> Work | None:
        """Lease a version in one of ``states`` for ``seconds``, or return ``None``: gone, done, or another's."""
        cursor = await self._connection.execute(
            f"""update versions v
                set crashes = v.crashes + (v.lease_owner is not null)::int,
                    lease_owner = %(owner)s, lease_until = now() + make_interval(secs => %(seconds)s),
                    attempts = v.attempts + 1, updated_at = now(),
                    state = case when v.state = 'accepted' then 'parsing' else v.state end
                from documents d
                where v.id = %(id)s and d.id = v.document_id and v.state = any(%(states)s) and {_FREE}
                returning v.id, v.document_id, v.blob_id, v.state, v.media_type, d.uri,
                    coalesce(v.given_title, v.title), {NAME}, v.chunk_count, v.embedded_count, v.attempts, v.crashes""",  # noqa: S608
            {"id": version_id, "states": list(states), "owner": owner, "seconds": seconds},
        )
        row = await cursor.fetchone()
        return Work(row[0], row[1], row[2], State(row[3]), *row[4:]) if row else None

    async def extend(self, version_id: UUID, owner: int, seconds: float) -> None:
        """Lengthen the lease. Raise ``LeaseLost`` where it is another's by now."""
        await self._change(
            version_id, owner, "lease_until = now() + make_interval(secs => %(seconds)s)", seconds=seconds
        )

    async def store_parsed(
        self,
        version_id: UUID,
        owner: int,
        parsed: ParsedDocument,
        chunks: Sequence[Chunk],
        seconds: Mapping[str, float],
        *,
        chunking: str = "",
    ) -> None:
        """Store content and chunks; move to ``searchable``, release the lease, enqueue the embedding."""
        document_id = await self._lock_document(version_id)
        await self._change(
            version_id,
            owner,
            """state = 'searchable', content = %(content)s, title = %(title)s, media_type = %(media_type)s,
               chunk_count = %(chunk_count)s, chunking = %(chunking)s, unread = %(unread)s,
               attempts = 0, crashes = 0, waiting = null,
               stage_seconds = stage_seconds || %(stage_seconds)s, lease_owner = null, lease_until = null""",
            content=parsed.content,
            title=parsed.title,
            media_type=parsed.media_type,
            chunk_count=len(chunks),
            chunking=chunking,
            unread=Jsonb(dict(parsed.unread)),
            stage_seconds=Jsonb(dict(seconds)),
        )
        await insert_chunks(self._connection, version_id, chunks)
        # The first version answers by words at once; a later one waits until it answers by meaning too.
        cursor = await self._connection.execute(
            "update documents set current_version = %(version)s where id = %(id)s and current_version is null"
            " returning exists (select from versions where document_id = %(id)s and id <> %(version)s)",
            {"version": version_id, "id": document_id},
        )
        if await cursor.fetchone() == (True,):
            await narrow(self._connection, [document_id])
            await drop_superseded(self._connection, document_id, self._kept)
        await self._queue.wake(self._connection, Stage.EMBED, [version_id])

    async def former(self, work: Work, chunking: str) -> tuple[str, Sequence[Chunk]] | None:
        """Return content and chunks of the version that answers now, if there is one that was cut alike."""
        cursor = await self._connection.execute(
            "select v.id, v.content from documents d join versions v on v.id = d.current_version"
            " where d.id = %s and v.id <> %s and v.chunking = %s and v.content is not null",
            (work.document_id, work.version_id, chunking),
        )
        row = await cursor.fetchone()
        if row is None:
            return None
        return row[1], await self._chunks(row[0])

    async def _chunks(self, version_id: UUID) -> Sequence[Chunk]:
        cursor = await self._connection.execute(
            f"select {CHUNK_COLUMNS} from chunks c where c.version_id = %s order by c.ordinal",  # noqa: S608 (no input)
            (version_id,),
        )
        return [to_chunk(each) for each in await cursor.fetchall()]

    async def misnamed(self, document_ids: Sequence[UUID]) -> Sequence[tuple[UUID, str, Sequence[Chunk]]]:
        """Return versions whose words are indexed with a title that is not theirs any more: id, title and chunks."""
        cursor = await self._connection.execute(
            f"select v.id, {TITLE} from documents d join versions v on v.document_id = d.id"  # noqa: S608 (no input)
            f" where d.id = any(%s) and v.indexed_title <> {TITLE}",
            (list(document_ids),),
        )
        renamed = await cursor.fetchall()
        return [(version_id, title, await self._chunks(version_id)) for version_id, title in renamed]

    async def store_ready_made(self, principal: Principal, documents: Sequence[ReadyMade]) -> Sequence[Accepted]:
        """Store documents of different uris, with content and chunks, as new versions; return what became of each."""
        return await store_ready_made(self._connection, self._queue, self._kept, principal, documents)

    async def pending_chunks(self, work: Work, after: int, limit: int) -> Sequence[tuple[UUID, str]]:
        """Return id and embedding text of at most ``limit`` chunks, from ordinal ``after`` on."""
        cursor = await self._connection.execute(
            "select id, heading_path, text, lead from chunks where version_id = %s and ordinal >= %s"
            " order by ordinal limit %s",
            (work.version_id, after, limit),
        )
        return [
            (chunk_id, embedding_text(work.title or work.name, tuple(heading_path), text, lead=lead))
            for chunk_id, heading_path, text, lead in await cursor.fetchall()
        ]

    async def begin_embedding(self, work: Work, owner: int, model: EmbeddingModel) -> int:
        """Return how many chunks, from the first on, have their vector in the space of ``model`` already."""
        await self._change(
            work.version_id,
            owner,
            f"embedded_count = case when space_id = {_SPACE} then embedded_count else 0 end, space_id = {_SPACE}",
            **_space(model),
        )
        cursor = await self._connection.execute("select embedded_count from versions where id = %s", (work.version_id,))
        row = await cursor.fetchone()
        return int(row[0]) if row else 0

    async def store_progress(self, version_id: UUID, owner: int, embedded_count: int) -> None:
        """Note how many chunks, from the first on, are embedded. Raise ``LeaseLost``."""
        await self._change(version_id, owner, "embedded_count = %(embedded_count)s", embedded_count=embedded_count)

    async def finish(self, work: Work, owner: int, seconds: Mapping[str, float]) -> None:
        """Move to ``ready``, let the version answer questions, release the lease. Raise ``LeaseLost``."""
        await lock_document(self._connection, work.document_id)
        await self._change(
            work.version_id,
            owner,
            """state = 'ready', attempts = 0, crashes = 0, waiting = null,
               stage_seconds = stage_seconds || %(stage_seconds)s, lease_owner = null, lease_until = null""",
            stage_seconds=Jsonb(dict(seconds)),
        )
        # It is newer than the one that answers, though a still newer one may be on its way; or it is that one.
        cursor = await self._connection.execute(
            "update documents set current_version = %(version)s"
            " where id = %(id)s and current_version is distinct from %(version)s"
            " returning latest_version <> %(version)s",
            {"version": work.version_id, "id": work.document_id},
        )
        if await cursor.fetchone() == (True,):
            await narrow(self._connection, [work.document_id])
        await drop_superseded(self._connection, work.document_id, self._kept)

    async def fail(self, work: Work, owner: int, failure: Failure) -> None:
        """Move to ``failed`` and release the lease. Raise ``LeaseLost``."""
        await self._change(
            work.version_id,
            owner,
            "state = 'failed', failure = %(failure)s, waiting = null, lease_owner = null, lease_until = null",
            failure=Jsonb(asdict(failure)),
        )

    async def release(self, work: Work, owner: int, delay: float, waiting: Failure | None = None) -> None:
        """Give the lease back unfinished; the work is due again in ``delay`` seconds, and waits for this cause."""
        await self._change(
            work.version_id,
            owner,
            "due_at = now() + make_interval(secs => %(delay)s), waiting = coalesce(%(waiting)s, waiting),"
            " lease_owner = null, lease_until = null",
            delay=delay,
            waiting=Jsonb(asdict(waiting)) if waiting else None,
        )

    async def set_aside(self, version_id: UUID, owner: int, failure: Failure) -> None:
        """Move a version that ``owner`` died over to ``failed``, unless another worker has it by now.

        Where ``owner`` died before it had the lease, the death counts as one more worker that was lost.
        """
        # Not by the owner's sign of life, which PostgreSQL may drop a moment after the process is gone.
        await self._connection.execute(
            """update versions set state = 'failed', failure = %(failure)s, waiting = null, updated_at = now(),
                   lease_owner = null, lease_until = null
               where id = %(id)s and state = any(%(open)s) and lease_owner = %(owner)s""",
            {"id": version_id, "failure": Jsonb(asdict(failure)), "open": list(_OPEN), "owner": owner},
        )
        await self._connection.execute(
            """update versions set crashes = crashes + 1, updated_at = now()
               where id = %(id)s and state = any(%(open)s) and lease_owner is null""",
            {"id": version_id, "open": list(_OPEN)},
        )

    async def wake_lost(self) -> int:
        """Enqueue again all that nobody works on: leases of dead owners, lost queue entries. Return how many."""
        # Entries that a dead worker was at: procrastinate forgets the worker and leaves them as they are, for ever.
        await self._connection.execute("delete from procrastinate_jobs where status = 'doing' and worker_id is null")
        await self._kept.drop_old(self._connection)
        cursor = await self._connection.execute(
            f"""select v.id, v.state from versions v
                where v.state = any(%(open)s) and v.due_at <= now() and {_FREE}
                  and v.updated_at < now() - make_interval(secs => %(grace)s)
                  and not exists (
                      select from procrastinate_jobs j where j.status = 'todo' and j.args ->> 'version_id' = v.id::text)
                order by v.id limit 1000""",  # noqa: S608
            {"open": list(_OPEN), "grace": _GRACE_SECONDS},
        )
        lost = [(version_id, Stage.of(State(state))) for version_id, state in await cursor.fetchall()]
        for stage in Stage:
            await self._queue.wake(self._connection, stage, [each for each, waits_for in lost if waits_for is stage])
        return len(lost)

    async def _lock_document(self, version_id: UUID) -> UUID:
        """Lock the document of a version and return its id. Raise ``LeaseLost`` where the version is gone."""
        cursor = await self._connection.execute("select document_id from versions where id = %s", (version_id,))
        row = await cursor.fetchone()
        if row is None:
            raise LeaseLost("The work was cancelled or taken over.")
        await lock_document(self._connection, row[0])
        return UUID(str(row[0]))

    async def _change(self, version_id: UUID, owner: int, assignments: str, **values: Any) -> None:
        """Update the version if its lease is ``owner``'s. Raise ``LeaseLost`` otherwise."""
        cursor = await self._connection.execute(
            f"update versions set updated_at = now(), {assignments}"  # noqa: S608 (assignments are this module's own)
            " where id = %(id)s and lease_owner = %(owner)s",
            {"id": version_id, "owner": owner, **values},
        )
        if cursor.rowcount == 0:
            raise LeaseLost("The work was cancelled or taken over.")


def _space(model: EmbeddingModel) -> dict[str, str]:
    return {"model": model.name, "model_version": model.version}
