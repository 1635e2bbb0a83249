"""What is more than a server takes in is refused with 429, and taken in later."""

import asyncio
import json
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest
from tests.e2e.command_line import CommandLine, write_pages
from tests.e2e.conftest import MakeSettings, serving


def send(url: str, number: int) -> httpx.Response:
    body = {"uri": f"test:{number}", "text": f"# Stone {number}\n\nIt is heavy."}
    return httpx.post(f"{url}/v1/documents", json=body, timeout=20, trust_env=False)


def test_a_full_queue_refuses_more(make_settings: MakeSettings) -> None:
    with serving(make_settings(max_open_documents=2), with_worker=False) as server:
        replies = [send(server.url, number) for number in range(3)]
        assert [reply.status_code for reply in replies] == [202, 202, 429]

        time.sleep(1.1)
        refused = send(server.url, 3)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert "RAGSTONE_MAX_OPEN_DOCUMENTS" in refused.json()["remedy"]
        listed = httpx.get(f"{server.url}/v1/documents", trust_env=False).json()["items"]
        assert len(listed) == 2


async def test_many_at_once_are_bounded_too(make_settings: MakeSettings) -> None:
    with serving(make_settings(max_open_documents=5), with_worker=False) as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=60, trust_env=False) as client:

            async def post(number: int) -> int:
                body = {"uri": f"test:{number}", "text": f"Stone {number}."}
                return (await client.post("/v1/documents", json=body)).status_code

            replies = Counter(await asyncio.gather(*map(post, range(120))))
            assert replies == {202: 5, 429: 115}
            assert len((await client.get("/v1/documents")).json()["items"]) == 5


async def test_what_opens_no_document_takes_no_room_for_long(make_settings: MakeSettings) -> None:
    with serving(make_settings(max_open_documents=2), with_worker=False) as server:
        assert send(server.url, 0).status_code == 202
        async with httpx.AsyncClient(base_url=server.url, timeout=60, trust_env=False) as client:
            for _ in range(10):
                assert (await client.post("/v1/documents", json={"uri": "test:x", "text": ""})).status_code == 422
            for _ in range(5):
                await asyncio.sleep(0.15)
                assert send(server.url, 0).json()["created"] is False
        await asyncio.sleep(0.15)
        assert send(server.url, 1).status_code == 202
        await asyncio.sleep(0.15)
        assert send(server.url, 2).status_code == 429


def test_jobs_say_that_no_worker_runs(make_settings: MakeSettings) -> None:
    with serving(make_settings(), with_worker=False) as server:
        job = httpx.get(f"{server.url}{send(server.url, 0).headers['location']}", trust_env=False).json()
        assert (job["state"], job["waiting"]["code"]) == ("accepted", "no_worker")
        assert "ragstone worker" in job["waiting"]["remedy"]
        queue = httpx.get(f"{server.url}/v1/jobs/queue", trust_env=False).json()
        assert (queue["workers"], queue["waiting"]) == (0, 1)


def test_a_key_sends_so_many_a_minute(make_settings: MakeSettings) -> None:
    with serving(make_settings(uploads_per_minute=3), with_worker=False) as server:
        replies = [send(server.url, number) for number in range(4)]
        assert [reply.status_code for reply in replies] == [202, 202, 202, 429]
        assert 50 < int(replies[-1].headers["retry-after"]) <= 60


@pytest.mark.parametrize("command", ["ingest", "sync", "import"])
def test_the_command_line_waits_for_room(make_settings: MakeSettings, tmp_path: Path, command: str) -> None:
    with serving(make_settings(max_open_documents=12)) as server:
        sent = write_pages(tmp_path, 60)
        if command == "import":
            sent = tmp_path / "chunks.ndjson"
            rows = ({"document": f"d-{number}", "text": f"Slate {number}."} for number in range(60))
            sent.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        told = CommandLine({}).run(command, str(sent), "--url", server.url).stderr
        assert "Going on more slowly" in told
        listed = httpx.get(f"{server.url}/v1/documents?limit=200", trust_env=False).json()["items"]
        assert len(listed) == 60
        assert not [each for each in listed if each["state"] == "failed"]
