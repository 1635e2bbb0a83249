"""Bytes put aside on disk: a slow sender must not hold a database transaction open."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile

PART_BYTES = 1 << 20


@asynccontextmanager
async def spooled(parts: AsyncIterator[bytes]) -> AsyncIterator[AsyncIterator[bytes]]:
    """Take all the parts first, in memory up to 1 MiB and on disk beyond, and yield them again."""
    with SpooledTemporaryFile(max_size=PART_BYTES) as file:
        async for part in parts:
            await asyncio.to_thread(file.write, part)
        file.seek(0)

        async def again() -> AsyncIterator[bytes]:
            while part := await asyncio.to_thread(file.read, PART_BYTES):
                yield part

        yield again()
