"""Search by meaning over generated vectors: recall against exact search, latency, building, beside raw pgvector SQL.

    python -m benchmarks.vectors [--json] [--rows 100000] [--questions 200] [--limits 10 100] [--index hnsw ivfflat]
        [--data DIR] [--raw 200] [--no-raw] [--clients 1 8]

Chunks of 384 dimensions lie in clusters of very different sizes, and spread around their centres by a spectrum that
falls off as that of text embeddings does. Documents have four chunks each, and metadata of which filters keep a half, a
tenth, a hundredth and a thousandth of the chunks, without regard to where these lie; `elsewhere` keeps a hundredth that
lies in other clusters than the question. What is exact is computed by NumPy from the halves that PostgreSQL holds. Raw
SQL searches the same vectors by the same index; what filters ask for stands in a table beside them, indexed. Each
question is asked both ways, one after the other, so that what else the machine does weighs on both. With `--data` the
record is kept, and used again.
"""

import argparse
import asyncio
import itertools
import json
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray

from benchmarks.vector_record import DIMENSIONS, MODEL, Clusters, Record, fill, fill_raw
from ragstone.container import Container, open_container
from ragstone.domain.access import LOCAL
from ragstone.domain.filters import Equals, Field, Filter
from ragstone.domain.queries import Scope
from ragstone.ports.embedder import Vectors
from ragstone.postgres.nearest.kinds import Kind
from ragstone.postgres.vector_index import PgVectorIndex
from ragstone.settings import Settings
from ragstone.telemetry import configure_logging

Search = Callable[[Vectors, int], Awaitable[Sequence[Any]]]
TOP = 10


@dataclass(frozen=True, slots=True)
class Kept:
    """A filter: the metadata's field and its value (``None``: no filter), and the share of the chunks that it keeps."""

    name: str
    field: str | None
    share: float

    @property
    def scope(self) -> Scope:
        condition: Filter | None = Equals(Field((self.field,)), 0) if self.field else None
        return Scope(LOCAL, filter=condition)


