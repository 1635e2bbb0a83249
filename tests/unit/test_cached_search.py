"""Replies are given again while nothing has changed, and searched for once at a time."""

import asyncio
from collections.abc import Hashable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest

from ragstone.domain.access import EVERYONE, Principal
from ragstone.domain.errors import NotFound
from ragstone.domain.filters import Equals, Field, Filter, Value
from ragstone.domain.found import Found
from ragstone.domain.queries import Mode, Scope
from ragstone.ports.changes import Moment
from ragstone.retrieve.cached import CachedSearch, Outcome, key_of, memory_of

ALICE = Principal(name="alice", readers=frozenset({EVERYONE, "alice"}))
SCOPE = Scope(ALICE)


class World:
    """What there is to be found: a number that changes, and clocks that are set by hand."""

    def __init__(self, **options: object) -> None:
        self.state = 0
        self.now = 0.0
        self.searches = 0
        self.looks = 0
        self.open = asyncio.Event()
        self.open.set()
        self.failure: Exception | None = None
        self.missing: dict[str, str] = {}
        self.outcomes: list[Outcome] = []
        bounds: dict[str, object] = {"max_bytes": 1 << 20, "seconds": 300.0, **options}
        self.cached = CachedSearch(
            self.search,
            self,
            noted=self.outcomes.append,
            clock=lambda: self.now,
            **bounds,  # type: ignore[arg-type]
        )

    async def moment(self, principal: Principal, collections: Sequence[str], since: Moment | None = None) -> Moment:
        """Return the state, as the record would its snapshot."""
        self.looks += 1
        state = str(self.state)
        await asyncio.sleep(0)
        return since if since and since.snapshot == state else Moment(state, None, 1)

    async def search(self, question: str, scope: Scope, *, mode: Mode, limit: int, **ways: Hashable) -> Found:
        """Return what there is when the search ends."""
        self.searches += 1
        await self.open.wait()
        if self.failure:
            raise self.failure
        return Found((), {"state": str(self.state), "question": question} if not self.missing else self.missing)

    async def ask(self, question: str = "why", scope: Scope = SCOPE, **ways: Hashable) -> str:
        found = await self.cached.retrieve(question, scope, **ways)  # type: ignore[arg-type]
        return found.missing.get("state", "missing")


def world(**options: object) -> World:
    return World(**{"whole": lambda found: "state" in found.missing, **options})


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_was_found_is_given_again() -> None:
    there = world()
    assert [await there.ask() for _ in range(3)] == ["0", "0", "0"]
    assert there.searches == 1
    assert there.outcomes == [Outcome.MISS, Outcome.HIT, Outcome.HIT]
    assert there.looks == 3, "one look a question"


async def test_a_change_ends_it() -> None:
    there = world()
    await there.ask()
    there.state = 1
    assert [await there.ask(), await there.ask()] == ["1", "1"]
    assert there.searches == 2
    assert there.looks == 3, "the look that found it changed is the new search's own"


async def test_so_does_time() -> None:
    there = world()
    await there.ask()
    there.now = 299.9
    await there.ask()
    assert there.searches == 1
    there.now = 300.0
    await there.ask()
    assert there.searches == 2


async def test_a_reply_is_as_old_as_its_search() -> None:
    there = world()
    there.open.clear()
    asking = asyncio.create_task(there.ask())
    await settle()
    there.now = 299.0
    there.open.set()
    await asking
    there.now = 301.0
    await there.ask()
    assert there.searches == 2


async def test_a_change_while_it_is_searched_is_one_since() -> None:
    there = world()
    there.open.clear()
    asking = asyncio.create_task(there.ask())
    await settle()
    there.state = 1
    there.open.set()
    assert await asking == "1"
    await there.ask()
    assert there.searches == 2, "it may hold what was before and what came after"


async def test_what_lacks_a_leg_is_not_kept() -> None:
    there = World()
    there.missing = {"meaning": "The model is down."}
    await there.ask()
    there.missing = {}
    there.state = 7
    await there.ask()
    assert there.searches == 2


async def test_the_same_questions_are_searched_for_once() -> None:
    there = world()
    assert await asyncio.gather(*(there.ask() for _ in range(8))) == ["0"] * 8
    assert there.searches == 1
    assert sorted(there.outcomes) == ["miss"] + ["shared"] * 7


async def test_other_questions_are_not_waited_for() -> None:
    there = world()
    there.open.clear()
    asked = [asyncio.create_task(there.ask(name)) for name in ("one", "two")]
    await settle()
    assert there.searches == 2
    there.open.set()
    await asyncio.gather(*asked)


async def test_who_asks_after_a_change_does_not_get_what_a_search_found_before_it() -> None:
    there = world()
    there.open.clear()
    first = asyncio.create_task(there.ask())
    await settle()
    there.state = 1  # and whoever changed it asks
    second = asyncio.create_task(there.ask())
    await settle()
    assert there.searches == 1
    there.open.set()
    await asyncio.gather(first, second)
    assert there.searches == 2


