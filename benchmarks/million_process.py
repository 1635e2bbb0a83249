"""Another process over the same record: `python -m benchmarks.million_process cold|find DATA_DIR QUESTIONS`.

`cold` asks what nobody asked before and says in a line of JSON how long that took, and its memory; `find` looks for
each word that it reads, one a line, until it is found, and says when that was, by the machine's monotonic clock.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import numpy as np
import psutil

from benchmarks.million_searches import Times, asked, search_of, searching, timed
from benchmarks.vectors import FILTERS
from ragstone.container import Container, open_container
from ragstone.domain.access import LOCAL
from ragstone.domain.queries import Mode, Scope
from ragstone.settings import Settings

_PATIENCE = 30.0
_PAUSE = 0.002


def settings_of(folder: Path) -> Settings:
    """Return the settings of every process of ours that is measured: the defaults, but that no answer
    is kept for whoever asks again."""
    # A made word is like a thousand others: which of them a misspelt one stands for is no matter of scores.
    return Settings(data_dir=folder, port=0, log_level="warning", search_cache_mb=0, spelling="off")


def memory_mb() -> int:
    """Return the MB that this process holds."""
    return psutil.Process().memory_info().rss >> 20


def percentiles(times: Times) -> dict[str, float]:
    """Return p50 and p95, in milliseconds."""
    p50, p95 = np.percentile(times, [50, 95])
    return {"p50": round(float(p50), 2), "p95": round(float(p95), 2)}


async def cold(container: Container, count: int, begun: float) -> None:
    """Ask the first questions of a process."""
    said: dict[str, object] = {"open_s": round(time.perf_counter() - begun, 2), "memory_mb": memory_mb()}
    given = asked(count)
    search = search_of(container, given)
    for mode in (Mode.WORDS, Mode.MEANING, Mode.HYBRID):
        ask = searching(search, given, mode, FILTERS[0])
        first, _ = await timed(ask, 1, 1)
        said[f"first_{mode}_ms"] = round(first[0], 1)
        said[f"memory_after_{mode}_mb"] = memory_mb()
    for when in ("cold", "warm"):
        for mode in (Mode.WORDS, Mode.MEANING, Mode.HYBRID):
            times, _ = await timed(searching(search, given, mode, FILTERS[0]), count, 1)
            said[f"{when}_{mode}"] = percentiles(times)
    said["memory_at_end_mb"] = memory_mb()
    print(json.dumps(said), flush=True)


async def find(container: Container) -> None:
    """Look for words until they are found."""
    await container.lexical.search("ready", Scope(LOCAL), 1)
    print("ready", flush=True)
    for line in iter(sys.stdin.readline, ""):
        patience = time.monotonic() + _PATIENCE
        while not (await container.lexical.search(line.strip(), Scope(LOCAL), 1)).ranked:
            if time.monotonic() > patience:
                raise SystemExit(f"{line.strip()} is not found.")
            await asyncio.sleep(_PAUSE)
        print(time.monotonic(), flush=True)


async def run(what: str, folder: Path, count: int) -> None:
    """Do what was asked."""
    begun = time.perf_counter()
    async with open_container(settings_of(folder)) as container:
        await (cold(container, count, begun) if what == "cold" else find(container))


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
