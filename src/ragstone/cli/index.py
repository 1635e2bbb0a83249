"""``ragstone index``: the indexes of vectors and words, looked at, kept up, and built anew while questions go on."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from ragstone.cli import output
from ragstone.cli.options import AsJson
from ragstone.cli.running import run

if TYPE_CHECKING:
    from ragstone.cli.indexing import IndexOfVectors, IndexStatus, IndexWork

app = typer.Typer(no_args_is_help=True, help="See the indexes of vectors and words, and build them anew.")

_UNITS = ("B", "KB", "MB", "GB", "TB")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show the indexes of each embedding space, and that of words, and what waits for upkeep."""
    from ragstone.cli import indexing

    found = run(indexing.status())
    if as_json:
        output.print_json(found)
        return
    output.print_table(
        ("model", "role", "vectors", "table", "index", "size", "state"), _rows(found), wrap=("model", "index")
    )
    words = found.words
    output.print_table(
        ("tenant", "collection", "chunks", "segments", "size", "to be merged"),
        [
            (each.tenant, each.collection, f"{each.chunks:,}", each.segments, _size(each.bytes), each.unmerged)
            for each in words.collections
        ],
        wrap=("tenant", "collection"),
    )
    output.print_fields(
        {
            "words": f"{words.chunks:,} chunks of {words.versions:,} documents in {words.segments:,} segments,"
            f" {_size(words.bytes)}",
            "waiting": f"{words.waiting:,} documents to be indexed, {words.deleted:,} deleted ones to be cleared away",
        }
    )


@app.command()
def tune(as_json: AsJson = False) -> None:
    """Do at once what a worker does by itself: build what has become worth it, merge and mend the words."""
    from ragstone.cli import indexing

    _tell(run(indexing.tune()), as_json=as_json)


@app.command()
def rebuild(
    *,
    vectors: Annotated[bool, typer.Option("--vectors", help="The indexes of vectors; the words stay.")] = False,
    words: Annotated[bool, typer.Option("--words", help="The index of words; the vectors stay.")] = False,
    as_json: AsJson = False,
) -> None:
    """Build indexes anew, of vectors and words if not told otherwise. The old ones answer until the new ones do."""
    from ragstone.cli import indexing

    _tell(run(indexing.rebuild(vectors=vectors or not words, words=words or not vectors)), as_json=as_json)


def _rows(found: "IndexStatus") -> Iterator[tuple[object, ...]]:
    for space in found.spaces:
        first = (f"{space.model} {space.version}", space.role or "unused", f"{space.vectors:,}", _size(space.bytes))
        rows = [(_named(each), _size(each.bytes), _state(each)) for each in space.indexes]
        for number, row in enumerate(rows or [("none: read whole", "", "")]):
            yield *(first if number == 0 else ("", "", "", "")), *row


def _named(index: "IndexOfVectors") -> str:
    return ", ".join([index.kind, *(f"{name} {value:,}" for name, value in index.parameters.items())])


def _state(index: "IndexOfVectors") -> str:
    if index.state == "building" and index.phase:
        share = "" if index.done is None else f" {index.done:.0%}"
        return f"building: {index.phase}{share}"
    return index.state


def _tell(done: "IndexWork", *, as_json: bool) -> None:
    if as_json:
        output.print_json(done)
        return
    for space in done.spaces:
        output.say(f"{space.model} {space.version}: {'the index is built' if space.built else 'nothing to build'}.")
    if done.words is not None:
        output.say(f"Words: {done.words:,} documents were indexed anew.")


def _size(count: float) -> str:
    for unit in _UNITS:
        if count < 1000 or unit == _UNITS[-1]:
            break
        count /= 1000
    return f"{count:,.0f} {unit}" if unit == "B" or count >= 100 else f"{count:,.1f} {unit}"
