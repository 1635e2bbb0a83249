"""How the nearest vectors of a scope are found: by an index and past what is outside, or among what is inside.

An index knows nothing of who may see what, so it is asked for more than is wanted, and each candidate is looked up by
its key. How many more depends on the share of the candidates that such a scope was found to keep. Where that share is
small, few chunks are inside, and to compare the question with each of them is faster, and exact. What is exact has the
last word: fewer than are wanted come back only where no more are there.
"""

import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, LiteralString, TypeAlias

from psycopg import sql
from psycopg.adapt import Dumper
from psycopg.pq import Format

from ragstone.domain.queries import Ranked, Scope
from ragstone.ports.embedder import EmbeddingModel
from ragstone.postgres.database import Connection
from ragstone.postgres.nearest.kinds import Shape, Space
from ragstone.postgres.visibility import visible

_MARGIN = 3.0
"""Standard deviations of how many candidates it takes; chunks of one document are inside or outside together."""
_ENOUGH_OUT_OF_ORDER = 1.5
"""How many times what is wanted is taken of candidates that come only about in order."""
_MORE = 10
_STEP = 16
"""Candidates are counted in such steps, or each question would have a statement of its own."""
_FIRST_SHARE = 0.5
"""What a filter is taken to keep as long as nothing is known of it."""
_LEAST_SHARE = 0.001
_LEARNT = 0.25
"""How much one question weighs in what is known of its scope."""
_MOST_CANDIDATES = 10_000
_FEW = 20_000
"""The most chunks that are compared one by one before the index is asked for more."""
_EACH_CANDIDATE = 6.0
"""What it costs to reach a candidate in the index and look it up, beside comparing one that is known to be inside."""

# How PostgreSQL is to search comes with the question, whose vector is there once that is set: the index cannot be asked
# before. `offset 0`: each candidate is looked up by its key, whatever the planner thinks how many there are. As they
# come in the order of the index, no more of them are looked up than it takes.
_NEAR = """
    with asked as materialized (
        select case when count(set_config(name, value, true)) > 0 then %(vector)s::halfvec({dimensions}) end as vector
        from unnest(%(names)s::text[], %(values)s::text[]) s (name, value)
    )
    select n.chunk_id, 1 - n.distance, n.number
    from (
        select *, row_number() over () as number
        from (
            select x.chunk_id, x.embedding::halfvec({dimensions}) <=> (select vector from asked) as distance
            from {partition} x
            order by x.embedding::halfvec({dimensions}) <=> (select vector from asked) limit {candidates}
        ) ordered
    ) n
    cross join lateral (
        select from chunks c join ({versions}) visible on visible.version_id = c.version_id
        where c.id = n.chunk_id and {chunks} offset 0
    ) inside
    limit {enough}
"""

# The vector's size is not said: no index can be used then.
_AMONG_FEW = """
    with visible as ({versions}),
    few as materialized (
        select inside.id from visible cross join lateral (
            select c.id from chunks c where c.version_id = visible.version_id and {chunks} offset 0
        ) inside limit {most} + 1
    ),
    counted as materialized (select count(*) as chunks from few),
    nearest as (
        select few.id as chunk_id, x.distance from few cross join lateral (
            select e.embedding <=> %(vector)s::halfvec as distance from {partition} e where e.chunk_id = few.id offset 0
        ) x
        where (select chunks from counted) <= {most}
        order by x.distance, few.id limit {limit}
    )
    select chunk_id, 1 - distance, counted.chunks from counted left join nearest on true order by distance, chunk_id
"""

_AMONG_ALL = """
    with visible as ({versions})
    select x.chunk_id, 1 - (x.embedding <=> %(vector)s::halfvec)
    from {partition} x join chunks c on c.id = x.chunk_id join visible on visible.version_id = c.version_id
    where {chunks}
    order by x.embedding <=> %(vector)s::halfvec, x.chunk_id limit {limit}
"""


@dataclass(slots=True)
class Known:
    """What earlier questions in a scope have shown: the share of candidates inside, and whether few chunks are."""

    share: float
    few: bool = False
    asked: bool = False
    since: float = field(default_factory=time.monotonic)

    def learn(self, share: float) -> None:
        """Note the share of a question's candidates that were inside."""
        self.share = max(self.share + (share - self.share) * (_LEARNT if self.asked else 1.0), _LEAST_SHARE)
        self.asked = True


_Key: TypeAlias = tuple[str, str, str, frozenset[str], tuple[str, ...], bytes]


class Experience:
    """What is known of the scopes that were asked in of late: it makes searches faster, and finds nothing else."""

    def __init__(self, *, most: int = 1000, seconds: float = 300.0) -> None:
        self._most, self._seconds = most, seconds
        self._known: OrderedDict[_Key, Known] = OrderedDict()

    def of(self, model: EmbeddingModel, scope: Scope) -> Known:
        """Return what is known of a scope, or is likely where nothing is; to be changed in place."""
        condition = scope.condition
        key = (
            model.name,
            model.version,
            scope.principal.tenant,
            scope.principal.readers,
            scope.collections,
            hashlib.sha256(repr(condition).encode(errors="surrogatepass")).digest(),  # a filter itself may be large
        )
        known = self._known.get(key)
        if known is None or time.monotonic() - known.since > self._seconds:
            known = self._known[key] = Known(1.0 if condition is None else _FIRST_SHARE)
        self._known.move_to_end(key)
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return known


