"""What a scope keeps of the chunks that its principal may find, by its filter."""

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from ragstone.domain.queries import Scope
from ragstone.postgres.database import Connection
from ragstone.postgres.lexical.corpora import View
from ragstone.postgres.visibility import visible
from ragstone.retrieve.lexical.scoring import Mask
from ragstone.retrieve.lexical.segment import Ids

_INSIDE = """
    with visible as ({versions})
    select c.id from chunks c join visible on visible.version_id = c.version_id
    where c.id = any(%(chunk_ids)s) and {chunks}
"""

# Most versions are inside or outside whole; only chunks with metadata of their own are asked one by one.
_WHOLE = """
    with visible as materialized ({versions})
    select (select string_agg(uuid_send(version_id), ''::bytea) from visible where not by_chunk),
        (select string_agg(uuid_send(c.id), ''::bytea) from chunks c join visible on visible.version_id = c.version_id
            where visible.by_chunk and {chunks})
"""


async def chunks_inside(connection: Connection, scope: Scope, chunk_ids: Sequence[UUID]) -> AbstractSet[UUID]:
    """Return those of the chunks that are in ``scope``."""
    seen = visible(scope)
    query = _INSIDE.format(versions=seen.versions, chunks=seen.chunks)
    asked = {**seen.parameters, "chunk_ids": list(chunk_ids)}
    cursor = await connection.execute(query, asked, prepare=seen.prepare)
    return {row[0] for row in await cursor.fetchall()}


async def masks_of(connection: Connection, scope: Scope, views: Sequence[View]) -> list[Mask]:
    """Return for each segment which of its chunks are in ``scope``."""
    seen = visible(scope)
    query = _WHOLE.format(versions=seen.versions, chunks=seen.chunks)
    cursor = await connection.execute(query, seen.parameters, prepare=seen.prepare, binary=True)
    found = (await cursor.fetchall())[0]
    return await asyncio.to_thread(_masks, views, *(np.sort(np.frombuffer(ids or b"", "S16")) for ids in found))


def _masks(views: Sequence[View], versions: NDArray[np.bytes_], chunks: NDArray[np.bytes_]) -> list[Mask]:
    return [
        np.repeat(_among(view.members.version_ids, versions), view.members.sizes)
        | _among(view.members.chunk_ids, chunks)
        for view in views
    ]


def _among(ids: Ids, ordered: NDArray[np.bytes_]) -> Mask:
    """Say of each id whether it is one of those that are ordered."""
    if not len(ordered):
        return np.zeros(len(ids), np.bool_)
    asked = ids.view("S16")
    places = np.minimum(np.searchsorted(ordered, asked), len(ordered) - 1)
    return np.asarray(ordered[places] == asked)
