"""Dense search with pgvector: one partition per embedding space, half precision, cosine, exact or by HNSW."""

import hashlib
import struct
from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple
from uuid import UUID

import numpy as np
from psycopg import OperationalError, errors, sql

from ragstone.domain.errors import DatabaseUnavailable, EmbedderUnavailable
from ragstone.domain.queries import Ranked, Scope
from ragstone.ports.embedder import EmbeddingModel, Vectors
from ragstone.ports.record import Transaction
from ragstone.postgres.database import Connection, Database, first_line
from ragstone.postgres.nearest_index import build_where_missing
from ragstone.postgres.record import connection_of
from ragstone.postgres.visibility import visible

_EF_SEARCH = 100
_MOST_EF_SEARCH = 1000  # pgvector's own bound
_MOST_SCANNED = 1_000_000
"""Vectors that one search may pass over before it has found enough that the scope may see."""

_SEARCH = """
    with visible as ({versions}),
    nearest as materialized (
        select x.chunk_id, x.embedding::halfvec({dimensions}) <=> %(vector)s::halfvec({dimensions}) as distance
        from {partition} x join chunks c on c.id = x.chunk_id join visible on visible.version_id = c.version_id
        where {chunks}
        order by distance limit %(limit)s
    )
    select chunk_id, 1 - distance from nearest order by distance, chunk_id
"""

# In strict order, and on past what the scope may not see: a filter costs time, not neighbours.
_BEGIN_SEARCH = """
    select s.id, s.dimensions, exists (select from embedding_spaces where role = 'active'),
        set_config('hnsw.iterative_scan', 'strict_order', true), set_config('hnsw.ef_search', %(ef_search)s, true),
        set_config('hnsw.max_scan_tuples', %(most_scanned)s, true)
    from (select) asked left join embedding_spaces s on s.model = %(model)s and s.version = %(version)s
"""

_REUSE = """
    insert into vectors (chunk_id, space_id, embedding, text_hash)
    select asked.chunk_id, {space}, found.embedding, asked.text_hash
    from unnest(%(ids)s::uuid[], %(hashes)s::bytea[]) asked (chunk_id, text_hash)
    join chunks c on c.id = asked.chunk_id
    join versions v on v.id = c.version_id
    join documents d on d.id = v.document_id
    cross join lateral (
        (select x.embedding
         from (select * from {partition} where text_hash = asked.text_hash offset 0) x
         join chunks same on same.id = x.chunk_id
         join versions w on w.id = same.version_id
         join documents e on e.id = w.document_id
         where e.tenant = d.tenant limit 1)
        union all
        (select k.embedding from kept_vectors k
         join documents e on e.id = k.document_id
         where k.space_id = {space} and k.text_hash = asked.text_hash and k.kept_until > now()
           and e.tenant = d.tenant limit 1)
        limit 1
    ) found
    on conflict (chunk_id, space_id) do nothing
"""


_GONE = (errors.UndefinedTable, errors.UndefinedObject)
"""What PostgreSQL says of a space that is dropped under our hands."""


class _Space(NamedTuple):
    id: int
    dimensions: int

    @property
    def partition(self) -> str:
        return f"vectors_{self.id}"


