"""``ragstone reembed``: bring every document into the space of the embedding model that is configured."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from ragstone.cli import output
from ragstone.cli.options import AsJson
from ragstone.cli.running import Stopped, run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from ragstone.cli.replies import Reembedding
    from ragstone.container import Container


def reembed(
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Work and wait until all are embedded, or leave that to a worker.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Embed anew all documents whose vectors are of another model than the one that is configured.

    They answer by words all the while, and by meaning as soon as they are done.
    """
    try:
        outcome = run(_reembed(wait=wait))
    except Stopped:
        output.note("Stopped. It goes on with the next `ragstone worker`, `up` or `ingest`.")
        raise
    if as_json:
        output.print_json(outcome)
    elif wait:
        output.say(f"{outcome.ready:,} of {outcome.documents:,} documents are embedded by {outcome.model}.")
    else:
        output.say(f"{outcome.documents:,} documents wait for a worker to embed them by {outcome.model}.")
    if outcome.failed:
        raise typer.Exit(1)


async def _reembed(*, wait: bool) -> "Reembedding":
    from ragstone.cli.batch import Batch
    from ragstone.cli.display import progress_display
    from ragstone.cli.files import Finding
    from ragstone.cli.local import LocalClient, quiet_settings
    from ragstone.cli.replies import Reembedding
    from ragstone.container import open_container

    begun = time.monotonic()
    async with open_container(quiet_settings()) as container:
        client = LocalClient(container)
        job_ids = await _enqueue(container)
        batch = Batch(client, Finding(), job_ids)
        if wait and job_ids:
            with progress_display() as show:
                async with client.working():
                    await batch.follow(show)
        outcome = await batch.summary(time.monotonic() - begun)
        model = container.embedder.model
        return Reembedding(
            model=model.name,
            version=model.version,
            documents=outcome.documents,
            ready=outcome.ready,
            failed=outcome.failed,
            seconds=outcome.seconds,
        )


async def _enqueue(container: "Container") -> "Sequence[UUID]":
    """Enqueue what is in another space, and return all that waits to be embedded."""
    await container.embedder.warm()
    await container.vectors.ensure(container.embedder.model)
    async with container.record.transaction() as transaction:
        return await transaction.versions.reembed(container.embedder.model)
