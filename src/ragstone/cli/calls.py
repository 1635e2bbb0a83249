"""One call on Ragstone, near or far: what most commands are."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from ragstone.cli.running import run

if TYPE_CHECKING:
    from ragstone.cli.client import Client

T = TypeVar("T")


def call(act: "Callable[[Client], Awaitable[T]]", url: str | None, key: str | None) -> T:
    """Open the server at ``url``, or the record on this machine, and return what ``act`` returns on it."""

    async def act_once() -> T:
        from ragstone.cli.client import open_client

        async with open_client(url, key) as client:
            return await act(client)

    return run(act_once())
