"""The embedded server: shared by processes, stopped by the last one out, found again after a kill."""

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ragstone.domain.errors import ConfigurationError
from ragstone.postgres.embedded import EmbeddedPostgres


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
