"""How far an ``import`` is, and what its progress says."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ragstone.cli.live import Picture, live

_WINDOW_SECONDS = 15.0
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Reading:
    """How far an import is: ``done`` of ``size`` bytes; ``speed`` in chunks per second, ``eta`` in seconds."""

    done: int
    size: int
    documents: int
    chunks: int
    wrong: int
    speed: float
    eta: float | None


Show = Callable[[Reading], None]


class Pace:
    """Speed and time left, from what was done within the last seconds."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int, int]] = deque([(time.monotonic(), 0, 0)])

    def of(self, now: float, chunks: int, done: int, size: int) -> tuple[float, float | None]:
        """Return chunks per second, and the seconds that the rest of the bytes will take."""
        self._looks.append((now, chunks, done))
        while len(self._looks) > 2 and now - self._looks[0][0] > _WINDOW_SECONDS:
            self._looks.popleft()
        since, had, was_done = self._looks[0]
        seconds = max(now - since, 1e-6)
        eta = (size - done) * seconds / (done - was_done) if done > was_done else None
        return (chunks - had) / seconds, eta


def line(reading: Reading) -> str:
    """Say how much is done, how fast, and how long the rest will take."""
    eta = "-" if reading.eta is None else f"{int(reading.eta) // 60}:{int(reading.eta) % 60:02}"
    return (
        f"{reading.done / _MIB:,.1f}/{reading.size / _MIB:,.1f} MiB · {reading.speed:,.0f} chunks/s · ETA {eta}"
        f" · {reading.documents:,} documents · {reading.chunks:,} chunks · {reading.wrong:,} wrong"
    )


@contextmanager
def progress_display() -> Iterator[Show]:
    """Yield what shows a reading."""
    with live() as show:
        yield lambda reading: show(Picture(reading.done, reading.size, line(reading)))
