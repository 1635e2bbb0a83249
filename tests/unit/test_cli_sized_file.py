"""Files that are written to while they are sent: so many bytes go as were announced, or none."""

import os
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from ragstone.api.requests import DocumentForm
from ragstone.cli.client import requested
from ragstone.cli.remote import HttpClient
from ragstone.cli.sized_file import FileChanged, SizedFile

FORM = requested(DocumentForm)
PIECES = 300_000


class Announced(httpx.AsyncBaseTransport):
    """A server that sees how many bytes are announced, lets ``meanwhile`` happen, and reads them."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self._meanwhile = meanwhile
        self.announced = self.received = 0
        self.body = b""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.announced = int(request.headers["content-length"])
        assert isinstance(request.stream, httpx.AsyncByteStream)
        async for part in request.stream:
            self.body += part
            self._meanwhile()
        self.received = len(self.body)
        accepted = {"document_id": str(UUID(int=1)), "job_id": str(UUID(int=1)), "created": True}
        return httpx.Response(202, json=accepted)


async def send(path: Path, meanwhile: Callable[[], None]) -> Announced:
    server = Announced(meanwhile)
    async with httpx.AsyncClient(transport=server, base_url="http://ragstone.test/") as http:
        await HttpClient(http).accept_file(path, FORM)
    return server


async def test_of_a_file_that_grows_what_was_there_is_sent(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"first " * PIECES)

    def grow() -> None:
        if log.stat().st_size < 20 * PIECES:
            with log.open("ab") as file:
                file.write(b"later " * PIECES)

    server = await send(log, grow)
    assert server.received == server.announced
    assert server.body.count(b"first ") == PIECES
    assert b"later" not in server.body


async def test_a_file_that_shrinks_fails_alone_and_says_so(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"first " * PIECES)
    with pytest.raises(FileChanged, match=r"app\.log became shorter while it was read"):
        await send(log, lambda: os.truncate(log, 1000))


def test_a_file_is_read_as_often_as_it_is_sent(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"Basalt.")
    with (tmp_path / "a.md").open("rb") as file:
        sized = SizedFile(file)
        for _ in range(2):
            assert sized.seek(0, os.SEEK_END) == 7
            assert (sized.seek(0), sized.tell()) == (0, 0)
            assert [sized.read(4), sized.read(4), sized.read(4)] == [b"Basa", b"lt.", b""]
