import asyncio
import math
from collections.abc import Sequence
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from ragstone.domain.documents import Chunk
from ragstone.domain.errors import ConfigurationError, RerankerUnavailable
from ragstone.domain.queries import Hit, LegRank
from ragstone.ports.reranker import Candidate
from ragstone.retrieve.reranking import FAILURES, REST, Outcome, Reranking
from ragstone.testing.rerankers import WordReranker

QUESTION = "when does the swift sleep"
TEXTS = ("terns breed", "the swift flies", "when does the swift sleep", "tungsten melts")


def hit(place: int, text: str, *, score: float | None = None, headings: tuple[str, ...] = (), lead: str = "") -> Hit:
    chunk = Chunk(UUID(int=place), 0, text, 0, len(text), 0, heading_path=headings, lead=lead)
    return Hit(chunk, UUID(int=100), "Birds", "b.md", "default", 1 / (60 + place) if score is None else score, {})


HITS = [hit(place, text) for place, text in enumerate(TEXTS, 1)]


class Clock:
    """Goes forward only when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def reranking(
    reranker: WordReranker | None, *, depth: int = 20, weight: float = 1.0, timeout: float = 5.0
) -> Reranking:
    return Reranking(reranker, depth=depth, timeout=timeout, weight=weight)


def places(hits: Sequence[Hit]) -> list[int]:
    return [each.chunk.id.int for each in hits]


async def test_the_rerankers_order_with_its_own_ranks_and_scores() -> None:
    reranked = await reranking(WordReranker()).rerank(QUESTION, HITS)
    assert (reranked.outcome, reranked.reranker, reranked.cause) == (Outcome.RERANKED, "words", "")
    assert places(reranked.hits) == [3, 2, 1, 4]
    assert reranked.ranks == {
        UUID(int=3): LegRank(1, 1.0),
        UUID(int=2): LegRank(2, 0.4),
        UUID(int=1): LegRank(3, 0.0),
        UUID(int=4): LegRank(4, 0.0),
    }
    assert [each.score for each in reranked.hits] == [HITS[place - 1].score for place in (3, 2, 1, 4)]


async def test_it_reads_where_a_passage_stands_and_its_lead() -> None:
    reranker = WordReranker()
    table = hit(1, "| 3 |", headings=("Birds", "Counts"), lead="| swifts |")
    await reranking(reranker).rerank(QUESTION, [table, hit(2, "text")])
    assert reranker.asked == [
        (QUESTION, (Candidate("Birds > Counts", "| swifts |\n| 3 |"), Candidate("Birds", "text"))),
    ]


async def test_what_lies_below_the_depth_is_not_scored_and_stays() -> None:
    reranker = WordReranker()
    reranked = await reranking(reranker, depth=2).rerank(QUESTION, HITS)
    assert places(reranked.hits) == [2, 1, 3, 4]
    assert len(reranker.asked[0][1]) == 2
    assert reranked.ranks.keys() == {UUID(int=1), UUID(int=2)}


@pytest.mark.parametrize("hits", [[], HITS[:1]])
async def test_nobody_is_asked_about_nothing(hits: list[Hit]) -> None:
    reranker = WordReranker()
    reranked = await reranking(reranker).rerank(QUESTION, hits)
    assert (reranked.outcome, reranked.hits, reranker.asked) == (Outcome.OFF, tuple(hits), [])


async def test_without_a_reranker_the_order_stands() -> None:
    off = reranking(None)
    assert off.depth == 0
    reranked = await off.rerank(QUESTION, HITS)
    assert (reranked.outcome, reranked.hits) == (Outcome.OFF, tuple(HITS))


async def test_late_means_the_fused_order() -> None:
    reranker = WordReranker(wait=30.0)
    loop = asyncio.get_running_loop()
    started = loop.time()
    reranked = await reranking(reranker, timeout=0.05).rerank(QUESTION, HITS)
    assert loop.time() - started < 1.0
    assert (reranked.outcome, reranked.hits) == (Outcome.LATE, tuple(HITS))
    assert reranked.cause == "The reranker words did not answer within 0.05 seconds."
    assert reranked.milliseconds >= 50
    assert reranked.ranks == {}
    assert reranker.left == 1


@pytest.mark.parametrize(
    ("reranker", "cause"),
    [
        (WordReranker(error=RerankerUnavailable("It is down.")), "It is down."),
        (WordReranker(error=ConfigurationError("No such model.")), "No such model."),
        (WordReranker(scores=[1.0, 2.0]), "a finite score for each of 4"),
        (WordReranker(scores=[1.0, 2.0, 3.0, math.nan]), "a finite score for each of 4"),
        (WordReranker(scores=[1.0, 2.0, 3.0, math.inf]), "a finite score for each of 4"),
    ],
)
async def test_a_failure_is_told_and_changes_nothing(reranker: WordReranker, cause: str) -> None:
    with capture_logs() as logs:
        reranked = await reranking(reranker).rerank(QUESTION, HITS)
    assert (reranked.outcome, reranked.hits) == (Outcome.FAILED, tuple(HITS))
    assert cause in reranked.cause
    (line,) = logs
    assert (line["event"], line["log_level"], line["outcome"]) == ("search_without_reranking", "warning", "failed")
    assert QUESTION not in str(line)


async def test_a_mistake_in_the_program_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        await reranking(WordReranker(error=ZeroDivisionError())).rerank(QUESTION, HITS)


async def test_who_leaves_is_no_failure_of_the_reranker() -> None:
    reranker = WordReranker(wait=30.0)
    asking = asyncio.create_task(reranking(reranker).rerank(QUESTION, HITS))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_after_failures_in_a_row_it_rests_and_then_is_tried_again() -> None:
    clock, reranker = Clock(), WordReranker(error=RerankerUnavailable("It is down."))
    stage = Reranking(reranker, depth=20, timeout=5.0, clock=clock)
    outcomes = [(await stage.rerank(QUESTION, HITS)).outcome for _ in range(FAILURES + 2)]
    assert outcomes == [Outcome.FAILED] * FAILURES + [Outcome.RESTING] * 2
    assert len(reranker.asked) == FAILURES
    clock.now += REST - 1
    resting = await stage.rerank(QUESTION, HITS)
    assert (resting.outcome, resting.hits, resting.cause) == (Outcome.RESTING, tuple(HITS), "It is down.")
    clock.now += 1
    assert (await stage.rerank(QUESTION, HITS)).outcome is Outcome.FAILED
    assert (await stage.rerank(QUESTION, HITS)).outcome is Outcome.RESTING
    clock.now += REST
    reranker.error = None
    assert (await stage.rerank(QUESTION, HITS)).outcome is Outcome.RERANKED
    reranker.error = RerankerUnavailable("It is down.")
    assert [(await stage.rerank(QUESTION, HITS)).outcome for _ in range(2)] == [Outcome.FAILED] * 2


async def test_one_that_asks_to_be_left_alone_is() -> None:
    clock, reranker = Clock(), WordReranker(error=RerankerUnavailable("Too many.", retry_after=7.0))
    stage = Reranking(reranker, depth=20, timeout=5.0, clock=clock)
    assert (await stage.rerank(QUESTION, HITS)).outcome is Outcome.FAILED
    clock.now += 6.9
    assert (await stage.rerank(QUESTION, HITS)).outcome is Outcome.RESTING
    clock.now += 0.2
    assert (await stage.rerank(QUESTION, HITS)).outcome is Outcome.FAILED


async def test_the_weight_mixes_both_orders() -> None:
    hits = [hit(1, "a", score=1.0), hit(2, "b", score=0.8), hit(3, "c", score=0.0)]
    scores = [10.0, 14.0, 20.0]
    orders = {
        weight: places((await reranking(WordReranker(scores=scores), weight=weight).rerank("q", hits)).hits)
        for weight in (0.0, 0.25, 0.45, 1.0)
    }
    # 0.25: 0.75, 0.70, 0.25 · 0.45: 0.55, 0.62, 0.45
    assert orders == {0.0: [1, 2, 3], 0.25: [1, 2, 3], 0.45: [2, 1, 3], 1.0: [3, 2, 1]}


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=2, max_size=30),
    st.integers(1, 40),
    st.sampled_from([0.0, 0.3, 1.0]),
)
async def test_no_hit_is_lost_or_doubled(scores: list[float], depth: int, weight: float) -> None:
    hits = [hit(place, f"text {place}", score=float(-place)) for place in range(1, len(scores) + 1)]
    given_scores = scores[:depth]
    reranked = await reranking(WordReranker(scores=given_scores), depth=depth, weight=weight).rerank("q", hits)
    assert sorted(places(reranked.hits)) == sorted(places(hits))
    assert list(reranked.hits[depth:]) == hits[depth:]
    if weight == 0.0:
        assert list(reranked.hits) == hits
    elif weight == 1.0 and depth > 1:
        ordered = [scores[place - 1] for place in places(reranked.hits[:depth])]
        assert all(a >= b - (max(scores) - min(scores)) * 1e-12 for a, b in pairwise(ordered))


async def test_scores_at_the_ends_of_the_scale_are_ordered_too() -> None:
    hits = HITS[:3]
    reranked = await reranking(WordReranker(scores=[-1.7e308, 0.0, 1.7e308])).rerank("q", hits)
    assert places(reranked.hits) == [3, 2, 1]
