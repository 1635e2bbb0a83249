"""A search that takes too long: what its client is told, and that it ends with the client."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
from psycopg import sql
from tests.e2e.conftest import LiveServer, MakeSettings, ready, serving
from tests.e2e.test_api_bad_input import check_problem

from ragstone.settings import Settings

QUESTION = {"question": "which stone is hard", "mode": "meaning"}


@contextmanager
def chunks_locked(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """Have whoever reads a chunk wait while the block lasts."""
    assert settings.database_url
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        chunks = sql.Identifier(settings.database_schema, "chunks")
        connection.execute(sql.SQL("lock table {} in access exclusive mode").format(chunks))
        yield connection
        connection.rollback()


def waiting(connection: psycopg.Connection[Any], settings: Settings) -> int:
    """Return how many statements wait to read a chunk."""
    cursor = connection.execute(
        "select count(*) from pg_locks where not granted and relation = %s::regclass",
        (f"{settings.database_schema}.chunks",),
    )
    return int(cursor.fetchall()[0][0])


def until(count: int, connection: psycopg.Connection[Any], settings: Settings) -> None:
    deadline = time.monotonic() + 5
    while waiting(connection, settings) != count:
        assert time.monotonic() < deadline, f"{waiting(connection, settings)} statements wait"
        time.sleep(0.02)


async def test_a_client_that_leaves_ends_its_statement(server: LiveServer, client: httpx.AsyncClient) -> None:
    await ready(client, await client.post("/v1/documents", json={"text": "Granite is the hardest stone."}))
    address = urlsplit(server.url)
    assert address.hostname
    with chunks_locked(server.settings) as connection:
        with socket.create_connection((address.hostname, address.port or 80)) as leaving:
            body = json.dumps(QUESTION)
            leaving.sendall(
                "POST /v1/retrieve HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
            )
            until(1, connection, server.settings)
        until(0, connection, server.settings)
    assert (await client.post("/v1/retrieve", json=QUESTION)).json()["hits"]


def test_a_search_that_takes_too_long_is_a_problem_that_says_what_to_do(make_settings: MakeSettings) -> None:
    settings = make_settings(search_timeout=0.2)
    with serving(settings, with_worker=False) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        stored = {"uri": "stones", "chunks": [{"text": "Granite is the hardest stone."}]}
        assert client.post("/v1/documents/chunks", json=stored).status_code == 202
        question = {"question": "which stone is hard"}
        assert client.post("/v1/retrieve", json=question).json()["hits"]
        with chunks_locked(settings):
            reply = client.post("/v1/retrieve", json={"question": "hard stones"})
            problem = check_problem(reply, 503, "search_timeout")
            assert "RAGSTONE_SEARCH_TIMEOUT" in problem["remedy"]
            assert reply.headers["Retry-After"] == "5"
