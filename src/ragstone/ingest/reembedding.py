"""Another embedding model without a pause: a second space is filled beside the one that answers, then takes its place.

Filling is stateless: what has no vector in the space is embedded next, so that it goes on where it was after a kill,
and what was added meanwhile is found like the rest. What is wanted of the filling may change while it goes on: whether
to swap, and how fast to be, is read anew each time that it matters.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from uuid import UUID

import numpy as np
import structlog

from ragstone.domain.documents import Failure
from ragstone.domain.errors import ConfigurationError, EmbeddingRefused, RagstoneError, Unavailable
from ragstone.ports.embedder import Embedder
from ragstone.ports.embedding_spaces import EmbeddingSpace, Place, Refused, Role
from ragstone.ports.record import Record, Transaction
from ragstone.ports.vector_index import VectorIndex

EmbedderOf = Callable[[EmbeddingSpace], Awaitable[Embedder]]

_STAGE = "reembed"
_PAUSE_SECONDS = 5.0
_LOOK_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Reembedding:
    """Fills the space that has the role for it, ``batch`` chunks at a time, and swaps when it is full."""

    def __init__(self, record: Record, vectors: VectorIndex, embedder_of: EmbedderOf, *, batch: int) -> None:
        self._record = record
        self._vectors = vectors
        self._embedder_of = embedder_of
        self._batch = batch
        self._filled: EmbeddingSpace | None = None

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
        self._filled = space
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

    async def rest(self, seconds: float) -> None:
        """Wait before the next filling; no longer, once another space is to be filled than the one before."""
        until = time.monotonic() + seconds
        while self._filled and (left := until - time.monotonic()) > 0:
            async with self._record.transaction() as transaction:
                if await _still(transaction, self._filled) is None:
                    return
            await asyncio.sleep(min(left, _LOOK_SECONDS))

    async def _fill(self, space: EmbeddingSpace, embedder: Embedder) -> None:
        place: Place | None = None
        while True:
            begun = time.monotonic()
            async with self._record.transaction() as transaction:
                if await _still(transaction, space) is None:
                    return
                missing = await transaction.spaces.unfilled(space, place, self._batch)
                if missing is None:
                    return
                known = await self._vectors.reuse(transaction, embedder.model, missing.texts)
            texts = {chunk_id: text for chunk_id, text in missing.texts.items() if chunk_id not in known}
            if texts:
                await self._embed(space, embedder, texts)
            async with self._record.transaction() as transaction:
                await _tell_refused(transaction, space)
            place = missing.last
            await self._keep_rate(space, len(texts), begun)

    async def _embed(self, space: EmbeddingSpace, embedder: Embedder, texts: Mapping[UUID, str]) -> None:
        """Store the vector of each text, or that it was refused; then raise what else went wrong.

        Each is a call of its own, and they leave in full batches all the same: one that is refused costs the others
        nothing.
        """
        calls = (embedder.embed([text]) for text in texts.values())
        results = dict(zip(texts, await asyncio.gather(*calls, return_exceptions=True), strict=True))
        async with self._record.transaction() as transaction:
            there = await transaction.spaces.still_there(list(texts))
            vectors = {chunk_id: each for chunk_id, each in results.items() if isinstance(each, np.ndarray)}
            made = {chunk_id: texts[chunk_id] for chunk_id in vectors if chunk_id in there}
            if made:
                stacked = np.concatenate([vectors[chunk_id] for chunk_id in made])
                await self._vectors.upsert(transaction, embedder.model, made, stacked)
            refusals = {chunk_id: each for chunk_id, each in results.items() if isinstance(each, EmbeddingRefused)}
            await transaction.spaces.note_refused(space, {key: refusals[key] for key in refusals if key in there})
        for each in results.values():
            if isinstance(each, BaseException) and not isinstance(each, EmbeddingRefused):
                raise each

    async def _keep_rate(self, space: EmbeddingSpace, chunks: int, begun: float) -> None:
        """Wait until so many chunks are no more than the rate allows since ``begun``; it may be changed meanwhile."""
        while True:
            async with self._record.transaction() as transaction:
                now = await _still(transaction, space)
            if now is None or not now.chunks_per_second:
                return
            spare = chunks / now.chunks_per_second - (time.monotonic() - begun)
            if spare <= 0:
                return
            await asyncio.sleep(min(spare, _LOOK_SECONDS))

    async def _finish(self, space: EmbeddingSpace) -> bool:
        """Swap if that is wanted by now; say whether there is nothing more to wait for."""
        async with self._record.transaction() as transaction:
            await transaction.spaces.hold_roles()
            now = await _tell_refused(transaction, space)
            if now is None:
                return True
            if now.trouble or not now.swap_when_full:
                return False
            swapped = await transaction.spaces.swap(now)
        log.info("embedding_space_full", model=space.model, swapped=swapped)
        return True

    async def _note(self, space: EmbeddingSpace, error: RagstoneError) -> None:
        async with self._record.transaction() as transaction:
            if await _still(transaction, space) is None:
                return
            trouble = Failure(_STAGE, error.code, error.message, error.remedy, retryable=True)
            await transaction.spaces.note_trouble(space, trouble)
        log.warning("reembedding_stands_still", model=space.model, cause=error.message)


async def _still(transaction: Transaction, space: EmbeddingSpace) -> EmbeddingSpace | None:
    """Return ``space`` as it is wanted now, if it is still the one to be filled."""
    found = await transaction.spaces.of_role(Role.FILLING)
    return found if found and found.id == space.id else None


async def _tell_refused(transaction: Transaction, space: EmbeddingSpace) -> EmbeddingSpace | None:
    """Let the trouble of a space be what its model refused, if that keeps it from answering; return it as it is now."""
    now = await _still(transaction, space)
    if now is None:
        return None
    refused = None if now.skip_refused else await transaction.spaces.refused(now)
    trouble = _refusal(now, refused) if refused else None
    if trouble != now.trouble:
        await transaction.spaces.note_trouble(now, trouble)
        if trouble:
            log.warning("chunks_refused", model=now.model, cause=trouble.message)
    return replace(now, trouble=trouble)


def _refusal(space: EmbeddingSpace, refused: Refused) -> Failure:
    named = ", ".join(refused.uris) + (", ..." if refused.documents > len(refused.uris) else "")
    return Failure(
        _STAGE,
        EmbeddingRefused.code,
        f"{space.model} does not take {refused.chunks:,} of the chunks, in {named}: {refused.reason}",
        "Change or delete what is named; or have `ragstone reembed` swap without it, by the same options and"
        " --skip-refused.",
        retryable=False,
    )
