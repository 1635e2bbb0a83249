"""How large a request's body may be: decided from its headers, counted while it is read."""

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragstone.api.problems import respond
from ragstone.domain.errors import TooLarge

MIB = 1 << 20
LARGEST_JSON = 2 * MIB
# Parsing JSON holds the interpreter: some 5 ms per MiB in which nothing else is served. A form is read in pieces.
LARGEST_JSON_DOCUMENT = 16 * MIB
_FORM_FIELDS = MIB
_DOCUMENTS = ("/v1/documents", "/v1/documents/chunks")

Limit = Callable[[Scope], int]


def limit_of(max_upload: int) -> Limit:
    """Return the rule that says how many bytes the body of a request may have."""

    def limit(scope: Scope) -> int:
        if scope["path"] not in _DOCUMENTS:
            return LARGEST_JSON
        if Headers(scope=scope).get("content-type", "").startswith("multipart/"):
            return max_upload + _FORM_FIELDS
        return min(LARGEST_JSON_DOCUMENT, max_upload)

    return limit


class BodyLimit:
    """Refuses a request at once whose length is declared too large; stops reading one that turns out to be."""

    def __init__(self, app: ASGIApp, limit: Limit) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit(scope)
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdigit() and int(declared) > limit:
            await respond(_too_large(limit))(scope, receive, send)
            return
        size = 0

        async def receive_counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit:
                # FastAPI lets no other exception through while it reads a body.
                raise HTTPException(413, detail=_too_large(limit).message)
            return message

        await self._app(scope, receive_counted, send)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"The request's body is larger than {limit // MIB} MiB.",
        remedy="Send a large document as a file (multipart/form-data) of at most RAGSTONE_MAX_UPLOAD_MB.",
    )
