"""Documents of ready-made chunks: stored a batch at a time, by COPY and by statements over the whole batch.

Their bytes are not kept beside their chunks: nothing is ever cut from them anew.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from ragstone.domain.access import Principal
from ragstone.domain.documents import State
from ragstone.domain.errors import Conflict, RagstoneError
from ragstone.domain.ids import new_id
from ragstone.ports.documents import Accepted, NewDocument
from ragstone.ports.embedder import EmbeddingModel
from ragstone.ports.versions import BatchRefused, ReadyMade
from ragstone.postgres.chunks import insert_chunks
from ragstone.postgres.collections import PostgresCollections
from ragstone.postgres.database import Connection
from ragstone.postgres.kept_vectors import KeptVectors
from ragstone.postgres.narrowing import narrow
from ragstone.postgres.queue import Queue, Stage
from ragstone.postgres.superseded import drop_superseded

# In the order of their names, so that two batches with the same documents wait for each other and not in a ring.
_CREATE = """
    insert into documents (id, tenant, collection_id, uri, latest_version)
    select id, %(tenant)s, collection_id, uri, id
    from jsonb_to_recordset(%(batch)s) as batch (id uuid, collection_id uuid, uri text)
    order by collection_id, uri
    on conflict do nothing
"""

_LOCK = """
    select d.collection_id, d.uri, d.id
    from jsonb_to_recordset(%(batch)s) as batch (collection_id uuid, uri text)
    join documents d on d.collection_id = batch.collection_id and d.uri = batch.uri
    order by d.collection_id, d.uri for update of d
"""

_LATEST = """
    select d.id, latest.id, encode(latest.sha256, 'hex'), latest.state, latest.readers && %(readers)s::text[],
        shown.readers && %(readers)s::text[]
    from documents d join versions latest on latest.id = d.latest_version
    join versions shown on shown.id = coalesce(d.current_version, d.latest_version)
    where d.id = any(%(ids)s)
"""

_DESCRIBE = """
    update documents d set source = coalesce(d.source, batch.source), etag = batch.etag,
        last_modified = batch.last_modified
    from jsonb_to_recordset(%(batch)s) as batch (id uuid, source text, etag text, last_modified text)
    where d.id = batch.id and (d.source, d.etag, d.last_modified)
        is distinct from (coalesce(d.source, batch.source), batch.etag, batch.last_modified)
"""

_RELABEL = """
    update versions v set given_title = batch.title, filename = batch.filename, metadata = batch.metadata,
        readers = batch.readers
    from jsonb_to_recordset(%(batch)s) as batch (
        version_id uuid, title text, filename text, metadata jsonb, readers text[])
    where v.id = batch.version_id and (v.given_title, v.filename, v.metadata, v.readers)
        is distinct from (batch.title, batch.filename, batch.metadata, batch.readers)
"""

_ADD = """copy versions (id, document_id, given_title, filename, metadata, readers, media_type, given_type, size,
    sha256, title, content, state, chunk_count, space_id, embedded_count) from stdin"""

# The first version answers by words at once; a later one waits until it answers by meaning too.
_SHOW = """
    update documents d set latest_version = batch.version_id,
        current_version = case when batch.ready then batch.version_id
            else coalesce(d.current_version, batch.version_id) end
    from jsonb_to_recordset(%(batch)s) as batch (id uuid, version_id uuid, ready boolean)
    where d.id = batch.id
