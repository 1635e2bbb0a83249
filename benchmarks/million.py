"""Search over a million chunks of Zipf words and 384 dimensions, beside raw pgvector SQL and tantivy, in turns.

    python -m benchmarks.million --data-dir DIR [--chunks 1000000] [--questions 200] [--rounds 3] [--clients 1 8]
        [--tantivy-python PYTHON] [--no-changes] [--out benchmarks/results/million.json]

The record is made once and kept in DIR, with what building took; it takes about 5 GB a million. tantivy runs in a
process of its own, by a Python that has it and NumPy; without `--tantivy-python` it is left out. "Cold" is a process of
ours that was never asked; PostgreSQL and the system have read what they have. At the end a twentieth
of the documents is deleted and a fiftieth updated, to see that scores stay exact; a DIR that was changed is not used
again, `--no-changes` leaves it as it is.
"""

import argparse
import asyncio
import json
import platform
import shutil
import sys
import time
from collections import defaultdict
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks.million_beside import Recalls, freshness, measured_sizes, other_process, raw_with_recall
from benchmarks.million_build import Say, fill, fill_marks
from benchmarks.million_exact import Changes, change, compare
from benchmarks.million_process import memory_mb, percentiles, settings_of
from benchmarks.million_searches import (
    Ask,
    Asked,
    Tantivy,
    Times,
    asked,
    meaning_leg,
    recall,
    search_of,
    searching,
    timed,
    truth,
    words_leg,
)
from benchmarks.vectors import FILTERS
from ragstone.container import Container, open_container
from ragstone.domain.queries import Mode

_WORDS_LIMIT = 100
_EXACT_QUESTIONS = 50
Cell = tuple[str, str, int]
"""What searches, the filter's name, and how many clients ask at once."""


async def run(given: argparse.Namespace) -> dict[str, Any]:
    """Build where nothing is, then measure everything."""
    say = Say()
    folder: Path = given.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    tantivy = Tantivy(given.tantivy_python, folder / "tantivy", given.chunks) if given.tantivy_python else None
    async with open_container(settings_of(folder / "ragstone")) as container:
        built = await fill(container, folder, given.chunks, say)
        result: dict[str, Any] = {"chunks": given.chunks, "built": built, "tantivy": _LEFT_OUT}
        if tantivy:
            result["tantivy"] = await tantivy.start()
            say(f"tantivy: {result['tantivy']}")
        questions = asked(given.questions)
        await fill_marks(container)
        result["sizes"] = await measured_sizes(container)
        result["other_process"] = await other_process(folder / "ragstone", given.questions)
        say("a fresh process was asked")
        result["rows"] = await _measure(container, questions, given, tantivy, say)
        result["memory_mb"] = {"ours": memory_mb(), "tantivy": tantivy.memory_mb if tantivy else None}
        result["exact"] = await _exact(container, given, say)
        result["fresh_ms"] = await freshness(container, folder / "ragstone")
    if tantivy:
        await tantivy.stop()
    if not given.no_changes:
        built.changed = True
        built.keep(folder)
    return result


_LEFT_OUT = "left out: --tantivy-python names no Python that has it"


async def _measure(
    container: Container, questions: Asked, given: argparse.Namespace, tantivy: Tantivy | None, say: Say
) -> list[dict[str, Any]]:
    """Return recall and times of everything that searches, each asked in turn, round by round."""
    nearest = await asyncio.to_thread(truth, questions, given.chunks, given.data_dir)
    say("what is nearest was computed exactly")
    recalls: Recalls = {}
    asks: dict[tuple[str, str], Ask] = {}
    search = search_of(container, questions)
    for kept in FILTERS:
        leg = meaning_leg(container, questions, kept)
        asks["meaning leg", kept.name] = leg
        recalls["meaning leg", kept.name] = await recall(leg, nearest[kept.name])
        for mode in Mode:
            asks[mode, kept.name] = searching(search, questions, mode, kept)
    asks["words leg", "none"] = words_leg(container, questions, _WORDS_LIMIT)
    async with raw_with_recall(container, questions, nearest, recalls, max(given.clients)) as beside:
        asks |= beside
        say("raw SQL finds as much as we do")
        return _rows(await _in_turns(asks, questions, given, tantivy, say), recalls)


async def _in_turns(
    asks: dict[tuple[str, str], Ask], questions: Asked, given: argparse.Namespace, tantivy: Tantivy | None, say: Say
) -> dict[Cell, tuple[Times, float]]:
    """Ask everyone everything, once to warm up and ``rounds`` times to measure; return times and seconds."""
    count = len(questions.texts)
    cells: defaultdict[Cell, tuple[Times, float]] = defaultdict(lambda: ([], 0.0))
    for turn in range(given.rounds + 1):
        for clients in given.clients:
            taken = {}
            for (name, kept), ask in asks.items():
                if clients == 1 or kept == "none":
                    taken[name, kept, clients] = await timed(ask, count, clients)
            if tantivy:
                taken["tantivy", "none", clients] = await tantivy.ask(questions.texts, _WORDS_LIMIT, clients)
            for cell, (times, seconds) in taken.items() if turn else ():
                cells[cell] = cells[cell][0] + times, cells[cell][1] + seconds
        say(f"round {turn} of {given.rounds}")
    return cells


