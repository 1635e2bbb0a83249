"""The pool of connections."""

import asyncio
import random
import time

import pytest

from ragstone.container import Container, open_container
from ragstone.settings import Settings


async def test_no_cancellation_is_lost_while_a_connection_is_waited_for(container: Container) -> None:
    """However many turns of the loop lie between the return of a connection and the cancellation."""
    pool = container.database.pool
    await pool.resize(2, 2)
    kept = await pool.getconn()

    async def one_after_another() -> None:
        while True:
            async with container.database.connection() as connection:
                await connection.execute("select 1")

    for turns in range(20):
        lent = await pool.getconn()
        waiting = asyncio.create_task(one_after_another())
        await asyncio.sleep(0.02)
        giving_back = asyncio.create_task(pool.putconn(lent))
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()
        await giving_back
        await asyncio.wait({waiting}, timeout=0.5)
        if not waiting.done():
            waiting.cancel()
            pytest.fail(f"the cancellation was lost {turns} turns after the connection was given back")
        async with container.database.connection() as connection:
            await connection.execute("select 1")
    await pool.putconn(kept)


@pytest.mark.parametrize("lend", ["reading", "connection"])
async def test_no_connection_is_lost_by_those_who_leave(settings: Settings, lend: str) -> None:
    """A crowd of clients on four connections, each told to end at a moment drawn by chance."""
    drawn = random.Random(4)
    async with open_container(settings.model_copy(update={"database_pool_size": 4})) as container:
        pool, ending = container.database.pool, time.monotonic() + 3

        async def use() -> None:
            async with getattr(container.database, lend)() as connection:
                await connection.execute("select pg_sleep(%s)", (drawn.random() * 0.004,))

        async def leave_again_and_again() -> None:
            while time.monotonic() < ending:
                task = asyncio.create_task(use())
                asyncio.get_running_loop().call_later(drawn.random() * 0.02, task.cancel)
                await asyncio.gather(task, return_exceptions=True)

        await asyncio.gather(*(leave_again_and_again() for _ in range(14)))
        lent = [await pool.getconn(5) for _ in range(4)]
        for connection in lent:
            await pool.putconn(connection)
