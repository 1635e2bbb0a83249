"""The pool of connections."""

import asyncio

import pytest

from ragstone.container import Container


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
