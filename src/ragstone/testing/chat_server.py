"""A stand-in for a language model's server: OpenAI's chat protocol over real HTTP, misbehaving by script."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

_REASONS: Final = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}
_LONGEST_STALL: Final = 60.0


class Ending(StrEnum):
    """How a streamed reply ends, after its last piece."""

    WHOLE = "whole"
    DROPPED = "dropped"
    """The connection breaks."""
    CUT = "cut"
    """The stream ends as if it were whole, but for what marks the end."""
    ERROR = "error"
    """An error stands in the stream, as gateways send it once the status has gone out."""
    STALLED = "stalled"
    """Nothing more comes, and the connection stays."""
    GARBAGE = "garbage"
    """A line that is not JSON."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One scripted reply. ``first`` and ``pause``: seconds before the first piece and between pieces.

    A ``status`` other than 200 is replied with an error body, and ``headers``, and no pieces.
    """

    pieces: Sequence[str] = ()
    ending: Ending = Ending.WHOLE
    status: int = 200
    headers: Mapping[str, str] | None = None
    first: float = 0.0
    pause: float = 0.0
    input_tokens: int = 100


def in_pieces(text: str, length: int = 3) -> tuple[str, ...]:
    """Cut a text into pieces of ``length`` characters, so that marks fall apart."""
    return tuple(text[i : i + length] for i in range(0, len(text), length))


class ChatServer:
    """Serves on a free loopback port while the ``async with`` block lasts.

    Replies are given in the order scripted; the last one again and again. ``requests`` holds the body of
    each request, ``left`` counts the clients that went away before their reply was whole.
    """

    def __init__(self, *replies: Reply) -> None:
        self._replies = deque(replies or (Reply(("Hello.",)),))
        self._server: asyncio.Server | None = None
        self._serving: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.left = 0
        self.gone = asyncio.Event()
        """Set when a client went away."""

    @property
    def base_url(self) -> str:
        """The address that a client is given."""
        if self._server is None:
            raise RuntimeError("the server runs within `async with` only")
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    def script(self, *replies: Reply) -> None:
        """Replace what will be replied from now on."""
        self._replies = deque(replies)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            for writer in self._serving.values():
                writer.transport.abort()
            await asyncio.gather(*self._serving, return_exceptions=True)
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._serving[task] = writer
            task.add_done_callback(self._serving.pop)
        try:
            while (head := await _head(reader)) is not None:
                path, headers = head
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                await self._reply(path, headers, body, reader, writer)
                if writer.is_closing():
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            self._note_gone()
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    def _note_gone(self) -> None:
        self.left += 1
        self.gone.set()

    async def _reply(
        self,
        path: str,
        headers: dict[str, str],
        body: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        if path != "/v1/chat/completions":
            await _send(writer, 404, _error("no such path", "not_found"))
            return
        request = json.loads(body)
        self.requests.append(request)
        self.headers.append(headers)
        reply = self._replies.popleft() if len(self._replies) > 1 else self._replies[0]
        if reply.status != 200:
            await _send(writer, reply.status, _error("scripted failure", "scripted"), reply.headers)
        elif request.get("stream"):
            await self._stream(reply, str(request["model"]), reader, writer)
        else:
            await asyncio.sleep(reply.first)
            await _send(writer, 200, _completion(reply, str(request["model"])))

    async def _stream(
        self, reply: Reply, model: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Send the pieces while watching for the client to leave."""
        sending = asyncio.create_task(_send_stream(writer, reply, model))
        leaving = asyncio.create_task(reader.read(1))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                self._note_gone()
                writer.close()
        finally:
            for task in (sending, leaving):
                task.cancel()
            ended = await asyncio.gather(sending, leaving, return_exceptions=True)
            for error in ended:
                if isinstance(error, Exception) and not isinstance(error, ConnectionError):
                    raise error


async def _head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]] | None:
    """Read a request's first line and headers; ``None`` where the client has closed."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}
    return first.split(" ")[1], headers


async def _send(
    writer: asyncio.StreamWriter, status: int, body: dict[str, Any], headers: Mapping[str, str] | None = None
) -> None:
    data = json.dumps(body).encode()
    lines = [
        f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}",
        "content-type: application/json",
        f"content-length: {len(data)}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
    await writer.drain()


async def _send_stream(writer: asyncio.StreamWriter, reply: Reply, model: str) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    await writer.drain()
    await asyncio.sleep(reply.first)
    for number, piece in enumerate(reply.pieces):
        if number:
            await asyncio.sleep(reply.pause)
        await _event(writer, _chunk(model, {"role": "assistant", "content": piece}))
    await _end(writer, reply, model)


async def _end(writer: asyncio.StreamWriter, reply: Reply, model: str) -> None:
    match reply.ending:
        case Ending.DROPPED:
            writer.transport.abort()
            return
        case Ending.STALLED:
            await asyncio.sleep(_LONGEST_STALL)
        case Ending.ERROR:
            await _event(writer, _error("scripted failure", "server_error"))
        case Ending.GARBAGE:
            await _event(writer, "{not json")
        case Ending.WHOLE:
            await _event(writer, _chunk(model, {}, finish="stop"))
            await _event(writer, {**_chunk(model, None), "usage": _usage(reply)})
            await _event(writer, "[DONE]")
        case Ending.CUT:
            pass
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def _event(writer: asyncio.StreamWriter, data: dict[str, Any] | str) -> None:
    line = f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()
    writer.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
    await writer.drain()


def _chunk(model: str, delta: dict[str, Any] | None, finish: str | None = None) -> dict[str, Any]:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model,
        "choices": choices,
    }


def _completion(reply: Reply, model: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": "".join(reply.pieces)}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": _usage(reply),
    }


def _usage(reply: Reply) -> dict[str, int]:
    """Count a token for each piece."""
    output = len(reply.pieces)
    return {
        "prompt_tokens": reply.input_tokens,
        "completion_tokens": output,
        "total_tokens": reply.input_tokens + output,
    }


def _error(message: str, code: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": code, "code": code}}
