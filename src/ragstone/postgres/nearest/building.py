"""The index of an embedding space: built once the space is so large that reading all of it takes longer.

A small space is searched exactly, and its vectors cost no upkeep: inserting one into a graph takes more than a
millisecond of a core. Nobody waits for an index: it is made under a name of its own beside the one that answers, which
is dropped when the new one is there. Whatever is broken off is cleared away by the next who comes.
"""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import LiteralString

import structlog
from psycopg import errors, sql
from psycopg.errors import Diagnostic

from ragstone.postgres.database import Connection
from ragstone.postgres.nearest.kinds import Kind, Space, has_outgrown, memory_for, parameters_for

_LOOK_SECONDS = 0.5
_LOCKS: LiteralString = "hashtext('ragstone indexes of vectors in ' || current_schema())"
"""The class of the advisory locks of who builds or drops indexes of a space; the object is the space."""

_INDEXES = """
    select c.relname, a.amname, i.indisvalid and i.indisready,
        array(select option from unnest(c.reloptions) option), pg_relation_size(c.oid)
    from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am a on a.oid = c.relam
    where i.indrelid = %s::regclass and a.amname = any(%s) order by c.oid
"""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Built:
    """An index that is there. One that is not valid answers nothing: it is being built, or that was broken off."""

    name: str
    kind: Kind
    valid: bool
    parameters: Mapping[str, int]
    bytes: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What index spaces are to have: of which kind, from how many vectors on, built in how many MiB at most."""

    kind: Kind
    least: int
    memory_mb: int


async def build_where_due(connection: Connection, space: Space, wish: Wish, *, anew: bool = False) -> bool:
    """Give a space the index that is wished for, where it has none, has outgrown it, or ``anew``.

    Return whether it was built. ``connection`` is in autocommit mode, and to be closed afterwards. Who comes while
    another one builds waits.
    """
    await _be_alone(connection, space.id)
    there = await _whole_ones(connection, space)
    rows = await _count(connection, space, wish.least)
    wished = [each for each in there if each.kind is wish.kind]
    due = rows >= wish.least and (not wished or anew or has_outgrown(wished[-1].parameters, rows))
    if due:
        await _build(connection, space, wish, rows)
    if due or wished:
        await _drop(connection, [each for each in there if due or each is not wished[-1]])
    return due


async def indexes_of(connection: Connection, table: str) -> list[Built]:
    """Return the indexes of a space's vectors, the oldest first."""
    cursor = await connection.execute(_INDEXES, (table, [*Kind]))
    return [
        Built(name, Kind(kind), valid, _parameters(options), size)
        for name, kind, valid, options, size in await cursor.fetchall()
    ]


def _parameters(options: Sequence[str]) -> Mapping[str, int]:
    pairs = (option.partition("=") for option in options)
    return {name: int(value) for name, _, value in pairs if value.isdecimal()}


async def _be_alone(connection: Connection, number: int) -> None:
    """Keep everybody else from building and dropping here, until ``connection`` is closed.

    Tried over and over: who waited within a statement would be waited for by the building that he waits for.
    """
    while True:
        cursor = await connection.execute(f"select pg_try_advisory_lock({_LOCKS}, %s)", (number,))
        if await cursor.fetchone() == (True,):
            return
        await asyncio.sleep(_LOOK_SECONDS)


async def _whole_ones(connection: Connection, space: Space) -> list[Built]:
    """Return the indexes that answer; what is left of a building that was broken off is cleared away."""
    there = await indexes_of(connection, space.partition)
    await _drop(connection, [each for each in there if not each.valid])
    return [each for each in there if each.valid]


async def _drop(connection: Connection, indexes: Sequence[Built]) -> None:
    for each in indexes:
        await connection.execute(sql.SQL("drop index concurrently if exists {}").format(sql.Identifier(each.name)))


async def _count(connection: Connection, space: Space, least: int) -> int:
    """Return how many vectors there are: exactly up to ``least``, beyond that as PostgreSQL estimates, if it does."""
    counted = sql.SQL(
        "select (select count(*) from (select from {table} limit {least}) few)::bigint,"
        " (select reltuples from pg_class where oid = {name}::regclass)::bigint"
    ).format(table=sql.Identifier(space.partition), least=sql.Literal(least), name=sql.Literal(space.partition))
    cursor = await connection.execute(counted)
    few, estimated = (await cursor.fetchall())[0]
    if few < least or estimated > least:
        return int(few if few < least else estimated)
    cursor = await connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(space.partition)))
    return int((await cursor.fetchall())[0][0])


async def _build(connection: Connection, space: Space, wish: Wish, rows: int) -> None:
    """Build an index beside those that are there; it answers from then on."""
    parameters = parameters_for(wish.kind, rows)
    noted = {"table": space.partition, "kind": str(wish.kind), "rows": rows, **parameters}
    log.info("vectors_indexed", begun=True, **noted)
    statement = sql.SQL("create index concurrently {} on {} using {} ((embedding::halfvec({})) {}) with ({})").format(
        sql.Identifier(f"{space.partition}_{wish.kind}_{secrets.token_hex(4)}"),
        sql.Identifier(space.partition),
        sql.Identifier(wish.kind),
        sql.Literal(space.dimensions),
        sql.Identifier("halfvec_cosine_ops"),
        sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value)) for name, value in parameters.items()
        ),
    )
    connection.add_notice_handler(_pass_on)
    memory = memory_for(wish.kind, rows, space.dimensions, wish.memory_mb)
    await connection.execute("select set_config('maintenance_work_mem', %s, false)", (f"{memory}MB",))
    try:
        await connection.execute(statement)
    except (errors.DiskFull, errors.OutOfMemory) as error:
        # Who builds together builds in shared memory, of which a container may have next to none.
        log.warning("vectors_indexed_alone", cause=str(error).strip(), **noted)
        await _whole_ones(connection, space)
        await connection.execute("set max_parallel_maintenance_workers = 0")
        await connection.execute(statement)
    log.info("vectors_indexed", begun=False, **noted)


def _pass_on(notice: Diagnostic) -> None:
    """Log what PostgreSQL remarks on, such as a graph that does not fit into the memory for building."""
    log.info("vectors_indexed_notice", message=notice.message_primary, remedy=notice.message_hint)
