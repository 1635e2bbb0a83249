"""One embedding endpoint over HTTP: what is tried again, for how long, and what each refusal means."""

import asyncio
import json
import math
import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from ragstone.domain.errors import ConfigurationError, EmbedderUnavailable

OPENAI = "https://api.openai.com/v1"

ATTEMPTS = 5
LONGEST_BACKOFF = 8.0
TOO_MUCH = (400, 413, 422)
"""What endpoints reply to more texts, or more tokens, than they take at once."""


class RequestRefused(Exception):
    """The endpoint does not take this request; fewer texts at once may do. Stays within this package."""


class Endpoint:
    """Posts to ``base_url``/embeddings, patiently. The key is sent, and never shown.

    What may pass (no connection, no reply within ``timeout`` seconds, 408, 429, 5xx) is tried up to ``ATTEMPTS`` times,
    as long as the next attempt starts within ``timeout`` seconds of the first. Between attempts it waits for what the
    endpoint's Retry-After says or, where longer, by exponential backoff with full jitter, ``random(0, backoff * 2^n)``
    (Brooker, "Exponential Backoff And Jitter", 2015).
    """

    def __init__(self, base_url: str | None, *, api_key: str | None, timeout: float, backoff: float) -> None:
        self._url = _url(base_url or OPENAI)
        self._key = _key(api_key)
        self._timeout, self._backoff = timeout, backoff
        self._client: httpx.AsyncClient | None = None

    async def post(self, body: Mapping[str, Any]) -> bytes:
        """Return the body of the reply.

        Raises ``EmbedderUnavailable``, ``ConfigurationError``, and ``RequestRefused`` for what is too much at once.
        """
        patience = time.monotonic() + self._timeout
        attempt = 0
        while True:
            try:
                return await self._post_once(body)
            except EmbedderUnavailable as failure:
                attempt += 1
                delay = max(self._jitter(attempt), failure.retry_after or 0.0)
                if attempt == ATTEMPTS or time.monotonic() + delay > patience:
                    raise
            await asyncio.sleep(delay)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _post_once(self, body: Mapping[str, Any]) -> bytes:
        try:
            response = await self._open_client().post(self._url, json=body)
        except httpx.TimeoutException as error:
            raise self._unavailable(f"did not reply within {self._timeout:g} seconds") from error
        except httpx.RequestError as error:
            raise self._unavailable(f"cannot be reached ({type(error).__name__})") from error
        if response.status_code != 200:
            raise self._failure(response)
        return response.content

    def _open_client(self) -> httpx.AsyncClient:
        # Made on first use, because it reads the certificates of the machine.
        if self._client is None:
            headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
            self._client = httpx.AsyncClient(headers=headers, timeout=self._timeout)
        return self._client

    def _failure(self, response: httpx.Response) -> Exception:
        status = response.status_code
        if status in (401, 403):
            # Not a word of the reply: some endpoints quote the key in it.
            return ConfigurationError(
                f"The embedding endpoint {self._url.host} refuses the API key ({status}).",
                remedy="Check RAGSTONE_EMBEDDER_API_KEY.",
            )
        if status in (408, 429) or status >= 500:
            return self._unavailable(f"replied {status}", retry_after(response.headers.get("retry-after")))
        reason = f"The embedding endpoint {self._url.host} replied {status}{self._message(response)}."
        if status in TOO_MUCH:
            return RequestRefused(reason)
        return ConfigurationError(reason, remedy="Check RAGSTONE_EMBEDDER and RAGSTONE_EMBEDDER_BASE_URL.")

    def _message(self, response: httpx.Response) -> str:
        """Quote the first line of what the endpoint says, without the key."""
        try:
            error = json.loads(response.content)["error"]
            message = str(error["message"] if isinstance(error, dict) else error)
        except (ValueError, KeyError, TypeError):
            return ""
        if self._key:
            message = message.replace(self._key, "***")
        return f": {message.strip().partition(chr(10))[0][:200]}" if message.strip() else ""

    def _unavailable(self, why: str, seconds: float | None = None) -> EmbedderUnavailable:
        return EmbedderUnavailable(
            f"The embedding endpoint {self._url.host} {why}.",
            remedy="Ragstone tries again by itself; check the endpoint and RAGSTONE_EMBEDDER_BASE_URL if it goes on.",
            retry_after=seconds,
        )

    def _jitter(self, attempt: int) -> float:
        return random.uniform(0, min(LONGEST_BACKOFF, self._backoff * 2**attempt))  # noqa: S311 (not a secret)


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Return the seconds that a Retry-After header asks for (RFC 9110, 10.2.3); ``None`` where it makes no sense."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        # A date without a zone that is known is one of Greenwich.
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _url(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(f"{base_url.rstrip('/')}/embeddings")
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigurationError(
            "The base URL of the embedding endpoint is not an HTTP address.",
            remedy="Set RAGSTONE_EMBEDDER_BASE_URL to something like http://localhost:11434/v1.",
        )
    return url


def _key(api_key: str | None) -> str | None:
    key = (api_key or "").strip()
    # A header with anything else in it fails inside the HTTP library, with an error that quotes the key.
    if not (key.isascii() and key.isprintable()):
        raise ConfigurationError(
            "The API key of the embedding endpoint has characters that no key has.",
            remedy="Check RAGSTONE_EMBEDDER_API_KEY for line breaks and characters outside ASCII.",
        )
    return key or None
