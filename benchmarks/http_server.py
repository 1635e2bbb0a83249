"""The real server in a process of its own, with a watch on its event loop and on where the time goes.

The watch sleeps 5 ms again and again: what a sleep takes beyond that, something else kept the loop.
"""

import asyncio
import multiprocessing
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from ragstone.api.application import create_app
from ragstone.api.server import Server, bound, event_loop
from ragstone.container import Container
from ragstone.retrieve.search import Search
from ragstone.settings import Settings
from ragstone.telemetry import configure_logging

SLEEP = 0.005
_START_SECONDS = 60


@dataclass
class Watch:
    """What was seen since the last report: the loop's delays, and calls of the stages with their time, in seconds."""

    delays: list[float] = field(default_factory=list)
    stages: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    processor: float = field(default_factory=time.process_time)

    async def loop(self) -> None:
        """Sleep, and note how much longer it took."""
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(SLEEP)
            self.delays.append(time.perf_counter() - begun - SLEEP)

    def around(self, name: str, owner: object, method: str) -> None:
        """Time a coroutine method of one object from now on."""
        inner = getattr(owner, method)

        async def timed(*arguments: Any, **named: Any) -> Any:
            begun = time.perf_counter()
            try:
                return await inner(*arguments, **named)
            finally:
                self.stages[name].append(time.perf_counter() - begun)

        object.__setattr__(owner, method, timed)

    def report(self) -> dict[str, Any]:
        """Return what was seen, and begin anew. Times in milliseconds; ``processor`` is this process's own."""
        delays, stages, used = self.delays, self.stages, time.process_time()
        seen = {
            "delay_max": round(1000 * max(delays, default=0.0), 2),
            "delays_over_20": sum(each > 0.020 for each in delays),
            "processor": 1000 * (used - self.processor),
            "stages": {name: (len(took), 1000 * sum(took) / len(took)) for name, took in stages.items()},
        }
        self.delays, self.stages, self.processor = [], defaultdict(list), used
        return seen


class Running:
    """A server that runs: its port, and a line to it."""

    def __init__(self, port: int, line: Connection) -> None:
        self.port = port
        self._line = line

    def report(self) -> dict[str, Any]:
        """Return what its watch has seen since the last report."""
        self._line.send("report")
        seen: dict[str, Any] = self._line.recv()
        return seen


@contextmanager
def running(settings: Settings, *, cache_mb: int = 0, stages: bool = False) -> Iterator[Running]:
    """Run the server. With ``cache_mb`` it keeps replies; with ``stages`` it tells where the time goes."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(settings.dump(), theirs, cache_mb, stages))
    process.start()
    try:
        if not ours.poll(_START_SECONDS):
            raise SystemExit("the server does not start")
        yield Running(ours.recv(), ours)
    finally:
        ours.send("stop")
        process.join(30)


def _serve(settings: str, line: Connection, cache_mb: int, stages: bool) -> None:
    with asyncio.Runner(loop_factory=event_loop) as runner:
        runner.run(_serving(Settings.model_validate_json(settings), line, cache_mb, stages))


async def _serving(settings: Settings, line: Connection, cache_mb: int, stages: bool) -> None:
    configure_logging(settings)
    app = create_app(settings.model_copy(update={"search_cache_mb": cache_mb}))
    with bound(settings.host, 0) as listener:
        async with app.router.lifespan_context(app):
            container, watch = app.state.container, Watch()
            if stages:
                _time_stages(container, watch)
            server = Server(app, lambda _: line.send(listener.getsockname()[1]))
            asyncio.get_running_loop().add_reader(line.fileno(), _answer, line, watch, server)
            watching = asyncio.create_task(watch.loop())
            await server.serve([listener])
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


def _time_stages(container: Container, watch: Watch) -> None:
    watch.around("embedder of the space", container.embedders, "active")
    watch.around("embed the question", container.embedder, "embed_questions")
    watch.around("search by meaning", container.vectors, "search")
    watch.around("search by words", container.lexical, "search")
    watch.around("retrieve", container.search, "retrieve")
    if isinstance(container.search, Search):  # it is within the cache else
        for stage, method in (("collections", "_check_collections"), ("load", "_load")):
            watch.around(stage, container.search, method)


def _answer(line: Connection, watch: Watch, server: Server) -> None:
    if line.recv() == "stop":
        asyncio.get_running_loop().remove_reader(line.fileno())
        server.stop()
    else:
        line.send(watch.report())
