"""The server as a process: it starts, says how it is, survives what it depends on, and ends when asked to."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from tests.e2e.conftest import LiveServer, MakeSettings, serving
from tests.e2e.test_api_bad_input import check_problem

from ragstone.api import background
from ragstone.api.dependencies import record_of, search_of
from ragstone.container import Container
from ragstone.domain.errors import DatabaseUnavailable

PROGRAM = """
import asyncio
from ragstone.api.server import serve
from ragstone.settings import load_settings
from ragstone.telemetry import configure_logging

settings = load_settings()
configure_logging(settings)
asyncio.run(serve(settings, True))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_in_order(make_settings: MakeSettings, number: signal.Signals) -> None:
    settings = make_settings()
    assert settings.database_url
    environment = {
        **os.environ,
        "RAGSTONE_DATABASE_URL": settings.database_url.get_secret_value(),
        "RAGSTONE_DATABASE_SCHEMA": settings.database_schema,
        "RAGSTONE_DATA_DIR": str(settings.data_dir),
        "RAGSTONE_PORT": "0",
        "RAGSTONE_LOG_JSON": "true",
    }
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        lines = []
        for line in process.stderr:
            lines.append(json.loads(line))
            if lines[-1]["event"] == "serving":
                break
        url = lines[-1]["url"]
        reply = httpx.get(f"{url}/readyz", verify=False)
        assert (reply.status_code, reply.json()) == (
            200,
            {"status": "ready", "checks": {"database": "ok", "worker": "ok"}},
        )
        began = time.perf_counter()
        process.send_signal(number)
        assert process.wait(15) == 0
        assert time.perf_counter() - began < 10
        assert process.stderr.read() == ""


async def test_health_and_metrics(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "alive"}
    assert (await client.get("/readyz")).json()["status"] == "ready"
    await client.get("/v1/nothing")
    await client.get("/v1/documents/01890000-0000-7000-8000-000000000000")
    metrics = await client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=")
    assert 'ragstone_errors_total{code="not_found"}' in metrics.text
    assert 'ragstone_request_seconds_count{route="none",status="404"}' in metrics.text
    documents = 'ragstone_request_seconds_count{route="/v1/documents/{document_id}",status="404"}'
    assert documents in metrics.text


class _LostRecord:
    """A record whose PostgreSQL is gone."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        raise DatabaseUnavailable("PostgreSQL: gone", remedy="See that it runs.", retry_after=7.2)
        yield  # type: ignore[unreachable]  # it makes this a generator


async def test_without_postgresql_nothing_is_ready(client: httpx.AsyncClient, server: LiveServer) -> None:
    server.app.dependency_overrides[record_of] = _LostRecord
    try:
        problem = check_problem(await client.get("/readyz"), 503, "unavailable")
        assert "PostgreSQL: gone" in problem["detail"]
        reply = await client.get("/v1/documents")
        check_problem(reply, 503, "database_unavailable")
        assert reply.headers["retry-after"] == "8"
        assert (await client.get("/healthz")).status_code == 200
    finally:
        server.app.dependency_overrides.clear()


class _BrokenSearch:
    async def retrieve(self, *_: object, **__: object) -> None:
        raise KeyError("a secret of the house")


async def test_what_nobody_foresaw_is_logged_and_not_shown(
    client: httpx.AsyncClient, server: LiveServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.app.dependency_overrides[search_of] = _BrokenSearch
    try:
        reply = await client.post("/v1/retrieve", json={"question": "a"})
    finally:
        server.app.dependency_overrides.clear()
    check_problem(reply, 500, "internal_error")
    assert "secret" not in reply.text
    assert reply.headers["x-content-type-options"] == "nosniff"
    async with asyncio.timeout(5):
        while "a secret of the house" not in caplog.text:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("error", [ValueError("the worker broke"), asyncio.CancelledError()])
async def test_a_worker_that_ends_by_itself_takes_the_server_with_it(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    crash = asyncio.Event()

    async def crash_when_told(_: Container) -> None:
        while not crash.is_set():
            await asyncio.sleep(0.01)
        raise error

    monkeypatch.setattr(background, "work", crash_when_told)
    with serving(make_settings()) as server:
        async with httpx.AsyncClient(base_url=server.url, verify=False) as client:
            assert (await client.get("/readyz")).status_code == 200
            crash.set()
            assert await asyncio.to_thread(server.crashed.wait, 5)
            problem = check_problem(await client.get("/readyz"), 503, "unavailable")
            assert "worker: crashed" in problem["detail"]
    assert isinstance(server.app.state.background.failure, ValueError | RuntimeError)
