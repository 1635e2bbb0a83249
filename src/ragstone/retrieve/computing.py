"""Where to compute: a thread keeps the event loop free, and costs a search some tenths of a millisecond each time."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

_Asked = ParamSpec("_Asked")
_Found = TypeVar("_Found")


async def computed(
    brief: bool, function: Callable[_Asked, _Found], *arguments: _Asked.args, **named: _Asked.kwargs
) -> _Found:
    """Return ``function(*arguments)``: here where that is ``brief``, a millisecond at the most, else by a thread."""
    if brief:
        return function(*arguments, **named)
    return await asyncio.to_thread(function, *arguments, **named)