FILTERS = (
    Kept("none", None, 1.0),
    Kept("50 %", "half", 0.5),
    Kept("10 %", "tenth", 0.1),
    Kept("1 %", "hundredth", 0.01),
    Kept("0.1 %", "thousandth", 0.001),
    Kept("elsewhere 1 %", "elsewhere", 0.01),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One way to search under one filter; times in milliseconds. ``short``: questions with fewer hits than there
    are."""

    searched: str
    filter: str
    limit: int
    recall: float
    short: int
    p50: float
    p95: float


class Truth:
    """The nearest chunks of each question, exactly, over the halves that are stored."""

    def __init__(self, stored: NDArray[np.float16], marks: dict[str, NDArray[np.int16]], questions: Vectors) -> None:
        self._marks = marks
        self._cosines = np.empty((len(questions), len(stored)), np.float32)
        questions = questions.astype(np.float16).astype(np.float32)  # as PostgreSQL compares them
        for start in range(0, len(stored), 100_000):
            part = stored[start : start + 100_000].astype(np.float32)
            part /= np.linalg.norm(part, axis=1, keepdims=True)
            self._cosines[:, start : start + len(part)] = questions @ part.T

    def recall(self, question: int, found: Sequence[int], kept: Kept) -> tuple[float, int]:
        """Return the share of the nearest ten that are among the first ten found, and how many there are at all.

        One that is as near as the tenth, to the precision of a half, counts as one of them.
        """
        inside = np.flatnonzero(self._marks[kept.field] == 0) if kept.field else np.arange(self._cosines.shape[1])
        cosines = self._cosines[question, inside]
        count = min(TOP, len(inside))
        tenth = np.partition(cosines, -count)[-count]
        near = np.isin(found[:TOP], inside) & (self._cosines[question, found[:TOP]] >= tenth - 1e-5)
        return float(near.sum()) / count, len(inside)


@dataclass(slots=True)
class Asked:
    """What came of the questions that were asked in one way."""

    times: list[float] = field(default_factory=list)
    recalls: list[float] = field(default_factory=list)
    short: int = 0

    def measured(self, name: str, kept: Kept, limit: int) -> Measured:
        p50, p95 = (round(float(each), 2) for each in np.percentile(self.times, [50, 95]))
        return Measured(name, kept.name, limit, float(np.mean(self.recalls)), self.short, p50, p95)


@dataclass(frozen=True, slots=True)
class Bench:
    """What is asked, what is right, and the number of each chunk."""

    questions: Vectors
    truth: Truth
    numbers: Mapping[UUID, int]

    async def measure(self, searches: Mapping[str, Search], kept: Kept, limit: int) -> list[dict[str, Any]]:
        """Ask each question in every way, one way after the other, so that all have their share of other load.

        Who comes second finds the question's vectors in the processor's caches, so they take turns in that. Return
        recall and times of each. All are asked once before, to warm up.
        """
        for question in self.questions:
            for search in searches.values():
                await search(question, limit)
        asked = {name: Asked() for name in searches}
        for number, question in enumerate(self.questions):
            for name, search in list(searches.items())[:: 1 if number % 2 else -1]:
                begun = time.perf_counter()
                found = await search(question, limit)
                asked[name].times.append((time.perf_counter() - begun) * 1000)
                recall, there = self.truth.recall(number, [self.numbers[each] for each in found], kept)
                asked[name].recalls.append(recall)
                asked[name].short += len(found) < min(limit, there)
        return [asdict(each.measured(name, kept, limit)) for name, each in asked.items()]


def ours(index: PgVectorIndex, kept: Kept) -> Search:
    """Return the search of the port."""

    async def search(question: Vectors, limit: int) -> list[UUID]:
        return [each.chunk_id for each in await index.search(MODEL, question, kept.scope, limit)]

    return search


def raw(connection: psycopg.AsyncConnection[Any], partition: str, kept: Kept, width: int) -> Search:
    """Return the search of somebody who writes the SQL himself; ``width`` is that of a graph, and a quarter the number
    of lists."""
    where = f"x join raw_marks m on m.chunk_id = x.chunk_id where m.{kept.field} = 0" if kept.field else "x"
    query = (
        f"select x.chunk_id from {partition} {where} order by x.embedding::halfvec({DIMENSIONS})"
        f" <=> %s::halfvec({DIMENSIONS}) limit %s"
    )

    async def search(question: Vectors, limit: int) -> list[UUID]:
        async with connection.transaction():
            await connection.execute(
                "select set_config('hnsw.ef_search', %s, true), set_config('ivfflat.probes', %s, true),"
                " set_config('hnsw.iterative_scan', %s, true), set_config('ivfflat.iterative_scan', %s, true)",
                (str(max(width, limit)), str(width // 4), *(("relaxed_order" if kept.field else "off",) * 2)),
            )
            text = "[" + ",".join(format(value, ".6g") for value in question.tolist()) + "]"
            cursor = await connection.execute(query, (text, limit))
            return [row[0] for row in await cursor.fetchall()]

    return search


async def under_load(search: Search, questions: Vectors, limit: int, clients: int) -> dict[str, float]:
    """Ask all questions by so many clients at once; return questions a second and times in milliseconds."""
    waiting, times = iter(questions), []

    async def client() -> None:
        for question in waiting:
            begun = time.perf_counter()
            await search(question, limit)
            times.append((time.perf_counter() - begun) * 1000)

    begun = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    p50, p95 = np.percentile(times, [50, 95])
    return {
        "clients": clients,
        "limit": limit,
        "qps": round(len(times) / (time.perf_counter() - begun), 1),
        "p50": round(float(p50), 2),
        "p95": round(float(p95), 2),
    }


async def sizes(container: Container, partition: str) -> dict[str, int]:
    """Return the bytes of a table and of its indexes of vectors."""
    async with container.database.connection() as connection:
        cursor = await connection.execute(
            "select 'table', pg_table_size(%(table)s::regclass) union all"
            " select a.amname || ' index', pg_relation_size(i.indexrelid) from pg_index i"
            " join pg_class c on c.oid = i.indexrelid join pg_am a on a.oid = c.relam"
            " where i.indrelid = %(table)s::regclass and a.amname in ('hnsw', 'ivfflat')",
            {"table": partition},
        )
        return dict(await cursor.fetchall())


async def run(given: argparse.Namespace, data: Path) -> dict[str, Any]:
    """Fill the record where it is empty, build, search; return everything that was measured."""
    settings = Settings(data_dir=data, port=0, log_level="warning")
    configure_logging(settings)
    clusters = Clusters(seed=7)
    async with open_container(settings) as container:
        begun = time.perf_counter()
        record = await fill(container, clusters, given.rows)
        result: dict[str, Any] = {"rows": given.rows, "filled_s": round(time.perf_counter() - begun, 1), "kinds": []}
        questions = clusters.questions(given.questions)
        numbers = {chunk_id: number for number, chunk_id in enumerate(record.chunk_ids)}
        bench = Bench(questions, Truth(record.stored, record.marks, questions), numbers)
        if not given.no_raw:
            await fill_raw(container, record)
        for kind in given.index:
            result["kinds"].append(await run_kind(container, given, kind, record, bench))
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return result


async def run_kind(
    container: Container, given: argparse.Namespace, kind: str, record: Record, bench: Bench
) -> dict[str, Any]:
    """Build an index where there is none of this kind, and search by it, beside SQL by hand."""
    index = PgVectorIndex(container.database, kind=Kind(kind), memory_mb=given.memory_mb)
    begun = time.perf_counter()
    built = await index.build(MODEL.name, MODEL.version)
    measured: dict[str, Any] = {"kind": kind, "build_s": round(time.perf_counter() - begun, 1) if built else None}
    measured["sizes"] = await sizes(container, record.partition)
    measured["searches"] = []
    async with container.database.connect() as connection:
        for limit, kept in itertools.product(given.limits, FILTERS):
            by_hand = {f"raw {width}": raw(connection, record.partition, kept, width) for width in given.raw}
            ways = {kind: ours(index, kept)} if given.no_raw else {kind: ours(index, kept), **by_hand}
            measured["searches"] += await bench.measure(ways, kept, limit)
    measured["load"] = [
        await under_load(ours(index, FILTERS[0]), bench.questions, given.limits[-1], clients)
        for clients in given.clients
    ]
    return measured


def show(result: dict[str, Any]) -> None:
    """Print the tables."""
    print(f"{result['rows']:,} chunks, filled in {result['filled_s']} s, client at {result['peak_mb']} MB")
    for part in result["kinds"]:
        print(f"\n{part['kind']}: built in {part['build_s']} s, bytes {part['sizes']}")
        print(f"{'searched':<12} {'filter':<14} {'limit':>5} {'recall@10':>9} {'short':>5} {'p50 ms':>8} {'p95 ms':>8}")
        for each in part["searches"]:
            print(
                f"{each['searched']:<12} {each['filter']:<14} {each['limit']:>5} {each['recall']:>9.4f}"
                f" {each['short']:>5} {each['p50']:>8.2f} {each['p95']:>8.2f}"
            )
        for load in part["load"]:
            print(f"{load['clients']} clients: {load['qps']} a second, p50 {load['p50']} ms, p95 {load['p95']} ms")


def main() -> int:
    """Run, and print a table or JSON; return 1 where recall or the number of hits fall short."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.vectors", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--limits", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--index", nargs="+", choices=[*Kind], default=["hnsw"])
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--memory-mb", type=int, default=4096, help="Memory for building an index.")
    parser.add_argument("--raw", type=int, nargs="+", default=[200], help="How widely raw SQL looks: `hnsw.ef_search`.")
    parser.add_argument("--no-raw", action="store_true")
    parser.add_argument("--data", type=Path)
    given = parser.parse_args()
    with ExitStack() as stack:
        data = given.data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ragstone-vectors-")))
        result = asyncio.run(run(given, data))
    if given.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)
    searches = [each for part in result["kinds"] for each in part["searches"] if each["searched"] == part["kind"]]
    return int(any(each["short"] or each["recall"] < 0.98 for each in searches))


if __name__ == "__main__":
    sys.exit(main())
