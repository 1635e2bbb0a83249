"""What commands print: results on standard output, everything else on standard error."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console

    from ragstone.api.schemas import Failure

_WIDTH_OF_FILES = 160
# All but tab and line feed: a document's title must not steer the reader's terminal.
_CONTROLS = dict.fromkeys((*range(9), *range(11, 32), *range(127, 160)), "\N{REPLACEMENT CHARACTER}")
_NUMBERS = ("#", "score", "attempts", "chunks", "documents", "embedded", "end", "start", "tokens")


@cache
def stdout() -> "Console":
    """Return the console of results. Into a pipe or a file it writes lines that are wide enough for a table."""
    from rich.console import Console

    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDTH_OF_FILES
    return Console(width=width, highlight=False, markup=False, emoji=False)


@cache
def stderr() -> "Console":
    """Return the console of progress and remarks."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def plain(text: str) -> str:
    """Return ``text`` without characters that a terminal obeys."""
    return text.translate(_CONTROLS)


def note(text: str) -> None:
    """Say something that is no result."""
    stderr().print(plain(text), soft_wrap=True)


def say(text: str = "", *, style: str | None = None, end: str = "\n") -> None:
    """Print a line of a result as it is, however long."""
    stdout().print(plain(text), style=style, end=end, soft_wrap=True)


def print_json(reply: "BaseModel") -> None:
    """Print a reply as the HTTP door sends it, in one line."""
    print(reply.model_dump_json(), flush=True)  # noqa: T201


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, wrap: Sequence[str] = ()) -> None:
    """Print a table; where there is too little room, only the columns ``wrap`` go over several lines."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        justify: Literal["left", "right"] = "right" if name in _NUMBERS else "left"
        table.add_column(name, no_wrap=name not in wrap, overflow="fold", justify=justify)
    for row in rows:
        table.add_row(*(Text(plain(str(cell))) for cell in row))
    stdout().print(table)


def print_fields(fields: Mapping[str, object]) -> None:
    """Print names and values, one a line."""
    widest = max(map(len, fields))
    for name, value in fields.items():
        say(f"{name:<{widest}}  {'' if value is None else value}".rstrip())


def failure_fields(failure: "Failure | None") -> dict[str, object]:
    """Return why an ingestion failed, as fields to print; none where it did not."""
    if failure is None:
        return {}
    return {"failed in": failure.stage, "because": failure.message, "remedy": failure.remedy}


def note_more(next_cursor: str | None) -> None:
    """Say how to get the next page, where there is one."""
    if next_cursor:
        note(f"There are more: --cursor {next_cursor}")
