"""What is told of the indexes of vectors: how many there are, of what kind, how large, and how far a building is."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from ragstone.postgres.database import Connection
from ragstone.postgres.nearest.building import Built, indexes_of
from ragstone.postgres.nearest.kinds import Space

_BUILDING = """
    select c.relname, p.phase, case
        when p.tuples_total > 0 then p.tuples_done::float8 / p.tuples_total
        when p.blocks_total > 0 then p.blocks_done::float8 / p.blocks_total end
    from pg_stat_progress_create_index p join pg_class c on c.oid = p.index_relid
    where p.relid = %s::regclass
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a building is: PostgreSQL's name of the phase, and the share of it that is done, where that is told."""

    phase: str
    share: float | None


@dataclass(frozen=True, slots=True)
class SpaceIndexes:
    """A space's vectors, the bytes they take, and its indexes, each with its progress while it is built."""

    model: str
    version: str
    role: str | None
    dimensions: int
    vectors: int
    bytes: int
    indexes: Sequence[tuple[Built, Progress | None]]


async def indexes_of_spaces(connection: Connection) -> list[SpaceIndexes]:
    """Return the state of every space, the oldest first. All vectors are counted."""
    cursor = await connection.execute("select id, dimensions, model, version, role from embedding_spaces order by id")
    return [await _indexes_of(connection, Space(*row[:2]), row[2], row[3], row[4]) for row in await cursor.fetchall()]


async def _indexes_of(connection: Connection, space: Space, model: str, version: str, role: str | None) -> SpaceIndexes:
    counted = sql.SQL("select count(*), pg_table_size({}::regclass) from {}").format(
        sql.Literal(space.partition), sql.Identifier(space.partition)
    )
    cursor = await connection.execute(counted)
    vectors, size = (await cursor.fetchall())[0]
    cursor = await connection.execute(_BUILDING, (space.partition,))
    building = {name: Progress(phase, share) for name, phase, share in await cursor.fetchall()}
    indexes = [(each, building.get(each.name)) for each in await indexes_of(connection, space.partition)]
    return SpaceIndexes(model, version, role, space.dimensions, vectors, size, indexes)
