"""A schema made in one go equals the migrations replayed one by one, and both equal what is written down."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow

from ragstone.postgres.migrate import QUEUE, Migration, migrate, own_migrations, pending, queue_migrations

# Everything that makes a schema: columns, constraints, indexes, functions, triggers, types, in a comparable form.
_DESCRIBE = """
    select 'column ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
           || case when a.attnotnull then ' not null' else '' end
           || case a.attstorage when 'e' then ' external' else '' end
           || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') || ' ' || a.attidentity::text as line
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where c.relnamespace = %(schema)s::text::regnamespace and c.relkind in ('r', 'p')
      and a.attnum > 0 and not a.attisdropped
    union all
    select 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
    from pg_constraint where connamespace = %(schema)s::text::regnamespace
    union all
    select 'index ' || indexdef from pg_indexes where schemaname = %(schema)s::text
    union all
    select 'function ' || pg_get_functiondef(oid) from pg_proc where pronamespace = %(schema)s::text::regnamespace
    union all
    select 'trigger ' || pg_get_triggerdef(t.oid) from pg_trigger t join pg_class c on c.oid = t.tgrelid
    where c.relnamespace = %(schema)s::text::regnamespace and not t.tgisinternal
    union all
    select 'type ' || t.typname || ' ' || coalesce(string_agg(e.enumlabel, ',' order by e.enumsortorder), '')
    from pg_type t left join pg_enum e on e.enumtypid = t.oid
    where t.typnamespace = %(schema)s::text::regnamespace and t.typtype in ('c', 'e') group by t.typname
    order by line
"""


@pytest.fixture
async def connection(postgres_url: str) -> AsyncIterator[AsyncConnection[TupleRow]]:
    async with await AsyncConnection.connect(postgres_url, autocommit=True) as opened:
        await opened.execute("create extension if not exists vector")
        yield opened


@pytest.fixture
def schemas(postgres_url: str) -> Iterator[tuple[str, str]]:
    names = (f"fresh_{uuid4().hex[:8]}", f"replayed_{uuid4().hex[:8]}")
    yield names
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for name in names:
            connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(name)))


async def describe(connection: AsyncConnection[TupleRow], schema: str) -> list[str]:
    """Return the schema's parts as lines, its own name replaced."""
    cursor = await connection.execute(_DESCRIBE, {"schema": schema})
    return sorted(str(row[0]).replace(f"{schema}.", "") for row in await cursor.fetchall())


async def test_fresh_equals_replayed(connection: AsyncConnection[TupleRow], schemas: tuple[str, str]) -> None:
    fresh, replayed = schemas
    await migrate(connection, fresh)
    while await migrate(connection, replayed, limit=1):
        pass
    made = await describe(connection, fresh)
    assert made == await describe(connection, replayed)
    assert any(line.startswith("column chunks.text") for line in made)


async def test_the_queue_replayed_from_its_first_migration_works(
    connection: AsyncConnection[TupleRow], schemas: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old installation gets procrastinate's migrations one by one; it has the tables a fresh one has."""
    fresh, replayed = schemas
    await migrate(connection, fresh)
    first = queue_migrations()[0]
    monkeypatch.setattr("ragstone.postgres.migrate._fresh_queue", lambda: Migration(QUEUE, *first[1:3]))
    await migrate(connection, replayed)
    monkeypatch.undo()
    await migrate(connection, replayed)
    kinds = ("column procrastinate", "type procrastinate")
    assert [line for line in await describe(connection, fresh) if line.startswith(kinds)] == [
        line for line in await describe(connection, replayed) if line.startswith(kinds)
    ]


async def test_nothing_is_pending_afterwards_and_again_is_harmless(
    connection: AsyncConnection[TupleRow], schemas: tuple[str, str]
) -> None:
    schema = schemas[0]
    before = await pending(connection, schema)
    assert [step.name for step in before] == [step.name for step in own_migrations()] + ["schema"]
    assert await migrate(connection, schema) == before
    assert await pending(connection, schema) == []
    assert await migrate(connection, schema) == []


async def test_two_processes_at_once(postgres_url: str, schemas: tuple[str, str]) -> None:
    async def one() -> int:
        async with await AsyncConnection.connect(postgres_url, autocommit=True) as opened:
            return len(await migrate(opened, schemas[0]))

    counts = await asyncio.gather(*(one() for _ in range(4)))
    assert sorted(counts) == [0, 0, 0, len(own_migrations()) + 1]


def test_numbers_have_no_gap_and_no_double() -> None:
    numbers = [int(step.name.split("_")[0]) for step in own_migrations()]
    assert numbers == list(range(1, len(numbers) + 1))
    folder = Path(__file__).resolve().parents[2] / "src/ragstone/postgres/migrations"
    assert {file.suffix for file in folder.iterdir()} == {".sql"}
