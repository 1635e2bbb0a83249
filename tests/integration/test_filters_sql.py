"""PostgreSQL and Python agree on every filter."""

from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb
from tests.unit.filter_strategies import Document
from tests.unit.filter_strategies import asked as made_up

from ragstone.domain.filter_matching import matches
from ragstone.domain.filters import BUILT_IN, Filter
from ragstone.postgres.filter_sql import Columns, compile_filter

COLUMNS = Columns("metadata", {name: name for name in BUILT_IN})

_ROWS = """
    select array_agg({condition} order by n) from unnest(
        %(metadata)s::jsonb[], %(uri)s::text[], %(title)s::text[], %(collection)s::text[], %(media_type)s::text[],
        %(created_at)s::timestamptz[], %(updated_at)s::timestamptz[]
    ) with ordinality as rows (metadata, uri, title, collection, media_type, created_at, updated_at, n)
"""


@pytest.fixture(scope="module")
def connection(postgres_url: str) -> Iterator[psycopg.Connection[TupleRow]]:
    """A connection in a time zone and style of dates that nothing may depend on."""
    with psycopg.connect(postgres_url, autocommit=True) as opened:
        opened.execute("set timezone to 'Asia/Kathmandu'; set datestyle to 'German'")
        yield opened


def in_sql(connection: psycopg.Connection[TupleRow], condition: Filter, documents: list[Document]) -> list[bool]:
    """Say of each document whether the condition holds."""
    compiled = compile_filter(condition, COLUMNS)
    rows = {
        "metadata": [Jsonb(dict(each)) for each, _ in documents],
        **{name: [built_in[name] for _, built_in in documents] for name in BUILT_IN},
    }
    query = _ROWS.format(condition=compiled.condition)
    found = connection.execute(query, {**compiled.parameters, **rows}, prepare=False).fetchone()
    assert found
    return list(found[0])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=made_up)
def test_postgres_agrees_with_python(
    connection: psycopg.Connection[TupleRow], asked: tuple[list[Document], Filter]
) -> None:
    documents, condition = asked
    assert in_sql(connection, condition, documents) == [
        matches(condition, each, built_in) for each, built_in in documents
    ]
