"""What is measured beside the searches: raw SQL that finds as much, sizes, a fresh process, how soon it finds news."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from benchmarks.million_record import Lot, index_words, store, version_id
from benchmarks.million_searches import Ask, Asked, recall
from benchmarks.million_texts import PER_DOCUMENT
from benchmarks.vector_record import DIMENSIONS, MODEL
from benchmarks.vectors import FILTERS, TOP, Kept, raw
from ragstone.container import Container

_EF_SEARCH = (40, 60, 80, 100, 150, 200, 300, 400, 600, 1000)
_SLACK = 0.002
_FRESH = 20
_FIRST_FRESH = 1 << 41

_SIZES = """
    select 'words', coalesce(sum(pg_total_relation_size(name::regclass)), 0)
    from unnest(array['lexical_segments', 'lexical_blocks', 'lexical_members']) name
    union all select 'chunks', pg_total_relation_size('chunks')
    union all select 'vectors', pg_table_size(%(partition)s::regclass)
    union all select 'vectors: ' || a.amname, sum(pg_relation_size(i.indexrelid))
        from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am a on a.oid = c.relam
        where i.indrelid = %(partition)s::regclass group by a.amname
    union all select 'database', pg_database_size(current_database())
"""

Recalls = dict[tuple[str, str], tuple[float, int]]


async def partition_of(container: Container) -> str:
    """Return the name of the table of the vectors."""
    async with container.database.connection() as connection:
        cursor = await connection.execute("select id from embedding_spaces where model = %s", (MODEL.name,))
        return f"vectors_{(await cursor.fetchall())[0][0]}"


async def measured_sizes(container: Container) -> dict[str, int]:
    """Return how many MB everything takes in PostgreSQL."""
    partition = await partition_of(container)
    async with container.database.connection() as connection:
        cursor = await connection.execute(_SIZES, {"partition": partition})
        return {name: int(size) // 1_000_000 for name, size in await cursor.fetchall()}


@asynccontextmanager
async def raw_with_recall(
    container: Container, asked: Asked, nearest: Mapping[str, NDArray[np.int64]], recalls: Recalls, clients: int
) -> AsyncIterator[dict[tuple[str, str], Ask]]:
    """Yield the searches of somebody who writes the SQL himself, by the least `ef_search` that finds as much as we do;
    adds its recall to ``recalls``. Each client has a connection."""
    partition = await partition_of(container)
    connections: asyncio.Queue[Any] = asyncio.Queue()
    async with AsyncExitStack() as stack:
        for _ in range(clients):
            connections.put_nowait(await stack.enter_async_context(container.database.connect()))

        def asking(kept: Kept, ef_search: int) -> Ask:
            async def ask(number: int) -> Sequence[UUID]:
                connection = await connections.get()
                try:
                    return await raw(connection, partition, kept, ef_search)(asked.vectors[number], TOP)
                finally:
                    connections.put_nowait(connection)

            return ask

        found: dict[tuple[str, str], Ask] = {}
        for kept in FILTERS:
            name, wanted = "", recalls["meaning leg", kept.name][0] - _SLACK
            for ef_search in _EF_SEARCH:
                ask = asking(kept, ef_search)
                reached = await recall(ask, nearest[kept.name])
                name = f"raw ef {ef_search}"
                if reached[0] >= wanted:
                    break
            found[name, kept.name], recalls[name, kept.name] = ask, reached
        yield found


async def other_process(folder: Path, questions: int) -> dict[str, Any]:
    """Return what a fresh process says of its first questions."""
    process = await _process("cold", folder, questions)
    said, _ = await process.communicate()
    if process.returncode:
        raise SystemExit("The fresh process failed: see what it said above.")
    return dict(json.loads(said))


async def freshness(container: Container, folder: Path) -> dict[str, float]:
    """Return after how many milliseconds another process finds what this one has committed."""
    process = await _process("find", folder, 0)
    assert process.stdin is not None
    assert process.stdout is not None
    await process.stdout.readline()
    waited = []
    async with container.database.connect() as connection:
        for number in range(_FRESH):
            word = f"freshly{number}{time.time_ns()}"
            lot = _lot(word, _FIRST_FRESH + number)
            process.stdin.write(f"{word}\n".encode())
            await process.stdin.drain()
            await store(connection, lot)
            await index_words(container, lot.entries())
            committed = time.monotonic()
            found = float((await process.stdout.readline()) or "inf")
            waited.append(max(found - committed, 0.0) * 1000)
    process.stdin.close()
    await process.wait()
    return {"p50": round(float(np.median(waited)), 1), "most": round(max(waited), 1)}


def _lot(word: str, number: int) -> Lot:
    texts = [f"The {word} is chunk {ordinal}." for ordinal in range(PER_DOCUMENT)]
    vectors = np.full((PER_DOCUMENT, DIMENSIONS), DIMENSIONS**-0.5, np.float32)
    return Lot([number], [version_id(number)], ["Fresh"], texts, number * PER_DOCUMENT, ["{}"], vectors)


async def _process(what: str, folder: Path, questions: int) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "benchmarks.million_process", what, str(folder), str(questions)]
    return await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