class PgVectorIndex:
    """The ``VectorIndex`` port in the record's own database. Spaces of fewer than ``exact`` vectors are read whole."""

    def __init__(self, database: Database, *, exact: int = 10_000) -> None:
        self._database = database
        self._exact = exact

    async def ensure(self, model: EmbeddingModel) -> None:
        """Make the space of ``model`` if it is not there."""
        async with self._database.connection() as connection:
            await _find_or_create(connection, model)

    async def upsert(
        self, transaction: Transaction, model: EmbeddingModel, texts: Mapping[UUID, str], vectors: Vectors
    ) -> None:
        """Store the vector of each chunk's embedded text, in the order of ``texts``; visible when we commit.

        Raises ``EmbedderUnavailable`` where the space of ``model`` was dropped.
        """
        connection = connection_of(transaction)
        space = await _held(connection, model)
        await connection.execute(
            "delete from vectors where space_id = %s and chunk_id = any(%s)", (space.id, list(texts))
        )
        copy_in = "copy vectors (chunk_id, space_id, embedding, text_hash) from stdin (format binary)"
        async with connection.cursor() as cursor, cursor.copy(copy_in) as copy:
            copy.set_types(["uuid", "int4", "bytea", "bytea"])
            for (chunk_id, text), vector in zip(texts.items(), vectors, strict=True):
                await copy.write_row((chunk_id, space.id, _halfvec(vector), _digest(text)))

    async def reuse(self, transaction: Transaction, model: EmbeddingModel, texts: Mapping[UUID, str]) -> Set[UUID]:
        """Give chunks the vector that the same text of the same tenant has in this space, or had until lately.

        Return the chunks of ``texts`` that have a vector now. Raises ``EmbedderUnavailable`` where the space was
        dropped.
        """
        connection = connection_of(transaction)
        space = await _held(connection, model)
        query = sql.SQL(_REUSE).format(space=sql.Literal(space.id), partition=sql.Identifier(space.partition))
        asked = {"ids": list(texts), "hashes": [_digest(text) for text in texts.values()]}
        # Planned each time: a plan that was made while the table was empty would read all of it ever after.
        await connection.execute(query, asked, prepare=False)
        cursor = await connection.execute(
            "select chunk_id from vectors where space_id = %s and chunk_id = any(%s)", (space.id, list(texts))
        )
        return {row[0] for row in await cursor.fetchall()}

    async def tune(self, name: str, version: str) -> bool:
        """Build the graph of a space that has become too large to be read whole; return whether that was to do.

        A space that is dropped has none to be built. Raises ``DatabaseUnavailable``.
        """
        async with self._database.connect() as connection:
            try:
                cursor = await connection.execute(
                    "select id, dimensions from embedding_spaces where model = %s and version = %s", (name, version)
                )
                row = await cursor.fetchone()
                if row is None:
                    return False
                space = _Space(*row)
                return await build_where_missing(connection, space.partition, space.dimensions, least=self._exact)
            except (*_GONE, errors.DeadlockDetected):  # dropped before, or just now: it waits for us, and we for it
                return False
            except OperationalError as error:
                raise DatabaseUnavailable(f"The vectors cannot be indexed: {first_line(error)}.") from error

    async def search(self, model: EmbeddingModel, vector: Vectors, scope: Scope, limit: int) -> Sequence[Ranked]:
        """Return at most ``limit`` chunks in ``scope``, nearest first; score is the cosine similarity (-1..1).

        Raises ``EmbedderUnavailable`` where the space of ``model`` was dropped: its model answers no more.
        """
        async with self._database.connection() as connection:
            space = await _begin_search(connection, model, limit)
            if space is None:
                return []
            seen = visible(scope)
            query = sql.SQL(_SEARCH).format(
                versions=sql.SQL(seen.versions),
                chunks=sql.SQL(seen.chunks),
                dimensions=sql.Literal(space.dimensions),
                partition=sql.Identifier(space.partition),
            )
            text = "[" + ",".join(format(value, ".6g") for value in vector.tolist()) + "]"
            try:
                asked = {**seen.parameters, "vector": text, "limit": limit}
                cursor = await connection.execute(query, asked, prepare=seen.prepare)
            except _GONE as error:  # in this moment
                raise _dropped(model) from error
            return [Ranked(chunk_id, score) for chunk_id, score in await cursor.fetchall()]


async def _begin_search(connection: Connection, model: EmbeddingModel, limit: int) -> _Space | None:
    """Set how to search until the transaction ends; return the space, or ``None`` where nothing is embedded at all.

    The space is looked up each time: one that is dropped and made anew is another one, whoever did it.
    """
    cursor = await connection.execute(
        _BEGIN_SEARCH,
        {
            "model": model.name,
            "version": model.version,
            "ef_search": str(min(max(_EF_SEARCH, limit), _MOST_EF_SEARCH)),
            "most_scanned": str(_MOST_SCANNED),
        },
    )
    space_id, dimensions, answered, *_ = (await cursor.fetchall())[0]
    if space_id is not None:
        return _Space(space_id, dimensions)
    if answered:
        raise _dropped(model)
    return None


async def _held(connection: Connection, model: EmbeddingModel) -> _Space:
    """Return the space of ``model``, which cannot be dropped until the transaction ends."""
    cursor = await connection.execute(
        "select id, dimensions from embedding_spaces where model = %s and version = %s for key share",
        (model.name, model.version),
    )
    row = await cursor.fetchone()
    if row is None:
        raise _dropped(model)
    return _Space(*row)


def _dropped(model: EmbeddingModel) -> EmbedderUnavailable:
    return EmbedderUnavailable(f"The vectors of {model.name} were dropped.", retry_after=1)


async def _find_or_create(connection: Connection, model: EmbeddingModel) -> _Space:
    await connection.execute("lock table embedding_spaces in share row exclusive mode")
    cursor = await connection.execute(
        "select id, dimensions from embedding_spaces where model = %s and version = %s", (model.name, model.version)
    )
    row = await cursor.fetchone()
    if row is not None:
        return _Space(*row)
    cursor = await connection.execute(
        "insert into embedding_spaces (model, version, dimensions) values (%s, %s, %s) returning id",
        (model.name, model.version, model.dimensions),
    )
    rows = await cursor.fetchall()
    space = _Space(rows[0][0], model.dimensions)
    partition = sql.Identifier(space.partition)
    await connection.execute(
        sql.SQL("create table {} partition of vectors for values in ({})").format(partition, sql.Literal(space.id))
    )
    return space


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _halfvec(vector: Vectors) -> bytes:
    """Encode a vector as pgvector's binary ``halfvec``: dimensions, an unused field, then halves, big-endian."""
    return struct.pack(">HH", vector.shape[0], 0) + vector.astype(np.dtype(">f2")).tobytes()
