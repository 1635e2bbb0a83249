"""How a command's coroutine is run, and how it ends when it is told to."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")
Item = TypeVar("Item")


class Stopped(Exception):
    """The command was told to end (Ctrl-C, SIGTERM) and has tidied up. ``exit_code`` as shells expect it."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(f"Stopped by {number.name}.")
        self.exit_code = 128 + number


class _Interrupts:
    """Remembers a Ctrl-C that came before the event loop could hear of it.

    It may be raised where Python ignores it, as in the callback of a weak reference while a module is imported: the
    command would run on as if nobody had told it to end.
    """

    def __init__(self) -> None:
        self._came = False

    def watch(self) -> None:
        # A shell starts what runs in the background with the signal ignored; that stays so.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._note)

    def came(self) -> bool:
        """Whether one came; from now on Python's own handler is in charge again."""
        if signal.getsignal(signal.SIGINT) == self._note:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        came, self._came = self._came, False
        return came

    def _note(self, _: int, __: FrameType | None) -> None:
        self._came = True
        raise KeyboardInterrupt


_interrupts = _Interrupts()
note_interrupts = _interrupts.watch


def run(work: Coroutine[Any, Any, T], *, on: Callable[[], asyncio.AbstractEventLoop] | None = None) -> T:
    """Run ``work`` to its end. SIGTERM cancels it as Ctrl-C does; then, when it has tidied up, raise ``Stopped``.

    ``on`` makes the event loop, where it is not to be asyncio's own.
    """
    if _interrupts.came():
        work.close()
        raise Stopped(signal.SIGINT)
    terminated = False

    async def cancellable() -> T:
        task = asyncio.create_task(work)

        def terminate() -> None:
            nonlocal terminated
            terminated = True
            task.cancel()

        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminate)
        return await task

    try:
        with asyncio.Runner(loop_factory=on) as runner:
            return runner.run(cancellable())
    except KeyboardInterrupt:
        raise Stopped(signal.SIGINT) from None
    except asyncio.CancelledError:
        if terminated:
            raise Stopped(signal.SIGTERM) from None
        raise


async def for_each(items: Iterable[Item], act: Callable[[Item], Awaitable[None]], *, at_a_time: int) -> None:
    """Await ``act`` for every item, so many at a time. The first error ends the others and is raised."""
    waiting = iter(items)

    async def take_turns() -> None:
        for item in waiting:
            await act(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_a_time):
                group.create_task(take_turns())
    except ExceptionGroup as several:
        raise several.exceptions[0] from several
