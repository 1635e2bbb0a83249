"""JSON that is odd: keys again and again, endless keys, numbers that are none, objects with nothing in them."""

import json

import pytest

from ragstone.adapters.parsers.kreuzberg import json_text
from ragstone.adapters.parsers.kreuzberg.json_text import json_to_text, ndjson_to_text


def test_the_values_of_a_key_that_is_there_twice_are_all_kept() -> None:
    text, _ = json_to_text('{"a": 1, "a": 2, "b": {"c": "x"}, "b": [3], "a": {"d": 4}}')
    assert text == "a: 1\na: 2\na.d: 4\nb.c: x\nb: 3"


def test_a_key_that_is_there_twice_in_a_record_has_both_in_its_cell() -> None:
    assert json_to_text('[{"a": 1, "b": 2}, {"a": 3, "b": 4, "b": 5}]')[0] == (
        "| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4, 5 |"
    )


def test_what_holds_nothing_is_told_by_its_name() -> None:
    assert json_to_text('{"a": {}, "b": [], "c": {"d": {}}, "e": null}')[0] == "a: {}\nb: []\nc.d: {}\ne: "


def test_a_record_may_hold_an_empty_object() -> None:
    assert json_to_text('[{"a": 1, "b": {}}, {"a": 2, "b": {"c": 3}}]')[0] == (
        "| a | b | b.c |\n| --- | --- | --- |\n| 1 | {} |  |\n| 2 |  | 3 |"
    )


def test_json_that_holds_nothing_at_all_is_no_text() -> None:
    assert json_to_text("{}") == ("", False)
    assert json_to_text("[]") == ("", False)


def test_what_is_no_number_is_written_as_in_the_file() -> None:
    assert (
        json_to_text('{"n": NaN, "i": [Infinity, -Infinity], "x": 1e3}')[0] == "n: NaN\ni: Infinity, -Infinity\nx: 1e3"
    )
    assert ndjson_to_text('{"n": NaN}\n{"n": 1.50}\n')[0] == "| n |\n| --- |\n| NaN |\n| 1.50 |"


def test_an_endless_key_is_told_once() -> None:
    key = "k" * 50_000 + "end"
    text, _ = json_to_text(json.dumps({key: {f"v{number}": {"x": number} for number in range(500)}}))
    assert text.startswith(f"{key}:\n…")
    assert len(text) < 2 * len(key) + 500 * 120
    assert text.count("kkkend.v") == 500
    assert text.endswith("kkkend.v499.x: 499")


def test_a_path_that_keeps_growing_stays_short_enough() -> None:
    value: object = "leaf"
    for depth in range(120):
        value = {f"level {depth:03}": value, "n": depth}
    lines = json_to_text(json.dumps(value))[0].split("\n")
    assert max(map(len, lines)) < 500
    assert sum(line.endswith(": leaf") for line in lines) == 1
    assert (
        sum(line.endswith(f".n: {number}") or line == f"n: {number}" for line in lines for number in range(120)) == 120
    )


def test_json_that_would_become_far_longer_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps({"a" * 300: {f"b{number}": number for number in range(100)}})
    assert json_to_text(text)[0] != text
    monkeypatch.setattr(json_text, "_NEVER", 2000)
    assert json_to_text(text) == (text, False)
