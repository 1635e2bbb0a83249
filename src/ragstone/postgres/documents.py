"""Documents, as callers see them: accepted, listed, read, deleted."""

from collections.abc import Iterable, Sequence, Set
from typing import Any, NamedTuple
from urllib.parse import unquote
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from ragstone.domain.access import Principal
from ragstone.domain.documents import Chunk, Document, Failure, State
from ragstone.domain.errors import Conflict, NotFound
from ragstone.domain.ids import new_id
from ragstone.ports.blobs import Blob
from ragstone.ports.documents import Accepted, Content, NewDocument
from ragstone.postgres.blobs import PostgresBlobs
from ragstone.postgres.chunks import CHUNK_COLUMNS, to_chunk
from ragstone.postgres.collections import PostgresCollections
from ragstone.postgres.database import Connection
from ragstone.postgres.kept_vectors import KeptVectors
from ragstone.postgres.narrowing import narrow
from ragstone.postgres.queue import Queue, Stage
from ragstone.postgres.superseded import drop_superseded
from ragstone.postgres.visibility import OWN_DOCUMENTS, principal_parameters

_SELECT = f"""
    with own as ({OWN_DOCUMENTS})
    select d.id, d.collection, d.uri, d.title, v.media_type, v.size,
           encode(v.sha256, 'hex'), d.metadata, d.readers, v.state, v.id, d.current_version, v.chunk_count,
           v.failure, d.created_at, v.updated_at, d.source,
           case when v.id = d.latest_version then d.etag end,
           case when v.id = d.latest_version then d.last_modified end, v.unread
    from own d join versions v on v.id = d.newest_version
"""  # noqa: S608 (no input)

_CONTENT = f"""
    with own as ({OWN_DOCUMENTS})
    select d.id, d.title, d.uri, v.media_type, v.content
    from own d left join versions v on v.id = d.current_version where d.id = %(id)s
"""  # noqa: S608 (no input)

_CHUNKS = f"""
    with own as ({OWN_DOCUMENTS})
    select {CHUNK_COLUMNS} from own join chunks c on c.version_id = own.current_version
    where own.id = %(id)s and c.ordinal > %(after)s order by c.ordinal limit %(limit)s
"""  # noqa: S608 (no input)

_NO_DOCUMENT = "There is no such document."
_LIST_THEM = "GET /v1/documents lists those that this key may read."


class _Latest(NamedTuple):
    version_id: UUID
    sha256: str
    given_type: str
    state: State


