"""The offline flow after intake: parse, chunk, index by words; then embed, index by meaning.

Each step leases a version, works outside any transaction, and stores its outcome in one transaction that holds
only if the lease still does. Killed anywhere, the step leaves nothing behind but a lease that runs out.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing, closing, suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

import structlog

from ragstone.domain.documents import Chunk, Failure, ParsedDocument, State
from ragstone.domain.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    EmbeddingRefused,
    LeaseLost,
    ParseFailed,
    RagstoneError,
    Unavailable,
)
from ragstone.ingest.chunking import chunk
from ragstone.ingest.renaming import index_renamed
from ragstone.ingest.stopping import Stoppable
from ragstone.ingest.unchanged import Former
from ragstone.ports.embedder import ActiveEmbedder, ActiveInput, Embedder, ModelInput, Vectors
from ragstone.ports.lexical_index import Entry, LexicalIndex
from ragstone.ports.parser import Parser
from ragstone.ports.record import Record
from ragstone.ports.vector_index import VectorIndex
from ragstone.ports.versions import Work

LEASE_SECONDS = 30.0
_BEAT_SECONDS = 3.0
_RETRY_SECONDS = 5.0
_LOOKED_UP_BATCHES = 8
_MOST_CRASHES = 10
"""Workers lost over one version, one after the other, before it is set aside though nothing proves it the cause."""

_AHEAD = 1
"""Batches of a document that are embedded while another one is stored."""

_Batch: TypeAlias = Sequence[tuple[int, UUID, str]]
"""Chunks to embed: place in the version, id, text."""

Isolate = Callable[[str, UUID], Awaitable[None]]
"""Takes one stage of one version where nothing else is lost when it takes its process down."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Held:
    """A lease that a step runs under: whether it is known to be lost, and whether the step is over."""

    lost: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Pipeline:
    """Takes versions of documents from ``accepted`` to ``ready``. ``owner`` is the number of the leasing worker.

    A version over which a worker died is taken in isolation from then on, if there is an ``isolate``: whether a
    document kills its worker, or the worker just happened to be killed, shows when it is alone with its process.
    """

    def __init__(
        self,
        record: Record,
        parser: Parser,
        lexical: LexicalIndex,
        vectors: VectorIndex,
        *,
        model_input: ActiveInput,
        embedder: ActiveEmbedder,
        owner: int,
        chunk_tokens: int,
        chunk_overlap: float,
        batch: int,
        isolate: Isolate | None = None,
    ) -> None:
        self._record = record
        self._parser = parser
        self._model_input = model_input
        self._embedder = embedder
        self._lexical = lexical
        self._vectors = vectors
        self._owner = owner
        self._chunk_tokens = chunk_tokens
        self._chunk_overlap = chunk_overlap
        self._batch = batch
        self._isolate = isolate
        self._held: dict[UUID, _Held] = {}

    async def parse(self, version_id: UUID) -> None:
        """Make a version searchable by words, or failed with the reason."""
        await self._take(version_id, "parse", self._parse, State.ACCEPTED, State.PARSING)

    async def embed(self, version_id: UUID) -> None:
        """Make a version searchable by meaning, or failed with the reason."""
        await self._take(version_id, "embed", self._embed, State.SEARCHABLE)

    async def _take(
        self, version_id: UUID, stage: str, step: Callable[[Work], Coroutine[Any, Any, None]], *states: State
    ) -> None:
        async with self._record.transaction() as transaction:
            work = await transaction.versions.claim(version_id, states, self._owner, LEASE_SECONDS)
        if work is None:
            return
        await self._end_former(version_id)
        if work.crashes >= _MOST_CRASHES:
            await self._fail(work, worker_died(stage))
        elif work.crashes and self._isolate:
            await self._release(work, 0.0)
            await self._isolate(stage, version_id)
        else:
            await self._settle(work, stage, step(work))

    async def _parse(self, work: Work) -> None:
        if work.blob_id is None:
            raise ParseFailed("no_bytes", "The document has no bytes.", remedy="Send it again.")
        model = await self._model_input()
        chunking = f"{self._chunk_tokens} {self._chunk_overlap} {model.name}"
        async with self._record.transaction() as transaction:
            data = await transaction.blobs.read(work.blob_id)
            former = await transaction.versions.former(work, chunking)
        begun = time.perf_counter()
        parsed = await self._parser.parse(data, work.media_type, work.uri)
        read = time.perf_counter()
        title = work.title or parsed.title or work.name
        chunks = await self._cut(parsed, model, title, Former(*former) if former else None)
        seconds = {"parse": read - begun, "chunk": time.perf_counter() - read}
        async with self._record.transaction() as transaction:
            await transaction.versions.store_parsed(
                work.version_id, self._owner, parsed, chunks, seconds, chunking=chunking
            )
            await self._lexical.add(transaction, [Entry(work.version_id, title, chunks)])
            # It may have been renamed since it was claimed.
            await index_renamed(transaction, self._lexical, [work.document_id])

    async def _cut(
        self, parsed: ParsedDocument, model: ModelInput, title: str, former: Former | None
    ) -> Sequence[Chunk]:
        """Cut a document in a thread, which ends soon after its work was cancelled or taken over."""
        with closing(Stoppable(model.tokenizer)) as tokenizer:
            return await asyncio.to_thread(
                chunk,
                parsed,
                tokenizer,
                max_tokens=self._chunk_tokens,
                overlap=self._chunk_overlap,
                model_max_tokens=model.max_tokens,
                title=title,
                former=former,
            )

    async def _embed(self, work: Work) -> None:
        begun = time.perf_counter()
        while True:
            embedder = await self._embedder()
            await self._embed_with(embedder, work)
            async with self._record.transaction() as transaction:
                if await transaction.spaces.hold_active(embedder.model):
                    seconds = {"embed": time.perf_counter() - begun}
                    return await transaction.versions.finish(work, self._owner, seconds)
            # Another space answers since we began: once more, into that one.

    async def _embed_with(self, embedder: Embedder, work: Work) -> None:
        model = embedder.model
        async with self._record.transaction() as transaction:
            done = await transaction.versions.begin_embedding(work, self._owner, model)
        while done < work.chunk_count:
            async with self._record.transaction() as transaction:
                pending = await transaction.versions.pending_chunks(work, done, _LOOKED_UP_BATCHES * self._batch)
                known = await self._vectors.reuse(transaction, model, dict(pending))
            fresh = [(place, *chunk) for place, chunk in enumerate(pending, done) if chunk[0] not in known]
            batches = [fresh[begin : begin + self._batch] for begin in range(0, len(fresh), self._batch)]
            async with aclosing(_embedded(embedder, batches)) as embedded:
                async for batch, vectors in embedded:
                    texts = {chunk_id: text for _, chunk_id, text in batch}
                    async with self._record.transaction() as transaction:
                        await transaction.versions.store_progress(work.version_id, self._owner, batch[-1][0] + 1)
                        await self._vectors.upsert(transaction, model, texts, vectors)
            done += len(pending)
            if not fresh or fresh[-1][0] + 1 < done:
                async with self._record.transaction() as transaction:
                    await transaction.versions.store_progress(work.version_id, self._owner, done)

    async def _settle(self, work: Work, stage: str, step: Coroutine[Any, Any, None]) -> None:
        """Take a step under the lease and end the version's stage, whichever way the step ends."""
        try:
            await self._hold(work, step)
        except LeaseLost:
            log.info("work_lost", stage=stage, uri=work.uri)
        except Unavailable as error:
            await self._delay(work, stage, error, error.retry_after or _RETRY_SECONDS)
        except ConfigurationError as error:
            # What this worker lacks is no fault of the document, and another worker may have it.
            await self._delay(work, stage, error, _RETRY_SECONDS)
        except ParseFailed as error:
            await self._fail(
                work, Failure(stage, error.failure_code, error.message, error.remedy, retryable=error.retryable)
            )
        except EmbeddingRefused as error:
            await self._fail(work, Failure(stage, error.code, error.message, error.remedy, retryable=False))
        except RagstoneError as error:
            await self._fail(work, Failure(stage, error.code, error.message, error.remedy, retryable=True))
        except asyncio.CancelledError:
            # The worker is stopping: give the work back at once rather than when the lease runs out.
            await asyncio.shield(self._release(work, 0.0))
            raise
        except Exception:
            failure = Failure(
                stage,
                "internal_error",
                "Ragstone failed on this document.",
                "Its log has the details; please report it.",
                retryable=True,
            )
            await self._fail(work, failure)
            raise
        else:
            log.info("work_done", stage=stage, uri=work.uri)

    async def _hold(self, work: Work, step: Coroutine[Any, Any, None]) -> None:
        """Run ``step`` while the lease is kept alive; end it when the lease is lost (taken over or cancelled)."""
        held = self._held[work.version_id] = _Held()
        running = asyncio.create_task(step)
        beating = asyncio.create_task(self._beat(work, held.lost))
        try:
            await asyncio.wait({running, beating}, return_when=asyncio.FIRST_COMPLETED)
            if beating.done() and not running.done():
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                beating.result()
            await running
        finally:
            for task in (running, beating):
                task.cancel()
            await asyncio.gather(running, beating, return_exceptions=True)
            held.ended.set()
            if self._held.get(work.version_id) is held:
                del self._held[work.version_id]

    async def _beat(self, work: Work, lost: asyncio.Event) -> None:
        """Lengthen the lease again and again. Raise ``LeaseLost`` when it is another's, or ``lost`` is set."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_BEAT_SECONDS):
                    await lost.wait()
                raise LeaseLost("The work was cancelled, and begun again.")
            async with self._record.transaction() as transaction:
                await transaction.versions.extend(work.version_id, self._owner, LEASE_SECONDS)

    async def _end_former(self, version_id: UUID) -> None:
        """End what this worker still does under a lease that it lost before it claimed the version again.

        The lease names the worker, so that a step whose work was cancelled and retried would pass for the new one.
        """
        if former := self._held.get(version_id):
            former.lost.set()
            await former.ended.wait()

    async def _fail(self, work: Work, failure: Failure) -> None:
        log.warning("work_failed", uri=work.uri, stage=failure.stage, code=failure.code, cause=failure.message)

        try:
            async with self._record.transaction() as transaction:
                await transaction.versions.fail(work, self._owner, failure)
        except (LeaseLost, DatabaseUnavailable) as error:
            log.info("lease_left", uri=work.uri, cause=error.message)

    async def _delay(self, work: Work, stage: str, error: RagstoneError, seconds: float) -> None:
        log.warning("work_delayed", stage=stage, uri=work.uri, cause=error.message)
        waiting = Failure(stage, error.code, error.message, error.remedy, retryable=True)
        await self._release(work, seconds, waiting)

    async def _release(self, work: Work, delay: float, waiting: Failure | None = None) -> None:
        """Give the lease back; where that cannot be said, it runs out by itself."""
        try:
            async with self._record.transaction() as transaction:
                await transaction.versions.release(work, self._owner, delay, waiting)
        except (LeaseLost, DatabaseUnavailable) as error:
            log.info("lease_left", uri=work.uri, cause=error.message)


async def _embedded(embedder: Embedder, batches: Sequence[_Batch]) -> AsyncGenerator[tuple[_Batch, Vectors], None]:
    """Yield each batch with its vectors. While one is stored the next is embedded, so that no core waits for it."""
    running: deque[tuple[_Batch, asyncio.Task[Vectors]]] = deque()
    try:
        for batch in batches:
            running.append((batch, asyncio.create_task(embedder.embed([text for _, _, text in batch]))))
            if len(running) > _AHEAD:
                first, embedding = running.popleft()
                yield first, await embedding
        while running:
            first, embedding = running.popleft()
            yield first, await embedding
    finally:
        for _, embedding in running:
            embedding.cancel()
        await asyncio.gather(*(embedding for _, embedding in running), return_exceptions=True)


def worker_died(stage: str) -> Failure:
    """Return the failure of a version that takes its workers down."""
    return Failure(
        stage,
        "worker_died",
        "The process that worked on this document died, more than once.",
        "It may need more memory than there is: split the document, or give the worker more and retry.",
        retryable=True,
    )
