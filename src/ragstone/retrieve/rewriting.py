"""Rewriting: other questions to search for beside a question, by a language model, where it answers in time.

It is waited for so long and no longer. Where it fails, is late or makes no sense the question alone stands, and the
outcome says so.
"""

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import structlog

from ragstone.domain.answers import Usage
from ragstone.domain.errors import RagstoneError, Unavailable
from ragstone.domain.queries import Mode
from ragstone.ports.chat_model import ChatModel
from ragstone.retrieve.reranking import FAILURES, REST
from ragstone.retrieve.rewriting_prompts import Kind, rewriting_prompt, variants_in

_MOST_TOKENS: Final = 512
_LONGEST_REPLY: Final = 8_000
"""Characters; what a model says beyond them is not waited for."""
_LEGS: Final = {
    Kind.MULTI_QUERY: frozenset({Mode.WORDS, Mode.MEANING}),
    Kind.DECOMPOSITION: frozenset({Mode.WORDS, Mode.MEANING}),
    # Its words are made up: BM25 would look for every one of them.
    Kind.HYDE: frozenset({Mode.MEANING}),
}

log = structlog.get_logger(__name__)


class Outcome(StrEnum):
    """What became of the rewriting of one question."""

    REWRITTEN = "rewritten"
    """The model answered; there may be nothing to add."""
    PARTLY = "partly"
    """So it did for some of the kinds."""
    OFF = "off"
    """There is no model, or no kind is asked for."""
    LATE = "late"
    FAILED = "failed"
    RESTING = "resting"
    """It failed lately, or asked to be left alone, and was not asked."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A text to search for beside the question, by these legs."""

    text: str
    kind: Kind
    legs: frozenset[Mode]


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What to search for beside a question, and what a trace says of it.

    ``cause`` says why something is missing, where it is against the settings.
    """

    variants: tuple[Variant, ...]
    outcome: Outcome
    cause: str = ""
    milliseconds: float = 0.0


class Rewriting:
    """Has ``chat_model`` make variants of these ``kinds``, all at once, at most ``most`` of each (of HyDE, one).

    ``timeout`` in seconds is how long a question waits for them. ``clock`` counts seconds and only goes forward.
    """

    def __init__(
        self,
        chat_model: ChatModel | None,
        kinds: Sequence[Kind] = (),
        most: int = 3,
        timeout: float = 5.0,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = chat_model
        self._kinds = tuple(dict.fromkeys(kinds))
        self._most, self._timeout = most, timeout
        self._clock = clock
        self._failures = 0
        self._resting_until = -math.inf
        self._resting_for = ""

    async def of(self, question: str) -> Rewritten:
        """Return variants of ``question``. Whatever happens to the model, nothing is raised."""
        if self._model is None or not self._kinds or not question.strip():
            return Rewritten((), Outcome.OFF)
        started = self._clock()
        if started < self._resting_until:
            return Rewritten((), Outcome.RESTING, self._resting_for)
        replies = await self._replies(self._model, question)
        failures = [reply for reply in replies.values() if isinstance(reply, _Failure)]
        made = {kind: reply for kind, reply in replies.items() if not isinstance(reply, _Failure)}
        variants = _distinct(Variant(text, kind, _LEGS[kind]) for kind, texts in made.items() for text in texts)
        outcome = self._noted(self._model, failures)
        return Rewritten(variants, outcome, failures[0].cause if failures else "", (self._clock() - started) * 1000)

    async def _replies(self, model: ChatModel, question: str) -> "dict[Kind, tuple[str, ...] | _Failure]":
        """Return for each kind what the model made of ``question``, or why it made nothing."""
        asked = {kind: asyncio.create_task(self._made(model, kind, question)) for kind in self._kinds}
        try:
            await asyncio.wait(asked.values(), timeout=self._timeout)
        finally:
            late = [task for task in asked.values() if not task.done()]
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        cause = f"The language model {model.name} did not rewrite the question within {self._timeout:g} seconds."
        return {kind: _Failure(cause, is_late=True) if task in late else task.result() for kind, task in asked.items()}

    async def _made(self, model: ChatModel, kind: Kind, question: str) -> "tuple[str, ...] | _Failure":
        try:
            reply = await _reply(model, kind, question, self._most)
        except RagstoneError as error:
            return _Failure(error.message, (error.retry_after if isinstance(error, Unavailable) else None) or 0.0)
        made = variants_in(kind, reply, question, self._most)
        if made is None:
            return _Failure(f"The language model {model.name} replied with nothing that could be used for {kind}.")
        return made

    def _noted(self, model: ChatModel, failures: "Sequence[_Failure]") -> Outcome:
        """Return the outcome; after failures of all kinds in a row, let the model rest."""
        if len(failures) < len(self._kinds):
            self._failures = 0
        if not failures:
            return Outcome.REWRITTEN
        is_whole = len(failures) == len(self._kinds)
        self._failures += is_whole
        asked_for = max(each.retry_after for each in failures)
        pause = max(asked_for, REST if self._failures >= FAILURES else 0.0) if is_whole else 0.0
        cause = failures[0].cause
        if pause:
            self._resting_until, self._resting_for = self._clock() + pause, cause
        log.warning("search_without_rewriting", model=model.name, cause=cause, pause=pause)
        if not is_whole:
            return Outcome.PARTLY
        return Outcome.LATE if all(each.is_late for each in failures) else Outcome.FAILED


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a kind was not made. ``retry_after``: for how many seconds the model asked to be left alone."""

    cause: str
    retry_after: float = 0.0
    is_late: bool = False


async def _reply(model: ChatModel, kind: Kind, question: str, most: int) -> str:
    """Return what the model says, or the beginning of it. Raises ``ChatModelUnavailable``."""
    said, length = [], 0
    async with AsyncExitStack() as stack:
        pieces = model.stream(rewriting_prompt(kind, question, most), max_tokens=_MOST_TOKENS)
        if (close := getattr(pieces, "aclose", None)) is not None:
            stack.push_async_callback(close)
        async for piece in pieces:
            if isinstance(piece, Usage):
                continue
            said.append(piece)
            length += len(piece)
            if length > _LONGEST_REPLY:
                break
    return "".join(said)


def _distinct(variants: Iterable[Variant]) -> tuple[Variant, ...]:
    """Leave out what an earlier kind made already."""
    found: dict[str, Variant] = {}
    for each in variants:
        found.setdefault(each.text.casefold(), each)
    return tuple(found.values())
