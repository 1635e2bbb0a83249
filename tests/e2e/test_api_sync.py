"""What a sync needs of the HTTP API: where a document comes from, what it is called, and lists of both."""

import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.e2e.conftest import LiveServer, MakeSettings, ready, serving

from ragstone.container import open_container
from ragstone.domain.access import Permission

SOURCE = "file:///docs"


@pytest.fixture
async def collection(client: httpx.AsyncClient) -> str:
    name = f"s-{uuid.uuid4().hex[:12]}"
    assert (await client.post("/v1/collections", json={"name": name})).status_code == 201
    return name


async def send(client: httpx.AsyncClient, collection: str, name: str, **fields: str) -> dict[str, object]:
    """Send a document in a form, and return it as it is then."""
    accepted = await client.post(
        "/v1/documents",
        files={"file": (name, f"The text of {name}.".encode())},
        data={"collection": collection, "uri": f"{SOURCE}/{name}", **fields},
    )
    assert accepted.status_code == 202, accepted.text
    found: dict[str, object] = (await client.get(f"/v1/documents/{accepted.json()['document_id']}")).json()
    return found


async def listed(client: httpx.AsyncClient, **query: str) -> list[str]:
    reply = await client.get("/v1/documents", params=query)
    assert reply.status_code == 200, reply.text
    return [each["uri"] for each in reply.json()["items"]]


async def test_where_a_document_comes_from_is_kept_and_listed(client: httpx.AsyncClient, collection: str) -> None:
    said = {"source": SOURCE, "etag": '"v1"', "last_modified": "Sat, 21 Nov 2026 08:00:00 GMT"}
    document = await send(client, collection, "a.txt", **said)
    assert {name: document[name] for name in said} == said
    by_hand = await send(client, collection, "b.txt")
    assert (by_hand["source"], by_hand["etag"], by_hand["last_modified"]) == (None, None, None)
    assert await listed(client, collection=collection, source=SOURCE) == [f"{SOURCE}/a.txt"]
    assert await listed(client, collection=collection, uri=f"{SOURCE}/b.txt") == [f"{SOURCE}/b.txt"]
    assert await listed(client, collection=collection, source="file:///other") == []


async def test_sent_again_it_keeps_its_source_and_not_its_validators(
    client: httpx.AsyncClient, collection: str
) -> None:
    first = await send(client, collection, "a.txt", source=SOURCE, etag='"v1"')
    for again in ({}, {"source": "file:///other"}):
        document = await send(client, collection, "a.txt", **again)
        assert (document["id"], document["source"], document["etag"]) == (first["id"], SOURCE, None)
    adopted = await send(client, collection, "b.txt")
    assert (await send(client, collection, "b.txt", source=SOURCE))["source"] == SOURCE
    assert adopted["source"] is None


async def test_a_rename_is_no_work(client: httpx.AsyncClient, collection: str) -> None:
    body = {"collection": collection, "uri": "old.md", "text": "The quarry opens at six."}
    document = await ready(client, await client.post("/v1/documents", json=body))
    renamed = await client.patch(f"/v1/documents/{document['id']}", json={"uri": "new.md", "source": SOURCE})
    assert renamed.status_code == 200
    same = {name: document[name] for name in ("id", "job_id", "current_version", "state", "sha256", "chunk_count")}
    assert {name: renamed.json()[name] for name in same} == same
    assert (renamed.json()["uri"], renamed.json()["source"]) == ("new.md", SOURCE)
    question = {"question": "When does the quarry open?", "collections": [collection]}
    hits = (await client.post("/v1/retrieve", json=question)).json()["hits"]
    assert [hit["uri"] for hit in hits] == ["new.md"]
    again = (await client.post("/v1/documents", json={**body, "uri": "new.md"})).json()
    assert (again["document_id"], again["created"]) == (document["id"], False)


async def test_a_file_without_a_title_is_called_as_it_is_now(client: httpx.AsyncClient, collection: str) -> None:
    document = await send(client, collection, "old name.txt", uri=f"{SOURCE}/old%20name.txt")
    assert document["title"] == "old name.txt"
    renamed = await client.patch(f"/v1/documents/{document['id']}", json={"uri": f"{SOURCE}/new%20name.txt?v=1"})
    assert renamed.json()["title"] == "new name.txt"
    other = await send(client, collection, "a.txt", uri="invoice-7")
    renamed = await client.patch(f"/v1/documents/{other['id']}", json={"uri": "invoice-8"})
    assert renamed.json()["title"] == "a.txt"  # its name was never that of its uri


async def by_words(client: httpx.AsyncClient, collection: str, question: str) -> list[str]:
    asked = {"question": question, "collections": [collection], "mode": "words"}
    return [hit["uri"] for hit in (await client.post("/v1/retrieve", json=asked)).json()["hits"]]


