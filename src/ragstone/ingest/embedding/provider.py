"""One provider of an embedding model, and every rule on how it is asked; the rules exist only here."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from ragstone.domain.errors import EmbedderBusy, EmbedderDenied, EmbedderUnavailable, EmbeddingRefused
from ragstone.ingest.embedding.circuit import Breaker
from ragstone.ingest.embedding.observer import Circuit, EmbeddingObserver, Outcome, Unobserved
from ragstone.ingest.embedding.pace import Lanes, Pace, Sent
from ragstone.ingest.embedding.policy import Patience, Policy
from ragstone.ports.embedder import Embedder, Vectors

_CANARY = "The swift sleeps while it flies."
_CANARY_TOKENS = 16
_FEW_CHARS = 4000
"""So many characters are counted in less time than it takes to ask another thread for it."""

_T = TypeVar("_T")


class GivenUp(EmbedderUnavailable):
    """Each attempt failed: the provider is about to be known as down, or fails on these texts and no others."""


class Provider:
    """Asks ``embedder`` as ``policy`` allows, for all callers together. Belongs to one event loop.

    What may pass is tried again. A Retry-After is obeyed by everybody. Failures in a row let a probe decide, the
    embedding of one harmless sentence: where that fails too, the circuit opens, and nobody asks until the next probe;
    where it succeeds, the texts are the matter, and not the provider.
    """

    def __init__(
        self, embedder: Embedder, policy: Policy | None = None, observer: EmbeddingObserver | None = None
    ) -> None:
        self.embedder = embedder
        self.policy = policy = policy or Policy()
        self.most_texts: int | None = None
        """The most texts that the provider was found to take at once."""
        self._observer: EmbeddingObserver = observer or Unobserved()
        self._breaker = Breaker(failures=policy.failures, pause=policy.pause, longest_pause=policy.longest_pause)
        self._pace = Pace(requests=policy.requests, tokens=policy.tokens, window=policy.window)
        self._lanes = Lanes(policy.concurrency)
        self._held_until, self._held_by = 0.0, EmbedderUnavailable("")
        self._busy_in_a_row = 0
        self._state = Circuit.CLOSED
        self._probe: asyncio.Task[None] | None = None
        self._warm = False

    async def warm(self) -> None:
        """Load the model, or ask the provider what it is, once. Raises as ``Embedder.warm`` does."""
        if not self._warm:
            await self._try(self.embedder.warm, 0, _CANARY_TOKENS, self.policy.questions)
            self._warm = True

    async def ask(self, texts: Sequence[str], tokens: int, patience: Patience, *, questions: bool = False) -> Vectors:
        """Return the vectors of texts, or of questions, that fit into one request.

        Raises ``EmbeddingRefused`` where the provider does not take them, and ``EmbedderUnavailable``, with the seconds
        after which to try again, where it does not answer: at once while the circuit is open, and as ``GivenUp`` after
        the last attempt.
        """
        embed = self.embedder.embed_questions if questions else self.embedder.embed
        return await self._try(partial(embed, texts), len(texts), tokens, patience)

    async def check(self, patience: Patience) -> None:
        """Return if the provider embeds a harmless sentence at this moment, else raise ``EmbedderUnavailable``."""
        await self._probed(patience)
        if not self._breaker.closed:
            raise self._breaker.error(time.monotonic())

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Return the tokens of each text, or zeros where nothing depends on them."""
        if not self.policy.counts_tokens:
            return [0] * len(texts)
        spans = self.embedder.tokenizer.spans
        if sum(map(len, texts)) <= _FEW_CHARS:
            return [len(spans(text)) for text in texts]
        return await asyncio.to_thread(lambda: [len(spans(text)) for text in texts])

    async def close(self) -> None:
        """Close the embedder."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.gather(self._probe, return_exceptions=True)
        await self.embedder.close()

    async def _try(self, send: Callable[[], Awaitable[_T]], texts: int, tokens: int, patience: Patience) -> _T:
        attempt = 1
        while True:
            sent = await self._leave(tokens, patience)
            try:
                return await self._send(send, texts, sent)
            except EmbedderDenied:
                raise
            except EmbedderUnavailable as failure:
                delay = self.policy.jitter(attempt)
                if attempt == patience.attempts:
                    raise self._given_up(failure, delay) from failure
            finally:
                if patience.queued:
                    self._lanes.leave()
            attempt += 1
            self._observer.retried()
            await asyncio.sleep(delay)

    async def _leave(self, tokens: int, patience: Patience) -> Sent:
        """Wait until a request may leave; who is queued has a lane then."""
        while True:
            self._check_wait(0.0, time.monotonic(), patience)
            await self._pass_circuit(patience)
            if patience.queued:
                await self._lanes.enter()
            now = time.monotonic()
            wait = max(self._held_until - now, self._pace.wait(tokens, now))
            if self._breaker.closed and wait <= 0:
                return self._pace.leave(tokens, now)
            if patience.queued:
                self._lanes.leave()
            self._check_wait(wait, now, patience)
            await asyncio.sleep(wait)

    def _check_wait(self, wait: float, now: float, patience: Patience) -> None:
        """Raise ``EmbedderUnavailable`` where the wait is longer than the caller's patience."""
        held = self._held_until - now
        if held > patience.seconds:
            raise type(self._held_by)(self._held_by.message, remedy=self._held_by.remedy, retry_after=held)
        if wait > patience.seconds and not patience.queued:
            raise EmbedderBusy(
                "The embedding model's limit of requests is used up.",
                remedy="Ask again later, or raise RAGSTONE_EMBEDDER_REQUESTS_PER_MINUTE where the provider allows it.",
                retry_after=wait,
            )

    async def _pass_circuit(self, patience: Patience) -> None:
        while not self._breaker.closed:
            now = time.monotonic()
            if self._breaker.remaining(now) > 0:
                raise self._breaker.error(now)
            await self._probed(patience)

    async def _probed(self, patience: Patience) -> None:
        """Wait for the probe that is on its way, or for a new one; one at a time."""
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(self._ask_canary(), name="embedder-probe")
        # Another caller may have begun the next one by the time that this one is heard of.
        probe = self._probe
        done, _ = await asyncio.wait({probe}, timeout=None if patience.queued else patience.seconds)
        if not done:
            raise self._breaker.error(time.monotonic())
        probe.result()

    async def _ask_canary(self) -> None:
        self._report(Circuit.HALF_OPEN)
        sent = await self._leave_alone(_CANARY_TOKENS)
        try:
            await self._send(partial(self.embedder.embed, [_CANARY]), 1, sent)
        except EmbeddingRefused as refusal:
            denied = EmbedderDenied(refusal.message, remedy="Check RAGSTONE_EMBEDDER and RAGSTONE_EMBEDDER_DIMENSIONS.")
            self._breaker.deny(denied, time.monotonic())
        except EmbedderBusy:
            # It is there; when it may be asked again is known.
            self._breaker.succeeded()
        except EmbedderDenied:
            pass
        except EmbedderUnavailable as failure:
            self._breaker.open(failure, time.monotonic())
        finally:
            self._report()

    async def _leave_alone(self, tokens: int) -> Sent:
        """Wait until a probe may leave: no circuit, no lane, but the same pace as all."""
        while True:
            now = time.monotonic()
            wait = max(self._held_until - now, self._pace.wait(tokens, now))
            if wait <= 0:
                return self._pace.leave(tokens, now)
            await asyncio.sleep(wait)

    async def _send(self, send: Callable[[], Awaitable[_T]], texts: int, sent: Sent) -> _T:
        """Make one request, and learn from how it ends."""
        begun = time.monotonic()
        outcome: Outcome | None = None
        try:
            result = await send()
        except (EmbeddingRefused, EmbedderUnavailable) as failure:
            outcome = self._learn(failure)
            raise
        else:
            outcome = Outcome.OK
            self._busy_in_a_row = 0
            self._lanes.widen()
            self._breaker.succeeded()
            return result
        finally:
            sent.answered = time.monotonic()
            # One that its caller left says nothing about the provider, and nor does loading the model.
            if outcome and texts:
                self._observer.requested(outcome, texts, sent.answered - begun)
                self._report()

    def _learn(self, failure: EmbeddingRefused | EmbedderUnavailable) -> Outcome:
        now = time.monotonic()
        match failure:
            case EmbeddingRefused():
                self._breaker.succeeded()
                return Outcome.REFUSED
            case EmbedderDenied():
                self._breaker.deny(failure, now)
                return Outcome.DENIED
            case EmbedderBusy():
                self._busy_in_a_row += 1
                self._lanes.narrow()
                self._hold(failure, self.policy.jitter(self._busy_in_a_row))
                return Outcome.BUSY
            case _:
                self._hold(failure, 0.0)
                self._breaker.failed(failure, now)
                return Outcome.FAILED

    def _report(self, state: Circuit | None = None) -> None:
        state = state or (Circuit.CLOSED if self._breaker.closed else Circuit.OPEN)
        if state is not self._state:
            self._state = state
            self._observer.circuit(state)

    def _hold(self, failure: EmbedderUnavailable, seconds: float) -> None:
        """Keep everybody waiting for as long as the provider asks, else for ``seconds``."""
        until = time.monotonic() + (seconds if failure.retry_after is None else failure.retry_after)
        if until > self._held_until:
            self._held_until, self._held_by = until, failure

    def _given_up(self, failure: EmbedderUnavailable, delay: float) -> EmbedderUnavailable:
        wait = max(self._held_until - time.monotonic(), delay, self.policy.backoff)
        kind = EmbedderBusy if isinstance(failure, EmbedderBusy) else GivenUp
        return kind(failure.message, remedy=failure.remedy, retry_after=wait)
