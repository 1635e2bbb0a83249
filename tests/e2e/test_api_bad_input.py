"""Bad input is answered with a problem detail that says how to mend it, and changes nothing."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.e2e.conftest import LiveServer

JSON = {"Content-Type": "application/json"}
NO_ID = "01890000-0000-7000-8000-000000000000"


def check_problem(reply: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """Check that a reply is a problem detail as RFC 9457 has it, and return it."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = reply.json()
    assert problem["status"] == status
    assert problem["type"] == f"urn:ragstone:problem:{problem['code']}"
    assert problem["title"]
    assert problem["detail"]
    assert problem["remedy"]
    assert "Traceback" not in reply.text
    assert len(reply.text) < 4000
    if code:
        assert problem["code"] == code
    return problem


async def counts(client: httpx.AsyncClient) -> tuple[int, int, list[str]]:
    """Return how many jobs and documents there are, and the collections."""
    jobs = (await client.get("/v1/jobs", params={"limit": 200})).json()["items"]
    documents = (await client.get("/v1/documents", params={"limit": 200})).json()["items"]
    collections = (await client.get("/v1/collections")).json()["items"]
    return len(jobs), len(documents), [each["name"] for each in collections]


@pytest.fixture(autouse=True)
async def _nothing_changes(client: httpx.AsyncClient) -> AsyncIterator[None]:
    before = await counts(client)
    yield
    assert await counts(client) == before


FILES: dict[str, tuple[dict[str, tuple[str, bytes, str | None]], int, str]] = {
    "empty file": ({"file": ("empty.md", b"", "text/markdown")}, 422, "invalid_request"),
    "unknown type": (
        {"file": ("a.bin", bytes(range(256)) * 40, "application/octet-stream")},
        415,
        "unsupported_media_type",
    ),
    "no file": ({"other": ("a.md", b"# A", "text/markdown")}, 422, "invalid_request"),
    "a file's name that cannot be stored": ({"file": ("é" * 400 + ".md", b"# A", None)}, 422, "invalid_request"),
}


@pytest.mark.parametrize("case", FILES)
async def test_a_file_that_will_not_do(client: httpx.AsyncClient, case: str) -> None:
    files, status, code = FILES[case]
    check_problem(await client.post("/v1/documents", files=files), status, code)


FIELDS: dict[str, tuple[dict[str, Any], int]] = {
    "unknown collection": ({"collection": "nowhere"}, 404),
    "a field that is not known": ({"colection": "default"}, 422),
    "metadata that is not JSON": ({"metadata": "{"}, 422),
    "metadata that is no object": ({"metadata": "[1]"}, 422),
    "metadata nested too deep": ({"metadata": '{"a":' * 40 + "1" + "}" * 40}, 422),
    "metadata far too deep": ({"metadata": '{"a":' * 10_000 + "1" + "}" * 10_000}, 422),
    "NUL in a title": ({"title": "a\0b"}, 422),
    "a uri that no index holds": ({"uri": "ü" * 2000}, 422),
    "no reader": ({"readers": ""}, 422),
    "a field of 1 MB": ({"title": "x" * 1_000_000}, 400),
}


@pytest.mark.parametrize("case", FIELDS)
async def test_a_form_that_will_not_do(client: httpx.AsyncClient, case: str) -> None:
    fields, status = FIELDS[case]
    reply = await client.post("/v1/documents", files={"file": ("a.md", b"# A", None)}, data=fields)
    check_problem(reply, status)


