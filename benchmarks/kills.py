"""Kill everything, over and over, while documents come in: does the index end as if nothing had happened?

    python -m benchmarks.kills [--documents 500] [--kills 50] [--workers 1] [--freezes 0] [--seed 1] [--json]

Sends documents over HTTP to a server with so many workers, kills one of them or PostgreSQL at random moments by SIGKILL
and starts it again, and stops workers by SIGSTOP for longer than their lease. What was answered 202 must end ready;
documents, chunks (by the digest of their texts), postings and vectors must equal those of a run in which nothing is
killed.
"""

import argparse
import json
import random
import signal
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.e2e.house import House, Row, house, until

_SENDERS = 3
_FROZEN_SECONDS = 45.0
_PAUSE_SECONDS = (0.3, 2.5)


def undisturbed(documents: int) -> list[Row]:
    """Return the index of a run in which nothing is killed."""
    with house() as calm:
        calm.start("up")
        send_all(calm, documents)
        until(lambda: calm.open_documents() == 0, 1200)
        return calm.snapshot()


def send_all(target: House, documents: int) -> None:
    with ThreadPoolExecutor(_SENDERS) as senders:
        list(senders.map(target.send, range(documents)))


def disturb(target: House, draw: random.Random, kills: int, workers: list[str], freezes: int) -> Counter[str]:
    """Kill and start again, ``kills`` times in all, and freeze now and then; return who was hit how often."""
    hit: Counter[str] = Counter()
    freeze_at = set(draw.sample(range(kills), freezes))
    for number in range(kills):
        time.sleep(draw.uniform(*_PAUSE_SECONDS))
        if number in freeze_at:
            freeze(target, draw.choice(workers))
            hit["frozen"] += 1
        victim = draw.choice(["serve", *workers, "postgres"])
        hit[victim] += 1
        if victim == "postgres":
            until(target.postgres_runs)
            target.kill_postgres()
        else:
            target.kill(victim)
            target.start("serve" if victim == "serve" else "worker", victim)
    return hit


def freeze(target: House, name: str) -> None:
    """Stop a worker, and let it go on when its lease is long over, unless it was killed meanwhile."""
    process = target.processes[name]
    process.send_signal(signal.SIGSTOP)
    threading.Timer(_FROZEN_SECONDS, process.send_signal, [signal.SIGCONT]).start()


def main() -> None:
    """Run both, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("documents", 500), ("kills", 50), ("workers", 1), ("freezes", 0), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    expected = undisturbed(given.documents)
    begun = time.monotonic()
    with house() as disturbed:
        workers = [f"worker-{number}" for number in range(given.workers)]
        disturbed.start("serve")
        for name in workers:
            disturbed.start("worker", name)
        with ThreadPoolExecutor(1) as sender:
            sent = sender.submit(send_all, disturbed, given.documents)
            hit = disturb(disturbed, random.Random(given.seed), given.kills, workers, given.freezes)
            sent.result()
        until(lambda: disturbed.open_documents() == 0, 1200)
        found, broken = disturbed.snapshot(), disturbed.violations()
    result = {
        "documents": len(found),
        "hit": dict(hit),
        "different": sum(one != other for one, other in zip(found, expected, strict=False)),
        "missing": len(expected) - len(found),
        "violations": broken,
        "seconds": round(time.monotonic() - begun, 1),
    }
    if given.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:<12} {value}")
    sys.exit(bool(result["different"] or result["missing"] or broken))


if __name__ == "__main__":
    main()
