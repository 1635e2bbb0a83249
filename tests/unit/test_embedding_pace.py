"""Limits, lanes and the circuit, on a clock of the tests' own."""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragstone.domain.errors import EmbedderDenied, EmbedderUnavailable
from ragstone.ingest.embedding.circuit import Breaker
from ragstone.ingest.embedding.pace import Lanes, Pace, Sent

WINDOW = 60.0


@given(
    limit=st.integers(1, 9),
    tokens=st.just(0) | st.integers(90, 300),
    costs=st.lists(st.integers(0, 90), min_size=5, max_size=40),
    seed=st.integers(0, 1000),
)
def test_the_provider_never_sees_more_than_the_limits_in_any_window(
    limit: int, tokens: int, costs: list[int], seed: int
) -> None:
    chance = random.Random(seed)
    pace = Pace(requests=limit, tokens=tokens, window=WINDOW)
    now, open_requests = 0.0, list[tuple[float, Sent]]()
    seen: list[tuple[float, int]] = []
    for cost in costs:
        while (wait := pace.wait(cost, now)) > 0:
            now += wait
            answer(open_requests, now)
        sent = pace.leave(cost, now)
        travel = chance.uniform(0, 30)
        seen.append((now + chance.uniform(0, travel), cost))
        open_requests.append((now + travel, sent))
        now += chance.uniform(0, 5)
        answer(open_requests, now)
    seen.sort()
    for arrival, _ in seen:
        in_window = [cost for at, cost in seen if arrival <= at < arrival + WINDOW]
        assert len(in_window) <= limit
        assert not tokens or sum(in_window) <= tokens


def answer(open_requests: list[tuple[float, Sent]], now: float) -> None:
    """Answer what is due; a request is known to be answered no earlier than it was."""
    for due, sent in [each for each in open_requests if each[0] <= now]:
        sent.answered = now
        open_requests.remove((due, sent))


def test_requests_leave_evenly_and_as_many_as_allowed() -> None:
    pace, now, times = Pace(requests=6, tokens=0, window=WINDOW), 0.0, []
    for _ in range(13):
        now += pace.wait(0, now)
        times.append(now)
        pace.leave(0, now).answered = now
    assert times == pytest.approx([10.0 * number for number in range(13)])


def test_without_limits_nothing_waits_and_nothing_is_kept() -> None:
    pace = Pace(requests=0, tokens=0, window=WINDOW)
    for _ in range(3):
        assert pace.wait(10**9, 0.0) == 0.0
        pace.leave(10**9, 0.0)
    assert pace._sent == []


def test_more_tokens_than_the_limit_leave_alone() -> None:
    pace = Pace(requests=0, tokens=100, window=WINDOW)
    pace.leave(500, 0.0).answered = 1.0
    assert pace.wait(1, 1.0) == pytest.approx(60.0)
    assert pace.wait(500, 61.0) == 0.0


async def test_lanes_narrow_by_half_and_widen_little_by_little() -> None:
    lanes = Lanes(4)
    for _ in range(4):
        await lanes.enter()
    lanes.narrow()
    waiting = asyncio.create_task(lanes.enter())
    for _ in range(2):
        lanes.leave()
        await asyncio.sleep(0)
        assert not waiting.done()
    lanes.leave()
    await waiting
    for _ in range(3):
        lanes.widen()
    await asyncio.wait_for(lanes.enter(), 1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(lanes.enter(), 0.01)


def breaker() -> Breaker:
    return Breaker(failures=3, pause=10.0, longest_pause=35.0)


def test_three_failures_in_a_row_make_a_probe_due() -> None:
    circuit = breaker()
    cause = EmbedderUnavailable("down", remedy="up")
    for failures in (2, 2, 3):
        circuit.succeeded()
        for _ in range(failures):
            circuit.failed(cause, 100.0)
    assert not circuit.closed
    assert circuit.remaining(100.0) == 0.0
    assert circuit.error(100.0).retry_after


def test_pauses_double_up_to_the_longest_and_begin_anew() -> None:
    circuit = breaker()
    for longest in (10, 20, 35, 35):
        circuit.open(EmbedderUnavailable("down"), 100.0)
        assert 0.8 * longest <= circuit.remaining(100.0) <= longest
    circuit.succeeded()
    assert circuit.closed
    circuit.open(EmbedderUnavailable("down"), 100.0)
    assert circuit.remaining(100.0) <= 10


def test_the_circuit_stays_open_for_as_long_as_the_provider_asks_and_says_why() -> None:
    circuit = breaker()
    circuit.open(EmbedderUnavailable("down", remedy="up", retry_after=300), 100.0)
    told = circuit.error(150.0)
    assert (told.message, told.remedy, told.retry_after) == ("down", "up", 250.0)


def test_a_denial_pauses_longest_and_stays_a_denial() -> None:
    circuit = breaker()
    circuit.deny(EmbedderDenied("no key"), 100.0)
    assert circuit.remaining(100.0) >= 28
    assert isinstance(circuit.error(100.0), EmbedderDenied)
