"""Upkeep of the segments: small ones are merged, what was deleted goes, what is lost or damaged is made anew."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import numpy as np
import structlog
from numpy.typing import NDArray
from psycopg import errors

from ragstone.domain.errors import GaveWay
from ragstone.postgres.changes import PostgresChanges
from ragstone.postgres.database import Connection, Database
from ragstone.postgres.lexical.corpora import FORGOTTEN_SECONDS
from ragstone.postgres.lexical.index import SegmentedLexicalIndex
from ragstone.postgres.lexical.mending import LOCK_TIMEOUT, Mending
from ragstone.postgres.lexical.segments import DamagedSegment, add_segment, drop_segment, load_segment
from ragstone.postgres.record import PostgresRecord
from ragstone.retrieve.lexical.segment import MOST_CHUNKS, Segment, merge

_FEW = 8
"""Segments that may stand beside each other before the small ones of them are merged."""
FULL = MOST_CHUNKS // 2
_QUIET_SECONDS = 10.0
"""After so long without a new segment all small ones become one."""
_SMALL = 4096
"""Chunks of a segment from which what was deleted is taken at once."""
_MOST_DEAD_SECONDS = 600.0
"""The longest that the postings of something deleted stay in a larger one."""
_MOST_DEAD_SHARE = 0.1

_SEGMENTS = """
    select s.collection_id, s.id, s.chunk_count, s.version_count, count(m.version_id),
        extract(epoch from now() - s.created_at), extract(epoch from now() - s.dead_since)
    from lexical_segments s left join lexical_members m on m.segment_id = s.id
    group by s.id having s.made_by = %s or count(m.version_id) = 0
"""
"""Those that are about to be made anew are left alone until nothing is in them."""

_BROKEN = """
    select s.id from lexical_segments s
    where s.block_count <> (select count(*) from lexical_blocks b where b.segment_id = s.id)
"""

# What is forgotten is before every snapshot from now on, so it is enough to know the newest of it.
_FORGET = """
    with gone as (
        delete from visibility_changes
        where noted_at < now() - make_interval(secs => %s) and xid < pg_snapshot_xmin(pg_current_snapshot())
        returning xid)
    update visibility_changes_forgotten
    set newest = greatest(newest, (select xid from gone order by xid desc limit 1)) where exists (select from gone)
