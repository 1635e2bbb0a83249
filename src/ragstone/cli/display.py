"""The progress of an ``ingest`` on standard error: a live bar on a terminal, a line every two seconds elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ragstone.cli import output
from ragstone.cli.meter import Reading

if TYPE_CHECKING:
    from rich.console import RenderableType

_LINE_SECONDS = 2.0
_BAR_WIDTH = 24


def pace(reading: Reading) -> str:
    """Say how much is done, how fast, and how long the rest will take."""
    eta = "-" if reading.eta is None else f"{int(reading.eta) // 60}:{int(reading.eta) % 60:02}"
    return f"{reading.ended:,}/{reading.files:,} done · {reading.speed:,.1f} chunks/s · ETA {eta}"


def counts(reading: Reading) -> str:
    """Say how many documents have come how far."""
    line = (
        f"{reading.accepted:,} accepted · {reading.searchable:,} searchable · {reading.ready:,} ready"
        f" · {reading.failed:,} failed · {reading.embedded:,} chunks embedded"
    )
    return f"{line} · {reading.waiting:,} try again soon: {reading.cause}" if reading.waiting else line


@contextmanager
def progress_display() -> Iterator[Callable[[Reading], None]]:
    """Yield what shows a reading, in the way that standard error can show it."""
    if not output.stderr().is_terminal:
        yield _lines()
        return
    from rich.live import Live

    with Live(console=output.stderr()) as live:
        yield lambda reading: live.update(_picture(reading))


def _picture(reading: Reading) -> "RenderableType":
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    head = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=max(reading.files, 1), completed=reading.ended, width=_BAR_WIDTH)
    head.add_row(bar, Text(pace(reading)))
    return Group(head, Text(counts(reading), style="dim"))


def _lines() -> Callable[[Reading], None]:
    """Return what prints a line, not more often than every two seconds save for the last."""
    due = 0.0

    def show(reading: Reading) -> None:
        nonlocal due
        if time.monotonic() >= due or reading.ended == reading.files:
            due = time.monotonic() + _LINE_SECONDS
            output.note(f"{pace(reading)} · {counts(reading)}")

    return show
