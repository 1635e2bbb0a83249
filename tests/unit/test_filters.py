"""What filters mean, and which make no sense."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.filter_strategies import Document, asked

from ragstone.domain.access import LOCAL
from ragstone.domain.filter_matching import matches, overlaid
from ragstone.domain.filter_text import parse_filter
from ragstone.domain.filters import (
    DEEPEST_FILTER,
    LONGEST_PREFIX,
    MOST_NODES,
    MOST_TEXT_BYTES,
    MOST_VALUES,
    And,
    Equals,
    Exists,
    Field,
    Filter,
    FilterError,
    In,
    Not,
    Or,
    Prefix,
    Range,
    check_size,
)
from ragstone.domain.iso_times import parse_time
from ragstone.domain.queries import Scope

A = Field(("a",))


@pytest.mark.parametrize(
    ("text", "holds", "fails"),
    [
        ("a = 1", [1, 1.0, [2, 1]], ["1", True, None, [[1]], {"a": 1}, 2]),
        ("a = true", [True, [False, True]], [1, "true"]),
        ("a = null", [None, [None]], [0, "", False, []]),
        ("a = 'x'", ["x", ["y", "x"]], ["X", "x ", ["xy"]]),
        ("a != 1", [2, "1", None, []], [1, [1, 2]]),
        ("a in [1, 'x']", [1, "x", ["x"]], ["1", None]),
        ("a has all [1, 'x']", [[1, "x", 2]], [1, "x", [1], [[1, "x"]]]),
        ("a has 'x'", ["x", ["x"]], [[]]),
        ("a has any [1, 2]", [[2, 3], 1], [[3]]),
        ("a >= 2020", [2020, 2020.5, [1, 2021], 10**40], ["2021", None, True, [2019], []]),
        ("1 < a < 3", [2, [0, 2]], [[1, 3], [0, 4], 1, 3]),
        ("a > 'b'", ["c", "é"], ["b", "B", 3]),
        ("a ^= '/hand'", ["/handbook", ["x", "/hand"]], ["/Handbook", "hand", 1, None]),
        ("a ^= 'ÄB' ignoring case", ["äbc", "Äb"], ["ab", "ä"]),
        ("a exists", [0, "", False, [1], {}, [[]]], [None, [], [None]]),
        ("a.b = 1", [{"b": 1}, {"b": [1]}, [{"b": 2}, {"b": 1}]], [1, [[{"b": 1}]], {"b": {"b": 1}}]),
        ("a = 2024-02-29", ["2024-02-29", "2024-02-29T23:59:59.999Z", "2024-03-01T01:00+02:00"], ["2024-03-01", "x"]),
        ("a > 2024-02-29", ["2024-03-01"], ["2024-02-29T23:59", "2024-02-30", 2025, None]),
        ("a <= 2024-02-29", ["2024-02-29T23:59", "2023-01-01"], ["2024-03-01", "0000-01-01", "1900-02-29"]),
        ("a = 2024-02-29T12:00+02:00", ["2024-02-29T10:00Z", "2024-02-29 10:00"], ["2024-02-29", "2024-02-29T12:00"]),
    ],
)
def test_a_condition_on_one_field(text: str, holds: list[Any], fails: list[Any]) -> None:
    condition = parse_filter(text)
    assert [value for value in holds if not matches(condition, {"a": value})] == []
    assert [value for value in fails if matches(condition, {"a": value})] == []
    if not isinstance(condition, Not):
        assert not matches(condition, {})
        assert matches(Not(condition), {})


def test_what_every_document_has() -> None:
    there: dict[str, str | datetime] = {"uri": "file:///a.md", "updated_at": datetime(2024, 5, 1, 12, tzinfo=UTC)}
    assert matches(parse_filter("@uri ^= 'file:' and @updated_at = 2024-05-01"), {}, there)
    assert not matches(parse_filter("uri exists or @updated_at > 2024-05-01"), {}, there)


def test_a_chunk_has_its_documents_metadata_but_for_its_own() -> None:
    seen = overlaid({"lang": "de", "page": {"n": 1, "side": "left"}}, {"page": {"n": 2}})
    assert matches(parse_filter("lang = 'de' and page.n = 2 and not page.side exists"), seen)


@given(asked)
def test_not_is_the_opposite_and_nothing_raises(made_up: tuple[list[Document], Filter]) -> None:
    documents, condition = made_up
    for metadata, built_in in documents:
        assert matches(Not(condition), metadata, built_in) is not matches(condition, metadata, built_in)


@pytest.mark.parametrize("year", ["2024", "2023", "1900", "2000", "0000", "0004", "9999"])
def test_every_day_that_was_is_a_day(year: str) -> None:
    for month in range(14):
        for day in range(33):
            text = f"{year}-{month:02}-{day:02}"
            try:
                there: date | None = date.fromisoformat(text)
            except ValueError:
                there = None
            parsed = parse_time(text)
            assert (parsed and parsed.date()) == there, text


@given(st.text(max_size=30) | st.datetimes().map(str))
def test_no_text_fails_to_be_a_time_or_none(text: str) -> None:
    parsed = parse_time(text)
    assert parsed is None or parsed.tzinfo is not None


@pytest.mark.parametrize(
    "make",
    [
        lambda: Field(()),
        lambda: Field(("a",) * 17),
        lambda: Field(("a\0",)),
        lambda: Field(("id",), built_in=True),
        lambda: And(()),
        lambda: In(A, ()),
        lambda: In(A, tuple(range(MOST_VALUES + 1))),
        lambda: Equals(A, "\ud800"),
        lambda: Equals(A, float("nan")),
        lambda: Equals(A, -(10**400)),
        lambda: Prefix(A, "x" * (LONGEST_PREFIX + 1)),
        lambda: Equals(Field(("uri",), built_in=True), 1),
        lambda: Range(Field(("created_at",), built_in=True), gt="2024-01-01"),
        lambda: Equals(A, datetime(2024, 1, 1, tzinfo=timezone(timedelta(seconds=1)))),
        lambda: Range(A),
        lambda: Range(A, gt=1, gte=1),
        lambda: Range(A, gt=1, lt="x"),
        lambda: Range(A, gt=True),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any) -> None:
    with pytest.raises(FilterError):
        make()


def test_large_filters_are_refused() -> None:
    deep: Filter = Exists(A)
    for _ in range(DEEPEST_FILTER - 1):
        deep = Not(deep)
    check_size(deep)
    with pytest.raises(FilterError, match="nested"):
        check_size(Not(deep))
    check_size(And((Exists(A),) * (MOST_NODES - 1)))
    with pytest.raises(FilterError, match="at most 200"):
        check_size(And((Exists(A),) * MOST_NODES))


def test_what_is_bounded_is_the_whole_filter() -> None:
    half, long = In(A, tuple(range(MOST_VALUES // 2))), Equals(A, "é" * (MOST_TEXT_BYTES // 4 - 1))
    check_size(Or((half, Not(half), Exists(A))))
    with pytest.raises(FilterError, match="at most 1000 values"):
        check_size(Or((half, Not(half), Range(A, gt=1))))
    check_size(Or((long, long, Exists(A), Exists(A))))  # each has a field of one byte
    with pytest.raises(FilterError, match="at most 65536 bytes"):
        check_size(Or((long, long, Exists(A), Exists(A), Exists(A))))


def test_a_scope_asks_for_all_at_once() -> None:
    year, draft = Equals(Field(("year",)), 2020), Exists(Field(("draft",)))
    assert Scope(LOCAL).condition is None
    assert Scope(LOCAL, (), {"year": 2020}).condition == year
    assert Scope(LOCAL, filter=draft).condition == draft
    assert Scope(LOCAL, (), {"year": 2020}, draft).condition == And((year, draft))
