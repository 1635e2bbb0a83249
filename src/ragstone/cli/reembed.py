"""``ragstone reembed``: another embedding model, while questions are answered from the vectors of the old one."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragstone.cli import output
from ragstone.cli.options import AsJson
from ragstone.cli.running import Stopped, run

if TYPE_CHECKING:
    from ragstone.cli.replies import Reembedding

Model = Annotated[
    str | None,
    typer.Option(
        "--model", metavar="MODEL", help="The new model, as RAGSTONE_EMBEDDER names it; that one if not given."
    ),
]
BaseUrl = Annotated[
    str | None, typer.Option("--base-url", help="Its endpoint; RAGSTONE_EMBEDDER_BASE_URL if no model is given.")
]
Dimensions = Annotated[int | None, typer.Option("--dimensions", min=1, max=4000, help="Dimensions to ask of it.")]
Rate = Annotated[
    float | None,
    typer.Option("--rate", min=0.1, help="Most chunks to embed a second; as fast as it goes if not given."),
]
Gate = Annotated[
    Path | None,
    typer.Option(
        "--gate", metavar="SET", help="Swap only if nDCG@10 on these questions does not get worse (JSON lines)."
    ),
]
SkipRefused = Annotated[
    bool,
    typer.Option(
        "--skip-refused", help="Swap without the chunks that the new model does not take; their documents fail."
    ),
]
Wait = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Work and wait until it is done, or leave that to a worker.")
]


def reembed(
    *,
    model: Model = None,
    base_url: BaseUrl = None,
    dimensions: Dimensions = None,
    rate: Rate = None,
    gate: Gate = None,
    skip_refused: SkipRefused = False,
    wait: Wait = True,
    status: Annotated[bool, typer.Option("--status", help="Show the spaces that there are.")] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="Go back to the model before.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End the filling of the new space.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Remove the vectors that are not in use.")] = False,
    as_json: AsJson = False,
) -> None:
    """Embed everything by another model, in the background; swap in one moment when it is done.

    Questions are answered from the old vectors until then, and the old vectors stay for a rollback until dropped.
    """
    from ragstone.cli import reembedding

    if sum((status, rollback, stop, drop)) > 1:
        raise typer.BadParameter("--status, --rollback, --stop and --drop exclude each other.")
    if gate and not wait:
        raise typer.BadParameter("--gate needs --wait: it is decided here.")
    if status or stop or drop:
        act = reembedding.status if status else reembedding.stop if stop else reembedding.drop
        reembedding.show(run(act()), as_json=as_json)
        return
    begun = time.monotonic()
    try:
        if rollback:
            outcome = run(reembedding.roll_back(wait=wait, skip_refused=skip_refused))
        else:
            wanted = reembedding.Wanted(model, base_url, dimensions, rate, gate, skip_refused)
            outcome = run(reembedding.begin(wanted, wait=wait))
    except Stopped:
        output.note("Stopped. It goes on with the next `ragstone worker`, `up` or `ingest`; `--stop` ends it.")
        raise
    outcome = outcome.model_copy(update={"seconds": round(time.monotonic() - begun, 2)})
    if as_json:
        output.print_json(outcome)
    else:
        output.say(_sentence(outcome))
    if outcome.outcome == "refused":
        raise typer.Exit(1)


def _sentence(outcome: "Reembedding") -> str:
    match outcome.outcome:
        case "unchanged":
            return f"{outcome.model} answers already."
        case "filling":
            return f"{outcome.chunks - outcome.embedded:,} chunks wait for a worker to embed them by {outcome.model}."
        case "refused":
            return (
                f"{outcome.model} is worse on these questions: nDCG@10 {outcome.ndcg_after:.4f} after"
                f" {outcome.ndcg_before:.4f}. Nothing was swapped; `ragstone reembed --stop` and `--drop` remove it."
            )
    skipped = outcome.chunks - outcome.embedded
    told = f" It does not take {skipped:,} others; their documents fail with the reason." if skipped else ""
    return f"{outcome.embedded:,} chunks are embedded by {outcome.model}, which answers from now on.{told}"
