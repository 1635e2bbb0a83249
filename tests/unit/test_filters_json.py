"""Filters as JSON: three forms, each checked before anything is searched."""

import json
import time
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


@pytest.mark.parametrize("sent", [{}, None])
def test_an_empty_object_and_null_ask_nothing(sent: object) -> None:
    assert asked(sent) is None


def test_numbers_and_dates_keep_their_kind() -> None:
    a = Field(("a",))
    for value in (1, 1.0, True, "1"):
        condition = asked({"a": value})
        assert isinstance(condition, Equals)
        assert type(condition.value) is type(value)
    day = asked({"op": "range", "field": "a", "gte": {"date": "2024-05-01"}})
    assert day == Range(a, gte=date(2024, 5, 1))
    moment = asked({"op": "range", "field": "a", "gte": {"date": "2024-05-01T00:00"}})
    assert moment == Range(a, gte=datetime(2024, 5, 1, tzinfo=UTC))


def nested(depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {"op": "exists", "field": "a"}
    for _ in range(depth - 1):
        made = {"op": "not", "of": made}
    return made


IGNORING = {"op": "prefix", "field": "a", "text": "x", "ignore_case": True}
IN_THOUSAND = {"op": "in", "field": "a", "values": list(range(1000))}


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
        (5, 'a tree of `op`s ({"op": '),
        ([1], 'A filter is text ("year >= 2020"), keys '),
        ({"op": "or", "of": [{"op": "in", "field": "a", "values": [1] * 501}] * 2}, "at most 1000 values"),
        ({"op": "and", "of": [{"op": "range", "field": "a", "gt": 1, "lt": 2}, IN_THOUSAND]}, "at most 1000 values"),
        ({"op": "eq", "field": "a", "value": "x" * 2_000_000}, "at most 65536 bytes"),
        ({"op": "in", "field": "a", "values": ["é" * 100] * 400}, "at most 65536 bytes"),
        ({"op": "or", "of": [{"op": "exists", "field": "a" * 999}] * 70}, "at most 65536 bytes"),
        ({"a": "x" * 2_000_000}, "at most 65536 bytes"),
        ({str(n): "x" * 1400 for n in range(50)}, "at most 65536 bytes"),
        ({"op": "prefix", "field": "a", "text": "x" * 201}, "at most 200 characters"),
        ({"op": "or", "of": [IGNORING] * 17}, "at most 16 prefixes"),
        (" or ".join(["a ^= 'x' ignoring case"] * 17), "at most 16 prefixes"),
        ("a ^= '" + "x" * 201 + "'", "at most 200 characters"),
        (" or ".join(["a in [" + ",".join("1" * 501) + "]"] * 2), "at most 1000 values"),
        ({"op": "eq", "field": "a", "value": 10**400}, "at most 1.8e+308"),
        ({"a": -(10**400)}, "at most 1.8e+308"),
        (f"a = 1{'0' * 400}", "at most 1.8e+308"),
        ("a > -1e400", "at most 1.8e+308"),
    ],
)
def test_the_cause_is_clear(sent: object, cause: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Retrieve.model_validate({"question": "x", "filter": sent})
    (error,) = raised.value.errors(include_input=False)
    assert cause in error["msg"]
    assert error["loc"][0] == "filter"


@pytest.mark.parametrize(
    "sent",
    [
        nested(16),
        IN_THOUSAND,
        {
            "op": "and",
            "of": [{"op": "eq", "field": "a", "value": "é" * 4095 + "x"}, {"op": "exists", "field": "b" * 999}],
        },
        {"a": "x" * 16383},
        {"op": "or", "of": [IGNORING] * 16},
        {"op": "prefix", "field": "a", "text": "é" * 200, "ignore_case": True},
        {"a": 10**308, "b": -(10**308), "c": 1.7e308},
    ],
)
def test_as_large_as_may_be(sent: object) -> None:
    assert asked(sent) is not None


def test_what_is_far_too_large_is_refused_soon() -> None:
    lists = [{"op": "in", "field": "a", "values": list(range(1000))}] * 190
    began = time.process_time()
    with pytest.raises(ValidationError, match="at most 1000 values"):
        Retrieve.model_validate({"question": "x", "filter": {"op": "or", "of": lists}})
    assert time.process_time() - began < 0.1
