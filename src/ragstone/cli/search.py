"""``ragstone search``: the passages that bear on a question, and why they rank as they do."""

from typing import TYPE_CHECKING, Annotated

import typer

from ragstone.cli import output
from ragstone.cli.calls import call
from ragstone.cli.explaining import show_trace
from ragstone.cli.options import AsJson, Key, Url
from ragstone.domain.queries import Mode

if TYPE_CHECKING:
    from ragstone.api.found import Found, Hit

_SNIPPET = 220


def search(
    *,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What to look for.")],
    mode: Annotated[Mode, typer.Option("--mode", help="Search by words, by meaning, or by both.")] = Mode.HYBRID,
    top_k: Annotated[int, typer.Option("--top-k", min=1, max=100, help="Most passages to show.")] = 10,
    collection: Annotated[
        list[str] | None, typer.Option("--collection", help="Where to look; everywhere if not given. Repeatable.")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option("--where", metavar="FILTER", help="What must hold: 'year >= 2020 and not draft = true'."),
    ] = None,
    fold: Annotated[
        bool | None, typer.Option("--fold/--no-fold", help="Give passages that say the same as one, or each.")
    ] = None,
    per_document: Annotated[
        int | None, typer.Option("--per-document", min=0, max=100, help="Most passages of one document; 0 for any.")
    ] = None,
    join: Annotated[
        bool | None, typer.Option("--join/--no-join", help="Give passages that follow one another as one, or each.")
    ] = None,
    parents: Annotated[
        int | None,
        typer.Option(
            "--parents", min=0, max=100_000, help="Most characters of a section given in place of its passages."
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show how the search went, step by step, and what became of each passage.")
    ] = False,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Find passages, best first."""
    from ragstone.api.requests import Retrieve
    from ragstone.cli.client import requested

    asked = requested(
        Retrieve,
        question=question,
        collections=collection or [],
        filter={} if where is None else where,
        mode=mode,
        top_k=top_k,
        fold_duplicates=fold,
        max_per_document=per_document,
        join_neighbours=join,
        parent_chars=parents,
        explain=explain,
    )
    found = call(lambda client: client.retrieve(asked), url, key)
    if as_json:
        output.print_json(found)
    else:
        _show(found)
        if found.trace:
            show_trace(found.trace)


def _show(found: "Found") -> None:
    for leg, reason in found.missing.items():
        output.note(f"Done without {leg}: {reason}")
    for each in found.corrections:
        output.note(f"No passage has {each.word!r}; searched for {each.instead!r}, too.")
    if not found.hits:
        output.say("Nothing found.")
        return
    output.print_table(
        ("#", "score", "legs", "passage"),
        (
            (rank, f"{hit.score:.4f}", " + ".join(hit.legs), f"{_place(hit)}\n{_snippet(hit)}")
            for rank, hit in enumerate(found.hits, 1)
        ),
        wrap=("passage",),
    )


def _place(hit: "Hit") -> str:
    return place(hit.title, hit.heading_path, hit.page, hit.page_label)


def place(title: str, heading_path: list[str], page: int | None, page_label: str | None) -> str:
    """Say where a passage stands: title, headings below it, page or what the page is called."""
    headings = heading_path[1:] if heading_path[:1] == [title] else heading_path
    where = " > ".join([title, *headings])
    called = page_label or (f"p. {page}" if page else "")
    return f"{where}, {called}" if called else where


def _snippet(hit: "Hit") -> str:
    """Return how the passage begins, after its headings, which stand above it already."""
    lines = [line for line in hit.text.splitlines() if not line.startswith("#")]
    text = " ".join(" ".join(lines or [hit.text]).split())
    return text if len(text) <= _SNIPPET else f"{text[:_SNIPPET].rsplit(' ', 1)[0]} …"
