"""A record of generated vectors, written by SQL: documents of four chunks, metadata to filter by, vectors in
clusters."""

import asyncio
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray

from ragstone.container import Container
from ragstone.domain.access import LOCAL
from ragstone.ports.embedder import EmbeddingModel, Vectors

DIMENSIONS = 384
MODEL = EmbeddingModel("benchmarks/vectors", "1", DIMENSIONS, 256)
PER_DOCUMENT = 4
FIELDS = {"half": 2, "tenth": 10, "hundredth": 100, "thousandth": 1000}
"""Fields of the metadata, each with as many values: the first, 0, is kept by a filter."""
ELSEWHERE = "elsewhere"

_PART = 50_000
_CLUSTERS = 2000
_ELSEWHERE_SHARE = 0.01
_SPREAD = 0.85
_TEXT = "The swift sleeps while it flies, and nobody has seen it do so. " * 6

_DOCUMENTS = f"""
    with made as (
        select n, uuidv7() as document_id, uuidv7() as version_id
        from generate_series(%(first)s::int, %(last)s::int) n
    ), of as (
        insert into documents (id, tenant, collection_id, uri, current_version, latest_version)
        select document_id, %(tenant)s, %(collection)s, 'made:' || n, version_id, version_id from made
    ), versions_made as (
        insert into versions (id, document_id, filename, metadata, readers, media_type, size, sha256, title, state,
            chunk_count, space_id, embedded_count, indexed_title)
        select version_id, document_id, '', (%(metadata)s::jsonb[])[n - %(first)s + 1], array['everyone'], 'text/plain',
            1, '\\x00', 'Document ' || n, 'ready', {PER_DOCUMENT}, %(space)s, {PER_DOCUMENT}, 'Document ' || n from made
    ), chunks_made as (
        insert into chunks (id, version_id, ordinal, text, start_char, end_char, token_count)
        select (%(chunk_ids)s::uuid[])[(n - %(first)s) * {PER_DOCUMENT} + ordinal + 1], version_id, ordinal,
            %(text)s || ordinal, 0, 1, 100
        from made, generate_series(0, {PER_DOCUMENT - 1}) ordinal
    )
    select count(*) from made
"""


class Clusters:
    """Draws unit vectors, the same each time: a centre of Zipf's frequency, and a spread of a falling spectrum."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self._seed = seed
        self._centres = random.normal(size=(_CLUSTERS, DIMENSIONS)).astype(np.float32)
        self._centres /= np.linalg.norm(self._centres, axis=1, keepdims=True)
        weights = 1 / np.arange(1, _CLUSTERS + 1) ** 0.8
        self.shares = weights / weights.sum()
        axes, _ = np.linalg.qr(random.normal(size=(DIMENSIONS, DIMENSIONS)))
        spectrum = 1 / np.sqrt(np.arange(1, DIMENSIONS + 1))
        self._spread = (axes * (_SPREAD * spectrum / np.linalg.norm(spectrum))).astype(np.float32).T

    @property
    def elsewhere(self) -> NDArray[np.intp]:
        """The rarest clusters, which have a hundredth of the vectors. No question comes from them."""
        return np.flatnonzero(np.cumsum(self.shares[::-1])[::-1] <= _ELSEWHERE_SHARE)

    def draw(self, part: int, clusters: NDArray[np.intp]) -> Vectors:
        """Return a vector around the centre of each of ``clusters``."""
        random = np.random.default_rng((self._seed, part))
        spread = random.normal(size=(len(clusters), DIMENSIONS)).astype(np.float32) @ self._spread
        vectors = self._centres[clusters] + spread
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    def questions(self, count: int) -> Vectors:
        """Return questions, drawn as the chunks are."""
        random = np.random.default_rng((self._seed, 1 << 20))
        common = np.setdiff1d(np.arange(_CLUSTERS), self.elsewhere)
        shares = self.shares[common] / self.shares[common].sum()
        return self.draw((1 << 20) + 1, random.choice(common, count, p=shares))


@dataclass(frozen=True, slots=True)
class Record:
    """What was stored: ids and halves of all chunks in the order of their numbers, and the values of each field."""

    partition: str
    chunk_ids: list[UUID]
    stored: NDArray[np.float16]
    marks: dict[str, NDArray[np.int16]]


def pack_halfvec(vector: NDArray[np.float16]) -> bytes:
    """Encode a vector as pgvector's binary ``halfvec``."""
    return struct.pack(">HH", len(vector), 0) + vector.astype(">f2").tobytes()


