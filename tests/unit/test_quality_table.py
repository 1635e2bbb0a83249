"""What the benchmark of retrieval quality says of its results."""

from typing import Any

import pytest
from benchmarks.quality_table import beside_columns, markdown, misses


def of_set(least: float | None = None, **means: float) -> dict[str, Any]:
    return {
        "least": least,
        "questions": 1200,
        "configurations": [
            {
                "name": name.replace("_", "-"),
                "measures": {"nDCG@10": {"mean": mean, "low": mean - 0.01, "high": mean + 0.01}},
            }
            for name, mean in means.items()
        ],
    }


GOOD = of_set(0.929, default=0.93, words=0.92, meaning=0.68)


def test_what_reaches_every_bar_misses_nothing() -> None:
    assert misses({"xquad/de": GOOD, "adi": of_set(default=0.5, words=0.509, meaning=0.1)}) == []
    assert misses({}) == []


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"xquad/de": of_set(0.929, default=0.925, words=0.92, meaning=0.68)}, ["xquad/de is 0.0040 below its bar."]),
        (
            {"adi": of_set(default=0.5, words=0.1, meaning=0.511), "xquad/de": GOOD},
            [
                "adi is 0.0110 below the better of its legs.",
                "On average the default is 0.0005 below the better of its legs.",
            ],
        ),
    ],
)
def test_what_falls_short_is_told(found: dict[str, Any], told: list[str]) -> None:
    assert misses(found) == told


def test_the_table_has_a_row_for_each_set_and_their_mean() -> None:
    found = {"xquad/de": GOOD, "adi": of_set(default=0.5, words=0.4, meaning=0.3)}
    head, rule, german, adi, mean = ([cell.strip() for cell in line.split("|")[1:-1]] for line in markdown(found))
    assert head[:6] == ["set", "questions", "default", "95 %", "words", "meaning"]
    assert {len(rule), len(german), len(adi), len(mean)} == {len(head)}
    assert german[1:6] == ["1,200", "0.9300", "0.920 0.940", "0.9200", "0.6800"]
    assert german[-2:] == ["0.929", "+0.0010"]
    assert adi[-2:] == ["", ""]
    assert mean[2:6] == ["0.7150", "", "0.6600", "0.4900"]


def test_the_mean_stands_beside_the_best_plain_search_where_there_is_one() -> None:
    found = {"xquad/de": GOOD, "adi": of_set(default=0.5, words=0.4, meaning=0.3)}
    (told,) = beside_columns(found)
    assert "1 sets" in told
    assert "-0.0040 beside halves" in told
    assert beside_columns({"adi": found["adi"]}) == []
