"""A data directory with the Ragstone processes that work on it, to be killed at any moment."""

import asyncio
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import psycopg

from ragstone.postgres.invariants import violations

RAGSTONE = str(Path(sys.executable).parent / "ragstone")
WORDS = (
    "granite marble slate basalt limestone quarry mortar arch lintel vault buttress keystone plinth frieze "
    "ashlar rubble chisel mallet plumb level scaffold crane wedge pier parapet cornice gable spandrel".split()
)

# Everything the index holds of each document, independent of ids and times.
SNAPSHOT = """
    select d.uri, v.state, v.chunk_count, v.embedded_count,
        (select count(*) from versions where document_id = d.id),
        (select count(*) from chunks c where c.version_id = v.id),
        (select md5(string_agg(c.text, '|' order by c.ordinal)) from chunks c where c.version_id = v.id),
        (select count(*) from lexical_members m where m.version_id = v.id),
        (select count(*) from vectors x join chunks c on c.id = x.chunk_id where c.version_id = v.id)
    from documents d join versions v on v.id = d.latest_version and v.id = d.current_version
    order by d.uri
"""
Row = tuple[object, ...]


def text(number: int) -> str:
    """Return a Markdown document of some chunks, the same for the same number."""
    draw = random.Random(number)
    sections = (
        f"## Part {part}\n\n" + " ".join(" ".join(draw.choices(WORDS, k=12)).capitalize() + "." for _ in range(8))
        for part in range(6)
    )
    return f"# Stones, volume {number}\n\n" + "\n\n".join(sections) + "\n"


def free_port() -> int:
    """Return a port to come back to: below those that the system gives to others meanwhile."""
    while True:
        port = random.SystemRandom().randrange(15_000, 32_000)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


def until(holds: Callable[[], bool], seconds: float = 200) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.05)


class House:
    """A data directory, and the Ragstone processes that a test runs on it."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.log = data_dir.with_suffix(".log")
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, command: str, name: str | None = None) -> None:
        """Start `ragstone COMMAND`, to be known by ``name``."""
        environment = {**os.environ, "RAGSTONE_DATA_DIR": str(self.data_dir), "RAGSTONE_PORT": str(self.port)}
        with self.log.open("ab") as log:
            process = subprocess.Popen([RAGSTONE, command], env=environment, stdout=log, stderr=log)
        self.processes[name or command] = process
        if command in ("up", "serve"):
            until(lambda: self.ready() or process.poll() is not None)
            assert process.poll() is None, self.last_words()

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.address}/readyz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def kill(self, name: str) -> None:
        """End a process as a power cut would."""
        self.processes[name].kill()
        self.processes.pop(name).wait()

    def kill_postgres(self) -> None:
        pid = int((self.data_dir / "postgres" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)

    def postgres_runs(self) -> bool:
        try:
            lines = (self.data_dir / "postgres" / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:  # it is being started again
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready" and psutil.pid_exists(int(lines[0]))

    def stop(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            process.wait(30)

    def send(self, number: int) -> None:
        """Send a document until it is accepted."""
        body = {"uri": f"test:{number}", "text": text(number)}
        deadline = time.monotonic() + 150
        while True:
            try:
                if httpx.post(f"{self.address}/v1/documents", json=body, timeout=20).status_code == 202:
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, "the document is not accepted"
            time.sleep(0.1)

    def last_words(self) -> str:
        """What the processes and PostgreSQL wrote last, for whoever reads why a test failed."""
        logs = [log for log in (self.log, self.data_dir / "postgres.log") if log.exists()]
        return "\n".join(log.read_text(errors="replace")[-3000:] for log in logs)

    @property
    def _url(self) -> str:
        return f"postgresql://ragstone@/postgres?host={self.data_dir / 'postgres'}"

    def query(self, statement: str) -> list[Row]:
        with psycopg.connect(self._url, connect_timeout=5, options="-c search_path=ragstone,public") as connection:
            return connection.execute(statement).fetchall()

    def snapshot(self) -> list[Row]:
        """Return what the index holds of each document."""
        return self.query(SNAPSHOT)

    def violations(self) -> list[Row]:
        """Return what of the record's invariants does not hold: among them, that words are those of the texts."""
        return asyncio.run(self._violations())

    async def _violations(self) -> list[Row]:
        options = "-c search_path=ragstone,public"
        async with await psycopg.AsyncConnection.connect(self._url, options=options) as connection:
            found = await violations(connection, seconds=600)
        assert found is not None
        return list(found.items())

    def open_documents(self) -> int:
        try:
            rows = self.query("select count(*) from versions where state not in ('ready', 'failed')")
        except psycopg.OperationalError:
            return -1
        return int(str(rows[0][0]))


@contextmanager
def house() -> Iterator[House]:
    with tempfile.TemporaryDirectory(prefix="ragstone-kill-", ignore_cleanup_errors=True) as directory:
        made = House(Path(directory) / "data")
        try:
            yield made
        except AssertionError:
            print(made.last_words())
            raise
        finally:
            made.stop()
            for process in psutil.process_iter(["name", "cmdline"]):
                if str(made.data_dir) in " ".join(process.info["cmdline"] or ()):
                    process.kill()
