from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragstone.domain.queries import LegRank, Ranked
from ragstone.retrieve.fusion import Fused
from ragstone.retrieve.merging import merged

SCORES = st.dictionaries(st.integers(1, 9), st.floats(0, 1))


def ranking(scores: dict[int, float], leg: str = "words") -> Fused:
    ordered = sorted(scores.items(), key=lambda each: (-each[1], each[0]))
    return [
        (Ranked(UUID(int=place), score), {leg: LegRank(rank, score)}) for rank, (place, score) in enumerate(ordered, 1)
    ]


def scores(fused: Fused) -> dict[int, float]:
    return {ranked.chunk_id.int: ranked.score for ranked, _ in fused}


def test_a_passage_gains_by_the_variant_that_it_answers_best() -> None:
    found = merged(ranking({1: 0.6, 2: 0.5}), [ranking({2: 0.9, 3: 0.2}), ranking({2: 0.4, 3: 0.8})], weight=0.25)
    assert scores(found) == pytest.approx({1: 0.48, 2: 0.58, 3: 0.16})
    assert [ranked.chunk_id.int for ranked, _ in found] == [2, 1, 3]


def test_legs_are_the_questions_else_those_of_the_best_variant() -> None:
    found = merged(ranking({1: 0.6}), [ranking({1: 0.9, 2: 0.1}, "low"), ranking({2: 0.9}, "meaning")])
    assert {ranked.chunk_id.int: legs for ranked, legs in found} == {
        1: {"words": LegRank(1, 0.6)},
        2: {"meaning": LegRank(1, 0.9)},
    }


def test_many_variants_alike_do_not_outvote_the_question() -> None:
    question, alike = ranking({1: 0.9, 2: 0.6}), ranking({2: 0.9, 1: 0.6})
    assert scores(merged(question, [alike] * 9)) == scores(merged(question, [alike]))
    assert merged(question, [alike] * 9)[0][0].chunk_id.int == 1


def test_what_the_question_does_not_find_may_be_found_by_a_variant_alone() -> None:
    assert scores(merged([], [ranking({5: 0.6})], weight=0.2)) == pytest.approx({5: 0.1})


@given(SCORES)
def test_without_variants_or_by_itself_the_order_stays(of_question: dict[int, float]) -> None:
    question = ranking(of_question)
    assert merged(question, []) == question
    assert scores(merged(question, [question])) == pytest.approx(scores(question))


@given(SCORES, st.lists(SCORES, max_size=4), st.floats(0, 1))
def test_every_passage_stands_once_best_first(
    of_question: dict[int, float], of_variants: list[dict[int, float]], weight: float
) -> None:
    found = merged(ranking(of_question), [ranking(each) for each in of_variants], weight)
    keys = [(-ranked.score, ranked.chunk_id) for ranked, _ in found]
    assert keys == sorted(keys) or not of_variants
    assert {ranked.chunk_id.int for ranked, _ in found} == of_question.keys() | {k for v in of_variants for k in v}
    assert len(keys) == len(scores(found))
    assert all(0 <= ranked.score <= 1 + 1e-9 for ranked, _ in found)