async def test_a_document_is_found_by_its_new_name_and_no_more_by_the_old(
    client: httpx.AsyncClient, collection: str
) -> None:
    file, data = {"file": ("zebrafish.txt", b"No heading.")}, {"collection": collection, "uri": "zebrafish.txt"}
    document = await ready(client, await client.post("/v1/documents", files=file, data=data))
    assert await by_words(client, collection, "zebrafish") == ["zebrafish.txt"]
    await client.patch(f"/v1/documents/{document['id']}", json={"uri": "wombat.txt"})
    assert await by_words(client, collection, "zebrafish") == []
    assert await by_words(client, collection, "wombat") == ["wombat.txt"]
    named = {"collection": collection, "uri": "note", "text": "No heading."}
    await ready(client, await client.post("/v1/documents", json={**named, "title": "Heron"}))
    again = await client.post("/v1/documents", json={**named, "title": "Bittern"})
    assert again.json()["created"] is False
    assert await by_words(client, collection, "heron") == []
    assert await by_words(client, collection, "bittern") == ["note"]
    chunks = {"collection": collection, "uri": "cut", "chunks": [{"text": "Ready-made."}]}
    for title in ("Curlew", "Godwit"):
        await ready(client, await client.post("/v1/documents/chunks", json={**chunks, "title": title}))
    assert await by_words(client, collection, "curlew") == []
    assert await by_words(client, collection, "godwit") == ["cut"]


async def test_the_same_bytes_as_another_kind_of_file_are_read_anew(client: httpx.AsyncClient, collection: str) -> None:
    table = b"port,ships\nRiga,97\n"
    for filename, created in (("t.txt", True), ("t.txt", False), ("t.csv", True), ("t.csv", False)):
        data = {"collection": collection, "uri": "t"}
        accepted = await client.post("/v1/documents", files={"file": (filename, table)}, data=data)
        assert accepted.json()["created"] is created
        document = await ready(client, accepted)
    content = (await client.get(f"/v1/documents/{document['id']}/content")).json()["content"]
    assert "| Riga | 97 |" in content


async def test_a_name_that_is_taken_is_refused(client: httpx.AsyncClient, collection: str) -> None:
    one, two = await send(client, collection, "a.txt"), await send(client, collection, "b.txt")
    refused = await client.patch(f"/v1/documents/{one['id']}", json={"uri": two["uri"], "source": SOURCE})
    assert refused.status_code == 409
    assert refused.json()["code"] == "conflict"
    as_it_is = (await client.get(f"/v1/documents/{one['id']}")).json()
    assert (as_it_is["uri"], as_it_is["source"]) == (one["uri"], None)
    itself = await client.patch(f"/v1/documents/{one['id']}", json={"uri": one["uri"]})
    assert (itself.status_code, itself.json()["uri"]) == (200, one["uri"])


@pytest.mark.parametrize(
    "changes",
    [{}, {"uri": ""}, {"uri": "x" * 2001}, {"uri": "a\0b"}, {"source": "é" * 1001}, {"title": "x"}, {"uri": None}],
)
async def test_changes_that_cannot_be(client: httpx.AsyncClient, changes: dict[str, object]) -> None:
    assert (await client.patch(f"/v1/documents/{uuid.uuid4()}", json=changes)).status_code == 422


@pytest.mark.parametrize("name", ["http://[x/%00.md", "a/%", "%ff%fe", "?", "#", "//"])
async def test_any_uri_will_do(client: httpx.AsyncClient, collection: str, name: str) -> None:
    document = await send(client, collection, "a.txt")
    for _ in range(2):
        renamed = await client.patch(f"/v1/documents/{document['id']}", json={"uri": name})
        assert (renamed.status_code, renamed.json()["uri"]) == (200, name)


@pytest.mark.parametrize("field", ["etag", "last_modified"])
async def test_validators_that_no_header_should_hold_are_refused(
    client: httpx.AsyncClient, collection: str, field: str
) -> None:
    for value in ('"v1"\r\nX-Evil: 1', "é", "x" * 1001):
        reply = await client.post("/v1/documents", json={"text": "A text.", "collection": collection, field: value})
        assert reply.status_code == 422


@pytest.fixture
async def guarded(make_settings: MakeSettings) -> AsyncIterator[tuple[LiveServer, dict[str, str]]]:
    """A server with keys: one that writes, one that reads, and one that writes for others' readers."""
    settings = make_settings()
    keys = {
        "writer": ("acme", [Permission.READ, Permission.WRITE]),
        "reader": ("acme", [Permission.READ]),
        "stranger": ("other", [Permission.READ, Permission.WRITE]),
    }
    secrets = {}
    async with open_container(settings) as container, container.record.transaction() as transaction:
        for name, (tenant, permissions) in keys.items():
            _, secrets[name] = await transaction.keys.create(
                name=name, tenant=tenant, permissions=permissions, readers=[]
            )
    with serving(settings, with_worker=False) as server:
        yield server, secrets


async def test_who_may_rename(guarded: tuple[LiveServer, dict[str, str]]) -> None:
    server, secrets = guarded
    clients = {
        name: httpx.AsyncClient(
            base_url=server.url, headers={"Authorization": f"Bearer {secret}"}, trust_env=False, verify=False
        )
        for name, secret in secrets.items()
    }
    sent = await clients["writer"].post("/v1/documents", json={"text": "A text.", "uri": "a.md"})
    place = f"/v1/documents/{sent.json()['document_id']}"
    assert (await clients["reader"].patch(place, json={"uri": "b.md"})).status_code == 403
    assert (await clients["stranger"].patch(place, json={"uri": "b.md"})).status_code == 404
    assert (await clients["stranger"].patch(place, json={"source": SOURCE})).status_code == 404
    assert (await clients["writer"].patch(place, json={"uri": "b.md"})).status_code == 200
    assert await listed(clients["reader"], uri="b.md") == ["b.md"]
    assert await listed(clients["stranger"], uri="b.md") == []
    for each in clients.values():
        await each.aclose()
