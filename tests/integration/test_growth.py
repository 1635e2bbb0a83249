"""The work on one document costs the same however many others there are."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ragstone.container import Container
from ragstone.domain.access import LOCAL
from ragstone.domain.documents import State
from ragstone.ingest.intake import Label
from ragstone.postgres.database import Connection
from ragstone.testing.embedders import HashingEmbedder

OTHERS = 3000
FEW = 200
"""Rows that no transaction on one small document needs to read of a table."""

TEXT = "# Birds\n\nThe swift sleeps while it flies.\n\n## Food\n\nIt eats insects in the air.\n"

_SEED = """
    with collection as (
        insert into collections (id, tenant, name) values (gen_random_uuid(), 'default', 'default') returning id),
    seed as materialized (
        select gen_random_uuid() as document, gen_random_uuid() as version, gen_random_uuid() as chunk, i
        from generate_series(1, %(others)s) i),
    document as (
        insert into documents (id, tenant, collection_id, uri, current_version, latest_version)
        select document, 'default', collection.id, 'file:///' || i, version, version from seed, collection),
    version as (
        insert into versions (id, document_id, filename, readers, media_type, given_type, size, sha256, content, state,
            chunk_count, space_id, embedded_count)
        select version, document, '', array['everyone'], 'text/plain', 'text/plain', 1, sha256(i::text::bytea), 'x',
            'ready', 1, (select id from embedding_spaces), 1 from seed),
    chunk as (
        insert into chunks (id, version_id, ordinal, text, start_char, end_char, token_count)
        select chunk, version, 0, 'x', 0, 1, 1 from seed),
    segment as (
        insert into lexical_segments (collection_id, made_by, chunk_count, version_count, block_count, members)
        select id, '1', 1, 1, 0, '' from collection returning id),
    member as (
        insert into lexical_members (version_id, segment_id, language)
        select version, segment.id, 'en' from seed, segment)
    insert into vectors (chunk_id, space_id, embedding, text_hash)
    select chunk, (select id from embedding_spaces),
        array_fill(0.1::real, array[(select dimensions from embedding_spaces)])::vector::halfvec, sha256(i::text::bytea)
    from seed"""

_READ = """
    select relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)
    from pg_stat_xact_user_tables where schemaname = current_schema()"""


async def _seed(container: Container) -> None:
    await container.document_embedder()
    async with container.database.connection() as connection:
        await connection.execute(_SEED, {"others": OTHERS})
    async with container.database.connect() as connection:
        await connection.execute("analyze")


async def _rows_read(connection: Connection) -> Counter[str]:
    cursor = await connection.execute(_READ)
    return Counter(dict(await cursor.fetchall()))


async def test_no_step_reads_the_other_documents(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    container.__dict__["embedder"] = HashingEmbedder()
    await _seed(container)
    read: Counter[str] = Counter()
    lend = container.database.connection

    @asynccontextmanager
    async def counted() -> AsyncIterator[Connection]:
        async with lend() as connection:
            before = await _rows_read(connection)
            yield connection
            for table, rows in (await _rows_read(connection) - before).items():
                read[table] = max(read[table], rows)

    monkeypatch.setattr(container.database, "connection", counted)
    monkeypatch.setattr(container.database, "reading", counted)
    pipeline = container.pipeline(owner=1)
    for text in (TEXT, TEXT + "\nIt drinks, too.\n", TEXT):
        accepted = await container.intake.accept_text(LOCAL, Label(uri="birds"), text)
        await pipeline.parse(accepted.job_id)
        await pipeline.embed(accepted.job_id)
        async with container.record.transaction() as transaction:
            assert (await transaction.jobs.get(LOCAL, accepted.job_id)).state is State.READY
    assert read["versions"] > 0
    assert {table: rows for table, rows in read.items() if rows > FEW} == {}
    async with container.record.transaction() as transaction:
        await transaction.documents.delete(LOCAL, accepted.document_id)
    assert {table: rows for table, rows in read.items() if rows > FEW} == {}
