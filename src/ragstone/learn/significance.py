"""How sure a mean over questions is, and the difference of two: the bootstrap (Efron and Tibshirani, 1993)."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Values: TypeAlias = NDArray[np.float64]

RESAMPLES = 10_000
_SEED = 20
_AT_A_TIME = 1 << 20
"""Draws that are held in memory at once."""
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over questions, and the interval that holds it with 95 % confidence."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """How much the mean rises from one configuration to another on the same questions.

    ``p``: the chance of a difference as large where there is none. ``better`` and ``worse`` count questions.
    """

    estimate: Estimate
    p: float
    better: int
    worse: int


def estimates(values: Values) -> list[Estimate]:
    """Return the mean and interval of each column of ``(questions, measures)``. CPU-bound."""
    low, high = np.percentile(resampled_means(values), (2.5, 97.5), axis=0)
    means = values.mean(axis=0)
    return [Estimate(*map(float, each)) for each in zip(means, low, high, strict=True)]


def differences(before: Values, after: Values) -> list[Difference]:
    """Compare the columns of two arrays ``(questions, measures)`` of the same questions. CPU-bound.

    Paired: questions are drawn, with what both configurations make of them. ``p`` is two-sided, of the means' distances
    from the observed one, and never 0: ``(1 + those at least as far as 0 is) / (1 + all)``.
    """
    apart = after - before
    drawn = resampled_means(apart)
    observed = apart.mean(axis=0)
    as_far = np.abs(drawn - observed) >= np.abs(observed) - _ROUNDING
    chances = (1 + as_far.sum(axis=0)) / (1 + RESAMPLES)
    low, high = np.percentile(drawn, (2.5, 97.5), axis=0)
    return [
        Difference(
            Estimate(float(observed[column]), float(low[column]), float(high[column])),
            p=float(chances[column]),
            better=int((apart[:, column] > _ROUNDING).sum()),
            worse=int((apart[:, column] < -_ROUNDING).sum()),
        )
        for column in range(apart.shape[1])
    ]


def resampled_means(values: Values) -> Values:
    """Return shape ``(RESAMPLES, measures)``: means over questions drawn with replacement, the same draws each time."""
    random = np.random.default_rng(_SEED)
    questions = len(values)
    rows = max(1, _AT_A_TIME // questions)
    means = []
    for start in range(0, RESAMPLES, rows):
        size = min(rows, RESAMPLES - start)
        drawn = random.integers(0, questions, size=(size, questions))
        drawn += np.arange(size)[:, None] * questions
        counts = np.bincount(drawn.ravel(), minlength=size * questions).reshape(size, questions)
        means.append(counts @ values / questions)
    return np.concatenate(means)
