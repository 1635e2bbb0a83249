"""A stream of events on an ASGI server of two functions, so that time and leaving are the test's to say."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest

from ragstone.api.answers import answer_frame
from ragstone.api.stream import EventStream, begun, unless_gone
from ragstone.domain.answers import AnswerEvent, Delta
from ragstone.domain.errors import ChatModelUnavailable, NotFound


class Client:
    """The other end: what it was sent, and when it leaves."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.leaves = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(dict(message))

    @property
    def text(self) -> str:
        return b"".join(message.get("body", b"") for message in self.sent).decode()


class Model:
    """Events as they are told; notes when it is closed."""

    def __init__(self, *steps: Delta | Exception | asyncio.Event) -> None:
        self.steps = steps
        self.closed = False

    async def events(self) -> AsyncGenerator[AnswerEvent, None]:
        try:
            for step in self.steps:
                if isinstance(step, asyncio.Event):
                    await step.wait()
                elif isinstance(step, Exception):
                    raise step
                else:
                    yield step
        finally:
            self.closed = True


def stream(model: Model, client: Client, stopping: asyncio.Event | None = None) -> Awaitable[None]:
    response = EventStream(model.events(), answer_frame, stopping or asyncio.Event(), heartbeat=0.02)
    return response({"type": "http"}, client.receive, client.send)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.005)


async def test_events_come_in_frames_and_the_stream_ends() -> None:
    client, model = Client(), Model(Delta("a\nb"), Delta("ü"))
    await stream(model, client)
    assert client.text == 'event: delta\ndata: {"text":"a\\nb"}\n\nevent: delta\ndata: {"text":"ü"}\n\n'
    assert client.sent[0]["status"] == 200
    assert client.sent[-1] == {"type": "http.response.body", "body": b""}
    assert model.closed


async def test_a_comment_is_sent_while_nothing_comes() -> None:
    go_on = asyncio.Event()
    client, model = Client(), Model(Delta("a"), go_on, Delta("b"))
    running = asyncio.ensure_future(stream(model, client))
    await until(lambda: client.text.count(": still here\n\n") >= 2)
    go_on.set()
    await running
    assert client.text.endswith('event: delta\ndata: {"text":"b"}\n\n')


async def test_when_the_client_leaves_the_events_are_closed() -> None:
    client, model = Client(), Model(Delta("a"), asyncio.Event())
    running = asyncio.ensure_future(stream(model, client))
    await until(lambda: "delta" in client.text)
    client.leaves.set()
    await asyncio.wait_for(running, 1)
    assert model.closed


async def test_a_client_that_reads_no_more_can_leave_too() -> None:
    class Stuck(Client):
        async def send(self, message: Any) -> None:
            await super().send(message)
            if message.get("body"):
                await asyncio.Event().wait()

    client, model = Stuck(), Model(Delta("a"), Delta("b"))
    running = asyncio.ensure_future(stream(model, client))
    await until(lambda: "delta" in client.text)
    client.leaves.set()
    await asyncio.wait_for(running, 1)
    assert model.closed


async def test_when_the_server_is_cancelled_the_events_are_closed() -> None:
    client, model = Client(), Model(Delta("a"), asyncio.Event())
    running = asyncio.ensure_future(stream(model, client))
    await until(lambda: "delta" in client.text)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert model.closed


async def test_an_error_on_the_way_is_an_event() -> None:
    client, model = Client(), Model(Delta("a"), ChatModelUnavailable("It fell silent.", remedy="Ask again."))
    await stream(model, client)
    last = client.text.split("\n\n")[-2]
    assert last.startswith("event: error\n")
    assert '"code":"chat_model_unavailable"' in last
    assert '"remedy":"Ask again."' in last


async def test_an_error_that_nobody_foresaw_is_told_without_its_cause() -> None:
    client, model = Client(), Model(Delta("a"), KeyError("a secret"))
    with pytest.raises(KeyError):
        await stream(model, client)
    assert "event: error" in client.text
    assert "secret" not in client.text


async def test_the_stream_ends_with_the_server() -> None:
    stopping = asyncio.Event()
    client, model = Client(), Model(Delta("a"), asyncio.Event())
    running = asyncio.ensure_future(stream(model, client, stopping))
    await until(lambda: "delta" in client.text)
    stopping.set()
    await asyncio.wait_for(running, 1)
    assert '"code":"unavailable"' in client.text
    assert model.closed


async def test_what_fails_before_the_first_event_is_raised_at_once() -> None:
    with pytest.raises(NotFound):
        await begun(Model(NotFound("No such collection.")).events())
    events = await begun(Model(Delta("a"), Delta("b")).events())
    assert [event async for event in events] == [Delta("a"), Delta("b")]


async def test_closing_what_has_begun_closes_the_events() -> None:
    model = Model(Delta("a"), Delta("b"))
    events = await begun(model.events())
    assert await anext(events) == Delta("a")
    await events.aclose()
    assert model.closed


class _Connection:
    def __init__(self) -> None:
        self.gone = False

    async def is_disconnected(self) -> bool:
        return self.gone


async def test_a_reply_is_awaited_while_its_client_waits() -> None:
    async def reply() -> str:
        await asyncio.sleep(0.6)
        return "here"

    assert await unless_gone(_Connection(), reply()) == "here"  # type: ignore[arg-type]  # all it uses of a request
