"""``ragstone ingest``: take documents in and wait until each answers, or has failed with a reason."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from ragstone.cli import output
from ragstone.cli.options import AsJson, Exclude, IntoCollection, Key, MetadataPairs, Readers, Url, Wait
from ragstone.cli.running import Stopped, run
from ragstone.domain.documents import DEFAULT_COLLECTION
from ragstone.domain.errors import InvalidRequest

if TYPE_CHECKING:
    from ragstone.api.requests import DocumentForm
    from ragstone.cli.files import Finding, Item
    from ragstone.cli.summary import IngestSummary


def ingest(
    *,
    sources: Annotated[
        list[str], typer.Argument(metavar="PATH|URL", help="Files, folders with all below them, web addresses.")
    ],
    collection: IntoCollection = DEFAULT_COLLECTION,
    reader: Readers = None,
    metadata: MetadataPairs = None,
    title: Annotated[str | None, typer.Option("--title", help="Title of the document; for one document only.")] = None,
    glob: Annotated[
        list[str] | None,
        typer.Option("--glob", metavar="PATTERN", help="Only files of folders that match, as *.md. Repeatable."),
    ] = None,
    exclude: Exclude = None,
    wait: Wait = True,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Take in documents: files, folders and web addresses.

    A document is named by its file's path or its address: sent again, changed, it is a new version.

    Exit code 1 if some failed.
    """
    from ragstone.cli import summary
    from ragstone.cli.files import find

    finding = find(sources, glob or [], exclude or [])
    if title and len(finding.items) != 1:
        raise InvalidRequest(
            f"--title is for one document; there are {len(finding.items):,}.", remedy="Leave it out, or send one file."
        )
    described = _described(collection, reader, metadata, title)
    try:
        outcome = run(_ingest(finding, described, wait=wait, url=url, key=key))
    except Stopped:
        after = (
            "The server goes on with it." if url else "It goes on with the next `ragstone worker`, `up` or `ingest`."
        )
        output.note(f"Stopped. What was accepted is kept. {after}")
        raise
    if as_json:
        output.print_json(outcome)
    else:
        summary.show(outcome, waited=wait)
    if outcome.failed or (wait and outcome.unknown):
        raise typer.Exit(1)


def _described(
    collection: str, readers: list[str] | None, metadata: list[str] | None, title: str | None
) -> "DocumentForm":
    """Return what is said of each document. Raise ``InvalidRequest`` for what cannot be."""
    from ragstone.api.requests import DocumentForm
    from ragstone.cli.client import requested

    pairs = [pair.partition("=") for pair in metadata or ()]
    if not all(name and equals for name, equals, _ in pairs):
        raise InvalidRequest("--metadata reads KEY=VALUE.", remedy="As in: --metadata year=2026")
    fields = {"collection": collection, "title": title, "metadata": {name: value for name, _, value in pairs}}
    return requested(DocumentForm, **fields, **({"readers": readers} if readers else {}))


async def _ingest(
    finding: "Finding", described: "DocumentForm", *, wait: bool, url: str | None, key: str | None
) -> "IngestSummary":
    from ragstone.cli.batch import Batch
    from ragstone.cli.client import open_client, requested
    from ragstone.cli.display import progress_display

    def describe(item: "Item") -> "DocumentForm":
        return requested(type(described), **{**described.model_dump(), "uri": item.uri})

    begun = time.monotonic()
    async with open_client(url, key, readers=described.readers) as client:
        if finding.items:
            await client.create_collection(described.collection)
        batch = Batch(client, finding)
        with progress_display() as show:
            if not wait:
                await batch.send(describe)
                show(await batch.look())
            elif finding.items:
                async with client.working():
                    await batch.complete(describe, show)
        return await batch.summary(time.monotonic() - begun)
