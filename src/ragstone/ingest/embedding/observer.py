"""Who wants to know what happens between Ragstone and a provider: numbers only, never a text or a key."""

from enum import StrEnum
from typing import Protocol


class Outcome(StrEnum):
    """How one request ended."""

    OK = "ok"
    BUSY = "busy"
    FAILED = "failed"
    REFUSED = "refused"
    DENIED = "denied"


class Circuit(StrEnum):
    """Whether the provider is asked."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


class EmbeddingObserver(Protocol):
    """Counts."""

    def requested(self, outcome: Outcome, texts: int, seconds: float) -> None:
        """One request of so many texts ended, after so many seconds."""
        ...

    def retried(self) -> None:
        """A request that failed is about to be tried again."""
        ...

    def circuit(self, state: Circuit) -> None:
        """The circuit went to this state."""
        ...


class Unobserved:
    """Counts nothing."""

    def requested(self, outcome: Outcome, texts: int, seconds: float) -> None:
        """Do nothing."""

    def retried(self) -> None:
        """Do nothing."""

    def circuit(self, state: Circuit) -> None:
        """Do nothing."""
