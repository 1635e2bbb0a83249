"""Migrations: numbered SQL files, each applied once, in order, under a lock.

The queue's tables are procrastinate's own: its schema when it is new here, its migrations after that.
"""

from importlib.resources import files
from typing import NamedTuple

from procrastinate.schema import SchemaManager, migrations_path
from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow

# Any number will do, as long as every Ragstone process takes the same.
_LOCK = 0x52414753

RAGSTONE = "ragstone"
QUEUE = "queue"


class Migration(NamedTuple):
    """One step: the component it belongs to, its name (which orders it), its SQL, and the names it stands for."""

    component: str
    name: str
    statements: str
    stands_for: tuple[str, ...] = ()


def own_migrations() -> list[Migration]:
    """Return Ragstone's migrations in order."""
    folder = files("ragstone.postgres") / "migrations"
    return [
        Migration(RAGSTONE, file.name.removesuffix(".sql"), file.read_text(encoding="utf-8"))
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".sql")
    ]


def queue_migrations() -> list[Migration]:
    """Return the migrations that the installed procrastinate ships, in order."""
    return [
        Migration(QUEUE, file.name.removesuffix(".sql"), file.read_text(encoding="utf-8"))
        for file in sorted(migrations_path.glob("*.sql"))
    ]


async def pending(connection: AsyncConnection[TupleRow], schema: str) -> list[Migration]:
    """Return what ``migrate`` would apply. Reads only."""
    known = await connection.execute("select to_regclass(%s)", (f"{schema}.migrations",))
    row = await known.fetchone()
    if row is None or row[0] is None:
        return [*own_migrations(), _fresh_queue()]
    table = sql.Identifier(schema, "migrations")
    cursor = await connection.execute(sql.SQL("select component, name from {}").format(table))
    applied = set(await cursor.fetchall())
    queue = queue_migrations() if any(component == QUEUE for component, _ in applied) else [_fresh_queue()]
    return [step for step in [*own_migrations(), *queue] if (step.component, step.name) not in applied]


async def migrate(connection: AsyncConnection[TupleRow], schema: str, *, limit: int | None = None) -> list[Migration]:
    """Apply the pending migrations (at most ``limit``), each in a transaction of its own, and return them.

    ``connection`` is in autocommit mode. Several processes may call this at once: one works, the others wait
    and find nothing to do. (One transaction for all would not do: an enum's new value cannot be used in the
    transaction that adds it, and procrastinate's migrations rely on that.)
    """
    await connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
    try:
        await connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
        await connection.execute(sql.SQL("set search_path to {}, public").format(sql.Identifier(schema)))
        await connection.execute(
            "create table if not exists migrations (component text, name text,"
            " applied_at timestamptz not null default now(), primary key (component, name))"
        )
        steps = (await pending(connection, schema))[:limit]
        for step in steps:
            async with connection.transaction():
                await connection.execute(step.statements.encode())
                await _note(connection, step)
    finally:
        await connection.execute("select pg_advisory_unlock(%s)", (_LOCK,))
    return steps


def _fresh_queue() -> Migration:
    """The whole queue in one step; it stands for every migration that procrastinate ships with it."""
    names = tuple(migration.name for migration in queue_migrations())
    return Migration(QUEUE, "schema", SchemaManager.get_schema(), stands_for=names)


async def _note(connection: AsyncConnection[TupleRow], step: Migration) -> None:
    await connection.execute(
        "insert into migrations (component, name) select %s, unnest(%s::text[])",
        (step.component, [step.name, *step.stands_for]),
    )
