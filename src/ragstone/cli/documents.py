"""``ragstone documents``: list, show, read and delete documents."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from ragstone.cli import output
from ragstone.cli.calls import call
from ragstone.cli.options import AsJson, Cursor, Key, Limit, Url
from ragstone.domain.documents import State

if TYPE_CHECKING:
    from ragstone.api.schemas import Document
    from ragstone.cli.client import Client

app = typer.Typer(no_args_is_help=True, help="List, show, read and delete documents.")

Id = Annotated[UUID, typer.Argument(metavar="ID", help="The document's id.")]


@app.command("list")
def list_documents(
    *,
    collection: Annotated[str | None, typer.Option("--collection", help="Only those of this collection.")] = None,
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """List documents, the oldest first."""
    page = call(
        lambda client: client.documents(collection=collection, state=state, cursor=cursor, limit=limit), url, key
    )
    if as_json:
        output.print_json(page)
        return
    for each in page.items:
        output.say(f"{each.id}  {each.state:<10}  {each.chunk_count:>6,} chunks  {each.title}")
        output.say(f"    {each.collection}  {each.uri}", style="dim")
    output.note_more(page.next_cursor)


@app.command()
def show(document_id: Id, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Show a document, and how far its newest version has come."""
    document = call(lambda client: client.document(document_id), url, key)
    if as_json:
        output.print_json(document)
    else:
        output.print_fields(_fields(document))


@app.command()
def delete(
    document_ids: Annotated[list[UUID], typer.Argument(metavar="ID", help="The documents' ids.")],
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Delete documents and everything that was made from them. With --json nothing is printed, as HTTP replies 204."""

    async def delete_all(client: "Client") -> None:
        for document_id in document_ids:
            await client.delete_document(document_id)
            if not as_json:
                output.say(f"deleted {document_id}")

    call(delete_all, url, key)


@app.command()
def content(document_id: Id, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Print a document's text, in which its citations count."""
    found = call(lambda client: client.content(document_id), url, key)
    if as_json:
        output.print_json(found)
    else:
        typer.echo(output.plain(found.content) if output.stdout().is_terminal else found.content)


@app.command()
def chunks(
    *,
    document_id: Id,
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """List the passages that a document was cut into."""
    page = call(lambda client: client.chunks(document_id, cursor=cursor, limit=limit), url, key)
    if as_json:
        output.print_json(page)
        return
    output.print_table(
        ("#", "start", "end", "tokens", "heading", "text"),
        (
            (each.ordinal, each.start, each.end, each.token_count, " > ".join(each.heading_path), each.text)
            for each in page.items
        ),
        wrap=("heading", "text"),
    )
    output.note_more(page.next_cursor)


def _fields(document: "Document") -> dict[str, object]:
    fields: dict[str, object] = {
        "id": document.id,
        "title": document.title,
        "uri": document.uri,
        "collection": document.collection,
        "state": document.state,
        "job": document.job_id,
        "media type": document.media_type,
        "bytes": f"{document.size:,}",
        "sha256": document.sha256,
        "chunks": f"{document.chunk_count:,}",
        "readers": ", ".join(document.readers),
        "metadata": ", ".join(f"{name}={value}" for name, value in document.metadata.items()),
        "created": document.created_at.isoformat(timespec="seconds"),
        "updated": document.updated_at.isoformat(timespec="seconds"),
        **{f"not read: {part}": cause for part, cause in document.unread.items()},
    }
    return fields | output.failure_fields(document.failure)
