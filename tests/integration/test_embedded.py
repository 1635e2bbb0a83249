"""The embedded server: shared by processes, stopped by the last one out, found again after a kill."""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from structlog.testing import capture_logs
from tests.e2e.command_line import CommandLine

from ragstone.domain.errors import ConfigurationError
from ragstone.postgres import embedded
from ragstone.postgres.embedded import EmbeddedPostgres
from ragstone.postgres.server_lock import LockHeld


@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ragstone-embedded-", ignore_cleanup_errors=True) as directory:
        yield Path(directory) / "data"


def answers(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute("select 1").fetchone() == (1,)


def wait_until_gone(pid: int) -> None:
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("the process is still there")


def test_the_last_one_out_stops_it(place: Path) -> None:
    first, second = EmbeddedPostgres(place), EmbeddedPostgres(place)
    assert first.start() == second.start()
    first.stop()
    assert answers(second.start())
    second.stop()
    assert not second.running()
    second.stop()


def test_a_killed_user_does_not_keep_it_running(place: Path) -> None:
    program = textwrap.dedent(
        f"""
        import pathlib, time
        from ragstone.postgres.embedded import EmbeddedPostgres
        server = EmbeddedPostgres(pathlib.Path({str(place)!r}))
        print(server.start(), flush=True)
        time.sleep(60)
        """
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        # As root, a line of the log may come first.
        url = next(line.strip() for line in process.stdout if line.startswith("postgresql://"))
        process.kill()
    server = EmbeddedPostgres(place)
    assert answers(url)
    assert server.start() == url
    server.stop()
    assert not server.running()


def test_it_starts_again_after_a_kill(place: Path) -> None:
    server = EmbeddedPostgres(place)
    with psycopg.connect(server.start(), autocommit=True) as connection:
        connection.execute("create table kept as select 1 as one")
    os.kill(server.pid, signal.SIGKILL)
    wait_until_gone(server.pid)
    with psycopg.connect(server.start()) as connection:
        assert connection.execute("select one from kept").fetchone() == (1,)
    server.stop()


def test_it_starts_again_although_a_child_of_the_killed_server_is_stuck(place: Path) -> None:
    server = EmbeddedPostgres(place)
    url = server.start()
    with psycopg.connect(url) as connection:
        os.kill(connection.info.backend_pid, signal.SIGSTOP)
        pid = server.pid
        os.kill(pid, signal.SIGKILL)
        wait_until_gone(pid)
        begun = time.monotonic()
        assert answers(server.start())
        assert time.monotonic() - begun < 20
    server.stop()


def test_a_pid_file_of_another_program_is_no_obstacle(place: Path) -> None:
    server = EmbeddedPostgres(place)
    server.start()
    server.stop()
    (place / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{place}\n1\n5432\n{place}\n\n1 1\nready\n")
    assert not server.running()
    assert answers(server.start())
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")
def test_it_stops_although_a_directory_above_was_closed(place: Path) -> None:
    server = EmbeddedPostgres(place)
    server.start()
    place.parent.chmod(0o700)
    server.stop()
    assert not server.running()


def test_a_long_path_works(place: Path) -> None:
    server = EmbeddedPostgres(place / ("long" * 30))
    assert answers(server.start())
    server.stop()


def test_a_directory_that_cannot_be_made_is_told(place: Path) -> None:
    place.write_text("a file")
    with pytest.raises(ConfigurationError, match="cannot be made"):
        EmbeddedPostgres(place / "data").start()


@contextmanager
def suspended_starter(place: Path) -> Iterator[int]:
    """Let another process be suspended while it starts the server; yield its id. It goes on when the block ends."""
    program = textwrap.dedent(
        f"""
        import os, pathlib, signal
        from ragstone.postgres import embedded
        server = embedded.EmbeddedPostgres(pathlib.Path({str(place)!r}))
        server._initialise = server._launch = lambda: os.kill(os.getpid(), signal.SIGSTOP)
        server._postmaster_lines = lambda: ["0"] * 4
        print(server.start(), flush=True)
        """
    )
    place.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        try:
            yield process.pid
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()


def test_who_waits_for_another_process_says_so_and_can_be_stopped(place: Path) -> None:
    server = EmbeddedPostgres(place)
    with suspended_starter(place) as pid, ThreadPoolExecutor() as pool, capture_logs() as logs:
        starting = pool.submit(server.start)
        deadline = time.monotonic() + 20
        while not logs and time.monotonic() < deadline:
            time.sleep(0.05)
        begun = time.monotonic()
        server.stop()
        with pytest.raises(LockHeld, match=f"process {pid} "):
            starting.result(5)
        assert time.monotonic() - begun < 2
    (line,) = logs
    assert line["event"] == "postgres_awaited"
    assert line["held_by"].startswith(f"process {pid} (")
    assert "stopped" in line["held_by"]
    assert answers(server.start())  # the other one is gone
    server.stop()
    assert not server.running()


def test_the_last_one_out_does_not_wait_for_ever(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_LEAVE_SECONDS", 0.5)
    first, second = EmbeddedPostgres(place), EmbeddedPostgres(place)
    url = first.start()
    with (place / "postgres.lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        begun = time.monotonic()
        first.stop()
        assert 0.4 < time.monotonic() - begun < 5
    assert answers(url)  # it was left running
    second.start()
    second.stop()
    assert not second.running()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_waits_for_another_process_ends_when_it_is_told_to(place: Path, number: signal.Signals) -> None:
    cli = CommandLine({"RAGSTONE_DATA_DIR": str(place)})
    with suspended_starter(place) as pid, cli.running("collections", "list") as running:
        running.until(lambda ran: f"process {pid} " in ran.err)
        begun = time.monotonic()
        assert running.end(number) == 128 + number
        assert time.monotonic() - begun < 3
