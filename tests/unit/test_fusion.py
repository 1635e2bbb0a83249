"""How the legs' rankings become one."""

from uuid import UUID

import pytest

from ragstone.domain.queries import Ranked
from ragstone.retrieve.fusion import Leg, by_ranks, by_scores

A, B, C = (UUID(int=number) for number in (1, 2, 3))


def ranked(**scores: float) -> list[Ranked]:
    ids = {"a": A, "b": B, "c": C}
    return [Ranked(ids[name], score) for name, score in scores.items()]


def test_ranks_add_up_whatever_the_scores() -> None:
    fused = by_ranks({"words": ranked(a=9.0, b=1.0), "meaning": ranked(b=0.9, c=0.1)})
    assert [(each.chunk_id, each.score) for each, _ in fused] == [
        (B, 1 / 62 + 1 / 61),
        (A, 1 / 61),
        (C, 1 / 62),
    ]
    assert {name: leg.rank for name, leg in fused[0][1].items()} == {"words": 2, "meaning": 1}


def test_scores_are_weighed_on_their_scales() -> None:
    worth = {"words": Leg(0.75, scale=20.0), "meaning": Leg(0.25, absent=0.4)}
    fused = by_scores({"words": ranked(a=10.0, b=4.0), "meaning": ranked(c=0.9, b=0.6)}, worth)
    assert {each.chunk_id: each.score for each, _ in fused} == pytest.approx(
        {A: 0.75 * 0.5 + 0.25 * 0.4, B: 0.75 * 0.2 + 0.25 * 0.6, C: 0.25 * 0.9}
    )
    assert [each.chunk_id for each, _ in fused] == [A, B, C]
    assert fused[0][1]["words"].score == 10.0


def test_a_leg_whose_scores_have_no_scale_says_nothing() -> None:
    worth = {"words": Leg(0.75, scale=0.0), "meaning": Leg(0.25)}
    fused = by_scores({"words": [], "meaning": ranked(a=0.8)}, worth)
    assert {each.chunk_id: each.score for each, _ in fused} == pytest.approx({A: 0.2})


def test_equals_are_in_the_order_of_their_ids() -> None:
    legs = {"words": ranked(c=1.0, a=1.0)}
    assert [each.chunk_id for each, _ in by_scores(legs, {"words": Leg(1.0)})] == [A, C]
