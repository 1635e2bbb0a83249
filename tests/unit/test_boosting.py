"""What is recent, and what a filter names, counts for more."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragstone.domain.documents import Chunk
from ragstone.domain.filter_text import parse_filter
from ragstone.domain.filters import FilterError
from ragstone.domain.queries import Hit
from ragstone.retrieve.boosting import Boost, Boosts, Recency, parse_boosts, parse_recency

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


def hit(
    number: int,
    score: float,
    *,
    metadata: dict[str, Any] | None = None,
    own: dict[str, Any] | None = None,
    days: float | None = None,
    uri: str = "a.md",
) -> Hit:
    chunk = Chunk(UUID(int=number), 0, "text", 0, 4, 1, metadata=own or {})
    changed = None if days is None else NOW - timedelta(days=days)
    return Hit(chunk, UUID(int=100), "A", uri, "docs", score, {}, metadata=metadata or {}, updated_at=changed)


def order(boosts: Boosts, *hits: Hit) -> list[int]:
    return [each.chunk.id.int for each in boosts.apply(hits, NOW).hits]


def test_without_boosts_nothing_changes() -> None:
    hits = (hit(1, 0.1), hit(2, 0.9))
    boosted = Boosts().apply(hits, NOW)
    assert boosted.hits == hits
    assert boosted.factors == {}


def test_what_meets_a_filter_is_weighed() -> None:
    boosts = Boosts(boosts=[Boost(parse_filter('type = "faq"'), 1.5)])
    boosted = boosts.apply([hit(1, 0.8), hit(2, 0.6, metadata={"type": "faq"})], NOW)
    assert [(each.chunk.id.int, each.score) for each in boosted.hits] == [(2, pytest.approx(0.9)), (1, 0.8)]
    assert boosted.factors == {UUID(int=1): 1.0, UUID(int=2): 1.5}


def test_a_chunks_own_metadata_stands_before_its_documents() -> None:
    boosts = Boosts(boosts=[Boost(parse_filter('type = "faq"'), 2)])
    hits = [hit(1, 0.5, metadata={"type": "faq"}, own={"type": "note"}), hit(2, 0.4, own={"type": "faq"})]
    assert order(boosts, *hits) == [2, 1]


def test_factors_multiply_and_what_a_document_has_beside_its_metadata_counts() -> None:
    boosts = Boosts(boosts=parse_boosts('@uri ^= "guide/" => 2; draft = true => 0.1'))
    hits = [hit(1, 0.4, uri="guide/a"), hit(2, 0.5), hit(3, 0.9, uri="guide/b", metadata={"draft": True})]
    assert boosts.apply(hits, NOW).factors == {UUID(int=1): 2.0, UUID(int=2): 1.0, UUID(int=3): pytest.approx(0.2)}
    assert order(boosts, *hits) == [1, 2, 3]


@pytest.mark.parametrize(("days", "factor"), [(0, 1.0), (30, 0.8), (60, 0.7), (700_000, 0.6), (-365, 1.0)])
def test_recency_halves_its_share_with_every_half_life(days: float, factor: float) -> None:
    boosted = Boosts(Recency(30, 0.4)).apply([hit(1, 1.0, days=days)], NOW)
    assert boosted.hits[0].score == pytest.approx(factor)


@pytest.mark.parametrize(
    ("metadata", "own", "days"),
    [
        ({"at": {"published": "2026-06-01T12:00Z"}}, {}, 30),
        ({"at": {"published": "2026-06-01T14:00+02:00"}}, {}, 30),
        ({"at": {"published": "2026-06-01T12:00:00"}}, {}, 30),
        ({}, {"at": {"published": "2026-06-01T12:00Z"}}, 30),
        ({"at": {"published": "last summer"}}, {}, 5),
        ({"at": {"published": 2026}}, {}, 5),
        ({"at": "2026-06-01"}, {}, 5),
        ({}, {}, 5),
    ],
)
def test_the_age_is_of_the_fields_time_or_of_the_last_change(
    metadata: dict[str, Any], own: dict[str, Any], days: float
) -> None:
    recency = parse_recency(10, 1.0, "at.published")
    boosted = Boosts(recency).apply([hit(1, 1.0, metadata=metadata, own=own, days=5)], NOW)
    assert boosted.hits[0].score == pytest.approx(0.5 ** (days / 10))


def test_what_has_no_time_is_not_weighed_by_it() -> None:
    assert Boosts(Recency(10, 1.0)).apply([hit(1, 0.7)], NOW).hits[0].score == 0.7


def test_a_score_below_zero_gains_by_a_factor_above_one_too() -> None:
    boosts = Boosts(boosts=parse_boosts("good = true => 2"))
    assert order(boosts, hit(1, -0.3), hit(2, -0.4, metadata={"good": True})) == [2, 1]
    assert order(Boosts(Recency(1, 1.0)), hit(1, -0.3, days=400), hit(2, -0.4, days=0)) == [2, 1]


scores = st.floats(-1, 1, allow_subnormal=False)


@given(st.lists(st.tuples(scores, st.booleans(), st.floats(-10, 4000)), max_size=20), st.floats(0, 1))
def test_no_hit_is_lost_and_equals_in_all_but_score_keep_their_order(
    rows: list[tuple[float, bool, float]], weight: float
) -> None:
    rows = sorted(rows, key=lambda row: -row[0])
    hits = [hit(n, score, metadata={"a": a}, days=days) for n, (score, a, days) in enumerate(rows)]
    boosted = Boosts(Recency(30, weight), parse_boosts("a = true => 1.7")).apply(hits, NOW)
    assert {each.chunk.id for each in boosted.hits} == {each.chunk.id for each in hits} == set(boosted.factors)
    assert [each.score for each in boosted.hits] == sorted((each.score for each in boosted.hits), reverse=True)
    for factor in set(boosted.factors.values()):
        alike = [each.chunk.id.int for each in boosted.hits if boosted.factors[each.chunk.id] == factor]
        assert alike == sorted(alike)


@given(scores, scores, st.floats(0.01, 100), st.floats(0.01, 100))
def test_more_score_and_more_factor_are_never_worse(one: float, other: float, low: float, high: float) -> None:
    low, high = sorted((low, high))
    condition = parse_filter("a = true")

    def weighed(score: float, factor: float) -> float:
        boosts = Boosts(boosts=[Boost(condition, factor)])
        return boosts.apply([hit(1, score, metadata={"a": True})], NOW).hits[0].score

    assert weighed(one, low) <= weighed(one, high)
    assert (weighed(one, low) <= weighed(other, low)) or one > other


def test_boosts_are_read_one_a_line_or_divided_by_semicolons() -> None:
    text = """
        type = "faq" => 1.2
        title = "a; b => 9" and lang in ["de", 'f;r'] => 0.5;; year >= 2020=>3
    """
    assert parse_boosts(text) == (
        Boost(parse_filter('type = "faq"'), 1.2),
        Boost(parse_filter('title = "a; b => 9" and lang in ["de", "f;r"]'), 0.5),
        Boost(parse_filter("year >= 2020"), 3),
    )
    assert parse_boosts(" \n;") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = 1", "boost 1: `=> FACTOR` is missing"),
        ("a = 1 => high", "boost 1: `=> FACTOR` is missing"),
        ("a = 1 => 2; b = => 2", "boost 2: character 4"),
        ("a = 1 => 0", "boost 1: a factor is 0.01 to 100"),
        ("a = 1 => 101", "boost 1: a factor is 0.01 to 100"),
        ('a = "1 => 2', "boost 1: `=> FACTOR` is missing"),
        ('"a = 1 => 2', "boost 1: a quote is not closed"),
        ("\n".join(["a = 1 => 2"] * 21), "at most 20"),
    ],
)
def test_what_is_no_boost_is_refused_by_its_number(text: str, message: str) -> None:
    with pytest.raises(FilterError, match=message):
        parse_boosts(text)


def test_recency_needs_a_half_life_and_a_weight() -> None:
    assert parse_recency(None, 0.5) is None
    assert parse_recency(30, 0.0) is None
    assert parse_recency(30, 0.5, "@created_at") is not None
    with pytest.raises(FilterError):
        parse_recency(30, 0.5, "no field!")
    with pytest.raises(ValueError, match="half-life"):
        Recency(0, 0.5)
