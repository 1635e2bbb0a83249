"""Vectors of texts that a newer version of their document no longer has: texts come back, and embedding costs.

They belong to their document and go with it, so that deleting leaves nothing.
"""

from dataclasses import dataclass
from uuid import UUID

from ragstone.postgres.database import Connection

_KEEP = """
    insert into kept_vectors (document_id, space_id, text_hash, embedding, kept_until)
    select distinct on (x.space_id, x.text_hash) d.id, x.space_id, x.text_hash, x.embedding,
           now() + make_interval(secs => %(seconds)s)
    from documents d
    join versions v on v.document_id = d.id and v.id <> d.latest_version and v.id is distinct from d.current_version
    join chunks c on c.version_id = v.id
    join vectors x on x.chunk_id = c.id
    where d.id = %(id)s and x.text_hash is not null
      and not exists (
          select from versions w join chunks k on k.version_id = w.id join vectors y on y.chunk_id = k.id
          where w.id in (d.latest_version, d.current_version)
            and y.space_id = x.space_id and y.text_hash = x.text_hash)
    on conflict (document_id, space_id, text_hash) do update set kept_until = excluded.kept_until
"""


@dataclass(frozen=True, slots=True)
class KeptVectors:
    """Keeps vectors for ``hours`` after their text went; none for 0."""

    hours: float

    async def keep_superseded(self, connection: Connection, document_id: UUID) -> None:
        """Keep the vectors of the versions that are about to be dropped."""
        if self.hours:
            await connection.execute(_KEEP, {"id": document_id, "seconds": self.hours * 3600})

    async def drop_old(self, connection: Connection) -> None:
        """Remove those whose time is over."""
        await connection.execute("delete from kept_vectors where kept_until < now()")
