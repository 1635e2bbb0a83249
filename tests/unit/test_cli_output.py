"""What is printed, and how errors become a line."""

import asyncio

import pytest

from ragstone.cli import main, output
from ragstone.cli.running import for_each
from ragstone.domain.errors import InvalidRequest, LeaseLost, RagstoneError


def test_a_document_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.stdout.cache_clear()
    output.say("a\x1b[31mred\x07\r\x9b2Jtitle\nnext\tcell")
    output.print_table(("title",), [("b\x1b]0;owned\x07",)])
    output.stdout.cache_clear()
    printed = capsys.readouterr().out
    assert "title\nnext" in printed
    assert not set(printed) & {"\x1b", "\x07", "\r", "\x9b"}


def ended_with(error: Exception, monkeypatch: pytest.MonkeyPatch) -> object:
    def fail() -> None:
        raise error

    monkeypatch.setattr(main, "app", fail)
    with pytest.raises(SystemExit) as ended:
        main.main()
    return ended.value.code


@pytest.mark.parametrize(
    "error",
    [
        InvalidRequest("It is\nwrong", remedy="Mend it."),
        ExceptionGroup(
            "tasks", [ValueError("x"), ExceptionGroup("more", [InvalidRequest("It is wrong.", remedy="Mend it.")])]
        ),
    ],
)
def test_an_error_is_one_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended_with(error, monkeypatch) == 1
    assert capsys.readouterr().err == "Error: It is wrong. Mend it.\n"


def test_what_nobody_foresaw_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ExceptionGroup("tasks", [ValueError("x")])

    monkeypatch.setattr(main, "app", fail)
    with pytest.raises(ExceptionGroup):
        main.main()


async def test_the_first_error_ends_the_others_and_is_raised_as_it_is() -> None:
    seen: list[int] = []

    async def act(number: int) -> None:
        seen.append(number)
        await asyncio.sleep(0)
        if number == 3:
            raise LeaseLost("three")

    with pytest.raises(RagstoneError, match="three"):
        await for_each(range(100), act, at_a_time=2)
    assert len(seen) < 100


async def test_no_more_at_a_time_than_allowed() -> None:
    running = most = 0

    async def act(_: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    await for_each(range(20), act, at_a_time=3)
    assert most == 3
