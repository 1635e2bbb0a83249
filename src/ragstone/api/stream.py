"""Server-sent events, and what happens when the client leaves before it is whole."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ragstone.api.problems import problem_of, unexpected
from ragstone.api.schemas import Reply
from ragstone.domain.errors import RagstoneError, Unavailable
from ragstone.telemetry import ERRORS, STREAMS

T = TypeVar("T")

HEARTBEAT_SECONDS = 10.0
_LOOK_SECONDS = 0.25
_HEARTBEAT = b": still here\n\n"


class EventStream(Response):
    """Sends events as they come, a comment whenever none came for ten seconds.

    ``frame`` gives an event its name and its data. The generator of the events is closed, and with it the language
    model's request, as soon as the client leaves.
    An error that comes up on the way is the event ``error``; so is the end of the server.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncGenerator[T, None],
        frame: Callable[[T], tuple[str, Reply]],
        stopping: asyncio.Event,
        *,
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._events: AsyncGenerator[Any, None] = events
        self._name: Callable[[Any], tuple[str, Reply]] = frame
        self._stopping = stopping
        self._heartbeat = heartbeat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (ASGI names it)
        """Send the stream until it ends or the client leaves."""
        sending = asyncio.create_task(self._send(send), name="send-events")
        leaving = asyncio.create_task(_left(receive), name="watch-client")
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            sending.cancel()
            await asyncio.wait({sending, leaving})
        if not sending.cancelled():
            sending.result()

    async def _send(self, send: Send) -> None:
        with STREAMS.track_inprogress():
            async with aclosing(self._events):
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                async with aclosing(self._frames()) as frames:
                    async for frame in frames:
                        await send({"type": "http.response.body", "body": frame, "more_body": True})
                await send({"type": "http.response.body", "body": b""})

    async def _frames(self) -> AsyncGenerator[bytes, None]:
        """Yield each event as the protocol writes it, and heartbeats."""
        try:
            async with aclosing(_paced(self._events, self._heartbeat, self._stopping)) as events:
                async for event in events:
                    yield _HEARTBEAT if event is None else _frame(*self._name(event))
        except RagstoneError as error:
            problem = problem_of(error)
            ERRORS.labels(problem.code).inc()
            yield _frame("error", problem)
        except Exception:
            yield _frame("error", unexpected())
            raise


def described(description: str, names: Sequence[str]) -> dict[str, Any]:
    """Return how OpenAPI describes a stream of events of these names."""
    event = {
        "type": "object",
        "properties": {
            "event": {"enum": list(names)},
            "data": {"type": "string", "contentMediaType": "application/json"},
        },
        "required": ["event", "data"],
    }
    return {"description": description, "content": {EventStream.media_type: {"itemSchema": event}}}


async def begun(events: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """Return the same events once the first is there, so that what fails before it is an ordinary error reply."""
    first = await anext(events)

    async def whole() -> AsyncGenerator[T, None]:
        async with aclosing(events):
            yield first
            async for event in events:
                yield event

    return whole()


async def unless_gone(request: Request, reply: Awaitable[T]) -> T:
    """Return ``reply``, or cancel it and raise ``ClientDisconnect`` when the client leaves before it is there."""
    task = asyncio.ensure_future(reply)
    try:
        while not (await asyncio.wait({task}, timeout=_LOOK_SECONDS))[0]:
            if await request.is_disconnected():
                raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _paced(events: AsyncIterator[T], seconds: float, stopping: asyncio.Event) -> AsyncGenerator[T | None, None]:
    """Yield the events, and ``None`` whenever none came for ``seconds``. Raise ``Unavailable`` when we stop."""
    stopped = asyncio.ensure_future(stopping.wait())
    following = asyncio.ensure_future(_next(events))
    try:
        while True:
            done, _ = await asyncio.wait({following, stopped}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if stopped in done:
                raise Unavailable("The server is stopping.", remedy="Ask again in a moment.")
            if not done:
                yield None
                continue
            event = following.result()
            if event is None:
                return
            yield event
            following = asyncio.ensure_future(_next(events))
    finally:
        stopped.cancel()
        following.cancel()
        await asyncio.wait({stopped, following})


async def _next(events: AsyncIterator[T]) -> T | None:
    return await anext(events, None)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _frame(name: str, data: Reply) -> bytes:
    return f"event: {name}\ndata: {data.model_dump_json()}\n\n".encode()
