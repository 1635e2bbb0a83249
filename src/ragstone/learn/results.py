"""What an evaluation finds: of each configuration, and between two."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragstone.learn.judged_sets import JudgedSet
from ragstone.learn.measures import measured, measures_at
from ragstone.learn.runs import Answered
from ragstone.learn.significance import Difference, Estimate, Values, differences, estimates


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one configuration did. ``changes``: in which settings it is not as the record is set up.

    ``values`` has shape ``(questions, measures)``; ``p50`` and ``p95`` are seconds of a question, and ``throughput``
    questions a second.
    """

    name: str
    changes: Mapping[str, str]
    run: Mapping[str, Answered]
    values: Values
    estimates: Mapping[str, Estimate]
    p50: float
    p95: float
    throughput: float

    def column(self, measure: str) -> Values:
        """Return one measure of each question."""
        column: Values = self.values[:, list(self.estimates).index(measure)]
        return column


@dataclass(frozen=True, slots=True)
class Comparison:
    """How one configuration differs from another, measure by measure."""

    before: Outcome
    after: Outcome
    differences: Mapping[str, Difference]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A set of questions, what each configuration made of it, and how they differ."""

    judged: JudgedSet
    depth: int
    clients: int
    measures: Sequence[str]
    outcomes: Sequence[Outcome]
    comparisons: Sequence[Comparison]


def outcome(
    judged: JudgedSet, name: str, changes: Mapping[str, str], run: Mapping[str, Answered], *, seconds: float, depth: int
) -> Outcome:
    """Measure a run that took so many ``seconds``. CPU-bound. Raises ``ConfigurationError``."""
    names = measures_at(depth)
    values = measured(judged.questions, {each: answered.ranking for each, answered in run.items()}, names)
    p50, p95 = np.percentile([answered.seconds for answered in run.values()], (50, 95))
    return Outcome(
        name=name,
        changes=changes,
        run=run,
        values=values,
        estimates=dict(zip(names, estimates(values), strict=True)),
        p50=float(p50),
        p95=float(p95),
        throughput=len(run) / seconds,
    )


def compare(before: Outcome, after: Outcome) -> Comparison:
    """Compare two outcomes on the same questions. CPU-bound."""
    found = differences(before.values, after.values)
    return Comparison(before, after, dict(zip(before.estimates, found, strict=True)))
