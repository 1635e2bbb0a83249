"""``ragstone eval``: how good the search is on questions whose answers are known, and which settings are better."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragstone.cli import output
from ragstone.cli.running import run

if TYPE_CHECKING:
    from ragstone.cli.eval_run import Wanted
    from ragstone.learn.results import Evaluation
    from ragstone.settings import Settings

Config = Annotated[
    list[str] | None,
    typer.Option(
        "--config",
        metavar="NAME:SETTING=VALUE,...",
        help="Settings that are others than the present ones; mode=hybrid|words|meaning, too. Repeatable.",
    ),
]
Compared = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--compare", metavar="A B", help="Compare two: names of configurations, `default`, or NAME:SETTING=VALUE,..."
    ),
]
FailUnder = Annotated[
    list[str] | None,
    typer.Option(
        "--fail-under", metavar="MEASURE=LEAST", help="Fail if a measure is lower, as ndcg@10=0.45. Repeatable."
    ),
]
FailWorse = Annotated[
    list[str] | None,
    typer.Option(
        "--fail-worse",
        metavar="MEASURE[=MARGIN]",
        help="Fail if a configuration is worse than the first one: by more than MARGIN, or significantly. Repeatable.",
    ),
]
Readers = Annotated[
    list[str] | None, typer.Option("--reader", help="Ask as one who holds this reader name, too. Repeatable.")
]
Set = Annotated[
    Path, typer.Argument(metavar="SET", help="A folder as BEIR lays it out, or a file of questions (JSON lines).")
]
Split = Annotated[str, typer.Option("--split", help="Which file of qrels/ holds the judgements.")]
Ablate = Annotated[bool, typer.Option("--ablate", help="Run each leg alone, and without each stage, too.")]
Depth = Annotated[int, typer.Option("--depth", min=10, max=1000, help="Passages asked for a question.")]
Sample = Annotated[
    int | None, typer.Option("--sample", min=1, help="Ask at most so many of the questions, always the same ones.")
]
Clients = Annotated[int, typer.Option("--clients", min=1, max=256, help="Questions asked at a time.")]
RunFile = Annotated[Path | None, typer.Option("--run", metavar="FILE", help="Write the rankings as a TREC run.")]
Qrels = Annotated[Path | None, typer.Option("--qrels", metavar="FILE", help="Write the judgements as TREC qrels.")]
Html = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a report to read.")]
Drop = Annotated[bool, typer.Option("--drop", help="Remove the set's documents, with their collection, instead.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")]


def evaluate(
    *,
    questions: Set,
    split: Split = "test",
    config: Config = None,
    compare: Compared = None,
    ablate: Ablate = False,
    depth: Depth = 100,
    sample: Sample = None,
    clients: Clients = 1,
    reader: Readers = None,
    fail_under: FailUnder = None,
    fail_worse: FailWorse = None,
    run_file: RunFile = None,
    qrels: Qrels = None,
    html: Html = None,
    drop: Drop = False,
    as_json: AsJson = False,
) -> None:
    """Measure the search on questions whose answers are known.

    The documents of a BEIR folder are brought into the record once, in a collection of their own that no other search
    sees. A file of questions is asked of what is in the record already.
    """
    from ragstone.cli import eval_bars, eval_configurations
    from ragstone.cli.eval_run import Wanted
    from ragstone.cli.local import quiet_settings

    if drop:
        _drop(questions, split)
        return
    settings = quiet_settings()
    plan = eval_configurations.plan(config or [], compare, settings, ablate=ablate)
    bars = eval_bars.parsed(fail_under or [], fail_worse or [], depth=depth)
    wanted = Wanted(questions, plan, split, depth, clients, sample, tuple(reader or ()))
    files = {"run_file": run_file, "qrels": qrels, "html": html}
    evaluation = run(_evaluate(settings, wanted, files, as_json=as_json))
    _end(eval_bars.failures(evaluation, bars, _under_bars(wanted, evaluation)))


def _end(failures: Sequence[str]) -> None:
    """Say which bars were missed, and exit so."""
    for failure in failures:
        output.note(f"Failed: {failure}")
    if failures:
        raise typer.Exit(1)


def _drop(path: Path, split: str) -> None:
    from ragstone.cli import eval_run
    from ragstone.cli.local import quiet_settings

    collection, deleted = run(eval_run.drop(quiet_settings(), path, split))
    output.say(f"{deleted:,} documents of {collection} are deleted." if collection else "The set has no documents.")


async def _evaluate(
    settings: "Settings", wanted: "Wanted", files: Mapping[str, Path | None], *, as_json: bool
) -> "Evaluation":
    """Evaluate, print and write what was asked for."""
    from ragstone.cli import eval_output, eval_run

    evaluation = await eval_run.evaluate(settings, wanted)
    if as_json:
        output.print_json(eval_output.reply(evaluation))
    else:
        eval_output.show(evaluation)
    await eval_output.write(evaluation, **files)
    return evaluation


def _under_bars(wanted: "Wanted", evaluation: "Evaluation") -> list[str]:
    """Return the configurations that ``--fail-under`` is about: an ablation is there to be worse."""
    return [each.name for each in wanted.plan.configurations if not each.ablation] or [evaluation.outcomes[0].name]
