"""Plots of an evaluation as SVG: bars with their confidence intervals, and differences question by question."""

from collections.abc import Mapping
from html import escape

import numpy as np

from ragstone.learn.significance import Estimate, Values

_WIDTH = 860
_LABELS = 190
_FIGURES = 150
_ROW = 20
_GAP = 26
_HEIGHT = 180
_COLOURS = 8


def bars(measures: Mapping[str, Mapping[str, Estimate]]) -> str:
    """Plot the estimates of each configuration, grouped by measure: a bar to the mean, a whisker over its interval."""
    drawn, y = [], 0
    for measure, estimates in measures.items():
        drawn.append(f'<text class="group" x="0" y="{y + 16}">{escape(measure)}</text>')
        y += _GAP
        for place, (name, estimate) in enumerate(estimates.items()):
            drawn.append(_bar(name, estimate, place, y))
            y += _ROW
        y += _ROW // 2
    lines = "".join(_grid_line(share / 10, y) for share in range(0, 11, 2))
    return _svg(y, "Means with their 95 % confidence intervals", lines + "".join(drawn))


def _bar(name: str, estimate: Estimate, place: int, y: int) -> str:
    middle = y + _ROW / 2
    mean, low, high = (_x(value) for value in (estimate.mean, estimate.low, estimate.high))
    whisker = f"M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 4}v8M{high:.1f} {middle - 4}v8"
    width = mean - _LABELS
    return (
        f'<text x="{_LABELS - 8}" y="{middle + 4}" text-anchor="end">{escape(_short(name))}</text>'
        f'<rect class="c{place % _COLOURS}" x="{_LABELS}" y="{y + 3}" width="{width:.1f}" height="{_ROW - 6}"/>'
        f'<path class="whisker" d="{whisker}"/>'
        f'<text x="{_WIDTH}" y="{middle + 4}" text-anchor="end">'
        f"{estimate.mean:.4f} [{estimate.low:.3f} {estimate.high:.3f}]</text>"
    )


def _grid_line(value: float, height: int) -> str:
    x = _x(value)
    label = f'<text x="{x:.1f}" y="{height + 14}" text-anchor="middle">{value:g}</text>'
    return f'<path class="grid" d="M{x:.1f} 0V{height}"/>{label}'


def _x(value: float) -> float:
    return _LABELS + min(max(value, 0.0), 1.0) * (_WIDTH - _LABELS - _FIGURES)


def _short(name: str) -> str:
    return name if len(name) <= 26 else f"{name[:25]}…"


def question_differences(apart: Values, label: str) -> str:
    """Plot one measure's difference for each question, the greatest gain first: a line up, or down for a loss."""
    ordered = np.sort(apart)[::-1]
    zero, step = _HEIGHT / 2, (_WIDTH - 60) / len(ordered)
    stroke = max(min(step * 0.8, 8.0), 0.4)
    paths = []
    for side, chosen in (("gain", ordered > 0), ("loss", ordered < 0)):
        lines = "".join(
            f"M{60 + (place + 0.5) * step:.1f} {zero:g}v{-ordered[place] * (zero - 10):.1f}"
            for place in np.flatnonzero(chosen)
        )
        paths.append(f'<path class="{side}" stroke-width="{stroke:.2f}" d="{lines}"/>')
    axis = "".join(
        f'<path class="grid" d="M60 {zero - value * (zero - 10):g}H{_WIDTH}"/>'
        f'<text x="52" y="{zero - value * (zero - 10) + 4:g}" text-anchor="end">{value:g}</text>'
        for value in (1, 0.5, 0, -0.5, -1)
    )
    return _svg(_HEIGHT, label, axis + "".join(paths))


def _svg(height: float, label: str, content: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height + 20:g}" role="img" aria-label="{escape(label)}"'
        f' xmlns="http://www.w3.org/2000/svg">{content}</svg>'
    )
