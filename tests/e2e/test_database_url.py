"""A PostgreSQL of one's own, by URL, does all that the embedded one does; one that will not do is told in a line."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ragstone.postgres.embedded import EmbeddedPostgres

RAGSTONE = str(Path(sys.executable).parent / "ragstone")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    """URL of a second server, on TCP, with a port, a user and a password of its own."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="ragstone-second-", ignore_cleanup_errors=True) as directory:
        server = EmbeddedPostgres(Path(directory) / "data")
        with psycopg.connect(server.start(), autocommit=True) as connection:
            connection.execute("create role app login superuser password 'p@ss word'")
            connection.execute("create database app owner app")
            connection.execute("alter system set listen_addresses = '127.0.0.1'")
            connection.execute(f"alter system set port = {port}")
        server.stop()
        server.start()
        yield f"postgresql://app:p%40ss%20word@127.0.0.1:{port}/app"
        server.stop()


def ragstone(url: str, directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "RAGSTONE_DATABASE_URL": url, "RAGSTONE_DATA_DIR": str(directory)}
    return subprocess.run(
        [RAGSTONE, *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_index_and_ask(server_url: str, data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "swifts.md").write_text("# Swifts\n\nThe common swift sleeps while it flies.\n")
    ingested = ragstone(server_url, data_dir, "ingest", str(tmp_path), "--json")
    assert ingested.returncode == 0, ingested.stderr
    assert json.loads(ingested.stdout.splitlines()[-1])["ready"] == 1
    answer = json.loads(ragstone(server_url, data_dir, "ask", "How does the common swift sleep?", "--json").stdout)
    assert answer["citations"][0]["quote"] == "The common swift sleeps while it flies."
    with psycopg.connect(server_url) as connection:
        assert connection.execute("select count(*) from ragstone.documents").fetchone() == (1,)


@pytest.mark.parametrize("command", [("search", "x"), ("ask", "x"), ("up",), ("worker",), ("db", "status")])
def test_nobody_answers(tmp_path: Path, command: tuple[str, ...]) -> None:
    failed = ragstone(f"postgresql://app:secret@127.0.0.1:{free_port()}/app", tmp_path, *command)
    assert failed.returncode == 1
    assert len(failed.stderr.strip().splitlines()) == 1, failed.stderr
    assert "refused" in failed.stderr
    assert "secret" not in failed.stderr


def test_a_wrong_password(server_url: str, tmp_path: Path) -> None:
    failed = ragstone(server_url.replace("p%40ss%20word", "wrong-secret"), tmp_path, "search", "x")
    assert failed.returncode == 1
    assert len(failed.stderr.strip().splitlines()) == 1, failed.stderr
    assert "authentication failed" in failed.stderr
    assert "wrong-secret" not in failed.stderr


def test_not_a_url(tmp_path: Path) -> None:
    failed = ragstone("nonsense::/x", tmp_path, "search", "x")
    assert failed.returncode == 1
    assert len(failed.stderr.strip().splitlines()) == 1, failed.stderr
