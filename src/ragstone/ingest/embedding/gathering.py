"""Texts that are asked for at the same time, embedded together; and vectors of texts that were asked for before."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragstone.domain.errors import EmbedderUnavailable
from ragstone.ports.embedder import EmbeddingModel

Vector: TypeAlias = NDArray[np.float32]
Embed: TypeAlias = Callable[[Sequence[str]], Awaitable[Sequence[Vector | EmbedderUnavailable]]]
"""Returns for each text its vector, or why it alone has none. Raises ``EmbedderUnavailable`` for all of them."""


class Gathering:
    """Sends texts to ``embed`` as they come, ``at_a_time`` calls of it at once; what comes meanwhile goes together.

    Nobody waits for company: a text that finds nothing under way leaves in the same turn of the event loop. A text that
    is asked for while it is under way is not sent again. Belongs to one event loop.
    """

    def __init__(self, embed: Embed, *, at_a_time: int, most_texts: int, most_chars: int) -> None:
        self._embed = embed
        self._at_a_time, self._most_texts, self._most_chars = at_a_time, most_texts, most_chars
        self._asked: dict[str, asyncio.Future[Vector]] = {}
        self._waiting: list[str] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def vector(self, text: str) -> Vector:
        """Return the vector of a text. Raises ``EmbedderUnavailable``. One who leaves disturbs nobody else."""
        if self._is_closed:
            raise _closed()
        future = self._asked.get(text)
        if future is None:
            loop = asyncio.get_running_loop()
            future = self._asked[text] = loop.create_future()
            future.add_done_callback(_heard)
            self._waiting.append(text)
            loop.call_soon(self._send)
        return await asyncio.shield(future)

    async def close(self) -> None:
        """Break off what is under way. Who waits for it is told that there is no embedder any more."""
        self._is_closed = True
        self._waiting.clear()
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        # Also those of a call that was cancelled before its first step, and could tell nobody.
        self._settle([*self._asked], [_closed()] * len(self._asked))

    def _send(self) -> None:
        while self._waiting and len(self._calls) < self._at_a_time:
            texts = self._waiting[: self._fitting()]
            del self._waiting[: len(texts)]
            call = asyncio.create_task(self._call(texts), name="embed-questions")
            self._calls.add(call)
            call.add_done_callback(self._ended)

    def _fitting(self) -> int:
        """Return how many of the texts that wait go into one call; at least one."""
        chars = 0
        for number, text in enumerate(self._waiting):
            chars += len(text)
            if number and (number == self._most_texts or chars > self._most_chars):
                return number
        return len(self._waiting)

    async def _call(self, texts: Sequence[str]) -> None:
        results: Sequence[Vector | BaseException]
        try:
            results = await self._embed(texts)
        except EmbedderUnavailable as error:
            results = [error] * len(texts)
        except BaseException as error:
            mistake = _closed() if isinstance(error, asyncio.CancelledError) else error
            self._settle(texts, [mistake] * len(texts))
            raise
        self._settle(texts, results)

    def _settle(self, texts: Sequence[str], results: Sequence[Vector | BaseException]) -> None:
        for text, result in zip(texts, results, strict=True):
            future = self._asked.pop(text)
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _ended(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        _heard(call)
        self._send()


def _closed() -> EmbedderUnavailable:
    return EmbedderUnavailable("The embedder is closed.", remedy="Open a new one.")


def _heard(future: asyncio.Future[Any]) -> None:
    """Take note of a failure: it is told to all who asked, and they may all have left."""
    if not future.cancelled():
        future.exception()


class VectorCache:
    """The vectors of the texts that were asked for last, ``most`` of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._vectors: OrderedDict[tuple[str, str, str], Vector] = OrderedDict()

    def __len__(self) -> int:
        return len(self._vectors)

    def get(self, model: EmbeddingModel, text: str) -> Vector | None:
        """Return the vector that this version of a model gave a text, if it is kept."""
        key = (model.name, model.version, text)
        if key not in self._vectors:
            return None
        self._vectors.move_to_end(key)
        return self._vectors[key]

    def put(self, model: EmbeddingModel, text: str, vector: Vector) -> None:
        """Keep a vector, alone, and not the batch that it may be a row of."""
        self._vectors[model.name, model.version, text] = vector.copy()
        while len(self._vectors) > self._most:
            self._vectors.popitem(last=False)
