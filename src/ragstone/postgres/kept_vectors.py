"""Vectors of texts that a newer version of their document no longer has: texts come back, and embedding costs.

They belong to their document and go with it, so that deleting leaves nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from ragstone.postgres.database import Connection

_KEEP = """
    with staying as materialized (
        select x.space_id, x.text_hash from chunks c join vectors x on x.chunk_id = c.id
        where c.version_id = any(%(staying)s))
    insert into kept_vectors (document_id, space_id, text_hash, embedding, kept_until)
    select distinct on (x.space_id, x.text_hash) %(id)s, x.space_id, x.text_hash, x.embedding,
           now() + make_interval(secs => %(seconds)s)
    from chunks c join vectors x on x.chunk_id = c.id
    where c.version_id = any(%(superseded)s) and x.text_hash is not null
      and not exists (select from staying s where s.space_id = x.space_id and s.text_hash = x.text_hash)
    on conflict (document_id, space_id, text_hash) do update set kept_until = excluded.kept_until
"""


@dataclass(frozen=True, slots=True)
class KeptVectors:
    """Keeps vectors for ``hours`` after their text went; none for 0."""

    hours: float

    async def keep(
        self, connection: Connection, document_id: UUID, superseded: Sequence[UUID], staying: Sequence[UUID]
    ) -> None:
        """Keep the vectors that the ``superseded`` versions of a document have and the ``staying`` ones have not."""
        if self.hours:
            versions = {"superseded": list(superseded), "staying": list(staying)}
            given = {"id": document_id, "seconds": self.hours * 3600, **versions}
            # Planned each time: a plan made while the tables are small would read all of them ever after.
            await connection.execute(_KEEP, given, prepare=False)

    async def drop_old(self, connection: Connection) -> None:
        """Remove those whose time is over."""
        await connection.execute("delete from kept_vectors where kept_until < now()")
