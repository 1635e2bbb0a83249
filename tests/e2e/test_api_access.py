"""Who may do what: keys, permissions and readers, and what keeps other sites' pages away from a keyless server."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

import httpx
import pytest
from tests.e2e.conftest import LiveServer, MakeSettings, ready, serving
from tests.e2e.test_api_bad_input import NO_ID, check_problem

from ragstone.container import open_container
from ragstone.domain.access import DEFAULT_TENANT, Permission
from ragstone.domain.errors import ConfigurationError
from ragstone.settings import Settings


class Key(NamedTuple):
    id: UUID
    secret: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


def make_key(settings: Settings, permissions: Sequence[Permission], readers: Sequence[str] = ()) -> Key:
    async def make() -> Key:
        async with open_container(settings) as container, container.record.transaction() as transaction:
            key, secret = await transaction.keys.create(
                name="test", tenant=DEFAULT_TENANT, permissions=permissions, readers=readers
            )
            return Key(key.id, secret)

    return asyncio.run(make())


def revoke(settings: Settings, key: Key) -> None:
    async def end() -> None:
        async with open_container(settings) as container, container.record.transaction() as transaction:
            await transaction.keys.revoke(key.id)

    asyncio.run(end())


READ, WRITE = [Permission.READ], [Permission.READ, Permission.WRITE]


@pytest.fixture(scope="module")
def settings_of_server(make_settings: MakeSettings) -> Settings:
    return make_settings(host="0.0.0.0")


@pytest.fixture(scope="module")
def writer(settings_of_server: Settings) -> Key:
    return make_key(settings_of_server, WRITE, ["team-a"])


@pytest.fixture(scope="module")
def reader(settings_of_server: Settings) -> Key:
    return make_key(settings_of_server, READ)


@pytest.fixture(scope="module")
def closed(settings_of_server: Settings, writer: Key, reader: Key) -> Iterator[LiveServer]:
    with serving(settings_of_server) as server:
        yield server


@pytest.fixture
def url(closed: LiveServer) -> str:
    return closed.url.replace("0.0.0.0", "127.0.0.1")


async def test_every_v1_route_needs_a_key(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, verify=False) as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
        routes = [(method, path) for path in paths for method in paths[path] if path.startswith("/v1/")]
        assert len(routes) > 10
        for method, path in routes:
            reply = await client.request(method, re.sub(r"{\w+}", NO_ID, path))
            check_problem(reply, 401, "unauthenticated")
            assert reply.headers["www-authenticate"].startswith("Bearer")
        for path in ("/healthz", "/readyz", "/", "/static/page.js"):
            assert (await client.get(path)).status_code == 200


async def test_a_key_may_do_what_it_was_made_for(url: str, reader: Key, writer: Key) -> None:
    async with httpx.AsyncClient(base_url=url, verify=False) as client:
        body = {"text": "# Gate\n\nThe gate opens at six.", "uri": "gate.md"}
        reply = await client.post("/v1/documents", json=body, headers=reader.bearer)
        check_problem(reply, 403, "forbidden")
        reply = await client.post("/v1/documents", content=b"x" * 100_000, headers=reader.bearer)
        check_problem(reply, 403, "forbidden")
        accepted = await client.post("/v1/documents", json=body, headers={"X-API-Key": writer.secret})
        assert accepted.status_code == 202
        asked = await client.post("/v1/retrieve", json={"question": "gate"}, headers=reader.bearer)
        assert asked.status_code == 200


async def test_readers_see_only_what_is_theirs(url: str, reader: Key, writer: Key) -> None:
    async with httpx.AsyncClient(base_url=url, headers=writer.bearer, verify=False, timeout=60) as client:
        body = {"text": "# Vault\n\nThe vault's number is seven.", "uri": "vault.md", "readers": ["team-a"]}
        document = await ready(client, await client.post("/v1/documents", json=body))
        question = {"question": "What is the vault's number?"}
        found = (await client.post("/v1/retrieve", json=question)).json()["hits"]
        assert found[0]["title"] == "Vault"
        others = reader.bearer
        found = (await client.post("/v1/retrieve", json=question, headers=others)).json()["hits"]
        assert "Vault" not in [hit["title"] for hit in found]
        for path in ("", "/content", "/chunks"):
            check_problem(await client.get(f"/v1/documents/{document['id']}{path}", headers=others), 404)


async def test_a_wrong_key_is_refused_and_not_repeated(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, verify=False) as client:
        for name, value in (
            ("Authorization", b"Bearer rs_wrong"),
            ("X-API-Key", b"rs_wrong"),
            ("Authorization", b"Basic cnNfd3Jvbmc6"),
            ("Authorization", b"Bearer"),
            ("X-API-Key", b"\xfc\xff"),
        ):
            reply = await client.get("/v1/documents", headers={name.encode(): value})
            problem = check_problem(reply, 401, "unauthenticated")
            assert "rs_wrong" not in str(problem)


async def test_a_revoked_key_ends_at_once(url: str, settings_of_server: Settings) -> None:
    key = await asyncio.to_thread(make_key, settings_of_server, READ)
    async with httpx.AsyncClient(base_url=url, headers=key.bearer, verify=False) as client:
        assert (await client.get("/v1/documents")).status_code == 200
        await asyncio.to_thread(revoke, settings_of_server, key)
        check_problem(await client.get("/v1/documents"), 401, "unauthenticated")


async def test_a_revoked_key_ends_the_stream_of_a_job(url: str, settings_of_server: Settings) -> None:
    writing = await asyncio.to_thread(make_key, settings_of_server, WRITE)
    reading = await asyncio.to_thread(make_key, settings_of_server, READ)
    async with httpx.AsyncClient(base_url=url, headers=reading.bearer, verify=False, timeout=30) as client:
        sent = await client.post(
            "/v1/documents", headers=writing.bearer, json={"text": "# A\n\n" + "It is so. " * 60_000}
        )
        job = sent.json()["job_id"]
        async with client.stream("GET", f"/v1/jobs/{job}/events") as stream:
            lines = stream.aiter_lines()
            assert "event: job" in [await anext(lines), await anext(lines), await anext(lines)]
            await asyncio.to_thread(revoke, settings_of_server, reading)
            rest = [line async for line in lines]
        assert "event: error" in rest
        assert any("unauthenticated" in line for line in rest)


def test_without_a_key_no_other_address_is_served(make_settings: MakeSettings) -> None:
    with pytest.raises(ConfigurationError, match="no API key") as caught, serving(make_settings(host="0.0.0.0")):
        pass
    assert "ragstone keys create" in caught.value.remedy


def test_an_address_that_is_taken_is_named(server: LiveServer, make_settings: MakeSettings) -> None:
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(ConfigurationError, match=f"port {port}"), serving(make_settings(port=port)):
        pass


async def test_a_key_that_is_sent_must_be_valid(client: httpx.AsyncClient) -> None:
    check_problem(await client.get("/v1/documents", headers={"Authorization": "Bearer rs_wrong"}), 401)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "[::1"},
        {"Host": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_another_sites_page_is_refused(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    reply = await client.post("/v1/retrieve", json={"question": "a"}, headers=headers)
    check_problem(reply, 403, "forbidden")
    form = {"file": ("a.md", b"# A", None)}
    check_problem(await client.post("/v1/documents", files=form, headers=headers), 403, "forbidden")


async def test_our_own_page_is_served(client: httpx.AsyncClient, server: LiveServer) -> None:
    own = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
    assert (await client.post("/v1/retrieve", json={"question": "a"}, headers=own)).status_code == 200
    port = server.url.rpartition(":")[2]
    for host in (f"localhost:{port}", f"[::1]:{port}", "LOCALHOST", "127.1.2.3", "me.localhost."):
        assert (await client.get("/v1/documents", headers={"Host": host})).status_code == 200
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert (await client.get("/", headers=followed)).status_code == 200


async def test_a_key_opens_the_door_to_other_names(client: httpx.AsyncClient, server: LiveServer) -> None:
    key = await asyncio.to_thread(make_key, server.settings, READ)
    for headers in ({"Host": "rag.example"}, {"Origin": "https://rag.example"}):
        assert (await client.get("/v1/documents", headers={**key.bearer, **headers})).status_code == 200


async def test_every_reply_says_what_a_browser_may_do_with_it(client: httpx.AsyncClient) -> None:
    for path in ("/", "/static/page.js", "/v1/documents", "/v1/nothing", "/openapi.json"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "server" not in headers
    assert (await client.get("/v1/documents")).headers["cache-control"] == "no-store"
