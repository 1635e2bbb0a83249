"""Search over HTTP at 18,450 documents: latency, questions a second, quality, and the event loop's longest delay.

    python -m benchmarks.http_search --data DIR [--json] [--questions 300] [--clients 1 8 16] [--modes hybrid]
        [--stages]

Brings the documents of `benchmarks.http_mixture` into the record in DIR, once; runs the real server on it, and asks by
clients in processes of their own. The vectors of questions are not kept, but for the questions asked again, which are
asked once before they are measured. Words come first: their first row has the postings read from PostgreSQL, the others
find them in memory. `processor` is what the server's process needs for one request, PostgreSQL apart.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.http_load import Load, ask
from benchmarks.http_mixture import COLLECTION, MIX, prepare, questions
from benchmarks.http_server import Running, running
from ragstone.learn.judged_sets import JudgedSet
from ragstone.learn.measures import MAIN, measured
from ragstone.settings import Settings

MODES = ("words", "meaning", "hybrid")
TOP = 10
WARM = 20
CACHE_MB = 64
ROUNDS = 4


def measure(
    server: Running, judged: JudgedSet, mode: str, clients: int, *, rounds: int = 1, again: bool = False
) -> dict[str, Any]:
    """Ask, and return what came of it."""
    asked = {"mode": mode, "top_k": TOP, "collections": [COLLECTION]}
    texts = {each.id: each.question for each in judged.questions}
    few = dict(list(texts.items())[:WARM])
    ask(server.port, texts if again else {name: f"{text} again" for name, text in few.items()}, clients, asked)
    server.report()
    load = ask(server.port, texts, clients, asked, rounds=rounds)
    return {
        "mode": f"{mode}, asked again" if again else mode,
        "clients": clients,
        **told(load, judged, server.report()),
    }


def told(load: Load, judged: JudgedSet, watched: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of a load."""
    values = measured(judged.questions, load.found, [MAIN])
    p50, p95 = np.percentile(load.milliseconds, [50, 95])
    return {
        "p50": round(float(p50), 2),
        "p95": round(float(p95), 2),
        "per_second": round(load.per_second, 1),
        "processor": round(watched["processor"] / len(load.milliseconds), 2),
        MAIN: round(float(values.mean()), 4),
        "delay_max": watched["delay_max"],
        "delays_over_20": watched["delays_over_20"],
        "stages": {name: [calls, round(mean, 2)] for name, (calls, mean) in watched["stages"].items()},
        "load": round(os.getloadavg()[0], 1),
    }


def measure_all(
    settings: Settings, judged: JudgedSet, clients: Sequence[int], modes: Sequence[str], *, stages: bool
) -> list[dict[str, Any]]:
    """Measure each mode, then questions that are asked again."""
    with running(settings, stages=stages) as server:
        results = [show(measure(server, judged, mode, count)) for mode in modes for count in clients]
    with running(settings, cache_mb=CACHE_MB, stages=stages) as server:
        again = [show(measure(server, judged, "hybrid", count, rounds=ROUNDS, again=True)) for count in clients]
    return results + again


def show(figures: dict[str, Any]) -> dict[str, Any]:
    """Print one line of the table; return the same."""
    print(
        f"{figures['mode']:<20} {figures['clients']:>3} clients  p50 {figures['p50']:>7.2f}  p95 {figures['p95']:>7.2f}"
        f"  {figures['per_second']:>7.1f}/s  processor {figures['processor']:>6.2f}  nDCG@10 {figures[MAIN]:.4f}"
        f"  loop {figures['delay_max']:>6.1f} ({figures['delays_over_20']} over 20)  load {figures['load']}",
        file=sys.stderr,
        flush=True,
    )
    for name, (calls, mean) in figures["stages"].items():
        print(f"    {name:<24} {calls:>5} × {mean:>7.2f} ms", file=sys.stderr)
    return figures


def main() -> None:
    """Prepare, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 16])
    parser.add_argument("--modes", choices=MODES, nargs="+", default=MODES)
    parser.add_argument("--stages", action="store_true")
    arguments = parser.parse_args()
    if not MIX.is_dir():
        raise SystemExit("needs ../shared/data/mix_public")
    settings = Settings(data_dir=arguments.data, log_level="warning", question_cache=0)
    documents = asyncio.run(prepare(settings))
    results = measure_all(
        settings, questions(arguments.questions), arguments.clients, arguments.modes, stages=arguments.stages
    )
    if arguments.json:
        print(json.dumps({"documents": documents, "cores": os.cpu_count(), "results": results}))


if __name__ == "__main__":
    main()
