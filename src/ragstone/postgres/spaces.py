"""The embedding spaces of the record: their roles change in one transaction, under one lock."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from ragstone.domain.documents import Failure, embedding_text
from ragstone.domain.errors import Conflict, EmbeddingRefused
from ragstone.ports.embedder import EmbeddingModel
from ragstone.ports.embedding_spaces import EmbeddingSpace, Place, Refused, Role, Unfilled
from ragstone.postgres.database import Connection
from ragstone.postgres.documents import to_failure
from ragstone.postgres.visibility import TITLE

_COLUMNS = "id, model, version, role, spec, chunks_per_second, swap_when_full, trouble, skip_refused, was_previous"
_STAGE = "reembed"

# What must have a vector before a space may answer: all that answers by meaning now, be it with gaps.
_ANSWERS = f"(v.state = 'ready' or v.state = 'failed' and v.failure ->> 'stage' = '{_STAGE}')"
_READY = f"from versions v join documents d on d.id = v.document_id and d.current_version = v.id where {_ANSWERS}"

_UNFILLED = f"""
    select v.id, c.ordinal, c.id, {TITLE}, c.heading_path, c.lead, c.text
    from versions v join documents d on d.id = v.document_id and d.current_version = v.id
    join chunks c on c.version_id = v.id
    where {_ANSWERS} and (v.id, c.ordinal) > (%(version)s, %(ordinal)s)
      and not exists (select from vectors x where x.chunk_id = c.id and x.space_id = %(space)s)
      and not exists (select from refused_chunks r where r.chunk_id = c.id and r.space_id = %(space)s)
    order by v.id, c.ordinal limit %(limit)s
"""  # noqa: S608 (no input)

_REFUSED = f"""
    select count(*)::int, count(distinct d.id)::int, (array_agg(distinct d.uri))[1:%(named)s], min(r.reason)
    from refused_chunks r join chunks c on c.id = r.chunk_id
    join versions v on v.id = c.version_id join documents d on d.current_version = v.id
    where r.space_id = %(space)s and {_ANSWERS}
"""  # noqa: S608 (no input)

# The space is kept as it is read: its model may have been dropped since it refused.
_NOTE_REFUSED = """
    insert into refused_chunks (chunk_id, space_id, reason, remedy)
    select each.chunk_id, s.id, each.reason, each.remedy
    from embedding_spaces s, unnest(%(chunks)s::uuid[], %(reasons)s::text[], %(remedies)s::text[])
        each (chunk_id, reason, remedy)
    where s.id = %(space)s for key share of s
    on conflict (chunk_id, space_id) do update set reason = excluded.reason, remedy = excluded.remedy
"""

_FAIL_REFUSED = f"""
    update versions set state = 'failed', updated_at = now(), failure = jsonb_build_object('stage', '{_STAGE}',
        'code', %(code)s::text, 'message', first.reason, 'remedy', first.remedy, 'retryable', false)
    from (select distinct on (c.version_id) c.version_id, r.reason, r.remedy
          from refused_chunks r join chunks c on c.id = r.chunk_id
          where r.space_id = %(space)s and c.version_id in (select v.id {_READY})
          order by c.version_id, c.ordinal) first
    where id = first.version_id
"""  # noqa: S608 (no input)

_RESTORE_WHOLE = f"""
    update versions set state = 'ready', updated_at = now(), failure = null
    where state = 'failed' and failure ->> 'stage' = '{_STAGE}' and not exists (
        select from chunks c where c.version_id = versions.id
          and not exists (select from vectors x where x.chunk_id = c.id and x.space_id = %(space)s))
