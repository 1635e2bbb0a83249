"""What searches found, kept in memory for as long as nothing has changed that they could show.

A reply is given again only after the record has said, from then on, that nothing has changed since before its search
began: so it is one that a search of that moment could have given. The same question asked at the same time is searched
for once; who came later than that search began asks the record, too.
"""

import asyncio
import functools
import itertools
import sys
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from typing import Final, TypeAlias
from uuid import UUID

from ragstone.domain.found import Found
from ragstone.domain.queries import Mode, Scope
from ragstone.ports.changes import Changes, Moment


class Outcome(StrEnum):
    """Where a reply came from."""

    HIT = "hit"
    """It was kept."""
    SHARED = "shared"
    """The same question was under way."""
    MISS = "miss"
    """It was searched for."""


Key: TypeAlias = tuple[Hashable, ...]

_PLAIN: Final = frozenset({str, bytes, int, float, bool, UUID, datetime})


@dataclass(frozen=True, slots=True)
class _Reply:
    """What was found. All of it was looked for after ``moment``; ``until`` is when it is too old."""

    found: Found
    moment: Moment
    until: float


class CachedSearch:
    """Wraps ``search``, the ``retrieve`` of a ``Search``.

    Of what it found, ``max_bytes`` are kept at most, as Python counts them, each reply for ``seconds`` at most; those
    last given stay. Not kept is what ``whole`` says no to: by default, replies that did without something, and those
    with a trace, which tells of one search. ``noted`` is told where each reply came from. ``clock`` counts seconds and
    only goes forward. Belongs to one event loop.
    """

    def __init__(
        self,
        search: Callable[..., Awaitable[Found]],
        changes: Changes,
        *,
        max_bytes: int,
        seconds: float,
        whole: Callable[[Found], bool] = lambda found: not found.missing and found.trace is None,
        noted: Callable[[Outcome], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._search = search
        self._changes = changes
        self._kept = _Kept(max_bytes)
        self._seconds = seconds
        self._whole = whole
        self._noted = noted
        self._clock = clock
        self._order = itertools.count()
        self._flights: dict[Key, _Flight] = {}

    @property
    def kept_bytes(self) -> int:
        """Bytes of what is kept."""
        return self._kept.bytes

    async def retrieve(
        self, question: str, scope: Scope, *, mode: Mode = Mode.HYBRID, limit: int = 10, **ways: Hashable
    ) -> Found:
        """Return what ``search`` returns for the same arguments, and raise what it raises.

        ``ways`` are the search's other arguments; whatever decides a reply must be among them: a search by the time of
        day takes that time as one. Replies are shared between callers, who must leave them as they are.
        """
        arrived = next(self._order)
        key = key_of(question, scope, mode, limit, ways)
        reply, outcome = self._kept.get(key, self._clock()), Outcome.HIT
        while True:
            asked, moment = next(self._order), None
            if reply is not None:
                moment = await self._changes.moment(scope.principal, scope.collections, reply.moment)
                if moment is reply.moment:
                    self._noted(outcome)
                    return reply.found
            flight, outcome = self._flights.get(key), Outcome.SHARED
            if flight is None:
                search = functools.partial(self._search, question, scope, mode=mode, limit=limit, **ways)
                flight, outcome = _Flight(asked, self._fly(key, scope, search, moment)), Outcome.MISS
                self._flights[key] = flight
            await self._end_of(key, flight)
            if flight.asked >= arrived:
                reply = flight.task.result()
                self._noted(outcome)
                return reply.found
            # It began before we came: what it found may be what there was then, and its failure is not ours.
            reply = flight.reply

    async def _fly(
        self, key: Key, scope: Scope, search: Callable[[], Awaitable[Found]], moment: Moment | None
    ) -> _Reply:
        """Search, and keep what was found. ``moment`` is one from before, if there is one."""
        try:
            begun = self._clock()
            if moment is None:
                moment = await self._changes.moment(scope.principal, scope.collections)
            reply = _Reply(await search(), moment, begun + self._seconds)
            if self._whole(reply.found):
                self._kept.put(key, reply)
            return reply
        finally:
            # Who comes from now on must not find it; where nobody waited for it, it is gone already.
            if (flight := self._flights.get(key)) and flight.task is asyncio.current_task():
                del self._flights[key]

    async def _end_of(self, key: Key, flight: "_Flight") -> None:
        """Wait for a search; break it off where nobody waits any more."""
        flight.waiting += 1
        try:
            await asyncio.wait({flight.task})
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                if self._flights.get(key) is flight:
                    del self._flights[key]
                flight.task.cancel()


class _Flight:
    """A search under way, for all who ask for the same. ``asked``: its place among all that was begun here."""

    def __init__(self, asked: int, search: Coroutine[None, None, _Reply]) -> None:
        self.asked = asked
        self.waiting = 0
        self.task = asyncio.create_task(search, name="search")
        # Where all who waited were cancelled, nobody asks how it ended.
        self.task.add_done_callback(lambda task: task.cancelled() or task.exception())

    @property
    def reply(self) -> _Reply | None:
        """What it found, now that it is at its end; ``None`` where it failed."""
        failed = self.task.cancelled() or self.task.exception()
        return None if failed else self.task.result()


class _Kept:
    """Replies, up to ``most`` bytes; those given longest ago make room."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._replies: OrderedDict[Key, tuple[_Reply, int]] = OrderedDict()
        self.bytes = 0

    def get(self, key: Key, now: float) -> _Reply | None:
        """Return the reply that is kept, unless it is too old."""
        kept = self._replies.get(key)
        if kept is None:
            return None
        if kept[0].until <= now:
            self._drop(key)
            return None
        self._replies.move_to_end(key)
        return kept[0]

    def put(self, key: Key, reply: _Reply) -> None:
        """Keep a reply, in place of the one before; not where it alone would be too large."""
        self._drop(key)
        size = memory_of((key, reply))
        if size > self._most:
            return
        self._replies[key] = reply, size
        self.bytes += size
        while self.bytes > self._most:
            self._drop(next(iter(self._replies)))

    def _drop(self, key: Key) -> None:
        _, size = self._replies.pop(key, (None, 0))
        self.bytes -= size


def key_of(question: str, scope: Scope, mode: Mode, limit: int, ways: Mapping[str, Hashable]) -> Key:
    """Return all that decides what a search finds, beside what is there.

    Python holds 1, 1.0 and True for the same, and a filter does not: it goes in as it is written out.
    """
    principal, condition = scope.principal, scope.condition
    return (
        principal.tenant,
        principal.readers,
        frozenset(scope.collections),
        repr(condition) if condition else None,
        mode,
        limit,
        question,
        tuple((name, type(ways[name]), ways[name]) for name in sorted(ways)),
    )


def memory_of(value: object) -> int:
    """Return the bytes that a value takes with all that it holds, each part once."""
    seen: set[int] = set()
    total, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        if id(each) in seen or each is None or isinstance(each, type | Enum):
            continue
        seen.add(id(each))
        total += sys.getsizeof(each)
        # Most are texts and numbers; to ask these whether they are mappings would take longer than all else.
        if type(each) not in _PLAIN:
            waiting += _parts(each)
    return total


def _parts(value: object) -> Iterable[object]:
    if names := getattr(value, "__dataclass_fields__", None):
        return [getattr(value, name) for name in names]
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    return value if isinstance(value, tuple | list | AbstractSet) else ()
