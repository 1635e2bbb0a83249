"""What ``ragstone eval`` prints and writes."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from ragstone import __version__
from ragstone.cli import output
from ragstone.domain.errors import InvalidRequest
from ragstone.learn.report import page
from ragstone.learn.results import Comparison, Evaluation, Outcome
from ragstone.learn.runs import write_qrels, write_run
from ragstone.learn.significance import Difference, Estimate


class Measure(BaseModel):
    """A mean over questions, with its 95 % confidence interval."""

    mean: float
    low: float
    high: float


class Change(Measure):
    """A difference of means: its chance where there is none, and how many questions got better and worse."""

    p: float
    better: int
    worse: int


class ConfigurationReply(BaseModel):
    """How one configuration did. Latency in milliseconds, throughput in questions a second."""

    name: str
    changes: dict[str, str]
    measures: dict[str, Measure]
    p50_ms: float
    p95_ms: float
    questions_per_second: float


class ComparisonReply(BaseModel):
    """How much ``after`` is better than ``before``."""

    before: str
    after: str
    differences: dict[str, Change]


class EvaluationReply(BaseModel):
    """The outcome of ``eval --json``."""

    set: str
    ragstone: str
    questions: int
    depth: int
    clients: int
    configurations: list[ConfigurationReply]
    comparisons: list[ComparisonReply]


def reply(evaluation: Evaluation) -> EvaluationReply:
    """Return the outcome as it is printed."""
    return EvaluationReply(
        set=evaluation.judged.name,
        ragstone=__version__,
        questions=len(evaluation.judged.questions),
        depth=evaluation.depth,
        clients=evaluation.clients,
        configurations=[_configuration(each) for each in evaluation.outcomes],
        comparisons=[_comparison(each) for each in evaluation.comparisons],
    )


def show(evaluation: Evaluation) -> None:
    """Print the outcome for a person."""
    columns = ("configuration", *evaluation.measures, "p50 ms", "p95 ms", "questions/s")
    output.print_table(columns, (_row(each) for each in evaluation.outcomes), wrap=("configuration",))
    for each in evaluation.comparisons:
        output.say(f"{each.after.name} against {each.before.name}")
        output.print_table(
            ("measure", "difference", "95 % interval", "p", "better", "worse"),
            (_difference_row(measure, found) for measure, found in each.differences.items()),
        )
    output.say(
        f"{evaluation.judged.name}: {len(evaluation.judged.questions):,} questions, {evaluation.depth} passages each,"
        f" {evaluation.clients} at a time. [low high]: 95 % bootstrap interval; p: paired bootstrap."
    )


async def write(evaluation: Evaluation, *, run_file: Path | None, qrels: Path | None, html: Path | None) -> None:
    """Write the files that are wanted. Raises ``InvalidRequest`` where one cannot be written."""
    questions = evaluation.judged.questions
    try:
        if run_file:
            for file, each in zip(run_files(run_file, evaluation), evaluation.outcomes, strict=True):
                await asyncio.to_thread(write_run, file, questions, each.run, each.name)
        if qrels:
            await asyncio.to_thread(write_qrels, qrels, questions)
        if html:
            told = await asyncio.to_thread(page, evaluation, __version__)
            await asyncio.to_thread(html.write_text, told, encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(f"{error.filename} cannot be written: {error.strerror}.") from error


def run_files(given: Path, evaluation: Evaluation) -> list[Path]:
    """Return a file for each configuration: the given one where there is one, else its name between stem and ending."""
    if len(evaluation.outcomes) == 1:
        return [given]
    return [
        given.with_name(f"{given.stem}.{each.name.replace(' ', '-')}{given.suffix}") for each in evaluation.outcomes
    ]


def _configuration(outcome: Outcome) -> ConfigurationReply:
    return ConfigurationReply(
        name=outcome.name,
        changes=dict(outcome.changes),
        measures=_measures(outcome.estimates),
        p50_ms=round(1000 * outcome.p50, 3),
        p95_ms=round(1000 * outcome.p95, 3),
        questions_per_second=round(outcome.throughput, 1),
    )


def _measures(estimates: Mapping[str, Estimate]) -> dict[str, Measure]:
    return {name: Measure(mean=each.mean, low=each.low, high=each.high) for name, each in estimates.items()}


def _comparison(found: Comparison) -> ComparisonReply:
    return ComparisonReply(
        before=found.before.name,
        after=found.after.name,
        differences={
            name: Change(
                mean=each.estimate.mean,
                low=each.estimate.low,
                high=each.estimate.high,
                p=each.p,
                better=each.better,
                worse=each.worse,
            )
            for name, each in found.differences.items()
        },
    )


def _row(outcome: Outcome) -> list[str]:
    measured = [f"{each.mean:.4f}\n[{each.low:.3f} {each.high:.3f}]" for each in outcome.estimates.values()]
    return [
        outcome.name,
        *measured,
        f"{1000 * outcome.p50:.1f}",
        f"{1000 * outcome.p95:.1f}",
        f"{outcome.throughput:.1f}",
    ]


def _difference_row(measure: str, found: Difference) -> list[str]:
    estimate = found.estimate
    return [
        measure,
        f"{estimate.mean:+.4f}",
        f"[{estimate.low:+.4f} {estimate.high:+.4f}]",
        f"{found.p:.4f}",
        f"{found.better:,}",
        f"{found.worse:,}",
    ]