class PostgresDocuments:
    """The ``Documents`` of the record port."""

    def __init__(self, connection: Connection, queue: Queue, kept: KeptVectors) -> None:
        self._connection = connection
        self._queue = queue
        self._kept = kept
        self._blobs = PostgresBlobs(connection)

    async def accept(self, principal: Principal, document: NewDocument, blob: Blob) -> Accepted:
        """Store a new version unless the newest one holds the same bytes and did not fail or end cancelled."""
        document_id, latest = await self._find_or_create(principal, document)
        same = latest and (latest.sha256, latest.given_type) == (blob.sha256, document.media_type)
        if latest and same and latest.state not in (State.FAILED, State.CANCELLED):
            await self._blobs.discard(blob)
            await self._relabel(document_id, latest.version_id, document)
            return Accepted(document_id, latest.version_id, created=False)
        version_id = await self._add_version(document_id, document, await self._blobs.keep(principal.tenant, blob))
        await self._queue.wake(self._connection, Stage.PARSE, [version_id])
        return Accepted(document_id, version_id, created=True)

    async def get(self, principal: Principal, document_id: UUID) -> Document:
        """Raise ``NotFound`` where there is none that the principal may see."""
        parameters = {**principal_parameters(principal), "id": document_id}
        cursor = await self._connection.execute(f"{_SELECT} where d.id = %(id)s", parameters)
        row = await cursor.fetchone()
        if row is None:
            raise NotFound(_NO_DOCUMENT, remedy=_LIST_THEM)
        return _to_document(row)

    async def list(
        self,
        principal: Principal,
        *,
        collection: str | None,
        state: State | None,
        after: UUID | None,
        limit: int,
        source: str | None = None,
        uri: str | None = None,
    ) -> Sequence[Document]:
        """Return documents by id (that is, by age), those after ``after``."""
        cursor = await self._connection.execute(
            f"""{_SELECT} where (%(collection)s::text is null or d.collection = %(collection)s)
                and (%(state)s::text is null or v.state = %(state)s)
                and (%(source)s::text is null or d.source = %(source)s)
                and (%(uri)s::text is null or d.uri = %(uri)s)
                and (%(after)s::uuid is null or d.id > %(after)s) order by d.id limit %(limit)s""",
            {
                **principal_parameters(principal),
                "collection": collection,
                "state": state,
                "source": source,
                "uri": uri,
                "after": after,
                "limit": limit,
            },
        )
        return [_to_document(row) for row in await cursor.fetchall()]

    async def known(self, principal: Principal, uris: Iterable[str]) -> Set[str]:
        """Return those of the uris that documents which the principal may see have, in whichever collection."""
        cursor = await self._connection.execute(
            f"with own as ({OWN_DOCUMENTS}) select uri from own where uri = any(%(uris)s::text[])",  # noqa: S608
            {**principal_parameters(principal), "uris": list(uris)},
        )
        return {row[0] for row in await cursor.fetchall()}

    async def rename(self, principal: Principal, document_id: UUID, uri: str) -> None:
        """Give the document another uri; its text, chunks and vectors stay. Raise ``NotFound`` or ``Conflict``."""
        old = await self.get(principal, document_id)
        await lock_document(self._connection, document_id)
        try:
            await self._connection.execute("update documents set uri = %s where id = %s", (uri, document_id))
        except UniqueViolation as error:
            raise Conflict(f"The uri {uri!r} is taken in this collection.", remedy="Use another uri.") from error
        await self._connection.execute(
            "update versions set filename = %(new)s where document_id = %(id)s and filename = %(old)s",
            {"id": document_id, "old": _file_name(old.uri), "new": _file_name(uri)},
        )

    async def adopt(self, principal: Principal, document_id: UUID, source: str) -> None:
        """Let a sync of ``source`` keep the document from now on. Raise ``NotFound`` as ``get`` does."""
        await self.get(principal, document_id)
        await self._connection.execute("update documents set source = %s where id = %s", (source, document_id))

    async def delete(self, principal: Principal, document_id: UUID) -> None:
        """Remove the document and everything made from it. Raise ``NotFound`` as ``get`` does."""
        await self.get(principal, document_id)
        await lock_document(self._connection, document_id)
        cursor = await self._connection.execute(
            "select blob_id from versions where document_id = %s and blob_id is not null", (document_id,)
        )
        blobs = [row[0] for row in await cursor.fetchall()]
        await self._connection.execute("delete from documents where id = %s", (document_id,))
        await self._blobs.collect(blobs)

    async def content(self, principal: Principal, document_id: UUID) -> Content:
        """Return the text that citations count in. Raise ``Conflict`` before it is parsed."""
        cursor = await self._connection.execute(_CONTENT, {**principal_parameters(principal), "id": document_id})
        row = await cursor.fetchone()
        if row is None:
            raise NotFound(_NO_DOCUMENT, remedy=_LIST_THEM)
        if row[4] is None:
            raise Conflict(
                "The document's text is not there yet.", remedy="Wait until its state is searchable or ready."
            )
        return Content(*row)

    async def chunks(self, principal: Principal, document_id: UUID, *, after: int, limit: int) -> Sequence[Chunk]:
        """Return the current version's chunks with an ordinal above ``after``, in order."""
        await self.get(principal, document_id)
        parameters = {**principal_parameters(principal), "id": document_id, "after": after, "limit": limit}
        cursor = await self._connection.execute(_CHUNKS, parameters)
        return [to_chunk(row) for row in await cursor.fetchall()]

    async def _find_or_create(self, principal: Principal, document: NewDocument) -> tuple[UUID, _Latest | None]:
        """Return the document of this name, its row locked, and its newest version."""
        collection_id = await PostgresCollections(self._connection).id_of(principal, document.collection)
        cursor = await self._connection.execute(
            """insert into documents (id, tenant, collection_id, uri, latest_version, source, etag, last_modified)
               values (%(id)s, %(tenant)s, %(collection)s, %(uri)s, %(id)s, %(source)s, %(etag)s, %(last_modified)s)
               on conflict (collection_id, uri) do update set source = coalesce(documents.source, excluded.source),
                   etag = excluded.etag, last_modified = excluded.last_modified
               returning id, coalesce(current_version, latest_version)""",
            {
                "id": new_id(),
                "tenant": principal.tenant,
                "collection": collection_id,
                "uri": document.uri,
                "source": document.source,
                "etag": document.etag,
                "last_modified": document.last_modified,
            },
        )
        document_id, shown = (await cursor.fetchall())[0]
        cursor = await self._connection.execute(
            """select latest.id, encode(latest.sha256, 'hex'), latest.given_type, latest.state,
                   shown.readers && %(readers)s::text[], latest.readers && %(readers)s::text[]
               from documents d join versions latest on latest.id = d.latest_version
               join versions shown on shown.id = %(shown)s where d.id = %(id)s""",
            {"id": document_id, "shown": shown, "readers": sorted(principal.readers)},
        )
        row = await cursor.fetchone()
        if row is None:
            return document_id, None
        if not row[4]:
            raise Conflict(
                f"The uri {document.uri!r} is taken in this collection by a document that this key may not read.",
                remedy="Use another uri.",
            )
        # Whether its bytes are these must not show to who may not read them.
        return document_id, _Latest(row[0], row[1], row[2], State(row[3])) if row[5] else None

    async def _relabel(self, document_id: UUID, version_id: UUID, document: NewDocument) -> None:
        """Let what the sender says now stand for the same bytes."""
        await self._connection.execute(
            "update versions set given_title = %(title)s, filename = %(filename)s, metadata = %(metadata)s,"
            " readers = %(readers)s where id = %(id)s",
            {"id": version_id, **_label(document)},
        )
        if await narrow(self._connection, [document_id]):
            await drop_superseded(self._connection, document_id, self._kept)

    async def _add_version(self, document_id: UUID, document: NewDocument, blob: Blob) -> UUID:
        """Make the newest version; those before it go, save the one that answers and the one that is under way."""
        version_id = new_id()
        await self._connection.execute(
            """insert into versions (
                   id, document_id, given_title, filename, metadata, readers, blob_id, media_type, given_type, size,
                   sha256, state)
               values (
                   %(id)s, %(document_id)s, %(title)s, %(filename)s, %(metadata)s, %(readers)s, %(blob_id)s,
                   %(media_type)s, %(media_type)s, %(size)s, decode(%(sha256)s, 'hex'), %(state)s)""",
            {
                "id": version_id,
                "document_id": document_id,
                **_label(document),
                "blob_id": blob.id,
                "media_type": document.media_type,
                "size": blob.size,
                "sha256": blob.sha256,
                "state": State.ACCEPTED,
            },
        )
        await self._connection.execute(
            "update documents set latest_version = %s where id = %s", (version_id, document_id)
        )
        await narrow(self._connection, [document_id])
        await drop_superseded(self._connection, document_id, self._kept)
        return version_id


