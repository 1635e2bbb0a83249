"""Every error that Ragstone raises on purpose.

Each says what is wrong (``message``) and how to mend it (``remedy``); the doors render both.

    RagstoneError
     ├─ InvalidRequest            the caller's input is wrong; nothing was changed
     │   ├─ NotFound              no such thing, or not for this principal (the two look alike)
     │   ├─ Conflict              the thing's state does not allow it
     │   ├─ TooLarge              over a limit of size
     │   ├─ UnsupportedMediaType  no parser reads this kind of file
     │   ├─ Unauthenticated       no key, or a wrong one
     │   └─ Forbidden             the key does not allow it
     ├─ ParseFailed               one document cannot be read; others go on
     ├─ EmbeddingRefused          the embedding model does not take one text; others go on
     ├─ Unavailable               something Ragstone depends on does not answer
     │   ├─ DatabaseUnavailable
     │   │   ├─ GaveWay           it ended this change, which waited for another one that waited for it
     │   │   └─ SearchTimeout     it answers, but not within the time that a search has
     │   ├─ EmbedderUnavailable
     │   │   ├─ EmbedderBusy      it answers, but not so many requests
     │   │   └─ EmbedderDenied    it refuses the key or does not know the model
     │   └─ ChatModelUnavailable
     ├─ TooManyRequests           the caller sends more than is taken from it
     ├─ ConfigurationError        Ragstone cannot start as it is set up
     └─ LeaseLost                 another worker has taken this work over (never shown to a caller)
"""

from typing import ClassVar


class RagstoneError(Exception):
    """The root. ``code`` is stable and machine-readable."""

    code: ClassVar[str] = "ragstone_error"

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class InvalidRequest(RagstoneError):
    """The caller's input is wrong."""

    code = "invalid_request"


class NotFound(InvalidRequest):
    """No such thing, or it is not for this principal."""

    code = "not_found"


class Conflict(InvalidRequest):
    """The state of the thing does not allow what was asked."""

    code = "conflict"


class TooLarge(InvalidRequest):
    """Over a limit of size."""

    code = "too_large"


class UnsupportedMediaType(InvalidRequest):
    """No parser reads this kind of file."""

    code = "unsupported_media_type"


class Unauthenticated(InvalidRequest):
    """No API key, or one that is wrong or revoked."""

    code = "unauthenticated"


class Forbidden(InvalidRequest):
    """The API key does not allow it."""

    code = "forbidden"


class ParseFailed(RagstoneError):
    """A document cannot be read. ``retryable``: whether the same bytes may do better another time."""

    code = "parse_failed"

    def __init__(self, code: str, message: str, *, remedy: str, retryable: bool = False) -> None:
        super().__init__(message, remedy=remedy)
        self.failure_code = code
        self.retryable = retryable


class EmbeddingRefused(RagstoneError):
    """The embedding model does not take a text, and never will. ``index``: which of the caller's, where known."""

    code = "embedding_refused"

    def __init__(self, message: str, *, remedy: str = "", index: int | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.index = index


LONGEST_WAIT = 3600.0
"""Seconds. Whoever asks for a longer pause is asked again after so many: a wrong header must not stop us for years."""


class Unavailable(RagstoneError):
    """A dependency does not answer. ``retry_after`` in seconds, where it said so; at most ``LONGEST_WAIT``."""

    code = "unavailable"

    def __init__(self, message: str, *, remedy: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after = None if retry_after is None else min(retry_after, LONGEST_WAIT)


class DatabaseUnavailable(Unavailable):
    """PostgreSQL does not answer."""

    code = "database_unavailable"


class GaveWay(DatabaseUnavailable):
    """Of two changes that met, this one was undone, and may be made again."""


class SearchTimeout(DatabaseUnavailable):
    """PostgreSQL took longer over one step of a search than it may, and stopped."""

    code = "search_timeout"


class EmbedderUnavailable(Unavailable):
    """The embedding model does not answer."""

    code = "embedder_unavailable"


class EmbedderBusy(EmbedderUnavailable):
    """The provider of the embedding model answers, but asks for fewer requests."""


class EmbedderDenied(EmbedderUnavailable):
    """The provider refuses the key, or does not know the model. Somebody has to mend it; until then work waits."""


class ChatModelUnavailable(Unavailable):
    """The language model does not answer."""

    code = "chat_model_unavailable"


class RerankerUnavailable(Unavailable):
    """The reranker does not answer, or not with scores. Whoever asked can do without them."""

    code = "reranker_unavailable"


class TooManyRequests(RagstoneError):
    """The caller sends more than is taken from it. ``retry_after``: seconds until it may send again, as above."""

    code = "too_many_requests"

    def __init__(self, message: str, *, remedy: str = "", retry_after: float = 5.0) -> None:
        super().__init__(message, remedy=remedy)
        self.retry_after = min(retry_after, LONGEST_WAIT)


class ConfigurationError(RagstoneError):
    """Ragstone cannot start as it is set up."""

    code = "configuration_error"


class LeaseLost(RagstoneError):
    """Another worker has taken this work over; what this one did is rolled back."""

    code = "lease_lost"
