"""The HNSW index of an embedding space: built once the space is so large that reading all of it takes longer.

A small space is searched exactly, and its vectors cost no upkeep: inserting one into the graph takes more than a
millisecond of a core.
"""

import structlog
from psycopg import sql

from ragstone.postgres.database import Connection

_HNSW = "(m = 16, ef_construction = 64)"
_WORK_MEM = "256MB"
"""Memory for building. A graph that does not fit is built on disk from there on, several times as slowly."""

_STATE = """
    select c.relname, i.indisvalid from pg_index i
    join pg_class c on c.oid = i.indexrelid join pg_am a on a.oid = c.relam
    where i.indrelid = %s::regclass and a.amname = 'hnsw'
"""

log = structlog.get_logger(__name__)


async def build_where_missing(connection: Connection, partition: str, dimensions: int, *, least: int) -> bool:
    """Build the index of a partition of at least ``least`` vectors; return whether it had to be.

    ``connection`` is in autocommit mode. Nobody waits: it is read and written meanwhile. What was left of a building
    that was broken off is removed first.
    """
    table = sql.Identifier(partition)
    cursor = await connection.execute(_STATE, (partition,))
    for name, valid in await cursor.fetchall():
        if valid:
            return False
        await connection.execute(sql.SQL("drop index concurrently if exists {}").format(sql.Identifier(name)))
    counted = sql.SQL("select count(*) from (select from {} limit {}) few").format(table, sql.Literal(least))
    cursor = await connection.execute(counted)
    if (await cursor.fetchall())[0][0] < least:
        return False
    log.info("vectors_indexed", partition=partition, begun=True)
    await connection.execute("select set_config('maintenance_work_mem', %s, false)", (_WORK_MEM,))
    await connection.execute(
        sql.SQL(
            f"create index concurrently on {{}} using hnsw ((embedding::halfvec({{}})) halfvec_cosine_ops) with {_HNSW}"
        ).format(table, sql.Literal(dimensions))
    )
    log.info("vectors_indexed", partition=partition, begun=False)
    return True