BODIES: dict[str, tuple[str, bytes, int]] = {
    "broken JSON": ("/v1/ask", b'{"question": "a', 400),
    "broken JSON document": ("/v1/documents", b'{"text": "a', 400),
    "broken JSON chunks": ("/v1/documents/chunks", b"[", 400),
    "not an object": ("/v1/ask", b"[]", 422),
    "no body": ("/v1/ask", b"", 422),
    "bytes that are not UTF-8": ("/v1/ask", b'{"question": "\xff\xfe"}', 400),
    "JSON nested too deep": ("/v1/ask", b"[" * 100_000, 400),
    "a number too long": ("/v1/retrieve", b'{"question": "a", "top_k": ' + b"9" * 5000 + b"}", 400),
    "negative top_k": ("/v1/retrieve", b'{"question": "a", "top_k": -1}', 422),
    "top_k of a hundred and one": ("/v1/ask", b'{"question": "a", "top_k": 101}', 422),
    "top_k not a number": ("/v1/retrieve", b'{"question": "a", "top_k": NaN}', 422),
    "empty question": ("/v1/ask", b'{"question": ""}', 422),
    "blank question": ("/v1/retrieve", b'{"question": " \\n "}', 422),
    "unknown mode": ("/v1/retrieve", b'{"question": "a", "mode": "magic"}', 422),
    "unknown field": ("/v1/ask", b'{"question": "a", "topk": 3}', 422),
    "unknown collection": ("/v1/ask", b'{"question": "a", "collections": ["nowhere"]}', 404),
    "unknown collection in a stream": ("/v1/ask", b'{"question": "a", "stream": true, "collections": ["no"]}', 404),
    "NUL in a question": ("/v1/ask", b'{"question": "a\\u0000b"}', 422),
    "NUL in a collection": ("/v1/retrieve", b'{"question": "a", "collections": ["a\\u0000"]}', 422),
    "NUL in a filter": ("/v1/retrieve", b'{"question": "a", "filter": {"a": "\\u0000"}}', 422),
    "NUL in a filter's key": ("/v1/retrieve", b'{"question": "a", "filter": {"\\u0000": 1}}', 422),
    "a filter that is no equality": ("/v1/retrieve", b'{"question": "a", "filter": {"a": [1]}}', 422),
    "a filter without end": ("/v1/retrieve", b'{"question": "a", "filter": {"a": Infinity}}', 422),
    "half a surrogate pair": ("/v1/ask", b'{"question": "a\\ud800b"}', 422),
    "half a pair as a field": ("/v1/ask", b'{"question": "a", "\\ud800": 1}', 422),
    "half a pair in metadata": ("/v1/documents", b'{"text": "a", "metadata": {"a": "\\ud800"}}', 400),
    "NUL in a text": ("/v1/documents", b'{"text": "a\\u0000b"}', 422),
    "NUL in metadata": ("/v1/documents", b'{"text": "a", "metadata": {"a": ["\\u0000"]}}', 422),
    "an empty text": ("/v1/documents", b'{"text": ""}', 422),
    "neither text nor uri": ("/v1/documents", b'{"title": "a"}', 422),
    "a uri that is no web address": ("/v1/documents", b'{"uri": "file:///etc/passwd"}', 422),
    "a uri of this machine": ("/v1/documents", b'{"uri": "http://127.0.0.1:9/"}', 422),
    "no chunks": ("/v1/documents/chunks", b'{"chunks": []}', 422),
    "a blank chunk": ("/v1/documents/chunks", b'{"chunks": [{"text": "  "}]}', 422),
    "a chunk over the model's limit": (
        "/v1/documents/chunks",
        b'{"chunks": [{"text": "' + b"word " * 3000 + b'"}]}',
        422,
    ),
    "a collection's name that will not do": ("/v1/collections", b'{"name": "a/b"}', 422),
}


@pytest.mark.parametrize("case", BODIES)
async def test_a_body_that_will_not_do(client: httpx.AsyncClient, case: str) -> None:
    path, body, status = BODIES[case]
    check_problem(await client.post(path, content=body, headers=JSON), status)


async def test_the_fields_that_are_wrong_are_named(client: httpx.AsyncClient) -> None:
    problem = check_problem(await client.post("/v1/retrieve", json={"question": "", "top_k": -1}), 422)
    assert {each["field"] for each in problem["errors"]} == {"question", "top_k"}
    chunks = {"chunks": [{"text": "a"}, {"text": 1}]}
    problem = check_problem(await client.post("/v1/documents/chunks", json=chunks), 422)
    assert [each["field"] for each in problem["errors"]] == ["chunks.1.text"]


async def test_a_question_of_a_megabyte_is_not_echoed(client: httpx.AsyncClient) -> None:
    for path in ("/v1/ask", "/v1/retrieve"):
        problem = check_problem(await client.post(path, json={"question": "why " * 250_000}), 413, "too_large")
        assert "RAGSTONE_MAX_QUESTION_CHARS" in problem["remedy"]
    wrong = {"question": "a", "x" * 1_000_000: 1, "mode": "y" * 500_000}
    check_problem(await client.post("/v1/ask", json=wrong), 422)


async def test_a_body_of_another_type(client: httpx.AsyncClient) -> None:
    for path in ("/v1/documents", "/v1/documents/chunks"):
        check_problem(await client.post(path, content=b"hello", headers={"Content-Type": "text/plain"}), 415)
    check_problem(await client.post("/v1/ask", content=b"hello", headers={"Content-Type": "text/plain"}), 422)
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    check_problem(await client.post("/v1/documents", content=b"--y\r\n", headers=broken), 400)
    check_problem(
        await client.post("/v1/documents", content=b"a", headers={"Content-Type": "multipart/form-data"}), 400
    )


