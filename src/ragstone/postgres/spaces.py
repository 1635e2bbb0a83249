"""The embedding spaces of the record: their roles change in one transaction, under one lock."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from ragstone.domain.documents import Failure, embedding_text
from ragstone.domain.errors import Conflict
from ragstone.ports.embedder import EmbeddingModel
from ragstone.ports.embedding_spaces import EmbeddingSpace, Place, Role, Unfilled
from ragstone.postgres.database import Connection
from ragstone.postgres.documents import to_failure
from ragstone.postgres.visibility import TITLE

_COLUMNS = "id, model, version, role, spec, chunks_per_second, swap_when_full, trouble"

# What must have a vector before a space may answer: all that answers by meaning now.
_READY = "from versions v join documents d on d.id = v.document_id and d.current_version = v.id where v.state = 'ready'"

_UNFILLED = f"""
    select v.id, c.ordinal, c.id, {TITLE}, c.heading_path, c.lead, c.text
    from versions v join documents d on d.id = v.document_id and d.current_version = v.id
    join chunks c on c.version_id = v.id
    where v.state = 'ready' and (v.id, c.ordinal) > (%(version)s, %(ordinal)s)
      and not exists (select from vectors x where x.chunk_id = c.id and x.space_id = %(space)s)
    order by v.id, c.ordinal limit %(limit)s
"""  # noqa: S608 (no input)
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

    async def begin(
        self,
        model: EmbeddingModel,
        spec: Mapping[str, Any],
        *,
        chunks_per_second: float | None,
        swap_when_full: bool,
    ) -> EmbeddingSpace:
        """Have the space of ``model``, which must be there, filled. Raise ``Conflict`` where another one is."""
        await self._lock()
        filling = await self.of_role(Role.FILLING)
        if filling and not filling.holds(model):
            raise Conflict(
                f"Documents are being embedded by {filling.model} already.",
                remedy="Wait for its end, or `ragstone reembed --stop`.",
            )
        return await self._set(
            model,
            role=Role.FILLING,
            spec=Jsonb(dict(spec)),
            chunks_per_second=chunks_per_second,
            swap_when_full=swap_when_full,
            trouble=None,
        )

    async def stop(self) -> None:
        """Fill no space any more; what is there stays until it is dropped."""
        await self._connection.execute("update embedding_spaces set role = null where role = 'filling'")

    async def unfilled(self, space: EmbeddingSpace, after: Place | None, limit: int) -> Unfilled | None:
        """Return chunks of ready documents that have no vector in ``space``; ``None`` where there are no more."""
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
        """Let ``space`` answer questions from now on, if it is full. The one that did becomes the previous one."""
        # Waits for every document that is becoming ready in the active space, and keeps others from it until we end.
        await self._lock()
        await self._connection.execute("select from embedding_spaces where role = 'active' for no key update")
        if await self.unfilled(space, None, 1):
            return False
        await self._connection.execute("update embedding_spaces set role = null where role = 'previous'")
        await self._connection.execute("update embedding_spaces set role = 'previous' where role = 'active'")
        await self._connection.execute("update embedding_spaces set role = 'active' where id = %s", (space.id,))
        await self._connection.execute("update versions set space_id = %s where state = 'ready'", (space.id,))
        return True

    async def drop_unused(self) -> Sequence[EmbeddingSpace]:
        """Remove every space that neither answers nor is filled, with its vectors; return them."""
        await self._lock()
        unused = [each for each in await self.all() if each.role not in (Role.ACTIVE, Role.FILLING)]
        for space in unused:
            await self._connection.execute("update versions set space_id = null where space_id = %s", (space.id,))
            await self._connection.execute(sql.SQL("drop table {}").format(sql.Identifier(f"vectors_{space.id}")))
            await self._connection.execute("delete from embedding_spaces where id = %s", (space.id,))
        return unused

    async def _lock(self) -> None:
        await self._connection.execute("lock table embedding_spaces in share row exclusive mode")

    async def _set(self, model: EmbeddingModel, **values: object) -> EmbeddingSpace:
        """Change the space of ``model``."""
        assignments = sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in values
        )
        query = sql.SQL(
            "update embedding_spaces set {} where model = %(_model)s and version = %(_version)s returning {}"
        ).format(assignments, sql.SQL(_COLUMNS))
        cursor = await self._connection.execute(query, {**values, "_model": model.name, "_version": model.version})
        return _to_space((await cursor.fetchall())[0])


def _to_space(row: Sequence[Any]) -> EmbeddingSpace:
    role = Role(row[3]) if row[3] else None
    return EmbeddingSpace(row[0], row[1], row[2], role, row[4], row[5], row[6], to_failure(row[7]))
