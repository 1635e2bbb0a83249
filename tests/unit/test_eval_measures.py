"""Measures and how sure they are: against formulas that are written out here."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragstone.domain.errors import InvalidRequest
from ragstone.learn.measures import measure_named, measured, measures_at
from ragstone.learn.questions import JudgedQuestion
from ragstone.learn.significance import differences, estimates, resampled_means

pytest.importorskip("ir_measures")

NAMES = ("nDCG@10", "recall@10", "recall@100", "MRR@10", "success@1")
URIS = [f"d{number}" for number in range(30)]


def by_hand(ranking: list[str], grades: dict[str, int]) -> list[float]:
    gain = sum(grades.get(uri, 0) / math.log2(rank + 1) for rank, uri in enumerate(ranking[:10], 1))
    best = sum(grade / math.log2(rank + 1) for rank, grade in enumerate(sorted(grades.values())[::-1][:10], 1))
    places = [rank for rank, uri in enumerate(ranking, 1) if uri in grades]
    return [
        gain / best,
        sum(rank <= 10 for rank in places) / len(grades),
        sum(rank <= 100 for rank in places) / len(grades),
        1 / places[0] if places and places[0] <= 10 else 0.0,
        float(1 in places),
    ]


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(URIS), unique=True, max_size=30),
            st.dictionaries(st.sampled_from(URIS), st.integers(1, 4), min_size=1, max_size=15),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_measures_are_those_of_the_formulas(cases: list[tuple[list[str], dict[str, int]]]) -> None:
    questions = [
        JudgedQuestion("?", frozenset(grades), str(number), grades) for number, (_, grades) in enumerate(cases)
    ]
    rankings = {str(number): ranking for number, (ranking, _) in enumerate(cases)}
    expected = [by_hand(ranking, grades) for ranking, grades in cases]
    np.testing.assert_allclose(measured(questions, rankings, NAMES), expected, atol=1e-6)


def test_a_measure_has_one_name_however_it_is_written() -> None:
    assert measure_named(" NDCG@10") == "nDCG@10"
    with pytest.raises(InvalidRequest, match="ndcg@5"):
        measure_named("ndcg@5")
    assert measures_at(50) == ("nDCG@10", "recall@10", "MRR@10", "success@1")


def test_an_interval_is_that_of_the_normal_law_for_many_questions() -> None:
    values = np.random.default_rng(1).uniform(size=(400, 1))
    (found,) = estimates(values)
    error = values.std() / math.sqrt(len(values))
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.1 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.1 * error)


def test_draws_are_the_same_each_time_and_for_each_measure() -> None:
    values = np.random.default_rng(2).uniform(size=(37, 1))
    both = resampled_means(np.hstack([values, 2 * values]))
    np.testing.assert_allclose(both[:, 1], 2 * both[:, 0])
    np.testing.assert_allclose(resampled_means(values)[:, 0], both[:, 0])


def test_a_small_steady_gain_is_sure_though_questions_differ_widely() -> None:
    before = np.random.default_rng(3).uniform(size=(200, 1))
    gain = np.random.default_rng(4).normal(0.02, 0.03, size=before.shape)
    (found,) = differences(before, before + gain)
    assert found.p < 0.001
    assert 0 < found.estimate.low < gain.mean() < found.estimate.high
    assert (found.better, found.worse) == (int((gain > 0).sum()), int((gain < 0).sum()))
    (unpaired,) = estimates(before)
    assert unpaired.high - unpaired.low > 5 * (found.estimate.high - found.estimate.low)


def test_no_difference_is_never_significant() -> None:
    values = np.random.default_rng(5).uniform(size=(50, 1))
    (same,) = differences(values, values.copy())
    assert (same.estimate.mean, same.p, same.better, same.worse) == (0.0, 1.0, 0, 0)


def test_chance_alone_is_significant_as_often_as_it_says() -> None:
    random = np.random.default_rng(6)
    columns = random.normal(size=(60, 200))
    found = differences(np.zeros_like(columns), columns)
    assert 0.01 < np.mean([each.p < 0.05 for each in found]) < 0.10


def test_one_question_gives_an_interval_without_width() -> None:
    (found,) = estimates(np.array([[0.5]]))
    assert (found.mean, found.low, found.high) == (0.5, 0.5, 0.5)