PATHS = {
    "no such path": ("GET", "/v1/nothing", 404),
    "no such page": ("GET", "/nothing.html", 404),
    "no such asset": ("GET", "/static/nothing.js", 404),
    "a way out of the assets": ("GET", "/static/..%2f..%2f__init__.py", 404),
    "another method": ("PUT", "/v1/documents", 405),
    "an id that is none": ("GET", "/v1/documents/abc", 404),
    "no such document": ("GET", f"/v1/documents/{NO_ID}", 404),
    "no such content": ("GET", f"/v1/documents/{NO_ID}/content", 404),
    "no such chunks": ("GET", f"/v1/documents/{NO_ID}/chunks", 404),
    "nothing to delete": ("DELETE", f"/v1/documents/{NO_ID}", 404),
    "no such job": ("GET", f"/v1/jobs/{NO_ID}", 404),
    "nothing to cancel": ("POST", f"/v1/jobs/{NO_ID}/cancel", 404),
    "a cursor that is none": ("GET", "/v1/documents?cursor=abc", 422),
    "a chunk cursor that is none": ("GET", f"/v1/documents/{NO_ID}/chunks?cursor=99999999999", 422),
    "a state that is none": ("GET", "/v1/jobs?state=gone", 422),
    "a page of nothing": ("GET", "/v1/documents?limit=0", 422),
    "a page too large": ("GET", "/v1/jobs?limit=100000", 422),
    "NUL in a query": ("GET", "/v1/documents?collection=a%00b", 422),
    "unknown collection": ("GET", "/v1/documents?collection=nowhere", 404),
}


@pytest.mark.parametrize("case", PATHS)
async def test_a_path_that_will_not_do(client: httpx.AsyncClient, case: str) -> None:
    method, path, status = PATHS[case]
    reply = await client.request(method, path)
    check_problem(reply, status)
    assert status != 405 or "POST" in reply.headers["allow"]


async def test_a_head_without_an_end_is_not_read(server: LiveServer) -> None:
    """Before anybody has shown a key: neither memory nor the event loop is for whoever sends one."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET /healthz HTTP/1.1\r\nHost: {host}:{port}\r\n".encode())
    sent, line = 0, b"X-Much: " + b"a" * 1000 + b"\r\n"
    with contextlib.suppress(ConnectionError):
        while sent < 16 << 20 and not reader.at_eof():
            writer.write(line * 64)
            sent += 64 * len(line)
            await writer.drain()
            await asyncio.sleep(0)
    assert sent < 8 << 20
    writer.close()


async def send_raw(server: LiveServer, head: str, *, body: AsyncIterator[bytes] | None = None) -> httpx.Response:
    """Send a request by hand until its reply is there, which may be before the body is through."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    reply = asyncio.create_task(_reply(reader))
    writer.write(f"{head}\r\nHost: {host}:{port}\r\n\r\n".encode())
    async for part in body or _nothing():
        if reply.done():
            break
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0)  # draining alone does not let the reply be read
    async with asyncio.timeout(10):
        response = await reply
    writer.close()
    return response


async def _reply(reader: asyncio.StreamReader) -> httpx.Response:
    raw = (await reader.readuntil(b"\r\n\r\n")).decode()
    headers = dict(line.split(": ", 1) for line in raw.splitlines()[1:] if line)
    content = await reader.readexactly(int(headers["content-length"]))
    return httpx.Response(int(raw.split()[1]), headers=headers, content=content)


async def _nothing() -> AsyncIterator[bytes]:
    for part in list[bytes]():
        yield part


@pytest.mark.parametrize("path", ["/v1/documents", "/v1/documents/chunks", "/v1/ask", "/v1/collections"])
async def test_three_gigabytes_are_refused_before_they_are_sent(server: LiveServer, path: str) -> None:
    began = time.perf_counter()
    kind = "multipart/form-data; boundary=x" if path == "/v1/documents" else "application/json"
    head = f"POST {path} HTTP/1.1\r\nContent-Type: {kind}\r\nContent-Length: {3 << 30}"
    check_problem(await send_raw(server, head), 413, "too_large")
    assert time.perf_counter() - began < 5


async def test_an_upload_that_says_not_how_large_it_is_is_counted(server: LiveServer) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.md"\r\n\r\n'
        yield f"{len(head):x}\r\n".encode() + head + b"\r\n"
        while sent < 1 << 30:
            sent += 1 << 16
            yield b"10000\r\n" + b"a" * (1 << 16) + b"\r\n"

    head = "POST /v1/documents HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked"
    check_problem(await send_raw(server, head, body=endless()), 413, "too_large")
    assert sent < 256 << 20


async def test_a_file_over_the_limit(client: httpx.AsyncClient) -> None:
    large = {"file": ("large.md", b"a" * ((4 << 20) + 1), "text/markdown")}
    problem = check_problem(await client.post("/v1/documents", files=large), 413, "too_large")
    assert "RAGSTONE_MAX_UPLOAD_MB" in problem["remedy"]
    check_problem(await client.post("/v1/documents", json={"text": "a" * (5 << 20)}), 413, "too_large")
    check_problem(await client.post("/v1/retrieve", json={"question": "a" * (3 << 20)}), 413, "too_large")
