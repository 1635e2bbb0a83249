"""How far an ``ingest`` is, how fast it goes and when it will be done, from what was counted at each look."""

from collections import deque
from dataclasses import dataclass

from ragstone.domain.documents import State
from ragstone.ports.jobs import Progress

_WINDOW_SECONDS = 15.0
_LEAST_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What is shown. ``files`` is how many there are in all; ``speed`` in chunks per second, ``eta`` in seconds.

    ``waiting`` files have tried in vain and try again, one of them for want of what ``cause`` says.
    """

    files: int
    accepted: int
    searchable: int
    ready: int
    failed: int
    embedded: int
    speed: float
    eta: float | None
    waiting: int = 0
    cause: str = ""

    @property
    def ended(self) -> int:
        """How many files nothing more happens to."""
        return self.ready + self.failed


class Meter:
    """Turns counts into readings. ``before``: chunks that were embedded before this ``ingest``, which earn no speed."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque()

    def read(self, now: float, *, files: int, accepted: int, refused: int, progress: Progress, before: int) -> Reading:
        """Return the reading at ``now`` (seconds): ``refused`` of the ``files`` never became a job."""
        states = progress.states
        ready = states.get(State.READY, 0)
        ended = states.get(State.FAILED, 0) + states.get(State.CANCELLED, 0)
        searchable = states.get(State.SEARCHABLE, 0) + ready
        speed = self._speed(now, progress.embedded - before)
        unread = max(files - refused - ended - searchable, 0)
        return Reading(
            files=files,
            accepted=accepted,
            searchable=searchable,
            ready=ready,
            failed=ended + refused,
            embedded=progress.embedded,
            speed=speed,
            eta=_eta(progress, searchable, unread, speed),
            waiting=progress.waiting,
            cause=progress.cause,
        )

    def _speed(self, now: float, embedded: int) -> float:
        """Return chunks per second over the last seconds."""
        self._looks.append((now, embedded))
        while now - self._looks[0][0] > _WINDOW_SECONDS:
            self._looks.popleft()
        since, had = self._looks[0]
        return max(embedded - had, 0) / (now - since) if now - since >= _LEAST_SECONDS else 0.0


def _eta(progress: Progress, searchable: int, unread: int, speed: float) -> float | None:
    """Estimate the seconds left: files that are not cut yet are taken to be as long as those that are."""
    if not searchable or not speed:
        return None
    to_come = unread * progress.chunks / searchable
    return (max(progress.chunks - progress.embedded, 0) + to_come) / speed
