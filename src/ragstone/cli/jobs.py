"""``ragstone jobs``: how far ingestion is; end it, begin it again."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from ragstone.cli import output
from ragstone.cli.calls import call
from ragstone.cli.options import AsJson, Cursor, Key, Limit, Url
from ragstone.domain.documents import State

if TYPE_CHECKING:
    from ragstone.api.schemas import Job

app = typer.Typer(no_args_is_help=True, help="See how far ingestion is; cancel and retry it.")

Id = Annotated[UUID, typer.Argument(metavar="ID", help="The job's id.")]


@app.command("list")
def list_jobs(
    *,
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """List jobs, the oldest first."""
    page = call(lambda client: client.jobs(state=state, cursor=cursor, limit=limit), url, key)
    if as_json:
        output.print_json(page)
        return
    for each in page.items:
        output.say(f"{each.id}  {each.state:<10}  {each.embedded_count:>6,} of {each.chunk_count:,} chunks embedded")
        output.say(f"    {each.collection}  {each.uri}", style="dim")
    output.note_more(page.next_cursor)


@app.command()
def show(job_id: Id, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Show a job: its state, how many chunks are embedded, where the time went, why it failed."""
    _show(call(lambda client: client.job(job_id), url, key), as_json=as_json)


@app.command()
def queue(as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Show what is on its way to be searchable, and how long it will take at the pace of the last ten minutes."""
    state = call(lambda client: client.queue(), url, key)
    if as_json:
        output.print_json(state)
        return
    pace, eta = state.chunks_per_second, state.eta_seconds
    output.print_fields(
        {
            **{str(name): f"{count:,}" for name, count in sorted(state.states.items())},
            "waiting": f"{state.waiting:,}",
            "workers": f"{state.workers:,}" if state.workers else "none: start `ragstone worker`, or `ragstone up`",
            "to be embedded": f"{state.pending_chunks:,} chunks",
            "pace": f"{pace:,.1f} chunks a second" if pace else "unknown (nothing finished lately)",
            "done in": str(timedelta(seconds=round(eta))) if eta is not None else "unknown",
            "oldest": state.oldest_at.isoformat(timespec="seconds") if state.oldest_at else "",
        }
    )


@app.command()
def cancel(job_id: Id, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """End a job that is not at its end. What it has made so far stays searchable."""
    _show(call(lambda client: client.cancel(job_id), url, key), as_json=as_json)


@app.command()
def retry(job_id: Id, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Begin a failed or cancelled job again where it stood; a worker takes it on."""
    _show(call(lambda client: client.retry(job_id), url, key), as_json=as_json)


def _show(job: "Job", *, as_json: bool) -> None:
    if as_json:
        output.print_json(job)
        return
    fields: dict[str, object] = {
        "id": job.id,
        "document": job.document_id,
        "uri": job.uri,
        "collection": job.collection,
        "state": job.state,
        "attempts": job.attempts,
        "embedded": f"{job.embedded_count:,} of {job.chunk_count:,} chunks",
        "seconds": ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in job.stage_seconds.items()),
        "created": job.created_at.isoformat(timespec="seconds"),
        "updated": job.updated_at.isoformat(timespec="seconds"),
    }
    if job.waiting:
        fields["waiting for"] = f"{job.waiting.message} {job.waiting.remedy}".strip()
        fields["tried again"] = job.due_at.isoformat(timespec="seconds") if job.due_at else ""
    output.print_fields(fields | output.failure_fields(job.failure))
