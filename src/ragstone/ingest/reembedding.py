"""Another embedding model without a pause: a second space is filled beside the one that answers, then takes its place.

Filling is stateless: what has no vector in the space is embedded next, so that it goes on where it was after a kill,
and what was added meanwhile is found like the rest.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from ragstone.domain.documents import Failure
from ragstone.domain.errors import ConfigurationError, EmbeddingRefused, RagstoneError, Unavailable
from ragstone.ports.embedder import Embedder
from ragstone.ports.embedding_spaces import EmbeddingSpace, Place, Role
from ragstone.ports.record import Record
from ragstone.ports.vector_index import VectorIndex

EmbedderOf = Callable[[EmbeddingSpace], Awaitable[Embedder]]

_STAGE = "reembed"
_PAUSE_SECONDS = 5.0

log = structlog.get_logger(__name__)


class Reembedding:
    """Fills the space that has the role for it, ``batch`` chunks at a time, and swaps when it is full."""

    def __init__(self, record: Record, vectors: VectorIndex, embedder_of: EmbedderOf, *, batch: int) -> None:
        self._record = record
        self._vectors = vectors
        self._embedder_of = embedder_of
        self._batch = batch

    async def wanted(self) -> bool:
        """Say whether there is a space to be filled."""
        async with self._record.transaction() as transaction:
            return await transaction.spaces.of_role(Role.FILLING) is not None

    async def fill(self) -> float:
        """Fill until nothing is missing; return the seconds to wait before the next time.

        Raises ``DatabaseUnavailable``. Any other trouble is noted on the space and tried again later.
        """
        async with self._record.transaction() as transaction:
            space = await transaction.spaces.of_role(Role.FILLING)
        if space is None:
            return 0.0
        try:
            await self._fill(space, await self._embedder_of(space))
            await self._vectors.tune(space.model, space.version)  # before questions come to it
        except (EmbeddingRefused, ConfigurationError) as error:
            await self._note(space, error)
        except Unavailable as error:
            await self._note(space, error)
            return error.retry_after or _PAUSE_SECONDS
        else:
            return 0.0 if await self._finish(space) else _PAUSE_SECONDS
        return _PAUSE_SECONDS

    async def _fill(self, space: EmbeddingSpace, embedder: Embedder) -> None:
        place: Place | None = None
        while True:
            begun = time.monotonic()
            async with self._record.transaction() as transaction:
                if not _same(await transaction.spaces.of_role(Role.FILLING), space):
                    return
                missing = await transaction.spaces.unfilled(space, place, self._batch)
                if missing is None:
                    return
                known = await self._vectors.reuse(transaction, embedder.model, missing.texts)
            texts = {chunk_id: text for chunk_id, text in missing.texts.items() if chunk_id not in known}
            if texts:
                vectors = await embedder.embed(list(texts.values()))
                async with self._record.transaction() as transaction:
                    there = await transaction.spaces.still_there(list(texts))
                    rows = [row for row, chunk_id in enumerate(texts) if chunk_id in there]
                    kept = {chunk_id: text for chunk_id, text in texts.items() if chunk_id in there}
                    await self._vectors.upsert(transaction, embedder.model, kept, vectors[rows])
            place = missing.last
            if space.chunks_per_second:
                spare = len(texts) / space.chunks_per_second - (time.monotonic() - begun)
                await asyncio.sleep(max(0.0, spare))

    async def _finish(self, space: EmbeddingSpace) -> bool:
        """Swap if that is wanted; say whether there is nothing more to wait for."""
        async with self._record.transaction() as transaction:
            if space.trouble:
                await transaction.spaces.note_trouble(space, None)
            if space.swap_when_full and _same(await transaction.spaces.of_role(Role.FILLING), space):
                swapped = await transaction.spaces.swap(space)
                log.info("embedding_space_full", model=space.model, swapped=swapped)
                return True
        return False

    async def _note(self, space: EmbeddingSpace, error: RagstoneError) -> None:
        log.warning("reembedding_stands_still", model=space.model, cause=error.message)
        trouble = Failure(_STAGE, error.code, error.message, error.remedy, retryable=True)
        async with self._record.transaction() as transaction:
            await transaction.spaces.note_trouble(space, trouble)


def _same(found: EmbeddingSpace | None, space: EmbeddingSpace) -> bool:
    return found is not None and found.id == space.id
