"""Filters as JSON: three forms, each checked before anything is searched."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from ragstone.api.requests import Retrieve
from ragstone.domain.access import LOCAL
from ragstone.domain.filter_text import parse_filter
from ragstone.domain.filters import Equals, Field, Filter, Range


def asked(sent: object) -> Filter | None:
    """Return the filter that a request asks for, which must stay the same when the request is sent on."""
    request = Retrieve.model_validate({"question": "x", "filter": sent})
    again = Retrieve.model_validate_json(json.dumps(request.model_dump(mode="json")))
    assert again.scope(LOCAL) == request.scope(LOCAL)
    return request.scope(LOCAL).condition


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ({"op": "eq", "field": "a", "value": 1}, "a = 1"),
        ({"op": "in", "field": "a.b", "values": [1, "x", None]}, "a.b in [1, 'x', null]"),
        ({"op": "has", "field": '"due date"', "values": [True, 2]}, '"due date" has all [true, 2]'),
        ({"op": "range", "field": "year", "gte": 2019, "lt": 2021.5}, "2019 <= year < 2021.5"),
        ({"op": "range", "field": "@updated_at", "gt": {"date": "2024-05-01"}}, "@updated_at > 2024-05-01"),
        ({"op": "prefix", "field": "p", "text": "/h", "ignore_case": True}, "p ^= '/h' ignoring case"),
        (
            {"op": "and", "of": [{"op": "exists", "field": "a"}, {"op": "not", "of": {"op": "exists", "field": "b"}}]},
            "a exists and not b exists",
        ),
        ({"op": "or", "of": [{"op": "exists", "field": "a"}, {"op": "exists", "field": "b"}]}, "a exists or b exists"),
        ({"a": 1, "b.c": "x"}, 'a = 1 and "b.c" = "x"'),
        ({"a": {"date": "2024-05-01"}}, "a = 2024-05-01"),
        ("a = 1 and b exists", "a = 1 and b exists"),
    ],
)
def test_json_says_what_text_says(sent: object, text: str) -> None:
    assert asked(sent) == parse_filter(text)


def test_an_empty_object_asks_nothing() -> None:
    assert asked({}) is None


def test_numbers_and_dates_keep_their_kind() -> None:
    a = Field(("a",))
    for value in (1, 1.0, True, "1"):
        condition = asked({"a": value})
        assert isinstance(condition, Equals)
        assert type(condition.value) is type(value)
    day = asked({"op": "range", "field": "a", "gte": {"date": "2024-05-01"}})
    assert day == Range(a, gte=date(2024, 5, 1))
    time = asked({"op": "range", "field": "a", "gte": {"date": "2024-05-01T00:00"}})
    assert time == Range(a, gte=datetime(2024, 5, 1, tzinfo=UTC))


def nested(depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {"op": "exists", "field": "a"}
    for _ in range(depth - 1):
        made = {"op": "not", "of": made}
    return made


@pytest.mark.parametrize(
    ("sent", "cause"),
    [
        ({"op": "eq", "field": "a"}, "required"),
        ({"op": "equals", "field": "a", "value": 1}, "'eq'"),
        ({"op": "eq", "field": "a", "value": 1, "gt": 2}, "not permitted"),
        ({"op": "eq", "field": "a b", "value": 1}, "character 3"),
        ({"op": "eq", "field": "@uri", "value": 1}, "@uri is a text"),
        ({"op": "eq", "field": "a", "value": [1]}, "A value is"),
        ({"op": "eq", "field": "a", "value": {"date": "2024-02-30"}}, "must read as"),
        ({"op": "eq", "field": "a", "value": float("inf")}, "finite"),
        ({"op": "in", "field": "a", "values": [1] * 1001}, "at most 1000"),
        ({"op": "range", "field": "a"}, "needs a bound"),
        ({"op": "range", "field": "a", "gt": 1, "lt": "x"}, "one kind"),
        ({"op": "prefix", "field": "a", "text": "\0"}, "U+0000"),
        ({"op": "and", "of": []}, "at least 1"),
        ({"op": "and", "of": [{"op": "exists", "field": "a"}] * 200}, "at most 200"),
        (nested(17), "16 deep"),
        (nested(5000), "16 deep"),
        ({"a": [1]}, "A value is"),
        ({"a": "\ud800"}, "surrogate"),
        ({str(n): n for n in range(51)}, "at most 50"),
        ("a =", "character 4"),
        ("a = '" + "x" * 5000 + "'", "4096"),
        (3, "dictionary"),
    ],
)
def test_the_cause_is_clear(sent: object, cause: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Retrieve.model_validate({"question": "x", "filter": sent})
    (error,) = raised.value.errors(include_input=False)
    assert cause in error["msg"]
    assert error["loc"][0] == "filter"


def test_as_deep_as_may_be() -> None:
    assert asked(nested(16)) is not None
