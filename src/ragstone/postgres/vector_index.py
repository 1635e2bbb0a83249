"""Dense search with pgvector: one partition per embedding space, half precision, HNSW on cosine distance."""

import struct
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import numpy as np
from psycopg import sql

from ragstone.domain.queries import Ranked, Scope
from ragstone.ports.embedder import EmbeddingModel, Vectors
from ragstone.ports.record import Transaction
from ragstone.postgres.database import Connection, Database
from ragstone.postgres.record import connection_of
from ragstone.postgres.visibility import VISIBLE, scope_parameters

_HNSW = "(m = 16, ef_construction = 64)"
_EF_SEARCH = 100
_MOST_EF_SEARCH = 1000  # pgvector's own bound
_MOST_SCANNED = 1_000_000
"""Vectors that one search may pass over before it has found enough that the scope may see."""

_SEARCH = """
    with visible as ({visible}),
    nearest as materialized (
        select x.chunk_id, x.embedding::halfvec({dimensions}) <=> %(vector)s::halfvec({dimensions}) as distance
        from {partition} x join chunks c on c.id = x.chunk_id join visible on visible.version_id = c.version_id
        order by distance limit %(limit)s
    )
    select chunk_id, 1 - distance from nearest order by distance, chunk_id
"""


class _Space(NamedTuple):
    id: int
    dimensions: int

    @property
    def partition(self) -> str:
        return f"vectors_{self.id}"


class PgVectorIndex:
    """The ``VectorIndex`` port in the record's own database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._spaces: dict[EmbeddingModel, _Space] = {}

    async def ensure(self, model: EmbeddingModel) -> None:
        """Make the space of ``model`` if it is not there."""
        await self._space(model)

    async def upsert(
        self, transaction: Transaction, model: EmbeddingModel, chunk_ids: Sequence[UUID], vectors: Vectors
    ) -> None:
        """Store ``vectors[i]`` for ``chunk_ids[i]``; visible when ``transaction`` commits."""
        space = await self._space(model)
        connection = connection_of(transaction)
        await connection.execute(
            "delete from vectors where space_id = %s and chunk_id = any(%s)", (space.id, list(chunk_ids))
        )
        copy_in = "copy vectors (chunk_id, space_id, embedding) from stdin (format binary)"
        async with connection.cursor() as cursor, cursor.copy(copy_in) as copy:
            copy.set_types(["uuid", "int4", "bytea"])
            for chunk_id, vector in zip(chunk_ids, vectors, strict=True):
                await copy.write_row((chunk_id, space.id, _halfvec(vector)))

    async def search(self, model: EmbeddingModel, vector: Vectors, scope: Scope, limit: int) -> Sequence[Ranked]:
        """Return at most ``limit`` chunks in ``scope``, nearest first; score is the cosine similarity (-1..1)."""
        space = await self._space(model)
        query = sql.SQL(_SEARCH).format(
            visible=sql.SQL(VISIBLE),
            dimensions=sql.Literal(space.dimensions),
            partition=sql.Identifier(space.partition),
        )
        text = "[" + ",".join(format(value, ".6g") for value in vector.tolist()) + "]"
        async with self._database.connection() as connection:
            # In strict order, and on past what the scope may not see: a filter costs time, not neighbours.
            await connection.execute(
                "select set_config('hnsw.iterative_scan', 'strict_order', true),"
                " set_config('hnsw.ef_search', %s, true), set_config('hnsw.max_scan_tuples', %s, true)",
                (str(min(max(_EF_SEARCH, limit), _MOST_EF_SEARCH)), str(_MOST_SCANNED)),
            )
            cursor = await connection.execute(query, {**scope_parameters(scope), "vector": text, "limit": limit})
            return [Ranked(chunk_id, score) for chunk_id, score in await cursor.fetchall()]

    async def _space(self, model: EmbeddingModel) -> _Space:
        known = self._spaces.get(model)
        if known is None:
            async with self._database.connection() as connection:
                known = self._spaces[model] = await _find_or_create(connection, model)
        return known


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
    await connection.execute(
        sql.SQL(f"create index on {{}} using hnsw ((embedding::halfvec({{}})) halfvec_cosine_ops) with {_HNSW}").format(
            partition, sql.Literal(space.dimensions)
        )
    )
    return space


def _halfvec(vector: Vectors) -> bytes:
    """Encode a vector as pgvector's binary ``halfvec``: dimensions, an unused field, then halves, big-endian."""
    return struct.pack(">HH", vector.shape[0], 0) + vector.astype(np.dtype(">f2")).tobytes()
