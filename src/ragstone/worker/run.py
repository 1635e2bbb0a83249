"""A worker: takes parse and embed steps from the queue, and finds again what others have lost."""

import asyncio

import structlog

from ragstone.container import Container
from ragstone.domain.errors import ConfigurationError, DatabaseUnavailable, EmbedderUnavailable
from ragstone.postgres.leases import FILLING, TENDING, TUNING, SignOfLife, alive, new_owner, sole
from ragstone.postgres.queue import Stage
from ragstone.worker.isolation import Isolation

_SWEEP_SECONDS = 2.0
_RECONNECT_SECONDS = 1.0
_TUNE_SECONDS = 10.0
_TEND_SECONDS = 1.0
_TENDED_BETWEEN_LOOKS = 15

log = structlog.get_logger(__name__)


async def work(container: Container) -> None:
    """Work until cancelled. Goes on by itself when PostgreSQL comes back after it was lost."""
    while True:
        # A task of its own: on Python 3.11 and 3.12 a task group may leave its parent marked as cancelled after
        # one of its children failed, and a step that loses its connection on the way out turns a true cancellation
        # into its own error. Only this task's own mark tells the one from the other.
        connected = asyncio.create_task(_work_connected(container), name="work-connected")
        try:
            await connected
        except* (DatabaseUnavailable, EmbedderUnavailable) as group:
            cause = str(group.exceptions[0])
        task = asyncio.current_task()
        if task and task.cancelling():
            raise asyncio.CancelledError
        log.warning("worker_waits", cause=cause)
        await asyncio.sleep(_RECONNECT_SECONDS)


async def _work_connected(container: Container) -> None:
    owner = new_owner()
    pipeline = container.pipeline(owner, Isolation(container.settings, container.record))
    settings = container.settings
    async with alive(container.database, owner) as sign, asyncio.TaskGroup() as group:
        group.create_task(_sweep(container, sign))
        group.create_task(_fill(container))
        group.create_task(_tune(container))
        group.create_task(_tend(container))
        group.create_task(container.queue.work(Stage.PARSE, pipeline.parse, concurrency=settings.parse_workers))
        group.create_task(_load(container))
        group.create_task(container.queue.work(Stage.EMBED, pipeline.embed, concurrency=settings.embed_workers))


async def _load(container: Container) -> None:
    """Load the model before the first document waits for it. While it cannot be had documents say that they wait."""
    try:
        await container.document_embedder()
    except (EmbedderUnavailable, ConfigurationError) as error:
        log.warning("embedder_waits", cause=error.message, remedy=error.remedy)


async def _sweep(container: Container, sign: SignOfLife) -> None:
    """Wake what nobody works on; raise ``DatabaseUnavailable`` when our own sign of life is lost."""
    while True:
        await sign.check()
        async with container.record.transaction() as transaction:
            woken = await transaction.versions.wake_lost()
        if woken:
            log.info("woken", versions=woken)
        await asyncio.sleep(_SWEEP_SECONDS)


async def _fill(container: Container) -> None:
    """Fill another embedding space where one is to be; one worker of all does."""
    reembedding = container.reembedding()
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        if await reembedding.wanted():
            async with sole(container.database, FILLING) as alone:
                if alone:
                    await reembedding.rest(await reembedding.fill())


async def _tune(container: Container) -> None:
    """Build indexes of vectors where they have become worth it; one worker of all does."""
    while True:
        await asyncio.sleep(_TUNE_SECONDS)
        async with sole(container.database, TUNING) as alone:
            if alone:
                await container.embedders.tune()


async def _tend(container: Container) -> None:
    """Keep the index of words; one worker of all does."""
    upkeep = container.upkeep
    while True:
        async with sole(container.database, TENDING) as alone:
            while alone:
                made = await upkeep.mend()
                if made:
                    log.info("words_made_anew", versions=made)
                for _ in range(_TENDED_BETWEEN_LOOKS):
                    while await upkeep.tend():
                        pass
                    await asyncio.sleep(_TEND_SECONDS)
                    if await upkeep.called():
                        break
        await asyncio.sleep(_TUNE_SECONDS)
