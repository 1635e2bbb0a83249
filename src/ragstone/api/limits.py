"""How large a request's body may be, and how slow: decided from its headers, counted while it is read."""

import asyncio
import contextlib
import time
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragstone.api.problems import respond
from ragstone.domain.errors import TooLarge

MIB = 1 << 20
LARGEST_JSON = 2 * MIB
# Parsing JSON holds the interpreter: some 5 ms per MiB in which nothing else is served. A form is read in pieces.
LARGEST_JSON_DOCUMENT = 8 * MIB
_FORM_FIELDS = MIB
_SILENT_SECONDS = 30.0
_GRACE_SECONDS = 60.0
_LEAST_RATE = 8 << 10
"""Bytes per second that a body must come in with, once the grace is over: one that does not come keeps a place."""
_LINGER_SECONDS = 2.0
_LINGER_BYTES = 64 * MIB
_DOCUMENTS = ("/v1/documents", "/v1/documents/chunks")

Limit = Callable[[Scope], int]


def limit_of(max_upload: int) -> Limit:
    """Return the rule that says how many bytes the body of a request may have."""

    def limit(scope: Scope) -> int:
        if scope["path"] not in _DOCUMENTS:
            return LARGEST_JSON
        if Headers(scope=scope).get("content-type", "").startswith("multipart/"):
            return max_upload + _FORM_FIELDS
        return min(LARGEST_JSON_DOCUMENT, max_upload)

    return limit


class BodyLimit:
    """Refuses a request at once whose length is declared too large; stops reading one that turns out to be."""

    def __init__(self, app: ASGIApp, limit: Limit) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit(scope)
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdigit() and int(declared) > limit:
            body = _Body(limit, receive, send, too_large=True)
            await respond(_too_large(limit))(scope, body.receive, body.send)
        else:
            body = _Body(limit, receive, send)
            await self._app(scope, body.receive, body.send)


class _Body:
    """One request's body, counted and timed; and the reply, which ends the connection where the body is too large.

    Most clients read no reply before they have sent everything, and lose it when the connection is closed
    under them. So the reply goes out, some of what is still coming is read, and only then is it closed.
    """

    def __init__(self, limit: int, receive: Receive, send: Send, *, too_large: bool = False) -> None:
        self._limit = limit
        self._receive = receive
        self._send = send
        self._size = 0
        self._waited = 0.0
        self._whole = False
        self._too_large = too_large
        self._too_slow = False

    async def receive(self) -> Message:
        """Return the next message. Raise ``HTTPException`` (FastAPI lets no other through) over the limits."""
        message = await (self._receive() if self._whole else self._next_part())
        self._size += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._size > self._limit:
            self._too_large = True
            raise HTTPException(413, detail=_too_large(self._limit).message)
        return message

    async def _next_part(self) -> Message:
        """Wait for the body to go on, for as long as a sender may take."""
        allowed = _GRACE_SECONDS + self._size / _LEAST_RATE - self._waited
        begun = time.monotonic()
        try:
            async with asyncio.timeout(min(_SILENT_SECONDS, allowed)):
                message = await self._receive()
        except TimeoutError as error:
            self._too_slow = True
            raise HTTPException(408, detail="The request's body does not come, or too slowly.") from error
        self._waited += time.monotonic() - begun
        return message

    async def send(self, message: Message) -> None:
        """Pass a message of the reply on."""
        if self._too_slow and message["type"] == "http.response.start":
            MutableHeaders(scope=message)["Connection"] = "close"
        if not self._too_large:
            await self._send(message)
        elif message["type"] == "http.response.start":
            MutableHeaders(scope=message)["Connection"] = "close"
            await self._send(message)
        else:
            await self._send({**message, "more_body": True})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LINGER_SECONDS):
                    await self._discard()
            await self._send({"type": "http.response.body"})

    async def _discard(self) -> None:
        size, more = 0, True
        while more and size < _LINGER_BYTES:
            message = await self._receive()
            size += len(message.get("body", b""))
            more = message.get("more_body", False)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"The request's body is larger than {limit // MIB} MiB.",
        remedy="Send a large document as a file (multipart/form-data) of at most RAGSTONE_MAX_UPLOAD_MB.",
    )