def candidates_for(limit: int, share: float) -> int:
    """Return how many candidates very likely have ``limit`` among them that are inside.

    They follow the negative binomial distribution: ``limit / share`` on average, and more spread where few are wanted.
    """
    spread = _MARGIN * (math.sqrt(limit * (1 - share)) + 2 * (1 - share))
    wanted = (limit + spread) / share + _MORE
    return math.ceil(wanted / _STEP) * _STEP


class Search:
    """One question: ``vector`` as pgvector sends a ``halfvec``, asked in what ``scope`` may see of a space."""

    def __init__(self, connection: Connection, space: Space, vector: bytes, scope: Scope, limit: int) -> None:
        self._connection = connection
        self._space = space
        self._seen = visible(scope)
        self._asked = {**self._seen.parameters, "vector": _Sent(vector)}
        self._limit = limit
        self._too_many = False

    async def nearest(self, shape: Shape, known: Known) -> list[Ranked]:
        """Return the nearest chunks, and learn from how they were found; as many as are wanted, or are inside."""
        candidates = candidates_for(self._limit, known.share)
        if known.few or _few_cost_less(shape.rows * known.share, candidates):
            found = await self._among_few(shape, known)
            if found is not None:
                return found
        if candidates <= _MOST_CANDIDATES:
            near, share = await self._near(shape, candidates)
            known.learn(share)
            if len(near) == self._limit:
                return near
            more = max(candidates_for(self._limit, max(share, _LEAST_SHARE)), 2 * candidates)
            if more <= _MOST_CANDIDATES and not _few_cost_less(shape.rows * share, more):
                near, share = await self._near(shape, more)
                if len(near) == self._limit:
                    return near
        found = await self._among_few(shape, known)
        return await self._among_all() if found is None else found

    async def _near(self, shape: Shape, candidates: int) -> tuple[list[Ranked], float]:
        """Return what is inside of the candidates that the index finds, and their share."""
        settings = shape.settings(candidates, self._limit)
        asked = {"names": list(settings), "values": list(settings.values())}
        enough = self._limit if shape.in_order(candidates) else math.ceil(self._limit * _ENOUGH_OUT_OF_ORDER)
        rows = await self._rows(_NEAR, asked, candidates=candidates, enough=enough)
        looked_at = rows[-1][2] if len(rows) == enough else max(min(candidates, shape.rows or candidates), len(rows))
        nearest = sorted(rows, key=lambda row: (-row[1], row[0]))[: self._limit]
        return [Ranked(chunk_id, score) for chunk_id, score, _ in nearest], (len(rows) + 0.5) / (looked_at + 0.5)

    async def _among_few(self, shape: Shape, known: Known) -> list[Ranked] | None:
        """Compare all that is inside one by one; ``None`` where that is too much."""
        if self._too_many:
            return None
        rows = await self._rows(_AMONG_FEW, {}, most=_FEW)
        inside = rows[0][2]
        share = min(max(inside / shape.rows, _LEAST_SHARE), 1.0) if shape.rows else known.share
        known.few = _few_cost_less(inside, candidates_for(self._limit, share)) or inside < self._limit
        known.share = share
        self._too_many = inside > _FEW
        return None if self._too_many else [Ranked(chunk_id, score) for chunk_id, score, _ in rows if chunk_id]

    async def _among_all(self) -> list[Ranked]:
        return [Ranked(*row) for row in await self._rows(_AMONG_ALL, {})]

    async def _rows(self, query: LiteralString, asked: Mapping[str, Any], **numbers: int) -> list[Any]:
        numbers |= {"dimensions": self._space.dimensions, "limit": self._limit}
        seen = self._seen
        statement = _statement(query, seen.versions, seen.chunks, self._space.partition, tuple(numbers.items()))
        async with self._connection.cursor(binary=True) as cursor:
            cursor.adapters.register_dumper(_Sent, _SentDumper)
            await cursor.execute(statement, {**self._asked, **asked}, prepare=seen.prepare)
            return await cursor.fetchall()


class _Sent(bytes):
    """A value in the form in which its type is sent."""


class _SentDumper(Dumper):
    """Sends a value as it is; of which type it is, the statement says."""

    format = Format.BINARY

    def dump(self, obj: _Sent) -> bytes:
        """Return the value."""
        return obj


@lru_cache(maxsize=256)
def _statement(
    query: LiteralString,
    versions: LiteralString,
    chunks: LiteralString,
    partition: str,
    numbers: Sequence[tuple[str, int]],
) -> bytes:
    """Return ``query`` about a space; to put one together takes longer than to look it up."""
    composed = sql.SQL(query).format(
        versions=sql.SQL(versions),
        chunks=sql.SQL(chunks),
        partition=sql.Identifier(partition),
        **{name: sql.Literal(number) for name, number in numbers},
    )
    return composed.as_bytes()


def _few_cost_less(inside: float, candidates: int) -> bool:
    """Say whether to compare so many chunks one by one costs less than so many candidates from the index."""
    return 0 < inside <= min(_FEW, _EACH_CANDIDATE * candidates)
