"""The progress of an ``ingest`` on standard error: a live bar on a terminal, a line every two seconds elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ragstone.cli import output
from ragstone.cli.meter import Reading

_LINE_SECONDS = 2.0
_BAR_WIDTH = 24


def facts(reading: Reading) -> str:
    """Say how far it is, in one line."""
    eta = "-" if reading.eta is None else f"{int(reading.eta) // 60}:{int(reading.eta) % 60:02}"
    return (
        f"{reading.ended:,}/{reading.files:,} done · {reading.accepted:,} accepted · {reading.searchable:,} searchable"
        f" · {reading.ready:,} ready · {reading.failed:,} failed · {reading.embedded:,} chunks embedded"
        f" · {reading.speed:,.1f} chunks/s · ETA {eta}"
    )


@contextmanager
def progress_display() -> Iterator[Callable[[Reading], None]]:
    """Yield what shows a reading, in the way that standard error can show it."""
    if output.stderr().is_terminal:
        with _bar() as show:
            yield show
    else:
        yield _lines()


@contextmanager
def _bar() -> Iterator[Callable[[Reading], None]]:
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (BarColumn(bar_width=_BAR_WIDTH), TextColumn("{task.fields[facts]}", markup=False))
    with Progress(*columns, console=output.stderr()) as bar:
        task = bar.add_task("ingest", total=None, facts="")

        def show(reading: Reading) -> None:
            bar.update(task, completed=reading.ended, total=reading.files, facts=facts(reading))

        yield show


def _lines() -> Callable[[Reading], None]:
    """Return what prints a line, not more often than every two seconds save for the last."""
    due = 0.0

    def show(reading: Reading) -> None:
        nonlocal due
        if time.monotonic() >= due or reading.ended == reading.files:
            due = time.monotonic() + _LINE_SECONDS
            output.note(facts(reading))

    return show
