"""All benchmarks, one after the other: `python -m benchmarks`. Each also runs alone, as `python -m benchmarks.NAME`."""

import subprocess
import sys

BENCHMARKS = {
    "embedder": "the embedding model beside sentence-transformers",
    "startup": "start, memory, and the command line's first answer",
    "ask_docs": "ten questions to a real documentation, their citations checked",
    "ingest": "the pipeline beside the bare embedder, and how soon documents are found by words",
    "importing": "ready-made chunks a second, and where the time goes",
    "parsing": "text and tables of each format against what the files hold",
    "vectors": "search by meaning through filters: recall against exact search, beside raw pgvector SQL",
    "kills": "an index that comes through fifty kills, beside a calm one",
    "memory": "what a worker holds with large files and over rounds",
    "answers": "extractive answers and refusal on public question sets",
}


def main() -> int:
    """Run every benchmark; return 1 if one failed or could not run."""
    failed = []
    for name, subject in BENCHMARKS.items():
        print(f"\n== {name}: {subject}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed or skipped: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
