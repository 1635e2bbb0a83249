"""The short text form: what it says, how it is written, and errors that point at the place."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.filter_strategies import Document, asked

from ragstone.domain.filter_text import LONGEST_TEXT_BYTES, field_text, parse_field, parse_filter, to_text
from ragstone.domain.filters import (
    And,
    Equals,
    Exists,
    Field,
    Filter,
    FilterError,
    Has,
    Not,
    Or,
    Prefix,
    Range,
)


def field(*keys: str) -> Field:
    return Field(keys)


def test_it_reads_naturally() -> None:
    text = (
        'year >= 2020 and (lang = "de" or tags has "urgent") and not draft = true and path ^= "/handbook/"'
        " and author exists"
    )
    assert parse_filter(text) == And(
        (
            Range(field("year"), gte=2020),
            Or((Equals(field("lang"), "de"), Has(field("tags"), ("urgent",)))),
            Not(Equals(field("draft"), True)),
            Prefix(field("path"), "/handbook/"),
            Exists(field("author")),
        )
    )


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("a = 1 or b = 2 and c = 3", "a = 1 or (b = 2 and c = 3)"),
        ("not a = 1 and b = 2", "(not a = 1) and b = 2"),
        ("NOT a EXISTS AND b In [TRUE]", "not a exists and b in [true]"),
        ("a == 1 and b <> 2", "a = 1 and b != 2"),
        ("a>=1 and b<2", "a >= 1 and b < 2"),
        ("a in ('x', 'y')", 'a in ["x", "y"]'),
        ("a not in [1] and b not exists", "not a in [1] and not b exists"),
        ("a has any [1, 2]", "a in [1, 2]"),
        ("a starts with 'x' ignoring case", "a ^= 'x' ignoring case"),
        ("2020 > a", "a < 2020"),
        ("3 >= a > 1", "1 < a <= 3"),
        ("'b' < a", "a > 'b'"),
        ("  a\n=\t1 ", "a = 1"),
        ("a = 'it\\'s \\u00e9\\n'", 'a = "it\'s é\\n"'),
        ("a = '\\ud83d\\ude00'", "a = '😀'"),
    ],
)
def test_two_ways_to_say_it(text: str, condition: str) -> None:
    assert parse_filter(text) == parse_filter(condition)


def test_fields_and_values() -> None:
    assert parse_filter('author."full name" = null') == Equals(field("author", "full name"), None)
    assert parse_filter('"due date" <= "x"') == Range(field("due date"), lte="x")
    assert parse_filter('"a" <= "due date" < "b"') == Range(field("due date"), gte="a", lt="b")
    assert parse_filter("x-ключ.b_2 = -1.5e3") == Equals(field("x-ключ", "b_2"), -1500.0)
    assert parse_filter("a = 2024-02-29") == Equals(field("a"), date(2024, 2, 29))
    assert parse_filter("a = 2024-02-29T10:00Z") == Equals(field("a"), datetime(2024, 2, 29, 10, tzinfo=UTC))
    assert parse_filter("a = '2024-02-29'") == Equals(field("a"), "2024-02-29")
    assert parse_filter("@uri = 'x'") == Equals(Field(("uri",), built_in=True), "x")
    assert parse_field('"@uri".b') == Field(("@uri", "b"))


@given(asked)
def test_what_is_written_is_read_again(made_up: tuple[list[Document], Filter]) -> None:
    condition = made_up[1]
    text = to_text(condition)
    if len(text.encode()) <= LONGEST_TEXT_BYTES:
        assert parse_filter(text) == condition


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1, max_size=4))
def test_every_field_can_be_written(keys: list[str]) -> None:
    assert parse_field(field_text(Field(tuple(keys)))) == Field(tuple(keys))


PIECES = "a b . @ ( ) [ ] , = < <= > ^= not and or in has all exists starts with 1 -2.5 'x' \" 2024-01-01 null".split()


@given(st.text(max_size=40) | st.lists(st.sampled_from(PIECES)).map(" ".join))
def test_any_text_is_a_filter_or_an_error(text: str) -> None:
    try:
        condition = parse_filter(text)
    except FilterError:
        return
    assert parse_filter(to_text(condition)) == condition


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("", 0, "at the end: a field is missing"),
        ("year", 4, "a comparison"),
        ("year >=", 7, "at the end: a value is missing"),
        ("year >= x", 8, "before `x`: a value is missing"),
        ("(a = 1", 6, "`)` is missing"),
        ("a = 1 b = 2", 6, "before `b = 2`: `and`, `or` or the end"),
        ("a = 'x", 4, "a quote is not closed"),
        ("a = 'x\\q'", 4, "means nothing"),
        ("a % 1", 2, "cannot be read"),
        ("a = 12abc", 4, "cannot be read"),
        ("a = 1e999", 4, "too large"),
        ("a = -1" + "0" * 400, 4, "at most 1.8e+308"),
        ("b = 1 and a ^= '" + "x" * 201 + "'", 10, "at most 200 characters"),
        (" or ".join([f"a in [{'1,' * 500}1]"] * 2), None, "at most 1000 values"),
        ("a = 2024-02-30", 4, "no such date"),
        ("b = 1 and @id = 1", 11, "there is no @id"),
        ("b = 1 and @uri = 1", 10, "@uri is a text"),
        ("@created_at > '2024-01-01'", 0, "compare it with a date"),
        ("a < true", 0, "a bound is"),
        ("1 <= a > 3", 7, "looks another way"),
        ("a < 3 < 4", 8, "around a field"),
        ("1 = a", 0, "a field is missing"),
        ("a in []", 6, "a value is missing"),
        ("a not = 1", 6, "`in` or `exists` is missing"),
        ("a ^= 3", 5, "a text in quotes"),
        ("a = '\\ud800'", 0, "surrogate"),
        ("(" * 60 + "a = 1", 50, "nested too deep"),
        ("not " * 16 + "a = 1", None, "at most 16 deep"),
        (" and ".join(["a = 1"] * 200), None, "at most 200"),
        ("a = '" + "é" * 2100 + "'", None, "at most 4096 bytes"),
    ],
)
def test_errors_point_at_the_place(text: str, position: int | None, message: str) -> None:
    with pytest.raises(FilterError) as raised:
        parse_filter(text)
    assert message in str(raised.value)
    assert raised.value.position == position
    if position is not None:
        assert str(raised.value).startswith(f"character {position + 1}, ")
