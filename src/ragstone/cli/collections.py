"""``ragstone collections``: the named sets of documents."""

from typing import Annotated

import typer

from ragstone.cli import output
from ragstone.cli.calls import call
from ragstone.cli.options import AsJson, Key, Url

app = typer.Typer(no_args_is_help=True, help="List, make and delete collections.")


@app.command("list")
def list_collections(as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """List collections by name, with how much they hold."""
    page = call(lambda client: client.collections(), url, key)
    if as_json:
        output.print_json(page)
        return
    output.print_table(
        ("name", "documents", "chunks", "id"),
        ((each.name, f"{each.documents:,}", f"{each.chunks:,}", each.id) for each in page.items),
    )


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits, dots, dashes and underscores.")],
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Make a collection; one that is there is left as it is."""
    collection = call(lambda client: client.create_collection(name), url, key)
    if as_json:
        output.print_json(collection)
    else:
        output.say(f"{collection.name}: {collection.documents:,} documents, {collection.chunks:,} chunks")


@app.command()
def delete(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The collection's name.")],
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Delete a collection, all its documents and everything that was made from them. With --json nothing is printed."""
    call(lambda client: client.delete_collection(name), url, key)
    if not as_json:
        output.say(f"deleted {name}")
