"""The lock under which the embedded server starts and stops: waited for in a thread, which cannot be cancelled."""

import contextlib
import fcntl
import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import psutil
import structlog

from ragstone.domain.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)
_LOOK_SECONDS = 0.05
_SILENT_SECONDS = 3.0


class LockHeld(DatabaseUnavailable):
    """Another process starts or stops the server."""

    def __init__(self, holder: str) -> None:
        super().__init__(
            f"The embedded PostgreSQL is being started or stopped by {holder}.",
            remedy="Wait for it; where it is suspended, let it go on or end it.",
        )


@contextlib.contextmanager
def exclusive(path: Path, given_up: Callable[[], bool], *, most_seconds: float = math.inf) -> Iterator[None]:
    """Hold the lock on this file, which tells who does. Blocks.

    Raises ``LockHeld`` where another process keeps it for longer, or as soon as it is ``given_up``. The operating
    system drops it when its holder ends, not when that is suspended: after some seconds it is said who that is.
    """
    with path.open("a+") as file:
        begun, told = time.monotonic(), False
        while not try_lock(file):
            waited = time.monotonic() - begun
            if given_up() or waited > most_seconds:
                raise LockHeld(_holder(file))
            if waited > _SILENT_SECONDS and not told:
                told = True
                log.warning("postgres_awaited", note="another process starts or stops it", held_by=_holder(file))
            time.sleep(_LOOK_SECONDS)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def try_lock(file: IO[str]) -> bool:
    """Lock a file for this process alone, if nobody else has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: IO[str]) -> str:
    """Say whose id a lock's file holds, as far as can be seen from here."""
    file.seek(0)
    pid = file.read()
    try:
        process = psutil.Process(int(pid))
        return f"process {pid} ({process.name()}, {process.status()})"
    except (ValueError, psutil.Error):
        return f"process {pid}" if pid else "another process"