async def fill(container: Container, clusters: Clusters, rows: int) -> Record:
    """Store ``rows`` chunks, unless the record has them."""
    await container.vectors.ensure(MODEL)
    async with container.database.connect() as connection:
        cursor = await connection.execute(
            "select id, (select count(*) from chunks) from embedding_spaces where model = %s", (MODEL.name,)
        )
        space, there = (await cursor.fetchall())[0]
        ids, halves, marks = [], [], []
        async with container.record.transaction() as transaction:
            await transaction.collections.create(LOCAL, "default")
            collection = await transaction.collections.id_of(LOCAL, "default")
        for part, start in enumerate(range(0, rows, _PART)):
            count = min(_PART, rows - start)
            made = await asyncio.to_thread(_part, clusters, part, start, count)
            ids += made.chunk_ids
            halves.append(made.stored)
            marks.append(made.marks)
            if there == 0:
                await _store(connection, made, start, space, collection)
        if there == 0:
            await connection.execute("vacuum analyze")
        elif there != rows:
            raise SystemExit(f"The record has {there:,} chunks; give --rows {there}, or another --data.")
    joined = {name: np.concatenate([each[name] for each in marks]) for name in marks[0]}
    return Record(f"vectors_{space}", ids, np.concatenate(halves), joined)


def _part(clusters: Clusters, part: int, start: int, count: int) -> Record:
    """Draw the chunks of a part; those of a document are of one cluster. Ids follow one another, as real ones do."""
    random = np.random.default_rng((part, 3))
    documents = -(-count // PER_DOCUMENT)
    drawn = random.choice(len(clusters.shares), documents, p=clusters.shares)
    marks = {name: random.integers(0, values, documents).astype(np.int16) for name, values in FIELDS.items()}
    marks[ELSEWHERE] = (~np.isin(drawn, clusters.elsewhere)).astype(np.int16)
    vectors = clusters.draw(part, np.repeat(drawn, PER_DOCUMENT)[:count])
    ids = [UUID(bytes=(start + number).to_bytes(6) + random.bytes(10)) for number in range(count)]
    return Record(
        "", ids, vectors.astype(np.float16), {k: np.repeat(v, PER_DOCUMENT)[:count] for k, v in marks.items()}
    )


async def _store(
    connection: psycopg.AsyncConnection[tuple[object, ...]], part: Record, start: int, space: int, collection: object
) -> None:
    count = len(part.chunk_ids)
    first = start // PER_DOCUMENT
    metadata = [
        "{" + ", ".join(f'"{name}": {values[row]}' for name, values in part.marks.items()) + "}"
        for row in range(0, count, PER_DOCUMENT)
    ]
    async with connection.transaction():
        await connection.execute(
            _DOCUMENTS,
            {
                "first": first,
                "last": first + count // PER_DOCUMENT - 1,
                "tenant": LOCAL.tenant,
                "collection": collection,
                "metadata": metadata,
                "space": space,
                "chunk_ids": part.chunk_ids,
                "text": _TEXT,
            },
        )
        await _copy(connection, f"vectors_{space}", "chunk_id, space_id, embedding", _rows(part, space))


def _rows(part: Record, space: int) -> Iterator[tuple[object, ...]]:
    for chunk_id, vector in zip(part.chunk_ids, part.stored, strict=True):
        yield chunk_id, space, pack_halfvec(vector)


async def _copy(
    connection: psycopg.AsyncConnection[tuple[object, ...]],
    table: str,
    columns: str,
    rows: Iterator[tuple[object, ...]],
) -> None:
    async with (
        connection.cursor() as cursor,
        cursor.copy(f"copy {table} ({columns}) from stdin (format binary)".encode()) as copy,
    ):
        copy.set_types(["uuid", "int4", "bytea"])
        for row in rows:
            await copy.write_row(row)


async def fill_raw(container: Container, record: Record) -> None:
    """Make the table of what filters ask of each chunk, unless it is there."""
    fields = ", ".join(f"(v.metadata ->> '{name}')::smallint as {name}" for name in record.marks)
    async with container.database.connect() as connection:
        await connection.execute(
            f"create table if not exists raw_marks as select c.id as chunk_id, {fields}"
            " from chunks c join versions v on v.id = c.version_id".encode()
        )
        await connection.execute("create unique index if not exists raw_marks_chunk on raw_marks (chunk_id)")
        for name in record.marks:
            await connection.execute(f"create index if not exists raw_marks_{name} on raw_marks ({name})".encode())
        await connection.execute("vacuum analyze raw_marks")
