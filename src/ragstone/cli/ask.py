"""``ragstone ask``: an answer as it comes, and where each sentence of it is from."""

from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated

import typer

from ragstone.cli import output
from ragstone.cli.calls import call
from ragstone.cli.options import AsJson, Key, Url
from ragstone.cli.search import place
from ragstone.domain.queries import Mode

if TYPE_CHECKING:
    from ragstone.api.answers import Answer
    from ragstone.api.requests import Ask
    from ragstone.api.schemas import Reply
    from ragstone.cli.client import Client


def ask(
    *,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="The question.")],
    collection: Annotated[
        list[str] | None, typer.Option("--collection", help="Where to look; everywhere if not given. Repeatable.")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option("--where", metavar="FILTER", help="What must hold: 'year >= 2020 and not draft = true'."),
    ] = None,
    mode: Annotated[Mode, typer.Option("--mode", help="Search by words, by meaning, or by both.")] = Mode.HYBRID,
    stream: Annotated[
        bool, typer.Option("--stream/--no-stream", help="Print the answer as it comes, or when it is whole.")
    ] = True,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Answer a question from the documents, with citations.

    What the documents do not hold is refused; that is an answer, too, and the exit code is 0.
    """
    from ragstone.api.requests import Ask
    from ragstone.cli.client import requested

    asked = requested(
        Ask, question=question, collections=collection or [], filter={} if where is None else where, mode=mode
    )
    answer = call(lambda client: _answer(client, asked, stream=stream and not as_json), url, key)
    if as_json:
        output.print_json(answer)
        return
    if not stream:
        output.say(answer.answer)
    _show_sources(answer)


async def _answer(client: "Client", asked: "Ask", *, stream: bool) -> "Answer":
    """Return the whole answer; print it piece by piece before, if ``stream``."""
    from ragstone.api.answers import Answer

    async with aclosing(client.ask(asked)) as events:
        async for event in events:
            if isinstance(event, Answer):
                if stream:
                    output.say()
                return event
            if stream:
                _show_event(event)
    raise AssertionError("a stream of answer events ends with the answer")


def _show_event(event: "Reply") -> None:
    from ragstone.api.answers import Delta, Restart

    if isinstance(event, Delta):
        output.say(event.text, end="")
    elif isinstance(event, Restart):
        output.say(f"\n\n({event.reason})\n", style="dim")


def _show_sources(answer: "Answer") -> None:
    if answer.notice:
        output.say(f"\n{answer.notice}", style="dim")
    for citation in answer.citations:
        where = place(citation.title, citation.heading_path, citation.page, citation.page_label)
        output.say(f"\n[{citation.n}] {where}", style="bold")
        for line in filter(None, map(str.strip, citation.quote.splitlines())):
            output.say(f"    {line}")
        output.say(f"    {citation.uri}", style="dim")
