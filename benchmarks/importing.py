"""How many ready-made chunks a second `ragstone import` takes, and where the time goes.

    python -m benchmarks.importing [--json] [--chunks 50000] [--per-document 10] [--runs words vectors]

Makes NDJSON of documents whose words are those of the project's docs, as often as they stand there, with vectors of 384
dimensions around some hundred directions and without; imports each into a record of its own by the real command line,
then once more, unchanged. The parts are then taken one after the other, in one process and one transaction at a time,
over the first chunks of the file: they add up to more than the command's time, which runs two at once.
"""

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ragstone.api.requests import DocumentForm
from ragstone.cli.client import requested
from ragstone.cli.importing_documents import Documents, Gathered
from ragstone.cli.importing_rows import open_rows
from ragstone.container import Container, open_container
from ragstone.domain.access import LOCAL
from ragstone.ingest.importing import GivenVectors, count_tokens
from ragstone.ports.embedder import ModelInput
from ragstone.retrieve.analysis import count_terms
from ragstone.settings import Settings

RAGSTONE = str(Path(sys.executable).parent / "ragstone")
DOCS = Path(__file__).resolve().parent.parent / "docs"
DIMENSIONS = 384
DIRECTIONS = 300
WORDS = 80
PART_CHUNKS = 5000
BATCH_CHUNKS = 1000


def write_rows(path: Path, chunks: int, per_document: int, *, vectors: bool) -> None:
    """Write a file of ready-made chunks, the same each time."""
    random = np.random.default_rng(11)
    text = " ".join(page.read_text(encoding="utf-8") for page in sorted(DOCS.rglob("*.md")))
    counted = Counter(re.findall(r"\w[\w'.-]*", text))
    words = np.array(list(counted))
    shares = np.array(list(counted.values()), dtype=np.float64) / counted.total()
    directions = random.normal(size=(DIRECTIONS, DIMENSIONS))
    with path.open("w", encoding="utf-8") as file:
        for number in range(chunks):
            row: dict[str, Any] = {
                "document": f"doc-{number // per_document}",
                "id": str(number),
                "text": " ".join(random.choice(words, WORDS, p=shares)),
            }
            if vectors:
                vector = directions[number % DIRECTIONS] + random.normal(scale=0.7, size=DIMENSIONS)
                row["vector"] = np.round(vector, 6).tolist()
            file.write(json.dumps(row) + "\n")


def ragstone(data: Path, *arguments: str) -> dict[str, Any]:
    """Run the command line on a record; return what it prints."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("RAGSTONE_")}
    variables |= {"RAGSTONE_DATA_DIR": str(data), "RAGSTONE_CONFIG": str(data / "none.toml")}
    ran = subprocess.run([RAGSTONE, *arguments, "--json"], check=True, capture_output=True, text=True, env=variables)
    printed: dict[str, Any] = json.loads(ran.stdout)
    return printed


async def active_model(data: Path) -> str:
    """Make the active space, and return what --vectors-of calls it."""
    async with open_container(settings(data)) as container:
        await container.embedders.prepare()
        model = container.embedder.model
    return f"{model.name}@{model.version}"


def settings(data: Path) -> Settings:
    return Settings(data_dir=data, log_level="warning")


def command(file: Path) -> dict[str, Any]:
    """Import a file by the command line into a new record, twice."""
    with tempfile.TemporaryDirectory(prefix="ragstone-bench-", ignore_cleanup_errors=True) as directory:
        data = Path(directory)
        target = ["import", str(file), "--vectors-of", asyncio.run(active_model(data))]
        first, again = ragstone(data, *target), ragstone(data, *target)
    assert again["unchanged"] == first["documents"]
    assert not first["failed"]
    return {
        "chunks": first["chunks"],
        "seconds": first["seconds"],
        "chunks_per_second": round(first["chunks"] / first["seconds"]),
        "unchanged_chunks_per_second": round(again["chunks"] / again["seconds"]),
    }


class Stopwatch:
    """Adds up the seconds of what an object's method takes."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def watch(self, name: str, owner: object, method: str) -> None:
        """Measure a coroutine method of one object from now on."""
        inner = getattr(owner, method)

        async def measured(*arguments: Any, **named: Any) -> Any:
            begun = time.perf_counter()
            try:
                return await inner(*arguments, **named)
            finally:
                self.seconds[name] += time.perf_counter() - begun

        setattr(owner, method, measured)

    def time(self, name: str, act: Callable[[], Any]) -> Any:
        """Measure one call."""
        begun = time.perf_counter()
        try:
            return act()
        finally:
            self.seconds[name] += time.perf_counter() - begun


