"""What an evaluation must reach, for CI: ``--fail-under`` and ``--fail-worse``."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ragstone.domain.errors import InvalidRequest
from ragstone.learn.measures import measure_named, measures_at
from ragstone.learn.results import Evaluation, Outcome, compare

_SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class Bars:
    """The least of each measure, and the margins by which one may be worse than the first configuration's.

    A margin of ``None`` allows what is not significant at 0.05.
    """

    under: Sequence[tuple[str, float]]
    worse: Sequence[tuple[str, float | None]]


def parsed(under: Sequence[str], worse: Sequence[str], *, depth: int) -> Bars:
    """Read MEASURE=LEAST and MEASURE[=MARGIN]. Raises ``InvalidRequest``."""
    return Bars(
        [_under(each, depth) for each in under],
        [_bar("--fail-worse", each, depth) for each in worse],
    )


def failures(evaluation: Evaluation, bars: Bars, judged: Iterable[str]) -> list[str]:
    """Say what falls short, a line each. Bars of ``under`` hold for the configurations named in ``judged``."""
    first, *others = evaluation.outcomes
    names = set(judged)
    return [
        *(
            f"{each.name}: {measure} is {each.estimates[measure].mean:.4f}, below {least:g}."
            for each in evaluation.outcomes
            if each.name in names
            for measure, least in bars.under
            if each.estimates[measure].mean < least
        ),
        *(
            line
            for each in others
            if each.name in names
            for measure, margin in bars.worse
            if (line := _worse(first, each, measure, margin))
        ),
    ]


def _worse(first: Outcome, other: Outcome, measure: str, margin: float | None) -> str:
    found = compare(first, other).differences[measure]
    lost = -found.estimate.mean
    fails = lost > 0 and found.p < _SIGNIFICANT if margin is None else lost > margin
    if not fails:
        return ""
    why = f"p = {found.p:.4f}" if margin is None else f"more than {margin:g}"
    return f"{other.name}: {measure} is {lost:.4f} lower than that of {first.name} ({why})."


def _under(given: str, depth: int) -> tuple[str, float]:
    measure, least = _bar("--fail-under", given, depth)
    if least is None:
        raise InvalidRequest(
            f"--fail-under {given} gives no number.", remedy="It reads MEASURE=LEAST, as ndcg@10=0.45."
        )
    return measure, least


def _bar(option: str, given: str, depth: int) -> tuple[str, float | None]:
    name, equals, number = given.partition("=")
    measure = measure_named(name)
    if measure not in measures_at(depth):
        raise InvalidRequest(f"{measure} looks deeper than --depth {depth}.", remedy="Set --depth to what it needs.")
    try:
        value = float(number) if equals else None
    except ValueError as error:
        raise InvalidRequest(f"{option} {given}: {number!r} is no number.") from error
    if value is not None and not 0 <= value <= 1:
        raise InvalidRequest(f"{option} {given}: a measure lies between 0 and 1.")
    return measure, value