"""

log = structlog.get_logger(__name__)


class _Entry(NamedTuple):
    """A segment. ``members`` are those of its ``versions`` that are there still; ``dead`` since how many seconds."""

    collection_id: UUID
    number: int
    chunks: int
    versions: int
    members: int
    age: float
    dead: float | None

    @property
    def has_dead(self) -> bool:
        return self.members < self.versions

    @property
    def overdue(self) -> bool:
        """Whether what is dead in it must go now."""
        share = 1 - self.members / self.versions
        return self.has_dead and (
            self.chunks <= _SMALL or share > _MOST_DEAD_SHARE or (self.dead or 0.0) > _MOST_DEAD_SECONDS
        )


class Upkeep:
    """Keeps the segments of all collections few, whole and free of what was deleted. One process at a time does."""

    def __init__(self, database: Database, record: PostgresRecord, index: SegmentedLexicalIndex) -> None:
        self._database = database
        self._index = index
        self._mending = Mending(database, record, index)

    async def tend(self) -> bool:
        """Merge and clean what is due; return whether there was anything."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(_SEGMENTS, (self._index.made_by,))
            entries = [_Entry(*row) for row in await cursor.fetchall()]
            dying = [each.number for each in entries if each.has_dead and each.dead is None]
            await connection.execute("update lexical_segments set dead_since = now() where id = any(%s)", (dying,))
        due = list(_due(entries))
        for batch in due:
            await self._merge(batch)
        return bool(due)

    async def called(self) -> bool:
        """Say whether a search has seen since ``mend`` last looked that words are lost."""
        return await self._mending.called()

    async def mend(self) -> int:
        """Make anew what is lost, damaged or made otherwise than now; return of how many versions."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(_BROKEN)
            for (number,) in await cursor.fetchall():
                log.warning("words_dropped", segment=number, remedy="its versions are indexed anew")
                await drop_segment(connection, number)
            await connection.execute(_FORGET, (FORGOTTEN_SECONDS,))
        await PostgresChanges(self._database).forget()
        return await self._mending.mend()

    async def outdate(self) -> None:
        """Have ``mend`` make everything anew. What is there is searched until then."""
        async with self._database.connection() as connection:
            await connection.execute(
                "update lexical_segments set made_by = '' where made_by = %s", (self._index.made_by,)
            )

    async def _merge(self, batch: Sequence[_Entry]) -> None:
        numbers = sorted(each.number for each in batch)
        try:
            async with self._database.connection() as connection:
                segments = [await load_segment(connection, number) for number in numbers]
                members = await _members(connection, numbers)
            merged = await asyncio.to_thread(_merged, numbers, segments, members)
            async with self._database.connection() as connection:
                await _replace(connection, batch[0].collection_id, self._index.made_by, numbers, merged)
        except DamagedSegment as error:
            async with self._database.connection() as connection:
                await drop_segment(connection, error.number)
        except (errors.LockNotAvailable, GaveWay):
            log.info("words_merge_delayed", segments=len(numbers))
        else:
            log.info("words_merged", segments=len(numbers), chunks=len(merged.members.chunk_ids) if merged else 0)


def _due(entries: Sequence[_Entry]) -> list[list[_Entry]]:
    """Return the segments that are to become one, for each collection."""
    collections: dict[UUID, list[_Entry]] = {}
    for each in sorted(entries, key=lambda each: (each.chunks, each.number)):
        collections.setdefault(each.collection_id, []).append(each)
    due = []
    for those in collections.values():
        due += [[each] for each in those if each.overdue and each.chunks >= FULL]
        due += _batches([each for each in those if each.chunks < FULL])
    return due


def _batches(small: Sequence[_Entry]) -> list[list[_Entry]]:
    """Return which of a collection's small segments, the smallest first, are to become one each.

    While there is news, those go together that weigh no less than the next one: each posting is then written as
    often as the logarithm of their number.
    """
    quiet = bool(small) and min(each.age for each in small) > _QUIET_SECONDS
    batch: list[_Entry] = []
    chunks = 0
    for each in small:
        together = quiet or len(batch) < _FEW or each.chunks <= chunks
        if not together or chunks + each.chunks > MOST_CHUNKS:
            break
        batch.append(each)
        chunks += each.chunks
    if len(batch) >= _FEW or (quiet and len(batch) > 1):
        return [batch]
    return [[each] for each in small if each.overdue]


async def _members(connection: Connection, numbers: Sequence[int]) -> Mapping[int, NDArray[np.void]]:
    cursor = await connection.execute(
        "select segment_id, string_agg(uuid_send(version_id), ''::bytea) from lexical_members"
        " where segment_id = any(%s) group by segment_id",
        (list(numbers),),
        binary=True,
    )
    return {number: np.frombuffer(ids, "V16") for number, ids in await cursor.fetchall()}


def _merged(
    numbers: Sequence[int], segments: Sequence[Segment], members: Mapping[int, NDArray[np.void]]
) -> Segment | None:
    """Return the segment that holds what is left of several, or ``None``."""
    none = np.empty(0, "V16")
    kept = [
        np.isin(segment.members.version_ids.view("S16"), members.get(number, none).view("S16"))
        for number, segment in zip(numbers, segments, strict=True)
    ]
    return merge(segments, kept) if any(each.any() for each in kept) else None


async def _replace(
    connection: Connection, collection_id: UUID, made_by: str, numbers: Sequence[int], merged: Segment | None
) -> None:
    """Put one segment in the place of several. What was deleted or indexed anew meanwhile stays so."""
    await connection.execute("select set_config('lock_timeout', %s, true)", (LOCK_TIMEOUT,))
    if merged is not None:
        number = await add_segment(connection, collection_id, made_by, merged)
        await connection.execute(
            "update lexical_members set segment_id = %s where segment_id = any(%s)", (number, list(numbers))
        )
    await connection.execute("delete from lexical_segments where id = any(%s)", (list(numbers),))
