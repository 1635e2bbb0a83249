"""How much of the bare embedder's speed is left in the whole pipeline, and how soon documents are found by words.

    python -m benchmarks.ingest [FOLDER] [--rounds 3] [--json]

Ingests the Markdown pages of a folder (../shared/data/docs/fastapi_en) into a fresh embedded record, by one worker in
this process, then lets the same embedder embed the same texts alone; the two take turns. Medians are printed:
`words_share` is the time until all are searchable by words over the time until all are ready, `pipeline_share` the
bare embedder's time over the pipeline's. Times are from the first page that is sent, with the model loaded.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from ragstone.container import Container, open_container
from ragstone.domain.access import LOCAL
from ragstone.domain.documents import embedding_text
from ragstone.ingest.intake import Label
from ragstone.settings import Settings
from ragstone.worker.run import work

DOCS = Path(__file__).resolve().parents[2] / "shared" / "data" / "docs" / "fastapi_en"
_LOOK_SECONDS = 0.25

_LOOK = """
    select count(*) filter (where state in ('accepted', 'parsing')),
           count(*) filter (where state in ('ready', 'failed')) from versions"""

_TEXTS = """
    select coalesce(v.given_title, v.title, v.filename), c.heading_path, c.text, c.lead
    from chunks c join versions v on v.id = c.version_id order by v.id, c.ordinal"""


async def _bytes(path: Path) -> AsyncIterator[bytes]:
    yield path.read_bytes()


async def ingest(container: Container, pages: list[Path]) -> tuple[float, float]:
    """Return the seconds until all pages are searchable by words, and until all are ready."""
    await (await container.document_embedder()).embed(["Warm."])
    worker = asyncio.create_task(work(container))
    begun, words = time.perf_counter(), 0.0
    for page in pages:
        await container.intake.accept(LOCAL, Label(uri=page.as_uri(), filename=page.name), _bytes(page))
    async with container.database.connect() as connection:
        while True:
            cursor = await connection.execute(_LOOK)
            unread, done = (await cursor.fetchall())[0]
            seconds = time.perf_counter() - begun
            words = words or (0.0 if unread else seconds)
            if done == len(pages):
                break
            await asyncio.sleep(_LOOK_SECONDS)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    return words, seconds


async def bare(container: Container) -> tuple[int, int, float]:
    """Return how many texts and tokens there are, and the seconds that the embedder needs for them alone."""
    async with container.database.connection() as connection:
        cursor = await connection.execute(_TEXTS)
        rows = await cursor.fetchall()
    texts = [embedding_text(row[0], tuple(row[1]), row[2], lead=row[3]) for row in rows]
    begun = time.perf_counter()
    await container.embedder.embed(texts)
    seconds = time.perf_counter() - begun
    spans = container.embedder.tokenizer.spans
    return len(texts), sum(min(len(spans(text)), container.embedder.model.max_tokens) for text in texts), seconds


def listed(file: Path) -> list[Path]:
    """Return the pages that a file lists."""
    return [Path(line) for line in file.read_text(encoding="utf-8").splitlines()]


async def one_round(pages: list[Path]) -> dict[str, float]:
    """Measure both once, on a fresh record."""
    with tempfile.TemporaryDirectory(prefix="ragstone-ingest-", ignore_cleanup_errors=True) as directory:
        async with open_container(Settings(data_dir=Path(directory), log_level="error")) as container:
            words, ready = await ingest(container, pages)
            chunks, tokens, alone = await bare(container)
    return {
        "chunks": chunks,
        "tokens": tokens,
        "words_s": words,
        "ready_s": ready,
        "bare_s": alone,
        "words_share": words / ready,
        "pipeline_share": alone / ready,
    }


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=DOCS, help="or a file that lists pages, one a line")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    pages = sorted(given.folder.rglob("*.md")) if given.folder.is_dir() else listed(given.folder)
    if not pages:
        raise SystemExit(f"{given.folder} holds no Markdown pages")
    rounds = [asyncio.run(one_round(pages)) for _ in range(given.rounds)]
    medians = {name: round(statistics.median(each[name] for each in rounds), 3) for name in rounds[0]}
    if given.json:
        json.dump(medians, sys.stdout)
    else:
        for name, value in medians.items():
            print(f"{name:<16} {value:,}")


if __name__ == "__main__":
    main()
