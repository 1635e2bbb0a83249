"""Progress on standard error: a live bar on a terminal, a line every two seconds elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragstone.cli import output

if TYPE_CHECKING:
    from rich.console import RenderableType

_LINE_SECONDS = 2.0
_BAR_WIDTH = 24


@dataclass(frozen=True, slots=True)
class Picture:
    """How far something is: ``done`` of ``total``, in words beside the bar, and in more words below."""

    done: int
    total: int
    beside: str
    below: str = ""


Show = Callable[[Picture], None]


@contextmanager
def live() -> Iterator[Show]:
    """Yield what shows a picture, in the way that standard error can show it."""
    if not output.stderr().is_terminal:
        yield _lines()
        return
    from rich.live import Live

    with Live(console=output.stderr()) as shown:
        yield lambda picture: shown.update(_rendered(picture))


def _rendered(picture: Picture) -> "RenderableType":
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    head = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=max(picture.total, 1), completed=picture.done, width=_BAR_WIDTH)
    head.add_row(bar, Text(picture.beside))
    return Group(head, Text(picture.below, style="dim")) if picture.below else head


def _lines() -> Show:
    """Return what prints a line, not more often than every two seconds save for the last."""
    due = 0.0

    def show(picture: Picture) -> None:
        nonlocal due
        if time.monotonic() >= due or picture.done == picture.total:
            due = time.monotonic() + _LINE_SECONDS
            output.note(" · ".join(filter(None, (picture.beside, picture.below))))

    return show
