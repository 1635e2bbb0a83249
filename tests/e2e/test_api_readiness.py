"""Readiness while PostgreSQL hangs: told in time, and over when PostgreSQL goes on."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from tests.e2e.conftest import MakeSettings, serving

from ragstone.postgres.embedded import EmbeddedPostgres


@pytest.fixture
def own_postgres() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that may be frozen: nobody else uses it."""
    with tempfile.TemporaryDirectory(prefix="ragstone-frozen-", ignore_cleanup_errors=True) as directory:
        postgres = EmbeddedPostgres(Path(directory))
        yield postgres
        postgres.stop()


@contextmanager
def frozen(postgres: EmbeddedPostgres) -> Iterator[None]:
    """Suspend the server and all its children while the block lasts."""
    server = psutil.Process(postgres.pid)
    processes = [server, *server.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def readiness(url: str) -> tuple[int, str, float]:
    """Return status and body of the reply, and the seconds that it took."""
    begun = time.monotonic()
    reply = httpx.get(f"{url}/readyz", timeout=30, trust_env=False)
    return reply.status_code, reply.text, time.monotonic() - begun


def test_a_frozen_postgresql_is_told_in_time(make_settings: MakeSettings, own_postgres: EmbeddedPostgres) -> None:
    settings = make_settings(database_url=own_postgres.start())
    with serving(settings, with_worker=False) as server:
        assert readiness(server.url)[0] == 200
        with frozen(own_postgres):
            for _ in range(3):
                status, body, seconds = readiness(server.url)
                assert (status, "does not answer within 2 s" in body) == (503, True)
                assert seconds < 4
        deadline = time.monotonic() + 20
        while readiness(server.url)[0] != 200:
            assert time.monotonic() < deadline, "it is not ready again"
            time.sleep(0.1)