"""


@dataclass(frozen=True, slots=True)
class _Latest:
    version_id: UUID
    sha256: str
    state: State
    known: bool
    readable: bool

    def holds(self, made: ReadyMade) -> bool:
        """Whether ``made`` is nothing new. Of bytes that the sender may not read that must not show."""
        same = self.sha256 == made.sha256 and self.state not in (State.FAILED, State.CANCELLED)
        return same and self.known


@dataclass(frozen=True, slots=True)
class _Version:
    """A document of the batch with its row, and the version that is made of it."""

    made: ReadyMade
    document_id: UUID
    id: UUID

    @property
    def ready(self) -> bool:
        return self.made.embedded_by is not None


async def store_ready_made(
    connection: Connection, queue: Queue, kept: KeptVectors, principal: Principal, documents: Sequence[ReadyMade]
) -> Sequence[Accepted]:
    """Store documents as ``Versions.store_ready_made`` says."""
    ids = await _documents(connection, principal, [each.document for each in documents])
    latest = await _latest(connection, principal, ids)
    _check_readable(documents, [latest.get(each) for each in ids])
    accepted: list[Accepted] = []
    fresh: list[_Version] = []
    for made, document_id in zip(documents, ids, strict=True):
        had = latest.get(document_id)
        if had and had.holds(made):
            accepted.append(Accepted(document_id, had.version_id, created=False))
        else:
            fresh.append(_Version(made, document_id, new_id()))
            accepted.append(Accepted(document_id, fresh[-1].id, created=True))
    await _describe(connection, documents, accepted)
    await _add(connection, fresh)
    superseded = {each.document_id for each in fresh if each.document_id in latest}
    for document_id in sorted(superseded.union(await narrow(connection, ids))):
        await drop_superseded(connection, document_id, kept)
    await queue.wake(connection, Stage.EMBED, [each.id for each in fresh if not each.ready])
    return accepted


async def _documents(connection: Connection, principal: Principal, documents: Sequence[NewDocument]) -> list[UUID]:
    """Return the documents of these names, made where they are not there, and locked."""
    collections = PostgresCollections(connection)
    names = {each.collection for each in documents}
    collection_ids = {name: await collections.id_of(principal, name) for name in sorted(names)}
    keys = [(collection_ids[each.collection], each.uri) for each in documents]
    ids = sorted(new_id() for _ in keys)  # documents are listed by id, and these are all of one moment
    batch = _batch(
        [
            {"id": each, "collection_id": collection, "uri": uri}
            for each, (collection, uri) in zip(ids, keys, strict=True)
        ]
    )
    await connection.execute(_CREATE, {"tenant": principal.tenant, "batch": batch})
    cursor = await connection.execute(_LOCK, {"batch": batch})
    found = {(collection, uri): document_id for collection, uri, document_id in await cursor.fetchall()}
    return [found[key] for key in keys]


async def _latest(connection: Connection, principal: Principal, ids: Sequence[UUID]) -> Mapping[UUID, _Latest]:
    """Return the newest version of each document that has one. Only once they are locked: others may add theirs."""
    cursor = await connection.execute(_LATEST, {"ids": list(ids), "readers": sorted(principal.readers)})
    return {row[0]: _Latest(row[1], row[2], State(row[3]), row[4], row[5]) for row in await cursor.fetchall()}


def _check_readable(documents: Sequence[ReadyMade], latest: Sequence[_Latest | None]) -> None:
    errors: dict[int, RagstoneError] = {
        place: Conflict(
            f"The uri {made.document.uri!r} is taken in this collection by a document that this key may not read.",
            remedy="Use another uri.",
        )
        for place, (made, had) in enumerate(zip(documents, latest, strict=True))
        if had and not had.readable
    }
    if errors:
        raise BatchRefused(errors)


async def _describe(connection: Connection, documents: Sequence[ReadyMade], accepted: Sequence[Accepted]) -> None:
    """Let what the sender says now stand for what is there."""
    said, relabelled = [], []
    for made, outcome in zip(documents, accepted, strict=True):
        document = made.document
        said.append(
            {
                "id": outcome.document_id,
                "source": document.source,
                "etag": document.etag,
                "last_modified": document.last_modified,
            }
        )
        if not outcome.created:
            relabelled.append(
                {
                    "version_id": outcome.job_id,
                    "title": document.title,
                    "filename": document.filename,
                    "metadata": dict(document.metadata),
                    "readers": list(document.readers),
                }
            )
    await connection.execute(_DESCRIBE, {"batch": _batch(said)})
    await connection.execute(_RELABEL, {"batch": _batch(relabelled)})


async def _add(connection: Connection, versions: Sequence[_Version]) -> None:
    """Store new versions with their chunks, and let documents show them."""
    if not versions:
        return
    models = {each.made.embedded_by for each in versions if each.made.embedded_by}
    spaces: dict[EmbeddingModel | None, int | None] = {None: None}
    for model in models:
        cursor = await connection.execute(
            "select id from embedding_spaces where model = %s and version = %s", (model.name, model.version)
        )
        spaces[model] = (await cursor.fetchall())[0][0]
    async with connection.cursor() as writing, writing.copy(_ADD) as copy:
        for each in versions:
            await copy.write_row(_row(each, spaces[each.made.embedded_by]))
    for each in versions:
        await insert_chunks(connection, each.id, each.made.chunks)
    shown = [{"id": each.document_id, "version_id": each.id, "ready": each.ready} for each in versions]
    await connection.execute(_SHOW, {"batch": _batch(shown)})


def _row(version: _Version, space_id: int | None) -> tuple[Any, ...]:
    made, document = version.made, version.made.document
    return (
        version.id,
        version.document_id,
        document.title,
        document.filename,
        Jsonb(dict(document.metadata)),
        list(document.readers),
        document.media_type,
        document.media_type,
        made.size,
        bytes.fromhex(made.sha256),
        made.parsed.title,
        made.parsed.content,
        State.READY if version.ready else State.SEARCHABLE,
        len(made.chunks),
        space_id,
        len(made.chunks) if version.ready else 0,
    )


def _batch(rows: Sequence[Mapping[str, Any]]) -> Jsonb:
    """Return rows as one parameter for ``jsonb_to_recordset``."""
    return Jsonb(rows, dumps=lambda value: json.dumps(value, default=str))
