"""The report of an evaluation: one HTML page that needs nothing else."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

import numpy as np

from ragstone.learn.measures import MAIN
from ragstone.learn.questions import JudgedQuestion
from ragstone.learn.report_plots import bars, question_differences
from ragstone.learn.report_style import STYLE
from ragstone.learn.results import Comparison, Evaluation, Outcome
from ragstone.learn.significance import Estimate, Values

_WORST = 20
_MOST_LOST = 10
_RIGHT = ' class="right"'
_TOLD_CHARACTERS = 160


def page(evaluation: Evaluation, version: str) -> str:
    """Return the page. Reads how the documents begin that were to be found; blocks."""
    told = _Questions(evaluation)
    first = evaluation.outcomes[0]
    estimates = {
        name: {each.name: each.estimates[name] for each in evaluation.outcomes} for name in evaluation.measures
    }
    parts = [
        f"<h1>{escape(evaluation.judged.name)}</h1>",
        f'<p class="about">{_about(evaluation, version)}</p>',
        _table(evaluation),
        "<h2>Measures</h2>",
        bars(estimates),
        *(_compared(each, told) for each in evaluation.comparisons),
        f"<h2>The worst questions of {escape(first.name)}</h2>",
        told.listed(first, _worst(first)),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(evaluation.judged.name)}: evaluation</title><style>{STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _about(evaluation: Evaluation, version: str) -> str:
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"{len(evaluation.judged.questions):,} questions, {evaluation.depth} passages each, {evaluation.clients} at a"
        f" time. Ragstone {escape(version)}, {when}. In brackets: 95 % bootstrap intervals."
    )


def _table(evaluation: Evaluation) -> str:
    head = ("configuration", *evaluation.measures, "p50 ms", "p95 ms", "questions/s")
    return _rows(
        head,
        (
            (
                _called(each),
                *map(_estimated, each.estimates.values()),
                f"{1000 * each.p50:.1f}",
                f"{1000 * each.p95:.1f}",
                f"{each.throughput:.1f}",
            )
            for each in evaluation.outcomes
        ),
    )


def _called(outcome: Outcome) -> str:
    changes = ", ".join(f"{name}={value}" for name, value in outcome.changes.items()) or "the present settings"
    return f"{escape(outcome.name)}<br><small>{escape(changes)}</small>"


def _estimated(estimate: Estimate) -> str:
    return f"{estimate.mean:.4f}<br><small>[{estimate.low:.3f} {estimate.high:.3f}]</small>"


def _compared(comparison: Comparison, told: "_Questions") -> str:
    names = f"{comparison.after.name} against {comparison.before.name}"
    table = _rows(
        ("measure", "difference", "95 % interval", "p", "better", "worse"),
        (
            (
                escape(measure),
                f"{found.estimate.mean:+.4f}",
                f"[{found.estimate.low:+.4f} {found.estimate.high:+.4f}]",
                f"{found.p:.4f}",
                f"{found.better:,}",
                f"{found.worse:,}",
            )
            for measure, found in comparison.differences.items()
        ),
    )
    plot = question_differences(_apart(comparison), f"{MAIN} of each question, {names}")
    lost = told.listed(comparison.after, _lost(comparison))
    return (
        f'<h2>{escape(names)}</h2>{table}<p class="dim">{MAIN}, question by question:</p>{plot}'
        f'<p class="dim">The questions that lost most:</p>{lost}'
    )


def _apart(comparison: Comparison) -> Values:
    apart: Values = comparison.after.column(MAIN) - comparison.before.column(MAIN)
    return apart


def _worst(outcome: Outcome) -> list[int]:
    """Return the rows of the worst questions; one that found all in the best order is none of them."""
    values = outcome.column(MAIN)
    return [int(row) for row in np.argsort(values, kind="stable")[:_WORST] if values[row] < 1]


def _lost(comparison: Comparison) -> list[int]:
    """Return the rows of the questions that lost most."""
    apart = _apart(comparison)
    return [int(row) for row in np.argsort(apart, kind="stable")[:_MOST_LOST] if apart[row] < 0]


class _Questions:
    """The questions that the page tells of, each with what it found and what it was to find."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._questions = evaluation.judged.questions
        rows = {*_worst(evaluation.outcomes[0]), *(row for each in evaluation.comparisons for row in _lost(each))}
        wanted = frozenset(uri for row in rows for uri in self._questions[row].uris)
        corpus = evaluation.judged.corpus
        self._beginnings = corpus.beginnings(wanted, _TOLD_CHARACTERS) if corpus else {}

    def listed(self, outcome: Outcome, rows: Sequence[int]) -> str:
        """Return the questions of these rows, as one configuration answered them."""
        values = outcome.column(MAIN)
        return "".join(self._one(self._questions[row], outcome, values[row]) for row in rows) or "<p>None.</p>"

    def _one(self, question: JudgedQuestion, outcome: Outcome, value: float) -> str:
        answered = outcome.run[question.id]
        found = "".join(
            f"<li{_RIGHT if uri in question.uris else ''}>{_document(uri, text)}</li>"
            for uri, text in answered.told.items()
        )
        ranks = {uri: rank for rank, uri in enumerate(answered.ranking, 1)}
        grades = sorted(question.judgements.items(), key=lambda each: (-each[1], ranks.get(each[0], len(ranks) + 1)))
        wanted = "".join(f"<li>{self._wanted(uri, grade, ranks.get(uri))}</li>" for uri, grade in grades[:_WORST])
        summary = f"<b>{value:.3f}</b>{escape(question.question)} <small>{escape(question.id)}</small>"
        return (
            f"<details><summary>{summary}</summary><p>Found{'' if found else ': nothing'}</p><ol>{found}</ol>"
            f"<p>Wanted</p><ul>{wanted}</ul></details>"
        )

    def _wanted(self, uri: str, grade: int, rank: int | None) -> str:
        place = f"found at {rank}" if rank else "not found"
        return f"{_document(uri, self._beginnings.get(uri, ''))} <small>{place}, grade {grade}</small>"


def _document(uri: str, text: str) -> str:
    return f'<code>{escape(uri)}</code> <span class="dim">{escape(text)}</span>'


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; its cells are HTML already."""
    titles = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>'
