"""How a provider is treated. Times are in seconds; a limit of 0 is none."""

import random
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a caller goes on.

    ``attempts`` are all that one request gets, and ``seconds`` the longest wait before one of them that the provider
    may ask for. Who is ``queued`` takes a lane, and waits for the limits of requests and tokens however long it takes.
    """

    attempts: int
    seconds: float
    queued: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """What one provider is asked, at most, and when it counts as down.

    ``requests`` and ``tokens`` are the most in any ``window``, and ``batch_tokens`` in one request. ``failures`` in a
    row open the circuit for ``pause``, which doubles up to ``longest_pause`` while it stays open.
    """

    concurrency: int = 1
    batch_tokens: int = 0
    requests: int = 0
    tokens: int = 0
    window: float = 60.0
    backoff: float = 0.5
    longest_backoff: float = 8.0
    failures: int = 5
    pause: float = 5.0
    longest_pause: float = 60.0
    documents: Patience = field(default=Patience(attempts=5, seconds=60.0, queued=True))
    questions: Patience = field(default=Patience(attempts=2, seconds=2.0, queued=False))

    @property
    def counts_tokens(self) -> bool:
        """Whether anything depends on how many tokens a text has."""
        return bool(self.batch_tokens or self.tokens)

    @property
    def most_tokens(self) -> int:
        """The most tokens of one request; 0: any number."""
        return min(filter(None, (self.batch_tokens, self.tokens)), default=0)

    def jitter(self, attempt: int) -> float:
        """Return the wait after the failure of ``attempt`` (from 1).

        Exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter", 2015).
        """
        return random.uniform(0, min(self.longest_backoff, self.backoff * 2**attempt))  # noqa: S311 (not a secret)