async def test_one_that_is_cancelled_takes_no_other_with_it() -> None:
    there = world()
    there.open.clear()
    first, second = (asyncio.create_task(there.ask()) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    there.open.set()
    assert await second == "0"
    assert first.cancelled()
    assert there.searches == 1


async def test_where_all_are_cancelled_the_search_ends() -> None:
    there = world()
    there.open.clear()
    asked = [asyncio.create_task(there.ask()) for _ in range(2)]
    await settle()
    for each in asked:
        each.cancel()
    await settle()
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "search"]
    there.open.set()
    assert await there.ask() == "0"
    assert there.searches == 2


async def test_a_failure_is_not_kept_and_is_not_that_of_who_came_later() -> None:
    there = world()
    there.open.clear()
    there.failure = NotFound("There is no collection named 'new'.")
    first = asyncio.create_task(there.ask())
    await settle()
    second = asyncio.create_task(there.ask())
    await settle()
    there.open.set()
    with pytest.raises(NotFound):
        await first
    there.failure = None  # it was made meanwhile
    assert await second == "0"


async def test_the_largest_memory_is_bounded() -> None:
    there = world(max_bytes=20_000)
    for number in range(200):
        await there.ask(f"question {number}")
        assert there.cached.kept_bytes <= 20_000
    assert there.cached.kept_bytes > 10_000
    await there.ask("question 199")
    assert there.searches == 200, "the last one stayed"
    await there.ask("question 0")
    assert there.searches == 201, "the first one had to go"


async def test_what_is_asked_often_stays() -> None:
    there = world(max_bytes=20_000)
    for number in range(200):
        await there.ask(f"question {number}")
        await there.ask("often")
    assert there.searches == 201


async def test_what_is_too_large_is_not_kept() -> None:
    there = world(max_bytes=100)
    await there.ask()
    await there.ask()
    assert (there.searches, there.cached.kept_bytes) == (2, 0)


FIELD = Field(("a",))
SCOPES = {
    "none": SCOPE,
    "tenant": Scope(Principal(tenant="other", readers=ALICE.readers)),
    "readers": Scope(Principal(readers=frozenset({EVERYONE}))),
    "collection": Scope(ALICE, ("docs",)),
    "collections": Scope(ALICE, ("docs", "mails")),
    "metadata": Scope(ALICE, metadata={"a": "1"}),
    "number": Scope(ALICE, filter=Equals(FIELD, 1)),
    "true": Scope(ALICE, filter=Equals(FIELD, value=True)),
    "text": Scope(ALICE, filter=Equals(FIELD, "2")),
    "built in": Scope(ALICE, filter=Equals(Field(("uri",), built_in=True), "2")),
    "time": Scope(ALICE, filter=Equals(FIELD, datetime(2026, 1, 1, tzinfo=UTC))),
    "day": Scope(ALICE, filter=Equals(FIELD, datetime(2026, 1, 1, tzinfo=UTC).date())),
}


def test_all_that_decides_a_reply_is_in_the_key() -> None:
    keys = {key_of("why", scope, Mode.HYBRID, 10, {}) for scope in SCOPES.values()}
    assert len(keys) == len(SCOPES)
    keys |= {
        key_of("Why", SCOPE, Mode.HYBRID, 10, {}),
        key_of("why", SCOPE, Mode.WORDS, 10, {}),
        key_of("why", SCOPE, Mode.HYBRID, 11, {}),
        key_of("why", SCOPE, Mode.HYBRID, 10, {"fold": True}),
        key_of("why", SCOPE, Mode.HYBRID, 10, {"fold": 1}),
        key_of("why", SCOPE, Mode.HYBRID, 10, {"join": True}),
    }
    assert len(keys) == len(SCOPES) + 6


def test_what_decides_nothing_is_not() -> None:
    named = Principal(name="another key", readers=ALICE.readers, permissions=frozenset())
    two = Scope(ALICE, ("docs", "mails"))
    other = Scope(named, ("mails", "docs", "mails"))
    assert key_of("why", two, Mode.WORDS, 3, {"a": 1, "b": 2}) == key_of("why", other, Mode.WORDS, 3, {"b": 2, "a": 1})


@pytest.mark.parametrize(("one", "other"), [(1, True), (0, False), (1.0, True), (0.0, False)])
def test_values_that_python_holds_for_equal_are_other_filters(one: Value, other: Value) -> None:
    def key(value: Value) -> object:
        asked: Filter = Equals(FIELD, value)
        return key_of("why", Scope(ALICE, filter=asked), Mode.HYBRID, 10, {})

    assert one == other
    assert key(one) != key(other)


def test_memory_is_counted_with_all_that_is_held() -> None:
    text = "x" * 10_000
    assert memory_of(Found((), {"a": text})) > 10_000
    assert memory_of((text, text, [text])) < 11_000, "once"
    assert memory_of(Scope(ALICE, metadata={"a": [UUID(int=1), text]})) > 10_000  # type: ignore[dict-item]
