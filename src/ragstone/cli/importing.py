"""``ragstone import``: take in chunks that are ready-made, with their vectors or without."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragstone.cli import output
from ragstone.cli.options import AsJson, IntoCollection, Key, Url
from ragstone.cli.running import Stopped, run
from ragstone.domain.access import EVERYONE
from ragstone.domain.documents import DEFAULT_COLLECTION
from ragstone.domain.errors import InvalidRequest

if TYPE_CHECKING:
    from ragstone.api.requests import DocumentForm, VectorsOf
    from ragstone.cli.importing_run import Failing
    from ragstone.cli.importing_summary import ImportSummary


def import_chunks(
    *,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="Files of one chunk a row: .ndjson or .jsonl, also .gz; .parquet."),
    ],
    collection: IntoCollection = DEFAULT_COLLECTION,
    readers: Annotated[
        list[str] | None,
        typer.Option(
            "--readers", "--reader", help="Who may find the documents whose rows do not say so; everyone if not given."
        ),
    ] = None,
    vectors_of: Annotated[
        str | None,
        typer.Option("--vectors-of", metavar="MODEL@VERSION", help="The model that made the vectors in the rows."),
    ] = None,
    batch: Annotated[
        int, typer.Option("--batch", min=1, max=50_000, help="Chunks that are stored in one transaction.")
    ] = 1000,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out what is wrong and go on; it is told at the end.")
    ] = False,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Take in documents that are cut into chunks already.

    They are searchable by words at once. Those with vectors are ready; the others wait for a worker to embed them.

    The first row that is wrong ends it, unless --skip-bad. Run it again: what is there is not stored twice.
    """
    from ragstone.api.requests import DocumentForm
    from ragstone.cli import importing_summary
    from ragstone.cli.client import requested
    from ragstone.cli.importing_run import Failing

    described = requested(DocumentForm, collection=collection, readers=readers or [EVERYONE])
    failing = Failing(skip=skip_bad)
    try:
        outcome = run(_import(files, described, _model(vectors_of), batch, failing, url=url, key=key))
    except Stopped:
        output.note("Stopped. What was stored is kept; the same `ragstone import` goes on with the rest.")
        raise
    if as_json:
        output.print_json(outcome)
    else:
        importing_summary.show(outcome)
    if outcome.failed or outcome.skipped:
        raise typer.Exit(1)


def _model(vectors_of: str | None) -> "VectorsOf | None":
    """Return the model and version that MODEL@VERSION names."""
    from ragstone.api.requests import VectorsOf
    from ragstone.cli.client import requested

    if vectors_of is None:
        return None
    name, at, version = vectors_of.rpartition("@")
    if not at:
        raise InvalidRequest(
            "--vectors-of reads MODEL@VERSION.", remedy="`ragstone reembed --status` shows which answers questions."
        )
    return requested(VectorsOf, model=name, version=version)


async def _import(
    files: list[Path],
    described: "DocumentForm",
    vectors_of: "VectorsOf | None",
    batch: int,
    failing: "Failing",
    *,
    url: str | None,
    key: str | None,
) -> "ImportSummary":
    from ragstone.cli.client import open_client
    from ragstone.cli.importing_documents import Documents
    from ragstone.cli.importing_progress import progress_display
    from ragstone.cli.importing_rows import open_rows
    from ragstone.cli.importing_run import Import

    begun = time.monotonic()
    documents = Documents([open_rows(file) for file in files], described)
    async with open_client(url, key, readers=described.readers) as client:
        await client.create_collection(described.collection)
        importing = Import(client, documents, vectors_of, failing, batch_chunks=batch)
        with progress_display() as show:
            await importing.run(show)
    return importing.summary(time.monotonic() - begun)
