"""How long Ragstone takes to be there, and how much memory it then holds.

    python -m benchmarks.startup [--json] [--runs 5]

Makes a record of its own with the project's docs in it, starts `ragstone up` several times, and measures the second
and later starts to `/readyz`, the resident memory of the process and its children (PostgreSQL apart) after the first
question, and `ragstone search` from a shell beside a running and a stopped server.
"""

import argparse
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

RAGSTONE = str(Path(sys.executable).parent / "ragstone")
DOCS = Path(__file__).resolve().parent.parent / "docs"
QUESTION = "Who may read a document?"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def server(environment: dict[str, str]) -> Iterator[tuple[psutil.Process, str, float]]:
    """Run `ragstone up`; yield the process, its address, and the seconds until it was ready."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    begun = time.perf_counter()
    with subprocess.Popen([RAGSTONE, "up", "--port", str(port)], env=environment, stderr=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL) as process:  # fmt: skip
        try:
            while not ready(port):
                if process.poll() is not None or time.perf_counter() - begun > 60:
                    raise SystemExit("ragstone up does not become ready")
                time.sleep(0.02)
            yield psutil.Process(process.pid), address, time.perf_counter() - begun
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def ready(port: int) -> bool:
    """Ask with as little work as can be, since asking takes from the cores that the server starts on."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def resident_mb(process: psutil.Process) -> float:
    """Return MiB resident of a process and its children, PostgreSQL's apart."""
    family = [process, *process.children(recursive=True)]
    return float(sum(each.memory_info().rss for each in family if not each.name().startswith("postgres")) / 2**20)


def seconds(command: list[str], environment: dict[str, str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - begun


def measure(runs: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="ragstone-bench-", ignore_cleanup_errors=True) as directory:
        environment = {**os.environ, "RAGSTONE_DATA_DIR": directory}
        subprocess.run([RAGSTONE, "ingest", str(DOCS)], env=environment, check=True, capture_output=True)
        starts, memories, beside = [], [], []
        for _ in range(runs):
            with server(environment) as (process, address, taken):
                starts.append(taken)
                httpx.post(f"{address}/v1/ask", json={"question": QUESTION}, timeout=60).raise_for_status()
                memories.append(resident_mb(process))
                beside.append(seconds([RAGSTONE, "search", QUESTION], environment))
        stopped = [seconds([RAGSTONE, "search", QUESTION], environment) for _ in range(runs)]
    return {
        "start_to_ready_s": statistics.median(starts),
        "resident_mb": statistics.median(memories),
        "search_beside_server_s": statistics.median(beside),
        "search_server_stopped_s": statistics.median(stopped),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = measure(arguments.runs)
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:28} {value:8.2f}   (median of {arguments.runs})")


if __name__ == "__main__":
    main()
