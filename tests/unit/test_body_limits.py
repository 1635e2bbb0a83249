"""A request's body that does not come, or comes too slowly, is given up."""

import asyncio
from collections.abc import Iterator

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from ragstone.api import limits
from ragstone.api.limits import BodyLimit


async def served(*waits: float, size: int) -> tuple[list[Message], list[bytes]]:
    """Serve a request whose parts come after these waits; return what was sent, and what was read."""
    sent: list[Message] = []
    read: list[bytes] = []
    left = list(waits)

    async def receive() -> Message:
        await asyncio.sleep(left.pop(0) if left else 3600)
        return {"type": "http.request", "body": b"x" * size, "more_body": bool(left)}

    async def send(message: Message) -> None:
        sent.append(message)

    async def application(_: Scope, receiving: Receive, sending: Send) -> None:
        more, status = True, 200
        try:
            while more:
                message = await receiving()
                read.append(message["body"])
                more = message["more_body"]
        except HTTPException as error:
            status = error.status_code
        await sending({"type": "http.response.start", "status": status, "headers": []})
        await sending({"type": "http.response.body", "body": b""})

    app = BodyLimit(application, lambda _: 10_000)
    await app({"type": "http", "headers": [], "path": "/"}, receive, send)
    return sent, read


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_SILENT_SECONDS", 0.2)
    monkeypatch.setattr(limits, "_GRACE_SECONDS", 0.5)
    monkeypatch.setattr(limits, "_LEAST_RATE", 1000)


@pytest.mark.parametrize(
    ("waits", "size", "status"),
    [
        ((0.0, 0.1, 0.1), 10, 200),
        ((0.0, 3600.0), 10, 408),
        ((0.1,) * 9, 10, 408),
        ((0.1,) * 9, 500, 200),
    ],
    ids=["steady", "silent", "trickling", "slow but sure"],
)
async def test_a_body_must_come(waits: tuple[float, ...], size: int, status: int) -> None:
    sent, read = await served(*waits, size=size)
    assert sent[0]["status"] == status
    assert (len(read) == len(waits)) == (status == 200)
    assert ((b"connection", b"close") in sent[0]["headers"]) == (status == 408)


async def test_who_waits_for_the_end_of_the_connection_is_not_hurried() -> None:
    messages: Iterator[Message] = iter(
        [{"type": "http.request", "body": b"x", "more_body": False}, {"type": "http.disconnect"}]
    )

    async def receive() -> Message:
        message = next(messages)
        await asyncio.sleep(0.4 if message["type"] == "http.disconnect" else 0)
        return message

    seen: list[str] = []

    async def application(_: Scope, receiving: Receive, sending: Send) -> None:
        seen.extend([(await receiving())["type"], (await receiving())["type"]])

    async def send(_: Message) -> None: ...

    await BodyLimit(application, lambda _: 100)({"type": "http", "headers": [], "path": "/"}, receive, send)
    assert seen == ["http.request", "http.disconnect"]
