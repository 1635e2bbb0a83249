"""Collections of a tenant."""

from collections.abc import Sequence
from uuid import UUID

from ragstone.domain.access import Principal
from ragstone.domain.documents import LONGEST_COLLECTION_NAME
from ragstone.domain.errors import Conflict, InvalidRequest, NotFound
from ragstone.domain.ids import new_id
from ragstone.ports.collections import Collection
from ragstone.postgres.blobs import PostgresBlobs
from ragstone.postgres.database import Connection
from ragstone.postgres.visibility import OWN_DOCUMENTS, principal_parameters

# Counts are of what the principal may read, so that they tell nobody of documents kept from him.
_SELECT = f"""
    with own as ({OWN_DOCUMENTS})
    select l.id, l.name, count(own.id), coalesce(sum(v.chunk_count), 0), l.created_at
    from collections l
    left join own on own.collection_id = l.id
    left join versions v on v.id = own.current_version
    where l.tenant = %(tenant)s and (%(name)s::text is null or l.name = %(name)s)
    group by l.id order by l.name
"""  # noqa: S608 (no input)

_HIDDEN = f"""
    with own as ({OWN_DOCUMENTS})
    select exists (select from documents d
        where d.collection_id = %(id)s and not exists (select from own where own.id = d.id))
"""  # noqa: S608 (no input)


class PostgresCollections:
    """The ``Collections`` of the record port."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(self, principal: Principal, name: str) -> bool:
        """Create ``name``; return whether it was not there. Raise ``InvalidRequest`` for a name that will not do."""
        if not 0 < len(name) <= LONGEST_COLLECTION_NAME or not name.isprintable():
            raise InvalidRequest(
                f"A collection's name has 1 to {LONGEST_COLLECTION_NAME} printable characters.",
                remedy="Choose another name.",
            )
        cursor = await self._connection.execute(
            "insert into collections (id, tenant, name) values (%s, %s, %s) on conflict do nothing",
            (new_id(), principal.tenant, name),
        )
        return cursor.rowcount == 1

    async def id_of(self, principal: Principal, name: str) -> UUID:
        """Return the id, without the counts, for which all documents are looked at. Raise ``NotFound``."""
        cursor = await self._connection.execute(
            "select id from collections where tenant = %s and name = %s", (principal.tenant, name)
        )
        row = await cursor.fetchone()
        if row is None:
            raise _no_collection(name)
        return UUID(str(row[0]))

    async def get(self, principal: Principal, name: str) -> Collection:
        """Raise ``NotFound`` for a name that the principal's tenant does not have."""
        found = await self._select(principal, name)
        if not found:
            raise _no_collection(name)
        return found[0]

    async def remove(self, principal: Principal, name: str) -> int:
        """Remove the collection with its documents and everything made from them; return how many these were.

        Raise ``NotFound``, and ``Conflict`` where it holds a document that the principal may not read.
        """
        collection_id = await self.id_of(principal, name)
        await self._lock(collection_id)
        cursor = await self._connection.execute(_HIDDEN, {"id": collection_id, **principal_parameters(principal)})
        if await cursor.fetchone() == (True,):
            raise Conflict(
                f"The collection {name!r} holds documents that this key may not read.",
                remedy="Use a key that holds all their readers, or delete the documents that this one may read.",
            )
        cursor = await self._connection.execute(
            "select distinct v.blob_id from versions v join documents d on d.id = v.document_id"
            " where d.collection_id = %s and v.blob_id is not null",
            (collection_id,),
        )
        blobs = [row[0] for row in await cursor.fetchall()]
        cursor = await self._connection.execute("delete from documents where collection_id = %s", (collection_id,))
        removed = cursor.rowcount
        await self._connection.execute("delete from collections where id = %s", (collection_id,))
        await PostgresBlobs(self._connection).collect(blobs)
        return removed

    async def _lock(self, collection_id: UUID) -> None:
        """Lock the documents, so that no worker stores what it made of them; then keep others from coming."""
        documents = "select from documents where collection_id = %s order by id for update"
        await self._connection.execute(documents, (collection_id,))
        await self._connection.execute("select from collections where id = %s for update", (collection_id,))
        await self._connection.execute(documents, (collection_id,))

    async def list(self, principal: Principal) -> Sequence[Collection]:
        """Return all, by name; counts are of what the principal may see."""
        return await self._select(principal, None)

    async def _select(self, principal: Principal, name: str | None) -> Sequence[Collection]:
        cursor = await self._connection.execute(_SELECT, {**principal_parameters(principal), "name": name})
        return [Collection(*row) for row in await cursor.fetchall()]


def _no_collection(name: str) -> NotFound:
    return NotFound(
        f"There is no collection named {name!r}.",
        remedy="GET /v1/collections lists them; POST /v1/collections makes one.",
    )
