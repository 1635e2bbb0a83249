"""Dense search with pgvector: one partition per embedding space, half precision, cosine, exact or by an index."""

import hashlib
import struct
import time
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID

import numpy as np
import structlog
from psycopg import OperationalError, errors, sql

from ragstone.domain.errors import DatabaseUnavailable, EmbedderUnavailable
from ragstone.domain.queries import Ranked, Scope
from ragstone.ports.embedder import EmbeddingModel, Vectors
from ragstone.ports.record import Transaction
from ragstone.postgres.database import Connection, Database, first_line
from ragstone.postgres.nearest.building import Wish, build_where_due
from ragstone.postgres.nearest.kinds import Kind, Shape, Space
from ragstone.postgres.nearest.searching import Experience, Search
from ragstone.postgres.record import connection_of

# What is known of the space is told with it: about how many vectors, and the lists that an index of them has.
_BEGIN_SEARCH = """
    select s.id, s.dimensions, exists (select from embedding_spaces where role = 'active'),
        coalesce((select greatest(reltuples, 0) from pg_class where oid = to_regclass('vectors_' || s.id)), 0)::bigint,
        coalesce((select max(substring(option from '^lists=(\\d+)$')::int) from pg_index i
            join pg_class c on c.oid = i.indexrelid, unnest(c.reloptions) option
            where i.indrelid = to_regclass('vectors_' || s.id) and i.indisvalid), 0)
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


_REST_SECONDS = 600.0
"""How long a space is left alone that PostgreSQL could not index: what it lacks seldom comes in less."""

_TRUSTED_SECONDS = 0.5
"""How long what is known of a space is taken to be true. That it is there, each search finds out."""

log = structlog.get_logger(__name__)


class _IndexRefused(DatabaseUnavailable):
    """PostgreSQL answers, and cannot build an index. Questions and changes go on."""


class PgVectorIndex:
    """The ``VectorIndex`` port in the record's own database.

    Spaces of fewer than ``exact`` vectors are read whole; larger ones get an index of this ``kind``, built in
    ``memory_mb`` MiB at most.
    """

    def __init__(
        self, database: Database, *, exact: int = 10_000, kind: Kind = Kind.HNSW, memory_mb: int = 1024
    ) -> None:
        self._database = database
        self._wish = Wish(kind, exact, memory_mb)
        self._experience = Experience()
        self._told: dict[EmbeddingModel, _Told] = {}
        self._resting: dict[tuple[str, str], float] = {}

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
        """Build the index of a space that has become too large for how it is searched; return whether that was done.

        Where PostgreSQL cannot, for want of space say, it is asked again some time later: the space is searched
        without. Raises ``DatabaseUnavailable`` where the connection is lost.
        """
        if time.monotonic() < self._resting.get((name, version), 0.0):
            return False
        try:
            return await self.build(name, version)
        except _IndexRefused as refused:
            self._resting[name, version] = time.monotonic() + _REST_SECONDS
            log.warning("vectors_not_indexed", model=name, cause=refused.message, remedy=refused.remedy)
            return False

    async def build(self, name: str, version: str, *, anew: bool = False) -> bool:
        """Build the index of a space where it is due, or ``anew`` while the old one answers; return whether it was.

        A space that is dropped has none to be built. Raises ``DatabaseUnavailable``.
        """
        async with self._database.connect() as connection:
            try:
                cursor = await connection.execute(
                    "select id, dimensions from embedding_spaces where model = %s and version = %s", (name, version)
                )
                row = await cursor.fetchone()
                return row is not None and await build_where_due(connection, Space(*row), self._wish, anew=anew)
            except (*_GONE, errors.DeadlockDetected):  # dropped before, or just now: it waits for us, and we for it
                return False
            except OperationalError as error:
                refused = DatabaseUnavailable if connection.closed else _IndexRefused
                raise refused(
                    f"The vectors of {name} cannot be indexed: {first_line(error)}", remedy=_remedy(error)
                ) from error
            finally:
                self._told.clear()  # it may have another index now

    async def search(self, model: EmbeddingModel, vector: Vectors, scope: Scope, limit: int) -> Sequence[Ranked]:
        """Return at most ``limit`` chunks in ``scope``, nearest first; score is the cosine similarity (-1..1).

        Raises ``EmbedderUnavailable`` where the space of ``model`` was dropped: its model answers no more.
        """
        known = self._experience.of(model, scope)
        async with self._database.reading() as connection:

            async def nearest(told: _Told) -> Sequence[Ranked]:
                return await Search(connection, told.space, _halfvec(vector), scope, limit).nearest(told.shape, known)

            told = self._told.get(model)
            if told is not None and time.monotonic() < told.until:
                with suppress(*_GONE):  # it may have been made anew
                    return await nearest(told)
            told = await self._tell(connection, model)
            try:
                return [] if told is None else await nearest(told)
            except _GONE as error:  # in this moment
                raise _dropped(model) from error

    async def _tell(self, connection: Connection, model: EmbeddingModel) -> "_Told | None":
        """Find out about the space of ``model``; ``None`` where nothing is embedded at all."""
        self._told.pop(model, None)
        found = await _begin_search(connection, model)
        if found is None:
            return None
        told = self._told[model] = _Told(*found, time.monotonic() + _TRUSTED_SECONDS)
        return told


class _Told(NamedTuple):
    """What was told of a space, ``until`` when it is taken to be true."""

    space: Space
    shape: Shape
    until: float


async def _begin_search(connection: Connection, model: EmbeddingModel) -> tuple[Space, Shape] | None:
    """Return the space of ``model``, or ``None`` where nothing is embedded at all.

    Raises ``EmbedderUnavailable`` where it was dropped.
    """
    cursor = await connection.execute(_BEGIN_SEARCH, {"model": model.name, "version": model.version})
    space_id, dimensions, answered, rows, lists = (await cursor.fetchall())[0]
    if space_id is not None:
        return Space(space_id, dimensions), Shape(rows, lists)
    if answered:
        raise _dropped(model)
    return None


async def _held(connection: Connection, model: EmbeddingModel) -> Space:
    """Return the space of ``model``, which cannot be dropped until the transaction ends."""
    cursor = await connection.execute(
        "select id, dimensions from embedding_spaces where model = %s and version = %s for key share",
        (model.name, model.version),
    )
    row = await cursor.fetchone()
    if row is None:
        raise _dropped(model)
    return Space(*row)


def _remedy(error: OperationalError) -> str:
    if isinstance(error, errors.DiskFull):
        return "Make room on PostgreSQL's disk, or in its shared memory; `ragstone index tune` then builds it."
    return "`ragstone index tune` tries it again."


def _dropped(model: EmbeddingModel) -> EmbedderUnavailable:
    return EmbedderUnavailable(f"The vectors of {model.name} were dropped.", retry_after=1)


async def _find_or_create(connection: Connection, model: EmbeddingModel) -> Space:
    await connection.execute("lock table embedding_spaces in share row exclusive mode")
    cursor = await connection.execute(
        "select id, dimensions from embedding_spaces where model = %s and version = %s", (model.name, model.version)
    )
    row = await cursor.fetchone()
    if row is not None:
        return Space(*row)
    cursor = await connection.execute(
        "insert into embedding_spaces (model, version, dimensions) values (%s, %s, %s) returning id",
        (model.name, model.version, model.dimensions),
    )
    rows = await cursor.fetchall()
    space = Space(rows[0][0], model.dimensions)
    partition = sql.Identifier(space.partition)
    # Vectors of a thousand dimensions or more would else be stored apart from their rows, to be read in pieces.
    await connection.execute(
        sql.SQL("create table {} partition of vectors for values in ({}) with (toast_tuple_target = 8160)").format(
            partition, sql.Literal(space.id)
        )
    )
    return space


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _halfvec(vector: Vectors) -> bytes:
    """Encode a vector as pgvector's binary ``halfvec``: dimensions, an unused field, then halves, big-endian."""
    return struct.pack(">HH", vector.shape[0], 0) + vector.astype(np.dtype(">f2")).tobytes()
