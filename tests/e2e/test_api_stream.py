"""Answers as server-sent events: written by a language model that streams, over real HTTP on both sides."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio
from tests.e2e.conftest import LiveServer, MakeSettings, ready
from tests.e2e.test_api_bad_input import check_problem

from ragstone.answer.asking import Asking
from ragstone.api.dependencies import OpenContainer, asking_of
from ragstone.testing.chat_server import ChatServer, Ending, Reply, in_pieces

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = "# Blasting\n\nBlasting takes place on Thursdays at eleven o'clock. A siren sounds three times before."
QUESTION = {"question": "When does blasting take place?"}
STREAM = {**QUESTION, "stream": True}
WRITTEN = Reply(in_pieces("Blasting takes place on Thursdays at eleven o'clock [1]."), pause=0.02)
STALLED = Reply(("Blasting takes ",), ending=Ending.STALLED)
LEFT_WITHIN = 3.0
"""Seconds; it takes some tens of milliseconds, and longer than one second on a machine that does other work."""


class Event(NamedTuple):
    name: str
    data: Any
    at: float


async def events_of(response: httpx.Response) -> AsyncIterator[Event]:
    """Read server-sent events as they come."""
    name = ""
    async for line in response.aiter_lines():
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield Event(name, json.loads(value), time.perf_counter())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chat() -> AsyncIterator[ChatServer]:
    async with ChatServer() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def writing(chat: ChatServer, make_settings: MakeSettings) -> AsyncIterator[LiveServer]:
    """A server whose answers the stand-in writes."""
    settings = make_settings(
        chat_model="openai:stand-in", chat_base_url=chat.base_url, chat_api_key="none", chat_timeout=5.0
    )
    server = LiveServer(settings)
    await asyncio.to_thread(server.start)
    async with httpx.AsyncClient(base_url=server.url, verify=False, timeout=60) as client:
        await ready(client, await client.post("/v1/documents", json={"text": TEXT, "uri": "blasting.md"}))
    yield server
    await asyncio.to_thread(server.stop)


@pytest_asyncio.fixture(loop_scope="module")
async def client(writing: LiveServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=writing.url, verify=False, timeout=30) as opened:
        yield opened


async def collect(client: httpx.AsyncClient, body: dict[str, Any], **headers: str) -> list[Event]:
    async with client.stream("POST", "/v1/ask", json=body, headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        return [event async for event in events_of(response)]


async def test_what_the_model_writes_goes_straight_through(client: httpx.AsyncClient, chat: ChatServer) -> None:
    chat.script(WRITTEN)
    events = await collect(client, STREAM)
    names = [event.name for event in events]
    assert (names[0], names[-1]) == ("retrieval", "done")
    assert set(names[1:-1]) == {"delta", "citation"}
    assert events[0].data["hits"][0]["title"] == "Blasting"
    first_delta = next(event for event in events if event.name == "delta")
    assert events[-1].at - first_delta.at > 0.5 * 0.02 * len(WRITTEN.pieces), "the pieces came all at once"

    answer = events[-1].data
    assert "".join(event.data["text"] for event in events if event.name == "delta") == answer["answer"]
    assert [event.data for event in events if event.name == "citation"] == answer["citations"]
    assert (answer["mode"], answer["refused"]) == ("generated", False)
    assert answer["usage"]["output_tokens"] == len(WRITTEN.pieces)
    assert answer["trace_id"] == events[0].data["trace_id"]
    (citation,) = answer["citations"]
    content = (await client.get(f"/v1/documents/{citation['document_id']}/content")).json()["content"]
    assert content[citation["start"] : citation["end"]] == citation["quote"]


async def test_the_stream_and_the_whole_reply_have_one_shape(client: httpx.AsyncClient, chat: ChatServer) -> None:
    chat.script(WRITTEN)
    whole = (await client.post("/v1/ask", json=QUESTION)).json()
    streamed = (await collect(client, QUESTION, Accept="text/event-stream"))[-1].data
    for changing in ("trace_id", "timings"):
        assert whole.pop(changing)
        assert streamed.pop(changing)
    assert whole == streamed


async def test_a_model_that_fails_on_the_way_gives_way_to_quotes(client: httpx.AsyncClient, chat: ChatServer) -> None:
    chat.script(Reply(("Blasting takes place on Thursdays at eleven o'clock [1]. ",), ending=Ending.DROPPED))
    events = await collect(client, STREAM)
    names = [event.name for event in events]
    assert "restart" in names
    after = events[names.index("restart") + 1 :]
    answer = after[-1].data
    assert (answer["mode"], bool(answer["notice"])) == ("extractive", True)
    assert "".join(event.data["text"] for event in after if event.name == "delta") == answer["answer"]


async def test_without_a_fallback_a_failing_model_is_an_error(
    client: httpx.AsyncClient, chat: ChatServer, writing: LiveServer
) -> None:
    def without_fallback(container: OpenContainer) -> Asking:
        async def search(question: str, scope: Any, mode: Any, limit: int) -> Any:
            return (await container.search.retrieve(question, scope, mode=mode, limit=limit)).hits

        return Asking(
            search,
            container.embedder,
            container.chat_model,
            context_tokens=1000,
            context_passages=4,
            answer_tokens=100,
            refusal_threshold=0.5,
            fallback=False,
        )

    writing.app.dependency_overrides[asking_of] = without_fallback
    try:
        chat.script(Reply(status=503, headers={"retry-after-ms": "1"}))
        reply = await client.post("/v1/ask", json=QUESTION)
        check_problem(reply, 503, "chat_model_unavailable")
        assert int(reply.headers["retry-after"]) >= 1
        chat.script(Reply(("Blasting ",), ending=Ending.DROPPED))
        events = await collect(client, STREAM)
        assert (events[-1].name, events[-1].data["code"]) == ("error", "chat_model_unavailable")
        assert events[-1].data["status"] == 503
    finally:
        writing.app.dependency_overrides.clear()


async def test_when_a_streams_client_leaves_the_model_is_left_too(client: httpx.AsyncClient, chat: ChatServer) -> None:
    chat.script(STALLED)
    chat.gone.clear()
    async with client.stream("POST", "/v1/ask", json=STREAM) as response:
        async for event in events_of(response):
            if event.name == "delta":
                break
    async with asyncio.timeout(LEFT_WITHIN):
        await chat.gone.wait()


async def test_when_any_client_leaves_the_model_is_left_too(client: httpx.AsyncClient, chat: ChatServer) -> None:
    chat.script(STALLED)
    chat.gone.clear()
    asked = len(chat.requests)
    waiting = asyncio.create_task(client.post("/v1/ask", json=QUESTION))
    async with asyncio.timeout(10):
        while len(chat.requests) == asked:
            await asyncio.sleep(0.02)
    waiting.cancel()
    async with asyncio.timeout(LEFT_WITHIN):
        await chat.gone.wait()


async def test_open_streams_end_when_the_server_stops(chat: ChatServer, make_settings: MakeSettings) -> None:
    settings = make_settings(chat_model="openai:stand-in", chat_base_url=chat.base_url, chat_api_key="none")
    server = LiveServer(settings)
    await asyncio.to_thread(server.start)
    async with httpx.AsyncClient(base_url=server.url, verify=False, timeout=30) as client:
        await ready(client, await client.post("/v1/documents", json={"text": TEXT, "uri": "blasting.md"}))
        chat.script(STALLED)
        async with client.stream("POST", "/v1/ask", json=STREAM) as response:
            events = events_of(response)
            while (await anext(events)).name != "delta":
                pass
            began = time.perf_counter()
            stopping = asyncio.create_task(asyncio.to_thread(server.stop))
            last = [event async for event in events][-1]
        assert (last.name, last.data["code"]) == ("error", "unavailable")
        await stopping
    assert time.perf_counter() - began < 5
