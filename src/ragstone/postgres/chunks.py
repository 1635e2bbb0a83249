"""Chunks: written with a version, read by retrieval."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from ragstone.domain.documents import Chunk, PageSpan
from ragstone.domain.queries import Scope
from ragstone.ports.record import StoredChunk
from ragstone.postgres.database import Connection
from ragstone.postgres.visibility import visible

CHUNK_COLUMNS = """c.id, c.ordinal, c.text, c.start_char, c.end_char, c.token_count, c.heading_path, c.page,
    c.metadata, c.external_id, c.page_label, c.lead, c.pages"""

_COLUMNS = CHUNK_COLUMNS.count(",") + 1

_LOAD = f"""
    with visible as ({{versions}})
    select {CHUNK_COLUMNS}, visible.document_id, visible.title, visible.uri, visible.collection
    from chunks c join visible on visible.version_id = c.version_id
    where c.id = any(%(chunk_ids)s) and {{chunks}}
    order by array_position(%(chunk_ids)s, c.id)
"""  # noqa: S608 (no input)


class PostgresChunks:
    """The ``Chunks`` of the record port."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def load(self, scope: Scope, chunk_ids: Sequence[UUID]) -> Sequence[StoredChunk]:
        """Return those of ``chunk_ids`` that ``scope`` may see, in the order given."""
        seen = visible(scope)
        query = _LOAD.format(versions=seen.versions, chunks=seen.chunks)
        asked = {**seen.parameters, "chunk_ids": list(chunk_ids)}
        cursor = await self._connection.execute(query, asked, prepare=seen.prepare)
        return [StoredChunk(to_chunk(row[:_COLUMNS]), *row[_COLUMNS:]) for row in await cursor.fetchall()]

    async def longest(self) -> int:
        """Return the tokens of the longest chunk; 0 where there is none."""
        cursor = await self._connection.execute("select coalesce(max(token_count), 0) from chunks")
        return int((await cursor.fetchall())[0][0])


def to_chunk(row: Sequence[Any]) -> Chunk:
    """Make a chunk of a row of ``CHUNK_COLUMNS``."""
    id_, ordinal, text, start, end, token_count, heading_path, page, metadata, external_id, label, lead, pages = row
    return Chunk(
        id=id_,
        ordinal=ordinal,
        text=text,
        start=start,
        end=end,
        token_count=token_count,
        heading_path=tuple(heading_path),
        page=page,
        metadata=metadata,
        external_id=external_id,
        page_label=label,
        lead=lead,
        pages=tuple(PageSpan(*each) for each in pages or ()),
    )


async def insert_chunks(connection: Connection, version_id: UUID, chunks: Sequence[Chunk]) -> None:
    """Store the chunks of a version that has none."""
    copy_in = (
        "copy chunks (id, version_id, ordinal, text, start_char, end_char, token_count, page, heading_path,"
        " metadata, external_id, page_label, lead, pages) from stdin"
    )
    async with connection.cursor() as cursor, cursor.copy(copy_in) as copy:
        for chunk in chunks:
            if chunk.ordinal % 100 == 0:
                await asyncio.sleep(0)  # formatting thousands of rows must not hold the event loop
            await copy.write_row(
                (
                    chunk.id,
                    version_id,
                    chunk.ordinal,
                    chunk.text,
                    chunk.start,
                    chunk.end,
                    chunk.token_count,
                    chunk.page,
                    list(chunk.heading_path),
                    Jsonb(dict(chunk.metadata)),
                    chunk.external_id,
                    chunk.page_label,
                    chunk.lead,
                    Jsonb([(each.page, each.start, each.end, each.label) for each in chunk.pages])
                    if chunk.pages
                    else None,
                )
            )
    if any(chunk.metadata for chunk in chunks):
        await connection.execute("update versions set chunk_metadata = true where id = %s", (version_id,))
