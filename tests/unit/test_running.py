"""How a command ends when it is told to."""

import os
import signal
import weakref
from collections.abc import Iterator

import pytest

from ragstone.cli.running import Stopped, note_interrupts, run


@pytest.fixture
def _handler_kept() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Thing:
    """Something to have a weak reference to."""


@pytest.mark.usefixtures("_handler_kept")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_ctrl_c_that_python_ignored_ends_the_command_all_the_same() -> None:
    note_interrupts()
    thing = Thing()
    callback = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGINT))
    del thing
    assert callback() is None
    begun = []

    async def work() -> None:
        begun.append(True)

    with pytest.raises(Stopped):
        run(work())
    assert not begun
    run(work())
    assert begun


@pytest.mark.usefixtures("_handler_kept")
def test_without_a_ctrl_c_a_command_runs_as_ever() -> None:
    note_interrupts()

    async def work() -> int:
        return 3

    assert run(work()) == 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("_handler_kept")
def test_what_the_shell_ignores_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    note_interrupts()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