async def parts(file: Path) -> dict[str, float]:
    """Return milliseconds per chunk of each part of an import, over the first chunks of the file."""
    watch = Stopwatch()
    with tempfile.TemporaryDirectory(prefix="ragstone-bench-", ignore_cleanup_errors=True) as directory:
        async with open_container(settings(Path(directory))) as container:
            await container.embedders.prepare()
            documents = watch.time("rows read and checked", lambda: first_documents(file))
            chunks = sum(len(each.document.chunks) for each in documents)
            read_by = await container.embedders.input()
            watch.time("tokens counted", lambda: tokens(read_by, documents))
            watch.time("words counted", lambda: words(documents))
            watch.watch("words counted and indexed", container.lexical, "add")
            watch.watch("vectors indexed", container.vectors, "upsert")
            await store(container, documents, watch)
    seconds = watch.seconds
    seconds["words indexed"] = seconds.pop("words counted and indexed") - seconds["words counted"]
    named = ("tokens counted", "words counted", "words indexed", "vectors indexed")
    seconds["documents and chunks stored, committed"] = seconds.pop("stored") - sum(seconds[name] for name in named)
    return {name: round(1000 * spent / chunks, 3) for name, spent in seconds.items()}


def first_documents(file: Path) -> list[Gathered]:
    found: list[Gathered] = []
    for each in Documents([open_rows(file)], requested(DocumentForm)):
        assert isinstance(each, Gathered)
        found.append(each)
        if sum(len(one.document.chunks) for one in found) >= PART_CHUNKS:
            break
    return found


def tokens(read_by: ModelInput, documents: Sequence[Gathered]) -> None:
    for each in documents:
        count_tokens(read_by, each.document.chunks)


def words(documents: Sequence[Gathered]) -> None:
    for each in documents:
        for chunk in each.document.chunks:
            count_terms(chunk.text)


async def store(container: Container, documents: Sequence[Gathered], watch: Stopwatch) -> None:
    model = container.embedder.model
    given = GivenVectors(container.vectors, container.embedders, model.name, model.version)
    size = BATCH_CHUNKS // len(documents[0].document.chunks)
    watch.watch("stored", container.intake, "accept_documents")
    for start in range(0, len(documents), size):
        batch = [each.document for each in documents[start : start + size]]
        await container.intake.accept_documents(LOCAL, batch, given)


def main() -> None:
    """Import, and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--chunks", type=int, default=50_000)
    parser.add_argument("--per-document", type=int, default=10)
    parser.add_argument("--runs", nargs="+", choices=("words", "vectors"), default=["words", "vectors"])
    arguments = parser.parse_args()
    report: dict[str, Any] = {"cores": os.cpu_count(), "load_before": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory(prefix="ragstone-bench-") as directory:
        for run in arguments.runs:
            file = Path(directory) / f"{run}.ndjson"
            write_rows(file, arguments.chunks, arguments.per_document, vectors=run == "vectors")
            report[run] = {**command(file), "ms_per_chunk": asyncio.run(parts(file)), "load": os.getloadavg()[0]}
    if arguments.json:
        print(json.dumps(report))
        return
    print(f"{report['cores']} cores, load before {report['load_before']:.1f}")
    for run in arguments.runs:
        found = report[run]
        print(
            f"{run}: {found['chunks']:,} chunks in {found['seconds']:,.1f} s = {found['chunks_per_second']:,} a second"
        )
        print(f"  again, unchanged: {found['unchanged_chunks_per_second']:,} a second; load {found['load']:.1f}")
        for name, milliseconds in found["ms_per_chunk"].items():
            print(f"  {milliseconds:8.3f} ms a chunk  {name}")


if __name__ == "__main__":
    main()
