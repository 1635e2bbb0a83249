"""The table of a run of `benchmarks.quality`, and what it falls short of."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from benchmarks.quality_bars import BARS, BELOW_LEG, Bar

_LEGS = ("words", "meaning")
_PLAIN = ("words", "meaning", "ranks", "halves")


def markdown(found: Mapping[str, Any], *, heads: bool = True) -> list[str]:
    """Return a row for each set, and their mean where there are several: each configuration, and what it is held to."""
    if not found:
        return []
    names = [each["name"] for each in next(iter(found.values()))["configurations"]]
    rows = [_row(name, each, names) for name, each in found.items()]
    if len(found) > 1:
        means = [f"{fmean(ndcg(each, name) for each in found.values()):.4f}" for name in names]
        rows.append(["mean", "", means[0], "", *means[1:], "", "", ""])
    columns = ["set", "questions", names[0], "95 %", *names[1:], "BM25, MiniLM, ranks, halves", "bar", "over it"]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}", *lines] if heads else lines


def _row(name: str, of_set: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    first = of_set["configurations"][0]["measures"]["nDCG@10"]
    least = of_set["least"]
    return [
        name,
        f"{of_set['questions']:,}",
        f"{first['mean']:.4f}",
        f"{first['low']:.3f} {first['high']:.3f}",
        *(f"{ndcg(of_set, each):.4f}" for each in names[1:]),
        _plain(BARS[name]),
        "" if least is None else f"{least:.3f}",
        "" if least is None else f"{first['mean'] - least:+.4f}",
    ]


def _plain(bar: Bar) -> str:
    figures = [getattr(bar, each) for each in _PLAIN]
    return "" if None in figures else ", ".join(f"{each:.3f}" for each in figures)


def ndcg(of_set: Mapping[str, Any], name: str) -> float:
    """Return a configuration's nDCG@10 on a set. Raises ``ValueError`` where it did not run there."""
    (chosen,) = (each for each in of_set["configurations"] if each["name"] == name)
    return float(chosen["measures"]["nDCG@10"]["mean"])


def beside_columns(found: Mapping[str, Any]) -> list[str]:
    """Return how the default's mean stands to that of the best plain search, over the sets that have its figures."""
    held = {name: each for name, each in found.items() if each["least"] is not None}
    if not held:
        return []
    columns = {name: fmean(getattr(BARS[each], name) for each in held) for name in _PLAIN}
    best = max(columns, key=lambda name: columns[name])
    gain = fmean(ndcg(each, "default") for each in held.values()) - columns[best]
    return [
        f"Over the {len(held)} sets with a bar, the default's mean is {gain:+.4f} beside {best}, the best of the four."
    ]


def misses(found: Mapping[str, Any]) -> list[str]:
    """Return what the default falls short of, a line each: its bars, and the better of its own two legs."""
    told = []
    for name, of_set in found.items():
        mean, least = ndcg(of_set, "default"), of_set["least"]
        if least is not None and mean < least:
            told.append(f"{name} is {least - mean:.4f} below its bar.")
        if (lost := _better_leg(of_set) - mean) > BELOW_LEG:
            told.append(f"{name} is {lost:.4f} below the better of its legs.")
    gain = fmean(ndcg(each, "default") - _better_leg(each) for each in found.values()) if found else 0.0
    return told if gain >= 0 else [*told, f"On average the default is {-gain:.4f} below the better of its legs."]


def _better_leg(of_set: Mapping[str, Any]) -> float:
    return max(ndcg(of_set, leg) for leg in _LEGS)
