"""What the progress of an ``ingest`` says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ragstone.cli.live import Picture, live
from ragstone.cli.meter import Reading


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
    """Yield what shows a reading."""
    with live() as show:
        yield lambda reading: show(Picture(reading.ended, reading.files, pace(reading), counts(reading)))