def _rows(cells: dict[Cell, tuple[Times, float]], recalls: Recalls) -> list[dict[str, Any]]:
    rows = []
    for (name, kept, clients), (times, seconds) in sorted(cells.items(), key=lambda cell: cell[0][2]):
        row = {"searched": str(name), "filter": kept, "clients": clients, **percentiles(times)}
        row["qps"] = round(len(times) / seconds, 1)
        if (name, kept) in recalls:
            row["recall"], row["short"] = recalls[name, kept]
        rows.append(row)
    return rows


async def _exact(container: Container, given: argparse.Namespace, say: Say) -> list[dict[str, Any]]:
    """Compare scores with the reference: as filled, after changes, and once segments were merged."""
    sample, changes = asked(_EXACT_QUESTIONS), Changes()
    compared = [await compare(container, sample, given.chunks, changes, "as filled")]
    if not given.no_changes:
        changes = await change(container, given.chunks)
        say("documents were updated and deleted")
        compared.append(await compare(container, sample, given.chunks, changes, "after updates and deletions"))
        while await container.upkeep.tend():
            pass
        compared.append(await compare(container, sample, given.chunks, changes, "after merging"))
    say("scores were compared with the reference")
    return compared


def show(result: dict[str, Any]) -> None:
    """Print the tables."""
    built = result["built"]
    print(
        f"\n{built['chunks']:,} chunks; record stored in {built['record_s']:.0f} s, words indexed in"
        f" {built['words_s']:.0f} s ({built['words_cpu_s']:.0f} s of our CPU), vectors in"
        f" {built['vectors_s']:.0f} s, our process at {built['peak_mb']} MB"
        f"\ntantivy: {result['tantivy']}\nMB: {result['sizes']}\nmemory, MB: {result['memory_mb']}"
        f"\na fresh process: {result['other_process']}\nfound by another process after, ms: {result['fresh_ms']}"
    )
    print(
        f"\n{'searched':<12} {'filter':<14} {'clients':>7} {'p50 ms':>8} {'p95 ms':>8} {'a second':>8} {'recall@10':>9}"
    )
    for row in result["rows"]:
        found = f"{row['recall']:.4f}" if "recall" in row else ""
        print(
            f"{row['searched']:<12} {row['filter']:<14} {row['clients']:>7} {row['p50']:>8.2f} {row['p95']:>8.2f}"
            f" {row['qps']:>8.1f} {found:>9}"
        )
    for each in result["exact"]:
        print(
            f"BM25 {each['when']}: {each['questions']} questions over {each['chunks']:,} chunks, largest difference"
            f" {each['largest_difference']:.1e}, {each['wrong']} wrong"
        )


def _command(given: argparse.Namespace) -> str:
    """Return what makes such a result on any machine: where it lay on this one is for nobody."""
    beside = " --tantivy-python PYTHON" if given.tantivy_python else ""
    counts = f"--chunks {given.chunks} --questions {given.questions} --rounds {given.rounds}"
    changes = " --no-changes" if given.no_changes else ""
    clients = " ".join(map(str, given.clients))
    return f"python -m benchmarks.million --data-dir DIR {counts} --clients {clients}{beside}{changes}"


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    memory = psutil.virtual_memory().total >> 30
    return {"cores": psutil.cpu_count(), "memory_gb": memory, "python": platform.python_version()}


def main() -> int:
    """Run, print, write down; return 1 where recall, the number of hits or a score falls short."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.million", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--chunks", type=int, default=1_000_000)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--tantivy-python", type=Path, help="A Python that has tantivy and NumPy.")
    parser.add_argument("--no-changes", action="store_true", help="Neither update nor delete at the end.")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/million.json"))
    given = parser.parse_args()
    if given.tantivy_python and not shutil.which(given.tantivy_python):
        raise SystemExit(f"{given.tantivy_python} is no Python.")
    begun = time.perf_counter()
    result = asyncio.run(run(given))
    result["built"] = asdict(result["built"])
    result |= {
        "command": _command(given),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "seconds": round(time.perf_counter() - begun),
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=2) + "\n")
    show(result)
    short = any(
        row.get("short") or row.get("recall", 1.0) < 0.98 for row in result["rows"] if row["searched"] == "meaning leg"
    )
    return int(short or any(each["wrong"] for each in result["exact"]))


if __name__ == "__main__":
    sys.exit(main())
