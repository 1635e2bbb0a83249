"""What runs beside the requests: the embedding model's warming, and the worker where it shares the process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from ragstone.container import Container
from ragstone.domain.errors import ConfigurationError, EmbedderUnavailable, RerankerUnavailable
from ragstone.worker.run import work

# The queue may lose a cancellation that meets a task at its first step, and repeats it after a second.
_END_SECONDS = 5.0

log = structlog.get_logger(__name__)


class Background:
    """The tasks of one process. ``stop`` ends the process: without its worker it would accept work for nobody."""

    def __init__(self, container: Container, stop: Callable[[], None]) -> None:
        self._container = container
        self._stop = stop
        self._worker: asyncio.Task[None] | None = None
        self._ending = False
        self.failure: BaseException | None = None

    @asynccontextmanager
    async def running(self, *, with_worker: bool) -> AsyncIterator[None]:
        """Run the tasks until the block ends."""
        tasks = {asyncio.create_task(self._warm(), name="warm-embedder")}
        if with_worker:
            self._worker = asyncio.create_task(work(self._container), name="worker")
            self._worker.add_done_callback(self._worker_ended)
            tasks.add(self._worker)
        try:
            yield
        finally:
            self._ending = True
            for task in tasks:
                task.cancel()
            _, late = await asyncio.wait(tasks, timeout=_END_SECONDS)
            if late:
                log.warning("still_working", tasks=sorted(task.get_name() for task in late))

    @property
    def worker_state(self) -> str:
        """Say ``ok``, ``none`` where the worker is another process, or that it crashed."""
        if self._worker is None:
            return "none"
        return "crashed" if self.failure else "ok"

    async def _warm(self) -> None:
        """Load the models, so that the first question does not wait for them."""
        try:
            await self._container.embedder.warm()
        except (EmbedderUnavailable, ConfigurationError) as error:
            log.warning("embedder_not_ready", cause=error.message, remedy=error.remedy)
        try:
            await self._container.reranking.warm()
        except (RerankerUnavailable, ConfigurationError) as error:
            log.warning("reranker_not_ready", cause=error.message, remedy=error.remedy)

    def _worker_ended(self, task: asyncio.Task[None]) -> None:
        if self._ending:
            return
        self.failure = (None if task.cancelled() else task.exception()) or RuntimeError("The worker ended by itself.")
        log.error("worker_crashed", exc_info=self.failure)
        self._stop()
