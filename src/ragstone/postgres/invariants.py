"""What must hold of a record at any moment: each count below is 0, or something was lost, doubled or left behind.

Shared by the tests, which look after every kill, and by ``ragstone doctor``.
"""

from collections.abc import Mapping

from psycopg import errors

from ragstone.postgres.database import Connection
from ragstone.postgres.visibility import TITLE

_COUNTS = {
    "documents without their newest version": """
        select count(*) from documents d where not exists (
            select from versions v where v.id = d.latest_version and v.document_id = d.id)""",
    "documents answering from a version that is not theirs": """
        select count(*) from documents d where current_version is not null and not exists (
            select from versions v where v.id = d.current_version and v.document_id = d.id)""",
    "versions that are neither the newest nor the one that answers": """
        select count(*) from versions v join documents d on d.id = v.document_id
        where v.id <> d.latest_version and v.id is distinct from d.current_version""",
    "ready documents that do not answer from their newest version": """
        select count(*) from documents d join versions v on v.id = d.latest_version
        where v.state = 'ready' and d.current_version is distinct from v.id""",
    "versions whose chunks are not all there": """
        select count(*) from versions v where v.state in ('searchable', 'ready') and v.chunk_count <> (
            select count(*) from chunks c where c.version_id = v.id)""",
    "ready versions whose vectors are not all there": """
        select count(*) from versions v where v.state = 'ready' and v.chunk_count <> (
            select count(*) from chunks c
            join vectors x on x.chunk_id = c.id join embedding_spaces s on s.id = x.space_id and s.role = 'active'
            where c.version_id = v.id)""",
    "versions whose words are not all there": """
        select count(*) from versions v where v.state in ('searchable', 'ready') and v.word_count <> (
            select coalesce(sum(words), 0) from (
                select max(p.word_count) as words from postings p
                where p.version_id = v.id group by p.chunk_id) counted)
        """,
    "versions whose words are indexed with another title": f"""
        select count(*) from versions v join documents d on d.id = v.document_id
        where v.indexed_title <> {TITLE}""",  # noqa: S608 (no input)
    "postings of chunks that are gone": """
        select count(*) from postings p where not exists (select from chunks c where c.id = p.chunk_id)""",
    "bytes that no version has": """
        select count(*) from blobs b where not exists (select from versions v where v.blob_id = b.id)""",
    "parts of bytes that are gone": """
        select count(*) from blob_parts p where not exists (select from blobs b where b.id = p.blob_id)""",
    "final versions that a worker holds": """
        select count(*) from versions where state in ('ready', 'failed', 'cancelled') and lease_owner is not null""",
    "failed versions without a cause": """
        select count(*) from versions where state = 'failed' and failure is null""",
}


VIOLATIONS = "union all".join(f" select '{name}' as what, ({count}) as how_many " for name, count in _COUNTS.items())
"""One row for each invariant, with the number of rows that break it."""


async def violations(connection: Connection, *, seconds: float) -> Mapping[str, int] | None:
    """Return what does not hold, and in how many rows; ``None`` where looking takes longer. Reads the whole record."""
    await connection.execute("select set_config('statement_timeout', %s, true)", (str(int(seconds * 1000)),))
    try:
        cursor = await connection.execute(VIOLATIONS)
    except errors.QueryCanceled:
        await connection.rollback()
        return None
    return {what: how_many for what, how_many in await cursor.fetchall() if how_many}