def _file_name(uri: str) -> str:
    """Return the name of the file that a uri ends in, as its sender would give it."""
    path = uri.partition("#")[0].partition("?")[0]
    return unquote(path.rpartition("/")[2]).replace("\0", "")


def _label(document: NewDocument) -> dict[str, Any]:
    return {
        "title": document.title,
        "filename": document.filename,
        "metadata": Jsonb(dict(document.metadata)),
        "readers": list(document.readers),
    }


async def lock_document(connection: Connection, document_id: UUID) -> None:
    """Lock a document before its versions and their blobs: everybody locks in this order, so none waits in a ring."""
    await connection.execute("select from documents where id = %s for update", (document_id,))


def to_failure(value: dict[str, Any] | None) -> Failure | None:
    """Make a failure of its JSON form."""
    return Failure(**value) if value else None


def _to_document(row: Sequence[Any]) -> Document:
    return Document(
        id=row[0],
        collection=row[1],
        uri=row[2],
        title=row[3],
        media_type=row[4],
        size=row[5],
        sha256=row[6],
        metadata=row[7],
        readers=tuple(row[8]),
        state=State(row[9]),
        job_id=row[10],
        current_version=row[11],
        chunk_count=row[12],
        failure=to_failure(row[13]),
        created_at=row[14],
        updated_at=row[15],
        source=row[16],
        etag=row[17],
        last_modified=row[18],
        unread=row[19],
    )
