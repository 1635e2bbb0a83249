"""From an upload to a citation, over real HTTP."""

import io
import json
import uuid
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread

import httpx
import pytest
from tests.e2e.conftest import LiveServer, ready

from ragstone.adapters.fetchers.http import HttpFetcher
from ragstone.api.dependencies import fetcher_of

HANDBOOK = """# Quarry handbook

## Safety

Every visitor wears a red helmet inside the quarry. The helmet is handed out at the gate.

## Blasting

Blasting takes place on Thursdays at eleven o'clock. A siren sounds three times before each blast.
"""


@pytest.fixture
async def collection(client: httpx.AsyncClient) -> str:
    name = f"c-{uuid.uuid4().hex[:12]}"
    assert (await client.post("/v1/collections", json={"name": name})).status_code == 201
    return name


async def test_from_an_upload_to_a_verbatim_citation(client: httpx.AsyncClient, collection: str) -> None:
    accepted = await client.post(
        "/v1/documents",
        files={"file": ("handbook.md", HANDBOOK.encode(), "text/markdown")},
        data={"collection": collection, "uri": "quarry/handbook.md", "metadata": json.dumps({"site": "north"})},
    )
    assert accepted.status_code == 202
    assert accepted.json()["created"] is True
    assert accepted.headers["location"] == f"/v1/jobs/{accepted.json()['job_id']}"
    document = await ready(client, accepted)
    assert document["collection"] == collection
    assert document["metadata"] == {"site": "north"}
    assert document["title"] == "Quarry handbook"

    question = {"question": "On which day does blasting take place?", "collections": [collection]}
    answer = (await client.post("/v1/ask", json=question)).json()
    assert answer["refused"] is False
    assert "Thursdays" in answer["answer"]
    content = (await client.get(f"/v1/documents/{document['id']}/content")).json()["content"]
    assert [citation["n"] for citation in answer["citations"]] == list(range(1, len(answer["citations"]) + 1))
    for citation in answer["citations"]:
        assert citation["document_id"] == document["id"]
        assert content[citation["start"] : citation["end"]] == citation["quote"]
        assert f"[{citation['n']}]" in answer["answer"]
    assert answer["citations"][0]["heading_path"] == ["Quarry handbook", "Blasting"]


async def test_what_the_documents_do_not_hold_is_refused(client: httpx.AsyncClient, collection: str) -> None:
    await ready(client, await client.post("/v1/documents", json={"text": HANDBOOK, "collection": collection}))
    question = {"question": "What is the boiling point of tungsten?", "collections": [collection]}
    answer = (await client.post("/v1/ask", json=question)).json()
    assert (answer["refused"], answer["citations"]) == (True, [])


async def test_the_same_bytes_again_are_no_work(client: httpx.AsyncClient, collection: str) -> None:
    body = {"text": "# One\n\nThe same text.", "collection": collection, "uri": "one.md"}
    first = (await client.post("/v1/documents", json=body)).json()
    again = (await client.post("/v1/documents", json=body)).json()
    assert again == {**first, "created": False}


async def test_retrieve_says_why_each_passage_ranks(client: httpx.AsyncClient, collection: str) -> None:
    for site, day in (("north", "Thursdays"), ("south", "Fridays")):
        text = f"# {site}\n\nBlasting takes place on {day}."
        body = {"text": text, "collection": collection, "uri": f"{site}.md", "metadata": {"site": site, "floor": 2}}
        await ready(client, await client.post("/v1/documents", json=body))
    question = {"question": "When does blasting take place?", "collections": [collection]}

    found = (await client.post("/v1/retrieve", json=question)).json()
    assert found["missing"] == {}
    assert {hit["title"] for hit in found["hits"]} == {"north", "south"}
    scores = [hit["score"] for hit in found["hits"]]
    assert scores == sorted(scores, reverse=True)
    assert set(found["hits"][0]["legs"]) == {"words", "meaning"}
    assert found["hits"][0]["legs"]["words"]["rank"] == 1

    south = (await client.post("/v1/retrieve", json={**question, "filter": {"site": "south", "floor": 2}})).json()
    assert [hit["title"] for hit in south["hits"]] == ["south"]
    one = (await client.post("/v1/retrieve", json={**question, "top_k": 1, "mode": "words"})).json()
    assert [set(hit["legs"]) for hit in one["hits"]] == [{"words"}]


