"""What a command lets a thread do: long work that looks again and again whether anybody still waits for it."""

import asyncio
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from ragstone.ingest.stopping import NotWanted

P = ParamSpec("P")
T = TypeVar("T")


class Errand:
    """Whether the result of some work is still awaited."""

    def __init__(self) -> None:
        self._called_off = False

    def check(self) -> None:
        """Raise ``NotWanted`` once called off."""
        if self._called_off:
            raise NotWanted

    def call_off(self) -> None:
        """Let the next check end the work."""
        self._called_off = True


async def in_thread(work: Callable[Concatenate[Errand, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what ``work`` returns, which blocks. Cancelled, it ends at its next check: a command that is told to end
    waits for its threads."""
    errand = Errand()
    try:
        return await asyncio.to_thread(work, errand, *args, **kwargs)
    finally:
        errand.call_off()
