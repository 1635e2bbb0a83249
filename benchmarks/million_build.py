"""The record of a million chunks: made once, a block at a time, and kept."""

import asyncio
import json
import resource
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.million_record import CLUSTERS_SEED, Lot, drawn, index_words, lot_of, store
from benchmarks.million_texts import DOCUMENTS_AT_A_TIME, PER_DOCUMENT, Block, blocks
from benchmarks.vector_record import ELSEWHERE, FIELDS, MODEL, Clusters, Record, fill_raw
from ragstone.container import Container
from ragstone.domain.access import LOCAL

_STATE = "million.json"
_NONE = np.empty(0, np.int16)


@dataclass(slots=True)
class Built:
    """What was built, how long that took in seconds, and how large our process grew, a block of made texts and vectors
    included; kept beside the record."""

    chunks: int
    record_s: float = 0.0
    words_s: float = 0.0
    words_cpu_s: float = 0.0
    """Of our process alone."""
    vectors_s: float = 0.0
    peak_mb: int = 0
    changed: bool = False

    def keep(self, folder: Path) -> None:
        """Write it down."""
        (folder / _STATE).write_text(json.dumps(asdict(self)))


class Say:
    """Tells how far we are, with the seconds since the begin."""

    def __init__(self) -> None:
        self._begun = time.perf_counter()

    def __call__(self, message: str) -> None:
        """Print a line at once."""
        print(f"[{time.perf_counter() - self._begun:6.0f} s] {message}", flush=True)


async def fill(container: Container, folder: Path, chunks: int, say: Say) -> Built:
    """Store and index so many chunks, unless the record has them; return what that took, now or then."""
    state = folder / _STATE
    if state.exists():
        built = Built(**json.loads(state.read_text()))
        if built.chunks != chunks or built.changed:
            holds = f"{built.chunks:,} chunks" + (", some deleted and updated since" if built.changed else "")
            raise SystemExit(f"{folder} holds {holds}: give another --data-dir.")
        return built
    built, clusters = Built(chunks), Clusters(CLUSTERS_SEED)
    await container.vectors.ensure(MODEL)
    async with container.record.transaction() as transaction:
        await transaction.collections.create(LOCAL, "default")
    async with container.database.connect() as connection:
        for block in blocks(chunks):
            lot = await asyncio.to_thread(_lot, clusters, block)
            begun = time.perf_counter()
            await store(connection, lot)
            built.record_s += time.perf_counter() - begun
            entries, used = lot.entries(), time.process_time()
            built.words_s += await index_words(container, entries)
            built.words_cpu_s += time.process_time() - used
            built.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
            done = min(block.first + DOCUMENTS_AT_A_TIME, chunks // PER_DOCUMENT) * PER_DOCUMENT
            say(f"{done:,} chunks stored in {built.record_s:.0f} s, their words indexed in {built.words_s:.0f} s")
        await connection.execute("vacuum analyze")
    begun = time.perf_counter()
    await container.vectors.tune(MODEL.name, MODEL.version)
    built.vectors_s = time.perf_counter() - begun
    say(f"the vectors' index built in {built.vectors_s:.0f} s")
    built.keep(folder)
    return built


def _lot(clusters: Clusters, block: Block) -> Lot:
    return lot_of(block, *drawn(clusters, block))


async def fill_marks(container: Container) -> None:
    """Make the table of what filters ask, for raw SQL."""
    await fill_raw(container, Record("", [], np.empty((0, 0), np.float16), dict.fromkeys((*FIELDS, ELSEWHERE), _NONE)))
