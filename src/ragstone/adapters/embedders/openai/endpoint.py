"""One embedding endpoint over HTTP: a request, and what each way to fail means."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from ragstone.adapters.endpoints import endpoint_url, header_key
from ragstone.adapters.retry_after import retry_after
from ragstone.domain.errors import (
    EmbedderBusy,
    EmbedderDenied,
    EmbedderUnavailable,
    EmbeddingRefused,
)

OPENAI = "https://api.openai.com/v1"

TOO_MUCH = (400, 413, 422)
"""What endpoints reply to a text that they do not take, and to more texts or tokens than they take at once."""

_PASSING = (408, 409, 425)
_SHARED_CHARS = 12
"""A message that has so many characters in a row from a text quotes it."""


class Endpoint:
    """Posts to ``base_url``/embeddings, once: others decide whether to try again. The key is sent, never shown."""

    def __init__(self, base_url: str | None, *, api_key: str | None, timeout: float) -> None:
        self._url = endpoint_url(
            base_url or OPENAI,
            "embeddings",
            what="embedding",
            setting="RAGSTONE_EMBEDDER_BASE_URL",
            example="http://localhost:11434/v1",
        )
        self._key = header_key(api_key, what="embedding", setting="RAGSTONE_EMBEDDER_API_KEY")
        self._timeout = timeout
        self._client: httpx.AsyncClient | None = None

    async def post(self, body: Mapping[str, Any]) -> bytes:
        """Return the body of the reply.

        Raises ``EmbeddingRefused`` for what the endpoint does not take, ``EmbedderBusy`` where it asks for fewer
        requests, ``EmbedderDenied`` where it refuses the key or the model, else ``EmbedderUnavailable``.
        """
        try:
            response = await self._open_client().post(self._url, json=body)
        except httpx.TimeoutException as error:
            raise self._unavailable(f"did not reply within {self._timeout:g} seconds") from error
        except httpx.RequestError as error:
            raise self._unavailable(f"cannot be reached ({type(error).__name__})") from error
        if response.status_code != 200:
            raise self._failure(response, body["input"])
        return response.content

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _open_client(self) -> httpx.AsyncClient:
        # Made on first use, because it reads the certificates of the machine.
        if self._client is None:
            headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
            self._client = httpx.AsyncClient(headers=headers, timeout=self._timeout)
        return self._client

    def _failure(self, response: httpx.Response, texts: Sequence[str]) -> Exception:
        status, wait = response.status_code, retry_after(response.headers.get("retry-after"))
        if status == 429 and _code(response) != "insufficient_quota":
            return EmbedderBusy(
                f"The embedding endpoint {self._url.host} asks for fewer requests (429).",
                remedy="Ragstone waits by itself; RAGSTONE_EMBEDDER_REQUESTS_PER_MINUTE and"
                " RAGSTONE_EMBEDDER_TOKENS_PER_MINUTE keep it below a limit.",
                retry_after=wait,
            )
        if status in _PASSING or status >= 500:
            return self._unavailable(f"replied {status}", wait)
        # Of a refused key not a word of the reply: some endpoints quote the key in it.
        said = "" if status in (401, 403) else self._message(response, texts)
        reason = f"The embedding endpoint {self._url.host} replied {status}{said}."
        if status in TOO_MUCH:
            return EmbeddingRefused(reason, remedy="Shorten or change the passage, or choose another embedding model.")
        return _denied(status, reason)

    def _message(self, response: httpx.Response, texts: Sequence[str]) -> str:
        """Quote the first line of what the endpoint says, without the key, and not where it quotes a text."""
        error = _error(response)
        message = error.get("message") if isinstance(error, dict) else error
        if not isinstance(message, str) or not message.strip():
            return ""
        if self._key:
            message = message.replace(self._key, "***")
        message = message.strip().partition("\n")[0][:200]
        return "" if _quotes(message, texts) else f": {message}"

    def _unavailable(self, why: str, seconds: float | None = None) -> EmbedderUnavailable:
        return EmbedderUnavailable(
            f"The embedding endpoint {self._url.host} {why}.",
            remedy="Ragstone tries again by itself; check the endpoint and RAGSTONE_EMBEDDER_BASE_URL if it goes on.",
            retry_after=seconds,
        )


def _error(response: httpx.Response) -> object:
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return None
    return body.get("error") if isinstance(body, dict) else None


def _code(response: httpx.Response) -> object:
    error = _error(response)
    return error.get("code") if isinstance(error, dict) else None


def _quotes(message: str, texts: Sequence[str]) -> bool:
    pieces = {message[start : start + _SHARED_CHARS] for start in range(len(message) - _SHARED_CHARS + 1)}
    return any(text.strip() in message or any(piece in text for piece in pieces) for text in texts if text.strip())


def _denied(status: int, reason: str) -> EmbedderDenied:
    if status in (401, 403):
        return EmbedderDenied(
            f"The embedding endpoint refuses the API key ({status}).", remedy="Check RAGSTONE_EMBEDDER_API_KEY."
        )
    if status == 429:
        return EmbedderDenied(reason, remedy="Raise the quota, or the credit, at the provider.")
    return EmbedderDenied(reason, remedy="Check RAGSTONE_EMBEDDER and RAGSTONE_EMBEDDER_BASE_URL.")
