"""Ragstone's whole pipeline beside another system's on the same files and the same model.

    python -m benchmarks.ingest_peers --venvs FOLDER [--peers langchain ...] [--rounds 3] [--files 150] [--json]

FOLDER is what ../shared/peers/setup_venvs.sh makes: an environment for each peer. In each round Ragstone and then each
peer ingest the files that the peer harness picks, each in a process of its own with the model loaded, into PostgreSQL
with pgvector. Medians of the rounds are printed: seconds, and tokens of the chunks (cut at 256, as the model does) a
second; `over_best` is Ragstone's tokens a second over those of the fastest peer.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ragstone.adapters.embedders.minilm import MiniLM

SHARED = Path(__file__).resolve().parents[2] / "shared"
PEERS = SHARED / "peers"
LEAST_BYTES, MOST_BYTES = 500, 6000
LONGEST = 256


def harness_files(count: int) -> list[str]:
    """Return the files that the peer harness takes."""
    picked = f"ingest.files({str(SHARED / 'data')!r}, {count}, {LEAST_BYTES}, {MOST_BYTES})"
    code = f"import ingest; print(*{picked}, sep='\\n')"
    return run([sys.executable, "-c", code], cwd=PEERS).splitlines()


def run(command: list[str], *, cwd: Path | None = None) -> str:
    """Run a program, and return what it prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd).stdout


def ours(listing: Path) -> dict[str, float]:
    """Ingest by Ragstone."""
    printed = run([sys.executable, "-m", "benchmarks.ingest", str(listing), "--rounds", "1", "--json"])
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return {"seconds": found["ready_s"], "chunks": found["chunks"], "tokens": found["tokens"]}


def theirs(peer: str, venvs: Path, files: int, out: Path, tokenizer: MiniLM) -> dict[str, float]:
    """Ingest by a peer."""
    chunks = out / f"{peer}.json"
    command = [str(venvs / peer / "bin" / "python"), str(PEERS / "ingest.py"), "--peer", peer, "--phase", "peer"]
    command += ["--io", str(chunks), "--data", str(SHARED / "data"), "--out", str(out), "--files", str(files)]
    found: dict[str, Any] = json.loads(run(command).splitlines()[-1])
    texts: list[str] = json.loads(chunks.read_text(encoding="utf-8"))
    tokens = sum(min(len(tokenizer.tokenizer.spans(text)), LONGEST) for text in texts)
    return {"seconds": found["wall_s"], "chunks": found["chunks"], "tokens": tokens}


def main() -> None:
    """Measure in turns, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venvs", type=Path, required=True)
    parser.add_argument("--peers", nargs="+", default=["langchain"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--files", type=int, default=150)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if not PEERS.exists():
        raise SystemExit("the peer harness, ../shared/peers, is not here")
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in ("ragstone", *given.peers)}
    with tempfile.TemporaryDirectory(prefix="ragstone-peers-", ignore_cleanup_errors=True) as directory:
        out = Path(directory)
        out.chmod(0o755)  # a peer's PostgreSQL runs as another user
        listing = out / "files.txt"
        listing.write_text("\n".join(harness_files(given.files)), encoding="utf-8")
        tokenizer = MiniLM(data_dir=out)
        for _ in range(given.rounds):
            rounds["ragstone"].append(ours(listing))
            for peer in given.peers:
                rounds[peer].append(theirs(peer, given.venvs, given.files, out, tokenizer))
    report: dict[str, Any] = {"cores": os.cpu_count(), "files": given.files}
    for name, each in rounds.items():
        report[name] = {
            "seconds": statistics.median(one["seconds"] for one in each),
            "chunks": each[0]["chunks"],
            "tokens_per_second": round(statistics.median(one["tokens"] / one["seconds"] for one in each)),
        }
    best = max(report[peer]["tokens_per_second"] for peer in given.peers)
    report["over_best"] = round(report["ragstone"]["tokens_per_second"] / best, 2)
    if given.json:
        print(json.dumps(report))
        return
    for name, value in report.items():
        print(f"{name:<12} {value}")


if __name__ == "__main__":
    main()
