"""Segments in their tables."""

import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import numpy as np

from ragstone.postgres.database import Connection
from ragstone.postgres.lexical.calls import call_with
from ragstone.retrieve.computing import computed
from ragstone.retrieve.lexical.blocks import NO_POSTING, Damaged, Posting, blocks, joined, posting_in, signed
from ragstone.retrieve.lexical.segment import Members, Segment

_ADD = """
    insert into lexical_segments (collection_id, made_by, chunk_count, version_count, block_count, members)
    values (%(collection_id)s, %(made_by)s, %(chunks)s, %(versions)s, %(blocks)s, %(members)s) returning id
"""

_FETCH = """
    select segment, term, b.data, s.id is not null
    from unnest(%(segments)s::bigint[], %(terms)s::bigint[]) asked (segment, term)
    left join lexical_segments s on s.id = segment
    left join lateral (
        select data from lexical_blocks where segment_id = segment and first <= term order by first desc limit 1
    ) b on true
"""

# A version of more chunks than a segment has is in several: with one of them its words are lost in all.
_LEAVE_WHOLE = """
    delete from lexical_members where segment_id <> %(number)s
        and version_id in (select version_id from lexical_members where segment_id = %(number)s)
"""

_BRIEF = 256 << 10
"""Bytes of postings that are unpacked in half a millisecond."""


class DamagedSegment(Exception):
    """A segment is not what was written, or not all there. Its versions are to be indexed anew."""

    def __init__(self, number: int) -> None:
        super().__init__(f"Segment {number} of the words is damaged.")
        self.number = number


class SegmentGone(Exception):
    """A segment was merged into another one since it was looked at."""


class Stored(NamedTuple):
    """A segment's members, and how many blocks its postings take."""

    members: Members
    block_count: int


async def add_segment(connection: Connection, collection_id: UUID, made_by: str, segment: Segment) -> int:
    """Store a segment and return its number. Nothing is a member of it yet."""
    rows = list(blocks(segment.postings))
    cursor = await connection.execute(
        _ADD,
        {
            "collection_id": collection_id,
            "made_by": made_by,
            "chunks": len(segment.members.chunk_ids),
            "versions": len(segment.members.version_ids),
            "blocks": len(rows),
            "members": pack(segment.members),
        },
    )
    number = int((await cursor.fetchall())[0][0])
    copy_in = "copy lexical_blocks (segment_id, first, data) from stdin (format binary)"
    async with connection.cursor() as writing, writing.copy(copy_in) as copy:
        copy.set_types(["int8", "int8", "bytea"])
        for first, data in rows:
            await copy.write_row((number, first, data))
    return number


async def drop_segment(connection: Connection, number: int) -> None:
    """Let a segment go; its versions are indexed anew by the worker that keeps the words, which is called."""
    await connection.execute("select from lexical_segments where id = %s for update", (number,))
    await connection.execute(_LEAVE_WHOLE, {"number": number})
    await connection.execute("delete from lexical_segments where id = %s", (number,))
    await call_with(connection)


async def load_members(connection: Connection, numbers: Sequence[int]) -> Mapping[int, Stored]:
    """Return the members of those of the segments that are there. Raises ``DamagedSegment``."""
    cursor = await connection.execute(
        "select id, chunk_count, version_count, members, block_count from lexical_segments where id = any(%s)",
        (list(numbers),),
        binary=True,
    )
    return {number: Stored(_members(number, *rest), count) for number, *rest, count in await cursor.fetchall()}


def _members(number: int, chunks: int, versions: int, packed: bytes) -> Members:
    try:
        return unpack(packed, chunks, versions)
    except Damaged as error:
        raise DamagedSegment(number) from error


async def load_segment(connection: Connection, number: int) -> Segment:
    """Return a whole segment. Raises ``DamagedSegment``, also where a part of it is not there."""
    stored = (await load_members(connection, [number])).get(number)
    if stored is None:
        raise DamagedSegment(number)
    cursor = await connection.execute(
        "select data from lexical_blocks where segment_id = %s order by first", (number,), binary=True
    )
    parts = [row[0] for row in await cursor.fetchall()]
    if len(parts) != stored.block_count:
        raise DamagedSegment(number)
    try:
        return Segment(stored.members, joined(parts))
    except Damaged as error:
        raise DamagedSegment(number) from error


async def fetch(connection: Connection, wanted: Sequence[tuple[int, int]]) -> Mapping[tuple[int, int], Posting]:
    """Return the postings of pairs of a segment's number and a term. Raises ``SegmentGone`` or ``DamagedSegment``."""
    asked = {(segment, signed(term)): (segment, term) for segment, term in wanted}
    cursor = await connection.execute(
        _FETCH,
        {"segments": [segment for segment, _ in asked], "terms": [term for _, term in asked]},
        binary=True,
    )
    rows = await cursor.fetchall()
    if not all(there for *_, there in rows):
        raise SegmentGone
    packed = {asked[segment, term]: data for segment, term, data, _ in rows}
    # Unpacking a few large ones takes tens of milliseconds.
    brief = sum(len(data or b"") for data in packed.values()) <= _BRIEF
    return await computed(brief, lambda: {wanted: _posting(wanted, data) for wanted, data in packed.items()})


def _posting(wanted: tuple[int, int], data: bytes | None) -> Posting:
    segment, term = wanted
    if data is None:  # it is before the first term of all
        return NO_POSTING
    try:
        return posting_in(data, term)
    except Damaged as error:
        raise DamagedSegment(segment) from error


def pack(members: Members) -> bytes:
    """Return members as bytes: a CRC-32 of the rest, then each array, and a byte of their unit where it is not 1."""
    body = b"".join(
        (
            members.chunk_ids.tobytes(),
            members.lengths.tobytes(),
            members.version_ids.tobytes(),
            members.sizes.tobytes(),
            bytes([members.unit]) if members.unit > 1 else b"",
        )
    )
    return zlib.crc32(body).to_bytes(4, "little") + body


def unpack(packed: bytes, chunks: int, versions: int) -> Members:
    """Return the members that ``pack`` made these bytes of. Raises ``Damaged``."""
    body = memoryview(packed)[4:]
    if zlib.crc32(body) != int.from_bytes(packed[:4], "little") or len(body) - 20 * (chunks + versions) not in (0, 1):
        raise Damaged("The members of a segment are damaged.")
    return Members(
        np.frombuffer(body, "V16", chunks),
        np.frombuffer(body, np.uint32, chunks, offset=16 * chunks),
        np.frombuffer(body, "V16", versions, offset=20 * chunks),
        np.frombuffer(body, np.uint32, versions, offset=20 * chunks + 16 * versions),
        body[-1] if len(body) % 20 else 1,
    )
