"""Bytes of documents, in parts, each distinct content once per tenant."""

import hashlib
from collections.abc import AsyncIterator
from itertools import count
from uuid import UUID

from ragstone.domain.ids import new_id
from ragstone.ports.blobs import Blob
from ragstone.postgres.database import Connection


class PostgresBlobs:
    """The ``Blobs`` of the record port."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def write(self, parts: AsyncIterator[bytes]) -> Blob:
        """Store the parts; the blob counts once ``keep`` took it. Locks nothing that others wait for."""
        fresh, size, digest, ordinal = new_id(), 0, hashlib.sha256(), 0
        async for part in parts:
            await self._connection.execute(
                "insert into blob_parts (blob_id, ordinal, data) values (%s, %s, %b)", (fresh, ordinal, part)
            )
            digest.update(part)
            size += len(part)
            ordinal += 1
        return Blob(fresh, digest.hexdigest(), size)

    async def keep(self, tenant: str, blob: Blob) -> Blob:
        """Take a blob that was written, or the tenant's own of the same bytes, which are then not stored twice."""
        # The update takes the row's lock, so that a concurrent collection of garbage waits for us.
        cursor = await self._connection.execute(
            "insert into blobs (id, tenant, sha256, size) values (%s, %s, decode(%s, 'hex'), %s)"
            " on conflict (tenant, sha256) do update set size = excluded.size returning id",
            (blob.id, tenant, blob.sha256, blob.size),
        )
        kept = (await cursor.fetchall())[0][0]
        if kept != blob.id:
            await self.discard(blob)
        return Blob(kept, blob.sha256, blob.size)

    async def discard(self, blob: Blob) -> None:
        """Remove what was written for a blob that is not kept."""
        await self._connection.execute("delete from blob_parts where blob_id = %s", (blob.id,))

    async def read(self, blob_id: UUID) -> bytearray:
        """Return the whole content, which is in memory once: parts are fetched one by one."""
        content = bytearray()
        cursor = self._connection.cursor(binary=True)
        for ordinal in count():
            await cursor.execute("select data from blob_parts where blob_id = %s and ordinal = %s", (blob_id, ordinal))
            row = await cursor.fetchone()
            if row is None:
                break
            content += row[0]
        return content

    async def collect(self, blob_ids: list[UUID]) -> None:
        """Remove those of the blobs that no version refers to any more."""
        await self._connection.execute("select from blobs where id = any(%s) order by id for update", (blob_ids,))
        await self._connection.execute(
            "delete from blobs b where id = any(%s) and not exists (select from versions where blob_id = b.id)",
            (blob_ids,),
        )