"""  # noqa: S608 (no input)

_NAMED = 3
_BEFORE_ALL = Place(UUID(int=0), -1)


class PostgresSpaces:
    """The ``EmbeddingSpaces`` port."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def all(self) -> Sequence[EmbeddingSpace]:
        """Return all, the oldest first."""
        cursor = await self._connection.execute(f"select {_COLUMNS} from embedding_spaces order by id")  # noqa: S608
        return [_to_space(row) for row in await cursor.fetchall()]

    async def of_role(self, role: Role) -> EmbeddingSpace | None:
        """Return the space of this role."""
        cursor = await self._connection.execute(
            f"select {_COLUMNS} from embedding_spaces where role = %s",  # noqa: S608
            (role,),
        )
        row = await cursor.fetchone()
        return _to_space(row) if row else None

    async def activate_first(self, model: EmbeddingModel, spec: Mapping[str, Any]) -> EmbeddingSpace:
        """Return the active space; where there is none yet, that of ``model``, which must be there, becomes it."""
        active = await self.of_role(Role.ACTIVE)
        if active is None:
            await self._lock()
            active = await self.of_role(Role.ACTIVE)
        return active or await self._set(model, role=Role.ACTIVE, spec=Jsonb(dict(spec)))

    async def hold_active(self, model: EmbeddingModel) -> bool:
        """Say whether the space of ``model`` is the active one, and keep it so until the transaction ends."""
        cursor = await self._connection.execute(
            "select role from embedding_spaces where model = %s and version = %s for share", (model.name, model.version)
        )
        return await cursor.fetchone() == (Role.ACTIVE,)

    async def hold_roles(self) -> None:
        """Let nobody change a role, or how a space is filled, until the transaction ends."""
        await self._lock()

    async def begin(
        self,
        model: EmbeddingModel,
        spec: Mapping[str, Any],
        *,
        chunks_per_second: float | None,
        swap_when_full: bool,
        skip_refused: bool = False,
    ) -> EmbeddingSpace:
        """Have the space of ``model`` filled; what it refused is asked of it once more. Return the space.

        One that answers already is returned as it is. Raise ``Conflict`` where another one is filled, or where the
        space is not there.
        """
        await self._lock()
        active = await self.of_role(Role.ACTIVE)
        if active and active.holds(model):
            return active
        filling, previous = await self.of_role(Role.FILLING), await self.of_role(Role.PREVIOUS)
        if filling and not filling.holds(model):
            raise Conflict(
                f"Documents are being embedded by {filling.model} already.",
                remedy="Wait for its end, or `ragstone reembed --stop`.",
            )
        space = await self._set(
            model,
            role=Role.FILLING,
            spec=Jsonb(dict(spec)),
            chunks_per_second=chunks_per_second,
            swap_when_full=swap_when_full,
            trouble=None,
            skip_refused=skip_refused,
            was_previous=previous.holds(model) if previous else bool(filling and filling.was_previous),
        )
        await self._forget_refused(space)
        return space

    async def stop(self) -> None:
        """Fill no space any more; what is there stays until it is dropped. One filled for a rollback can be again."""
        await self._connection.execute(
            "update embedding_spaces set role = case when was_previous then 'previous' end, was_previous = false,"
            " trouble = null where role = 'filling'"
        )

    async def unfilled(self, space: EmbeddingSpace, after: Place | None, limit: int) -> Unfilled | None:
        """Return chunks of ready documents that have no vector in ``space`` and were not refused.

        ``None`` where there are no more.
        """
        place = after or _BEFORE_ALL
        cursor = await self._connection.execute(
            _UNFILLED, {"version": place.version_id, "ordinal": place.ordinal, "space": space.id, "limit": limit}
        )
        rows = await cursor.fetchall()
        if not rows:
            return None
        texts = {row[2]: embedding_text(row[3], tuple(row[4]), row[6], lead=row[5]) for row in rows}
        return Unfilled(texts, Place(rows[-1][0], rows[-1][1]))

    async def still_there(self, chunk_ids: Sequence[UUID]) -> Set[UUID]:
        """Return those of the chunks that are not deleted, and keep them until the transaction ends."""
        cursor = await self._connection.execute(
            "select id from chunks where id = any(%s) order by id for key share", (list(chunk_ids),)
        )
        return {row[0] for row in await cursor.fetchall()}

    async def note_trouble(self, space: EmbeddingSpace, trouble: Failure | None) -> None:
        """Say why filling stands still, or that it goes on."""
        await self._connection.execute(
            "update embedding_spaces set trouble = %s where id = %s",
            (Jsonb(asdict(trouble)) if trouble else None, space.id),
        )

    async def note_refused(self, space: EmbeddingSpace, refusals: Mapping[UUID, EmbeddingRefused]) -> None:
        """Keep which chunks, that must be there, the model of ``space`` does not take."""
        await self._connection.execute(
            _NOTE_REFUSED,
            {
                "space": space.id,
                "chunks": list(refusals),
                "reasons": [each.message for each in refusals.values()],
                "remedies": [each.remedy for each in refusals.values()],
            },
        )

    async def refused(self, space: EmbeddingSpace) -> Refused | None:
        """Return what the model of ``space`` does not take of ready documents; ``None`` where it takes all."""
        cursor = await self._connection.execute(_REFUSED, {"space": space.id, "named": _NAMED})
        row = (await cursor.fetchall())[0]
        return Refused(*row) if row[0] else None

    async def fill_state(self, space: EmbeddingSpace) -> tuple[int, int]:
        """Return how many chunks of ready documents have a vector in ``space``, and how many there are."""
        cursor = await self._connection.execute(
            f"""select (select count(*) from vectors x join chunks c on c.id = x.chunk_id
                        where x.space_id = %(space)s and c.version_id in (select v.id {_READY}))::int,
                       (select coalesce(sum(v.chunk_count), 0) {_READY})::int""",  # noqa: S608
            {"space": space.id},
        )
        filled, total = (await cursor.fetchall())[0]
        return filled, total

    async def swap(self, space: EmbeddingSpace) -> bool:
        """Let ``space``, which is filled, answer questions from now on; the one that did becomes the previous one.

        Return whether it answers: not where something is missing, or was refused and is not to be skipped. Documents
        of which chunks are skipped fail, and are ready again when a space answers that has all of them. Raise
        ``Conflict`` where ``space`` is not filled any more.
        """
        # Waits for every document that is becoming ready in the active space, and keeps others from it until we end.
        await self._lock()
        await self._connection.execute("select from embedding_spaces where role = 'active' for no key update")
        found = next((each for each in await self.all() if each.id == space.id), None)
        if found and found.role is Role.ACTIVE:
            return True
        if found is None or found.role is not Role.FILLING:
            raise Conflict("The filling was stopped.", remedy="Begin again with `ragstone reembed`.")
        if await self.unfilled(found, None, 1) or (not found.skip_refused and await self.refused(found)):
            return False
        await self._connection.execute("update embedding_spaces set role = null where role = 'previous'")
        await self._connection.execute("update embedding_spaces set role = 'previous' where role = 'active'")
        await self._connection.execute(
            "update embedding_spaces set role = 'active', was_previous = false where id = %s", (found.id,)
        )
        await self._connection.execute(_FAIL_REFUSED, {"space": found.id, "code": EmbeddingRefused.code})
        await self._connection.execute(_RESTORE_WHOLE, {"space": found.id})
        await self._connection.execute("update versions set space_id = %s where state = 'ready'", (found.id,))
        await self._forget_refused(found)  # each is its document's failure from now on
        return True

    async def drop_unused(self) -> Sequence[EmbeddingSpace]:
        """Remove every space that neither answers nor is filled, with its vectors; return them."""
        await self._lock()
        unused = [each for each in await self.all() if each.role not in (Role.ACTIVE, Role.FILLING)]
        dropped = [each.id for each in unused]
        # In the order in which a worker takes them, version, space, vectors: one that stores waits, or we for it.
        await self._connection.execute("update versions set space_id = null where space_id = any(%s)", (dropped,))
        await self._connection.execute(
            "select from embedding_spaces where id = any(%s) order by id for update", (dropped,)
        )
        for space_id in dropped:
            await self._connection.execute(sql.SQL("drop table {}").format(sql.Identifier(f"vectors_{space_id}")))
        await self._connection.execute("delete from embedding_spaces where id = any(%s)", (dropped,))
        return unused

    async def _forget_refused(self, space: EmbeddingSpace) -> None:
        await self._connection.execute("delete from refused_chunks where space_id = %s", (space.id,))

    async def _lock(self) -> None:
        await self._connection.execute("lock table embedding_spaces in share row exclusive mode")

    async def _set(self, model: EmbeddingModel, **values: object) -> EmbeddingSpace:
        """Change the space of ``model``. Raise ``Conflict`` where it is not there."""
        assignments = sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in values
        )
        query = sql.SQL(
            "update embedding_spaces set {} where model = %(_model)s and version = %(_version)s returning {}"
        ).format(assignments, sql.SQL(_COLUMNS))
        cursor = await self._connection.execute(query, {**values, "_model": model.name, "_version": model.version})
        row = await cursor.fetchone()
        if row is None:
            raise Conflict(f"The vectors of {model.name} were dropped meanwhile.", remedy="Begin again.")
        return _to_space(row)


def _to_space(row: Sequence[Any]) -> EmbeddingSpace:
    role = Role(row[3]) if row[3] else None
    return EmbeddingSpace(row[0], row[1], row[2], role, row[4], row[5], row[6], to_failure(row[7]), row[8], row[9])
