"""Words that are lost, or were made otherwise than now, are made anew from the chunks: of many versions at a time."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any
from uuid import UUID

from psycopg import errors

from ragstone.domain.documents import Chunk
from ragstone.domain.errors import GaveWay
from ragstone.ports.lexical_index import Entry
from ragstone.postgres.chunks import CHUNK_COLUMNS, to_chunk
from ragstone.postgres.database import Connection, Database
from ragstone.postgres.lexical.calls import Calls
from ragstone.postgres.lexical.index import SegmentedLexicalIndex
from ragstone.postgres.lexical.reading import ANSWERS, LACKS_WORDS
from ragstone.postgres.record import PostgresRecord
from ragstone.postgres.visibility import TITLE

_MOST_CHUNKS = 4096
"""Of one transaction: to begin and to end one takes as long as the words of tens of chunks, and who wants to change a
version waits until it ends."""
_VERSIONS_AT_A_TIME = 4096
_FIRST_OF_ALL = UUID(int=0)
LOCK_TIMEOUT = "500ms"
"""Less than PostgreSQL takes to look for a deadlock: it is the upkeep that gives way."""

_LOST = f"{ANSWERS} and {LACKS_WORDS}"
_OUTDATED = """exists (
        select from lexical_members m join lexical_segments s on s.id = m.segment_id
        where m.version_id = v.id and s.made_by <> %(made_by)s)
    and exists (select from chunks c where c.version_id = v.id)"""

# The title is read once nobody can change it; and who holds a version may wait for another one that we have.
_HOLD = f"""
    select v.id, coalesce(v.indexed_title, {TITLE})
    from versions v join documents d on d.id = v.document_id
    where v.id = any(%s) order by v.id for no key update of v"""  # noqa: S608 (no input)

_CHUNKS = f"""
    select c.version_id, {CHUNK_COLUMNS} from chunks c where c.version_id = any(%s) order by c.version_id, c.ordinal
"""  # noqa: S608 (no input)


class Mending:
    """Makes words anew. One process at a time does."""

    def __init__(self, database: Database, record: PostgresRecord, index: SegmentedLexicalIndex) -> None:
        self._database = database
        self._record = record
        self._index = index
        self._calls = Calls(database)
        self._heard = 0

    async def called(self) -> bool:
        """Say whether somebody has seen since we last looked that words are lost."""
        return await self._calls.count() != self._heard

    async def mend(self) -> int:
        """Make anew what is lost, then what was made otherwise than now; return of how many versions."""
        made = await self._make_lost()
        async for lot in self._lots(_OUTDATED):
            made += await self._make(lot)
            if await self.called():  # what is outdated is found meanwhile, and what is lost is not
                made += await self._make_lost()
        return made

    async def _make_lost(self) -> int:
        self._heard = await self._calls.count()
        return sum([await self._make(lot) async for lot in self._lots(_LOST)])

    async def _lots(self, condition: str) -> AsyncIterator[list[UUID]]:
        """Yield the versions ``v`` of which this holds, each once, in lots for one transaction each."""
        last: UUID | None = _FIRST_OF_ALL
        while last is not None:
            async with self._database.connection() as connection:
                cursor = await connection.execute(
                    f"select v.id, v.chunk_count from versions v where v.id > %(last)s and {condition}"  # noqa: S608
                    f" order by v.id limit {_VERSIONS_AT_A_TIME}".encode(),
                    {"last": last, "made_by": self._index.made_by},
                )
                found = await cursor.fetchall()
            for lot in _in_lots(found):
                yield lot
            last = found[-1][0] if len(found) == _VERSIONS_AT_A_TIME else None

    async def _make(self, version_ids: Sequence[UUID]) -> int:
        """Index versions; return how many.

        One that somebody else is at is not waited for while others are held: nobody waits in a ring. It has its turn
        by itself, afterwards.
        """
        if len(version_ids) == 1:
            return await self._make_one(version_ids[0])
        try:
            made = await self._index_anew(version_ids, f"{_HOLD} skip locked")
        except (errors.LockNotAvailable, GaveWay):
            made = set()
        return len(made) + sum([await self._make_one(each) for each in version_ids if each not in made])

    async def _make_one(self, version_id: UUID) -> int:
        try:
            return len(await self._index_anew([version_id], _HOLD))
        except GaveWay:
            return 0  # to be tried again when words are looked for next

    async def _index_anew(self, version_ids: Sequence[UUID], hold: str) -> set[UUID]:
        """Index those of the versions that are there and can be held; return which."""
        async with self._record.transaction() as transaction:
            connection = transaction.connection
            if len(version_ids) > 1:
                await connection.execute("select set_config('lock_timeout', %s, true)", (LOCK_TIMEOUT,))
            cursor = await connection.execute(hold.encode(), (list(version_ids),))
            titles: dict[UUID, str] = dict(await cursor.fetchall())
            chunks = await _chunks(connection, list(titles))
            entries = [Entry(each, titles[each], those) for each, those in chunks.items()]
            await self._index.add(transaction, entries)
        return set(chunks)


def _in_lots(versions: Sequence[tuple[UUID, int]]) -> Iterator[list[UUID]]:
    """Yield versions, each with how many chunks it has, in lots of as many as one transaction takes, or of one."""
    lot: list[UUID] = []
    chunks = 0
    for version_id, count in versions:
        if lot and chunks + count > _MOST_CHUNKS:
            yield lot
            lot, chunks = [], 0
        lot.append(version_id)
        chunks += count
    if lot:
        yield lot


async def _chunks(connection: Connection, version_ids: Sequence[UUID]) -> dict[UUID, list[Chunk]]:
    """Return the chunks of each version that has any."""
    cursor = await connection.execute(_CHUNKS, (list(version_ids),))
    rows = await cursor.fetchall()
    return await asyncio.to_thread(_by_version, rows)


def _by_version(rows: Sequence[Sequence[Any]]) -> dict[UUID, list[Chunk]]:
    chunks: defaultdict[UUID, list[Chunk]] = defaultdict(list)
    for version_id, *row in rows:
        chunks[version_id].append(to_chunk(row))
    return dict(chunks)
