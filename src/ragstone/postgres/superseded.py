"""Versions that nothing is to come of any more: newer ones of their document have taken their place."""

from uuid import UUID

from ragstone.domain.access import EVERYONE
from ragstone.postgres.blobs import PostgresBlobs
from ragstone.postgres.database import Connection
from ragstone.postgres.kept_vectors import KeptVectors
from ragstone.postgres.narrowing import IN_COMMON

# The oldest that was begun after the one that answers is brought to its end, however many come after it: a document
# that is sent anew faster than it can be read and embedded would else answer from its first text for ever, or from
# none. Not one that would answer nobody: it is for none of those whom the newest is for.
_STAYING = f"""
    select v.id, v.blob_id, v.id = any(array[d.latest_version, d.current_version, under_way.id]) is true
    from documents d
    join versions v on v.document_id = d.id
    join versions latest on latest.id = d.latest_version
    left join lateral (
        select shown.id from versions shown
        where shown.document_id = d.id and shown.state in ('parsing', 'searchable')
          and shown.id <> d.latest_version and shown.id is distinct from d.current_version
          and d.current_version is distinct from d.latest_version and {IN_COMMON}
        order by shown.id limit 1
    ) under_way on true
    where d.id = %(id)s
"""  # noqa: S608 (no input)


async def drop_superseded(connection: Connection, document_id: UUID, kept: KeptVectors) -> None:
    """Remove the versions of a document that are neither the newest, nor the one that answers, nor one under way."""
    cursor = await connection.execute(_STAYING, {"id": document_id, "everyone": EVERYONE})
    versions = await cursor.fetchall()
    superseded = [version_id for version_id, _, stays in versions if not stays]
    if not superseded:
        return
    await kept.keep(connection, document_id, superseded, [version_id for version_id, _, stays in versions if stays])
    await connection.execute("delete from versions where id = any(%s)", (superseded,))
    await PostgresBlobs(connection).collect([blob_id for _, blob_id, stays in versions if not stays])
