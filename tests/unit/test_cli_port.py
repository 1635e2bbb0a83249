"""What ``doctor`` says of the port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ragstone.cli.port_check import port
from ragstone.settings import Settings

ALIVE = b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"status":"alive"}'


def settings(tmp_path: Path, number: int, host: str = "127.0.0.1") -> Settings:
    return Settings(data_dir=tmp_path, host=host, port=number)


@asynccontextmanager
async def listening(says: bytes) -> AsyncIterator[int]:
    """Listen on 127.0.0.1 and say the same to everybody who says something; yield the port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(4096):
            writer.write(says)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
async def test_taken_by_another_program(tmp_path: Path, host: str) -> None:
    async with listening(b"SSH-2.0-other\r\n") as number:
        found = await port(settings(tmp_path, number, host))
    assert found.status == "warning"
    assert "another program" in found.detail
    assert "--port" in found.remedy


async def test_served_by_ragstone(tmp_path: Path) -> None:
    async with listening(ALIVE) as number:
        found = await port(settings(tmp_path, number))
    assert (found.status, found.detail) == ("ok", f"Ragstone serves at http://127.0.0.1:{number}")


async def test_free(tmp_path: Path) -> None:
    async with listening(b"") as number:
        pass
    assert (await port(settings(tmp_path, number))).detail == f"127.0.0.1:{number} is free"
    assert (await port(settings(tmp_path, 0))).status == "ok"