async def test_ready_made_chunks_keep_what_was_said_of_them(client: httpx.AsyncClient, collection: str) -> None:
    chunks = [
        {"text": "Granite is cut with diamond saws.", "id": "g-1", "heading_path": ["Stone", "Granite"], "page": 3},
        {"text": "Slate is split by hand.", "id": "s-1", "metadata": {"kind": "slate"}},
    ]
    accepted = await client.post(
        "/v1/documents/chunks", json={"chunks": chunks, "collection": collection, "title": "Stone", "uri": "stone"}
    )
    document = await ready(client, accepted)
    listed = (await client.get(f"/v1/documents/{document['id']}/chunks")).json()
    assert [each["external_id"] for each in listed["items"]] == ["g-1", "s-1"]
    assert (listed["items"][0]["heading_path"], listed["items"][0]["page"]) == (["Stone", "Granite"], 3)
    assert listed["items"][1]["metadata"] == {"kind": "slate"}
    content = (await client.get(f"/v1/documents/{document['id']}/content")).json()["content"]
    for each in listed["items"]:
        assert content[each["start"] : each["end"]] == each["text"]


@pytest.fixture
def handbook_url(tmp_path: Path) -> Iterator[str]:
    """The address of a web server that has the handbook."""
    (tmp_path / "handbook.md").write_text(HANDBOOK)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as web:
        thread = Thread(target=web.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{web.server_port}/handbook.md"
        web.shutdown()
        thread.join()


async def test_a_document_can_be_fetched(
    client: httpx.AsyncClient, collection: str, server: LiveServer, handbook_url: str
) -> None:
    body = {"uri": handbook_url, "collection": collection, "metadata": {"from": "the web"}}
    refused = await client.post("/v1/documents", json=body)
    assert (refused.status_code, "public" in refused.text) == (422, True)

    server.app.dependency_overrides[fetcher_of] = lambda: HttpFetcher(max_bytes=10_000, allowed=lambda _: True)
    try:
        document = await ready(client, await client.post("/v1/documents", json=body))
        missing = await client.post("/v1/documents", json={**body, "uri": f"{handbook_url}.not"})
    finally:
        server.app.dependency_overrides.clear()
    assert (document["uri"], document["title"]) == (handbook_url, "Quarry handbook")
    assert document["metadata"] == {"from": "the web"}
    assert missing.status_code == 422


async def test_lists_go_page_by_page(client: httpx.AsyncClient, collection: str) -> None:
    for number in range(5):
        body = {"text": f"# {number}\n\nPage {number}.", "collection": collection, "uri": f"{number}.md"}
        await ready(client, await client.post("/v1/documents", json=body))
    uris: list[str] = []
    cursor = ""
    while True:
        query = {"collection": collection, "limit": "2", "state": "ready", **({"cursor": cursor} if cursor else {})}
        page = (await client.get("/v1/documents", params=query)).json()
        uris += [each["uri"] for each in page["items"]]
        cursor = page["next_cursor"] or ""
        if not cursor:
            break
        assert len(page["items"]) == 2
    assert uris == [f"{number}.md" for number in range(5)]

    text = "\n\n".join(f"## Part {number}\n\n" + "Stone upon stone upon stone. " * 30 for number in range(4))
    long = await ready(client, await client.post("/v1/documents", json={"text": text, "collection": collection}))
    first = (await client.get(f"/v1/documents/{long['id']}/chunks", params={"limit": 2})).json()
    rest = (await client.get(f"/v1/documents/{long['id']}/chunks", params={"cursor": first["next_cursor"]})).json()
    assert [each["ordinal"] for each in first["items"] + rest["items"]] == list(range(int(str(long["chunk_count"]))))


async def test_what_was_not_read_of_an_archive_is_told(client: httpx.AsyncClient, collection: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("handbook.md", HANDBOOK)
        archive.writestr("plans/pit.dwg", b"AC1032" + bytes(range(256)))
    accepted = await client.post(
        "/v1/documents", files={"file": ("quarry.zip", packed.getvalue())}, data={"collection": collection}
    )
    document = await ready(client, accepted)
    unread = document["unread"]
    assert isinstance(unread, dict)
    assert list(unread) == ["plans/pit.dwg"]
    assert unread["plans/pit.dwg"]
    content = (await client.get(f"/v1/documents/{document['id']}/content")).json()["content"]
    assert "red helmet" in content
    assert "pit.dwg" not in content


async def test_a_deleted_document_answers_nothing_any_more(client: httpx.AsyncClient, collection: str) -> None:
    document = await ready(
        client, await client.post("/v1/documents", json={"text": HANDBOOK, "collection": collection})
    )
    assert (await client.delete(f"/v1/documents/{document['id']}")).status_code == 204
    for path in ("", "/content", "/chunks"):
        assert (await client.get(f"/v1/documents/{document['id']}{path}")).status_code == 404
    assert (await client.delete(f"/v1/documents/{document['id']}")).status_code == 404
    found = await client.post("/v1/retrieve", json={"question": "Blasting?", "collections": [collection]})
    assert found.json()["hits"] == []


async def test_a_job_that_is_over_cannot_be_cancelled_or_retried(client: httpx.AsyncClient, collection: str) -> None:
    document = await ready(client, await client.post("/v1/documents", json={"text": "Done.", "collection": collection}))
    for verb in ("cancel", "retry"):
        reply = await client.post(f"/v1/jobs/{document['job_id']}/{verb}")
        assert (reply.status_code, reply.json()["code"]) == (409, "conflict")
    listed = (await client.get("/v1/jobs", params={"state": "ready", "limit": 200})).json()["items"]
    assert document["job_id"] in [each["id"] for each in listed]


async def test_a_job_is_followed_to_its_end(client: httpx.AsyncClient, collection: str) -> None:
    accepted = (await client.post("/v1/documents", json={"text": HANDBOOK, "collection": collection})).json()
    address = f"/v1/jobs/{accepted['job_id']}/events"
    async with client.stream("GET", address) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        lines = [line async for line in reply.aiter_lines()]
    assert {line for line in lines if line.startswith("event:")} == {"event: job"}
    jobs = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data:")]
    assert jobs[-1]["state"] == "ready"
    assert jobs[-1] == (await client.get(f"/v1/jobs/{accepted['job_id']}")).json()
    assert all(earlier != later for earlier, later in pairwise(jobs))
    assert (await client.get("/v1/jobs/01890000-0000-7000-8000-000000000000/events")).status_code == 404


async def test_the_queue_says_what_is_on_its_way(client: httpx.AsyncClient, collection: str) -> None:
    await ready(client, await client.post("/v1/documents", json={"text": HANDBOOK, "collection": collection}))
    queue = (await client.get("/v1/jobs/queue")).json()
    assert queue["states"]["ready"] >= 1
    assert queue["chunks_per_second"] > 0
    assert queue["eta_seconds"] is not None


async def test_a_collection_is_made_once(client: httpx.AsyncClient, collection: str) -> None:
    again = await client.post("/v1/collections", json={"name": collection})
    assert (again.status_code, again.json()["name"]) == (200, collection)
    listed = (await client.get("/v1/collections")).json()["items"]
    assert [each["name"] for each in listed].count(collection) == 1


async def test_a_collection_is_deleted_with_all_that_is_in_it(client: httpx.AsyncClient, collection: str) -> None:
    document = await ready(
        client, await client.post("/v1/documents", json={"text": HANDBOOK, "collection": collection})
    )
    question = {"question": "When does blasting take place?", "collections": [collection]}
    for _ in range(2):  # the second time it is kept
        assert (await client.post("/v1/retrieve", json=question)).json()["hits"]
    deleted = await client.delete(f"/v1/collections/{collection}")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert (await client.post("/v1/retrieve", json=question)).status_code == 404
    assert (await client.get(f"/v1/documents/{document['id']}")).status_code == 404
    assert (await client.get(f"/v1/jobs/{document['job_id']}")).status_code == 404
    assert (await client.delete(f"/v1/collections/{collection}")).status_code == 404
