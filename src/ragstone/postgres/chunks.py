"""Chunks: written with a version, read by retrieval."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from ragstone.domain.documents import Chunk, PageSpan
from ragstone.domain.queries import Scope
from ragstone.ports.chunks import Parent, StoredChunk
from ragstone.postgres.database import Connection
from ragstone.postgres.visibility import visible

CHUNK_COLUMNS = """c.id, c.ordinal, c.text, c.start_char, c.end_char, c.token_count, c.heading_path, c.page,
    c.metadata, c.external_id, c.page_label, c.lead, c.pages"""

_COLUMNS = CHUNK_COLUMNS.count(",") + 1

_LOAD = f"""
    with visible as ({{versions}})
    select {CHUNK_COLUMNS}, visible.document_id, visible.title, visible.uri, visible.collection,
        v.metadata, v.media_type, d.created_at, v.updated_at
    from chunks c
    join visible on visible.version_id = c.version_id
    join versions v on v.id = c.version_id
    join documents d on d.id = visible.document_id
    where c.id = any(%(chunk_ids)s) and {{chunks}}
    order by array_position(%(chunk_ids)s, c.id)
"""  # noqa: S608 (no input)

# Each chunk looks for what ends its section, before and after it, no farther than a parent is long. From `asked` on
# goes by the name of `visible`, which the scope's condition on a chunk reads; the whole is not looked up again.
_PARENTS = f"""
    with visible as ({{versions}}), asked as (
        select visible.*, c.ordinal, c.start_char, c.end_char, c.heading_path
        from chunks c join visible on visible.version_id = c.version_id
        where c.id = any(%(chunk_ids)s) and {{chunks}}
    ), bounds as (
        select visible.*,
            case when whole.fits then head.ordinal else coalesce(before.ordinal + 1, head.ordinal) end as first,
            case when whole.fits then tail.ordinal else coalesce(after.ordinal - 1, tail.ordinal) end as last
        from asked as visible
        cross join lateral (
            select ordinal, start_char from chunks where version_id = visible.version_id
            order by ordinal limit 1) as head
        cross join lateral (
            select ordinal, end_char from chunks where version_id = visible.version_id
            order by ordinal desc limit 1) as tail
        cross join lateral (select tail.end_char - head.start_char <= %(longest)s as fits) as whole
        left join lateral (
            select ordinal, heading_path = visible.heading_path as same from chunks
            where version_id = visible.version_id and ordinal < visible.ordinal
              and (heading_path <> visible.heading_path or start_char < visible.end_char - %(longest)s)
            order by ordinal desc limit 1) as before on not whole.fits
        left join lateral (
            select ordinal, heading_path = visible.heading_path as same from chunks
            where version_id = visible.version_id and ordinal > visible.ordinal
              and (heading_path <> visible.heading_path or end_char > visible.start_char + %(longest)s)
            order by ordinal limit 1) as after on not whole.fits
        where not coalesce(before.same, false) and not coalesce(after.same, false)
    ), parents as (
        select distinct on (version_id, first) * from bounds where first < last
    ), fitting as (
        select visible.version_id, visible.document_id, visible.first, visible.last, sums.start_char, sums.end_char
        from parents as visible
        cross join lateral (
            select min(c.start_char) as start_char, max(c.end_char) as end_char,
                count(distinct c.metadata) = 1 and bool_and({{chunks}}) as whole
            from chunks c where c.version_id = visible.version_id and c.ordinal between visible.first and visible.last
        ) as sums
        where sums.whole and sums.end_char - sums.start_char <= %(longest)s
    )
    select {CHUNK_COLUMNS}, p.document_id, case when c.ordinal = p.first
        then substr(v.content, p.start_char + 1, p.end_char - p.start_char) end
    from fitting p
    join versions v on v.id = p.version_id
    join chunks c on c.version_id = p.version_id and c.ordinal between p.first and p.last
    order by p.version_id, c.ordinal
"""  # noqa: S608 (no input)

_BETWEEN = """
    with visible as ({versions})
    select c.id, follows.id, substr(v.content, c.end_char + 1, follows.start_char - c.end_char)
    from unnest(%(firsts)s::uuid[], %(seconds)s::uuid[]) as pair (first, second)
    join chunks c on c.id = pair.first
    join visible on visible.version_id = c.version_id
    join chunks follows on follows.id = pair.second and follows.version_id = c.version_id
    join versions v on v.id = c.version_id
    where follows.ordinal = c.ordinal + 1 and follows.start_char >= c.end_char and {chunks}
"""


class PostgresChunks:
    """The ``Chunks`` of the record port."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def load(self, scope: Scope, chunk_ids: Sequence[UUID]) -> Sequence[StoredChunk]:
        """Return those of ``chunk_ids`` that ``scope`` may see, in the order given."""
        rows = await self._rows(_LOAD, scope, {"chunk_ids": list(chunk_ids)})
        return [StoredChunk(to_chunk(row[:_COLUMNS]), *row[_COLUMNS:]) for row in rows]

    async def parents(self, scope: Scope, chunk_ids: Sequence[UUID], longest: int) -> Sequence[Parent]:
        """Return what stands around these chunks, in at most ``longest`` characters: the document, else the section."""
        rows = await self._rows(_PARENTS, scope, {"chunk_ids": list(chunk_ids), "longest": longest})
        begun: list[tuple[UUID, str, list[Chunk]]] = []
        for row in rows:
            document_id, text = row[_COLUMNS:]
            if text is not None:
                begun.append((document_id, text, []))
            begun[-1][2].append(to_chunk(row[:_COLUMNS]))
        return [Parent(document_id, text, tuple(chunks)) for document_id, text, chunks in begun]

    async def between(self, scope: Scope, pairs: Sequence[tuple[UUID, UUID]]) -> Mapping[tuple[UUID, UUID], str]:
        """Return the text between two chunks that follow one another, for each pair that ``scope`` may see."""
        firsts, seconds = [first for first, _ in pairs], [second for _, second in pairs]
        rows = await self._rows(_BETWEEN, scope, {"firsts": firsts, "seconds": seconds})
        return {(first, second): text for first, second, text in rows}

    async def _rows(self, query: str, scope: Scope, asked: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
        seen = visible(scope)
        complete = query.format(versions=seen.versions, chunks=seen.chunks)
        cursor = await self._connection.execute(complete, {**seen.parameters, **asked}, prepare=seen.prepare)
        return await cursor.fetchall()

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
