"""Made texts and vectors as they are stored: in our tables, by COPY, their words indexed by us."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray

from benchmarks.million_texts import DOCUMENTS_AT_A_TIME, PER_DOCUMENT, Block
from benchmarks.vector_record import ELSEWHERE, FIELDS, MODEL, Clusters, pack_halfvec
from ragstone.container import Container
from ragstone.domain.access import LOCAL
from ragstone.domain.documents import Chunk
from ragstone.ports.embedder import Vectors
from ragstone.ports.lexical_index import Entry

_CHUNK, _VERSION, _DOCUMENT = 1, 2, 3
CLUSTERS_SEED = 7

_SHOW = """
    update documents d set current_version = made.version, latest_version = made.version
    from unnest(%s::uuid[], %s::uuid[]) made (document, version) where d.id = made.document
"""
_DROP = """
    delete from versions v using documents d
    where d.id = v.document_id and d.current_version = any(%s) and v.id <> d.current_version
"""

Connection = psycopg.AsyncConnection[Any]
Marks = dict[str, NDArray[np.int16]]


@dataclass(frozen=True, slots=True)
class Lot:
    """Documents as they are stored. Chunks are numbered through: the first one is ``first_chunk``."""

    documents: Sequence[int]
    versions: Sequence[UUID]
    titles: Sequence[str]
    texts: Sequence[str]
    first_chunk: int
    metadata: Sequence[str]
    vectors: Vectors

    def entries(self) -> list[Entry]:
        """Return what the index of words takes."""
        return [
            Entry(version, title, [self._chunk(place * PER_DOCUMENT + ordinal) for ordinal in range(PER_DOCUMENT)])
            for place, (version, title) in enumerate(zip(self.versions, self.titles, strict=True))
        ]

    def _chunk(self, place: int) -> Chunk:
        text = self.texts[place]
        return Chunk(id_of(_CHUNK, self.first_chunk + place), place % PER_DOCUMENT, text, 0, len(text), 130)


def id_of(kind: int, number: int) -> UUID:
    """Return an id; ids are in the order of their numbers, as those of one moment are."""
    tail = (number * 0x9E37_79B9_7F4A_7C15 + kind) % (1 << 64)
    return UUID(bytes=number.to_bytes(7) + kind.to_bytes(1) + tail.to_bytes(8))


def number_of(chunk_id: UUID) -> int:
    """Return the number that an id was made of."""
    return int.from_bytes(chunk_id.bytes[:7])


def document_id(number: int) -> UUID:
    """Return the id of a document."""
    return id_of(_DOCUMENT, number)


def version_id(number: int) -> UUID:
    """Return the id of a version."""
    return id_of(_VERSION, number)


def drawn(clusters: Clusters, block: Block) -> tuple[Marks, Vectors]:
    """Return what filters ask of each of a block's documents, and the vector of each of its chunks.

    Chunks of one document are of one cluster.
    """
    documents = len(block.titles)
    random = np.random.default_rng((3, block.first))
    of_documents = random.choice(len(clusters.shares), documents, p=clusters.shares)
    marks = {name: random.integers(0, values, documents).astype(np.int16) for name, values in FIELDS.items()}
    marks[ELSEWHERE] = (~np.isin(of_documents, clusters.elsewhere)).astype(np.int16)
    part = block.first // DOCUMENTS_AT_A_TIME
    return marks, clusters.draw(part, np.repeat(of_documents, PER_DOCUMENT))


def lot_of(
    block: Block, marks: Marks, vectors: Vectors, *, new_version: int = 0, first_chunk: int | None = None
) -> Lot:
    """Return a block as it is stored. ``new_version`` and ``first_chunk`` are for documents that were there before."""
    numbers = range(block.first, block.first + len(block.titles))
    metadata = [json.dumps({name: int(values[row]) for name, values in marks.items()}) for row in range(len(numbers))]
    return Lot(
        numbers,
        [version_id(new_version + number) for number in numbers],
        block.written_titles(),
        block.written(),
        block.first * PER_DOCUMENT if first_chunk is None else first_chunk,
        metadata,
        vectors,
    )


async def index_words(container: Container, entries: Sequence[Entry]) -> float:
    """Index versions by their words; return the seconds that it takes, from texts to the commit."""
    begun = time.perf_counter()
    async with container.record.transaction() as transaction:
        await container.lexical.add(transaction, entries)
    return time.perf_counter() - begun


async def store(connection: Connection, lot: Lot, *, anew: bool = True) -> None:
    """Store documents, their versions, chunks and vectors; ``anew=False``: in the place of the versions they had.

    Their words are for ``index_words``.
    """
    cursor = await connection.execute(
        "select (select id from collections where name = 'default'), id from embedding_spaces where model = %s",
        (MODEL.name,),
    )
    collection, space = (await cursor.fetchall())[0]
    async with connection.transaction():
        if anew:
            await _copy(
                connection,
                "documents (id, tenant, collection_id, uri, current_version, latest_version)",
                (
                    (document_id(each), LOCAL.tenant, collection, f"made:{each}", version, version)
                    for each, version in zip(lot.documents, lot.versions, strict=True)
                ),
            )
        await _copy(
            connection,
            "versions (id, document_id, filename, metadata, readers, media_type, size, sha256, title, state,"
            " chunk_count, space_id, embedded_count)",
            _versions(lot, space),
        )
        await _copy(
            connection,
            "chunks (id, version_id, ordinal, text, start_char, end_char, token_count)",
            (
                (each.id, entry.version_id, each.ordinal, each.text, each.start, each.end, each.token_count)
                for entry in lot.entries()
                for each in entry.chunks
            ),
        )
        await _store_vectors(connection, lot, space)
        if not anew:
            await connection.execute(_SHOW, ([document_id(each) for each in lot.documents], list(lot.versions)))
            await connection.execute(_DROP, (list(lot.versions),))


def _versions(lot: Lot, space: int) -> Iterator[tuple[object, ...]]:
    for number, version, title, metadata in zip(lot.documents, lot.versions, lot.titles, lot.metadata, strict=True):
        digest = sha256(version.bytes).digest()
        counts = (PER_DOCUMENT, space, PER_DOCUMENT)
        yield (
            version,
            document_id(number),
            "",
            metadata,
            ["everyone"],
            "text/plain",
            1,
            digest,
            title,
            "ready",
            *counts,
        )


async def _copy(connection: Connection, into: str, rows: Iterator[tuple[object, ...]]) -> None:
    async with connection.cursor() as cursor, cursor.copy(f"copy {into} from stdin".encode()) as copy:
        for row in rows:
            await copy.write_row(row)


async def _store_vectors(connection: Connection, lot: Lot, space: int) -> None:
    into = f"copy vectors_{space} (chunk_id, space_id, embedding, text_hash) from stdin (format binary)"
    async with connection.cursor() as cursor, cursor.copy(into.encode()) as copy:
        copy.set_types(["uuid", "int4", "bytea", "bytea"])
        for place, vector in enumerate(lot.vectors.astype(np.float16)):
            digest = sha256(lot.texts[place].encode()).digest()
            await copy.write_row((id_of(_CHUNK, lot.first_chunk + place), space, pack_halfvec(vector), digest))
