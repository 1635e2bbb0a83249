"""Whether the index of words says what the texts say: what was stored is compared with what would be made now."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple
from uuid import UUID

import numpy as np

from ragstone.ports.lexical_index import Entry
from ragstone.postgres.chunks import CHUNK_COLUMNS, to_chunk
from ragstone.postgres.database import Connection
from ragstone.postgres.lexical.making import count_words, weights_of
from ragstone.postgres.lexical.segments import DamagedSegment, load_segment
from ragstone.retrieve.lexical.fields import FieldWeights
from ragstone.retrieve.lexical.segment import Segment, merge, segment_of

_MEMBERS = """
    select m.segment_id, s.made_by, v.id, v.document_id, v.indexed_title, m.language from lexical_members m
    join lexical_segments s on s.id = m.segment_id join versions v on v.id = m.version_id
    order by m.segment_id, v.id
"""


class _Member(NamedTuple):
    weights: FieldWeights
    version_id: UUID
    document_id: UUID
    title: str
    language: str


async def wrong_words(connection: Connection) -> AsyncIterator[UUID]:
    """Yield the documents whose words are damaged, or are not those of their chunks. Reads all of them."""
    cursor = await connection.execute(_MEMBERS)
    members: dict[int, list[_Member]] = {}
    for number, made_by, *rest in await cursor.fetchall():
        if weights := weights_of(made_by):
            members.setdefault(number, []).append(_Member(weights, *rest))
    for number, those in members.items():
        try:
            segment = await load_segment(connection, number)
        except DamagedSegment:
            for each in those:
                yield each.document_id
            continue
        for each in those:
            if not await _is_right(connection, segment, each):
                yield each.document_id


async def _is_right(connection: Connection, segment: Segment, member: _Member) -> bool:
    cursor = await connection.execute(
        f"select {CHUNK_COLUMNS} from chunks c where c.version_id = %s order by c.ordinal",  # noqa: S608 (no input)
        (member.version_id,),
    )
    of_version = segment.members.version_ids == np.void(member.version_id.bytes)
    chunks = [to_chunk(row) for row in await cursor.fetchall()]
    if not of_version.any() or not chunks:
        return False
    stored = await asyncio.to_thread(merge, [segment], [of_version])
    # A version of more chunks than a segment has is in several.
    here = {bytes(each) for each in stored.members.chunk_ids}
    entry = Entry(member.version_id, member.title, [each for each in chunks if each.id.bytes in here])
    counted = await count_words(entry, member.language, member.weights)
    return _arrays(stored) == _arrays(await asyncio.to_thread(segment_of, [counted], member.weights.unit))


def _arrays(segment: Segment) -> Mapping[str, bytes]:
    return {
        name: np.asarray(getattr(part, name)).tobytes()
        for part in (segment.members, segment.postings)
        for name in part.__dataclass_fields__
    }
