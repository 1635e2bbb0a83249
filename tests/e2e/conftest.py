"""A real server on a free port: uvicorn in a thread with an event loop of its own, on a record of its own."""

import asyncio
import os
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from psycopg import sql

from ragstone.api.application import create_app
from ragstone.api.server import Server, bound, event_loop
from ragstone.settings import Settings

START_SECONDS = 60.0
READY_SECONDS = 60.0

MakeSettings = Callable[..., Settings]


class LiveServer:
    """An application that serves in a thread. ``crashed`` is set when it asks for the end of the process."""

    def __init__(self, settings: Settings, *, with_worker: bool = True) -> None:
        self.settings = settings
        self.crashed = threading.Event()
        self.app: FastAPI = create_app(settings, with_worker=with_worker, stop=self.crashed.set)
        self.url = ""
        self.error: BaseException | None = None
        self._started = threading.Event()
        self._stop: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name="live-server")

    def start(self) -> None:
        """Return when requests are taken; raise what the start raised."""
        self._thread.start()
        assert self._started.wait(START_SECONDS), "the server did not start"
        if self.error:
            self._thread.join()
            raise self.error

    def stop(self) -> None:
        """End the server as a signal would, and wait for it."""
        self._stop()
        self._thread.join(30)
        assert not self._thread.is_alive(), "the server did not end"

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=event_loop) as runner:
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001 (handed to the test's thread, which raises it)
            self.error = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        with bound(self.settings.host, self.settings.port) as listener:
            async with self.app.router.lifespan_context(self.app):
                server = Server(self.app, self._ready)
                self._stop = server.stop
                await server.serve([listener])

    def _ready(self, url: str) -> None:
        self.url = url
        self._started.set()


@contextmanager
def serving(settings: Settings, *, with_worker: bool = True) -> Iterator[LiveServer]:
    """Serve while the block lasts."""
    server = LiveServer(settings, with_worker=with_worker)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def make_settings(postgres_url: str, data_dir: Path) -> Iterator[MakeSettings]:
    """Return settings of an empty record, whose schema goes with the run."""
    schemas: list[str] = []

    def make(**changed: object) -> Settings:
        schemas.append(f"e2e_{uuid.uuid4().hex[:12]}")
        given = {"database_url": postgres_url, "database_schema": schemas[-1], "data_dir": data_dir, "port": 0}
        return Settings.model_validate({**given, "max_upload_mb": 4, "log_level": "warning", **changed})

    with pytest.MonkeyPatch.context() as outside:
        for name in [each for each in os.environ if each.startswith("RAGSTONE_")]:
            outside.delenv(name)
        outside.setenv("RAGSTONE_CONFIG", str(data_dir / "none.toml"))
        yield make
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for schema in schemas:
            connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema)))


@pytest.fixture(scope="session")
def server(make_settings: MakeSettings) -> Iterator[LiveServer]:
    """One server for all tests that need no other settings. They keep to collections of their own."""
    with serving(make_settings()) as running:
        yield running


@pytest.fixture
async def client(server: LiveServer) -> AsyncIterator[httpx.AsyncClient]:
    """A client of that server."""
    async with httpx.AsyncClient(base_url=server.url, timeout=60, trust_env=False, verify=False) as opened:
        yield opened


async def ready(client: httpx.AsyncClient, accepted: httpx.Response) -> dict[str, object]:
    """Wait until a document that was accepted is ready, and return it."""
    assert accepted.status_code == 202, accepted.text
    async with asyncio.timeout(READY_SECONDS):
        while True:
            job = (await client.get(f"/v1/jobs/{accepted.json()['job_id']}")).json()
            if job["state"] in ("ready", "failed", "cancelled"):
                assert job["state"] == "ready", job
                found: dict[str, object] = (await client.get(f"/v1/documents/{job['document_id']}")).json()
                return found
            await asyncio.sleep(0.05)
