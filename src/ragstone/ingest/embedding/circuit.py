"""Whether a provider is up: what is known from the requests that were made."""

import random

from ragstone.domain.errors import EmbedderDenied, EmbedderUnavailable

_SPREAD = 0.8
"""Pauses are shortened by chance down to this share, so that several workers do not come back at the same moment."""


class Breaker:
    """Closed until ``failures`` requests in a row failed. Then a probe is due at once; one that fails opens it.

    Times are those of a clock that only goes forward, in seconds.
    """

    def __init__(self, *, failures: int, pause: float, longest_pause: float) -> None:
        self._failures, self._first_pause, self._longest_pause = failures, pause, longest_pause
        self._in_a_row = 0
        self._pause = pause
        self._cause: EmbedderUnavailable | None = None
        self._until: float | None = None

    @property
    def closed(self) -> bool:
        """Whether requests may be made."""
        return self._until is None

    def remaining(self, now: float) -> float:
        """Return the seconds until the next probe is due."""
        return max(0.0, (self._until or now) - now)

    def succeeded(self) -> None:
        """Close: whatever was answered last, the provider is up."""
        self._in_a_row, self._until, self._pause = 0, None, self._first_pause

    def failed(self, cause: EmbedderUnavailable, now: float) -> None:
        """Count a failure. The one too many makes a probe due, which tells a provider that is down from a bad text."""
        self._in_a_row += 1
        self._cause = cause
        if self.closed and self._in_a_row >= self._failures:
            self._until = now

    def open(self, cause: EmbedderUnavailable, now: float) -> None:
        """Ask nothing for a pause, or for as long as the provider asks where that is longer."""
        pause = self._pause * random.uniform(_SPREAD, 1.0)  # noqa: S311 (not a secret)
        self._until = now + max(pause, cause.retry_after or 0.0)
        self._pause = min(self._longest_pause, self._pause * 2)
        self._cause = cause

    def deny(self, cause: EmbedderUnavailable, now: float) -> None:
        """Ask nothing for the longest pause: waiting alone does not mend this one."""
        self._pause = self._longest_pause
        self.open(cause, now)

    def error(self, now: float) -> EmbedderUnavailable:
        """Return what a caller is told while the circuit is not closed."""
        wait = max(self.remaining(now), self._first_pause * (1 - _SPREAD))
        kind = EmbedderDenied if isinstance(self._cause, EmbedderDenied) else EmbedderUnavailable
        message = self._cause.message if self._cause else "The embedding model does not answer."
        return kind(message, remedy=self._cause.remedy if self._cause else "", retry_after=wait)
