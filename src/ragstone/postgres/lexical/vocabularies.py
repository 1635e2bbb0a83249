"""The vocabularies of segments, in memory once a misspelt word was asked for."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import structlog

from ragstone.domain.errors import DatabaseUnavailable
from ragstone.postgres.database import Database
from ragstone.postgres.lexical.corpora import View
from ragstone.postgres.lexical.segments import DamagedSegment, SegmentGone
from ragstone.retrieve.lexical.blocks import Damaged, joined
from ragstone.retrieve.lexical.vocabulary import Vocabulary, vocabulary_of

_BLOCKS_AT_A_TIME = 256
_BLOCKS = "select first, data from lexical_blocks where segment_id = %s and first >= %s order by first limit %s"
_COUNT = "select block_count from lexical_segments where id = %s"
_FIRST_OF_ALL = -(1 << 63)

log = structlog.get_logger(__name__)


class Vocabularies:
    """The vocabularies of segments, read when they are first asked for: those of up to ``most_chunks`` chunks.

    A chunk takes some 200 bytes. A segment never changes, and neither does what is held of it.
    """

    def __init__(self, database: Database, *, most_chunks: int = 1 << 20) -> None:
        self._database = database
        self._most_chunks = most_chunks
        self._held: OrderedDict[int, tuple[int, Vocabulary]] = OrderedDict()
        self._reading: asyncio.Task[bool] | None = None

    async def of(self, views: Sequence[View], patience: float | None) -> list[Vocabulary] | None:
        """Return the vocabulary of each segment.

        ``None`` where there are too many chunks, or they cannot be read. Raises ``TimeoutError`` where that takes more
        than ``patience`` seconds; they are read nevertheless.
        """
        sizes = {view.number: len(view.members.chunk_ids) for view in views}
        if sum(sizes.values()) > self._most_chunks:
            return None
        until = time.monotonic() + (float("inf") if patience is None else patience)
        while missing := {number: chunks for number, chunks in sizes.items() if number not in self._held}:
            if self._reading is None:
                self._reading = asyncio.create_task(self._read_all(missing))
            reading = self._reading
            left = None if patience is None else max(0.0, until - time.monotonic())
            done, _ = await asyncio.wait((reading,), timeout=left)
            if not done:
                raise TimeoutError
            if not reading.result():
                return None
        for number in sizes:
            self._held.move_to_end(number)
        return [self._held[view.number][1] for view in views]

    async def _read_all(self, missing: Mapping[int, int]) -> bool:
        """Read vocabularies and hold them; say whether all could be read."""
        read = {}
        try:
            for number, chunks in missing.items():
                read[number] = (chunks, await self._read(number))
        except (SegmentGone, DamagedSegment, DatabaseUnavailable) as error:
            # A search for words meets the same, and sees to it.
            log.info("vocabulary_not_read", cause=str(error))
            return False
        finally:
            self._reading = None
        self._held |= read
        while sum(chunks for chunks, _ in self._held.values()) > self._most_chunks:
            self._held.popitem(last=False)
        return True

    async def _read(self, number: int) -> Vocabulary:
        """Return the vocabulary of a segment. Raises ``SegmentGone`` or ``DamagedSegment``."""
        parts: list[bytes] = []
        begin = _FIRST_OF_ALL
        async with self._database.connection() as connection:
            row = await (await connection.execute(_COUNT, (number,))).fetchone()
            if row is None:
                raise SegmentGone
            while len(parts) < row[0]:
                cursor = await connection.execute(_BLOCKS, (number, begin, _BLOCKS_AT_A_TIME), binary=True)
                found = await cursor.fetchall()
                if not found:
                    raise DamagedSegment(number)
                parts += [data for _, data in found]
                begin = found[-1][0] + 1
        try:
            return await asyncio.to_thread(lambda: vocabulary_of(joined(parts)))
        except Damaged as error:
            raise DamagedSegment(number) from error
