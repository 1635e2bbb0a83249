"""One rerank endpoint over HTTP: a request, and what each way to fail means.

Nothing of a failed reply is quoted: it may hold the key, the question or a document's text, and the cause is logged.
"""

from collections.abc import Mapping
from typing import Any

import httpx

from ragstone.adapters.endpoints import endpoint_url, header_key
from ragstone.adapters.retry_after import retry_after
from ragstone.domain.errors import RerankerUnavailable

_GOES_ON = "Searches go on without it; check the endpoint and RAGSTONE_RERANKER_BASE_URL if it lasts."
_REFUSED = (400, 413, 422)
_REMEDIES = {
    **dict.fromkeys((401, 403), "Check RAGSTONE_RERANKER_API_KEY."),
    402: "Raise the quota, or the credit, at the provider.",
    404: "Check RAGSTONE_RERANKER and RAGSTONE_RERANKER_BASE_URL.",
    **dict.fromkeys(_REFUSED, "Check the model in RAGSTONE_RERANKER, or lower RAGSTONE_RERANK_DEPTH."),
    429: "It is left alone for as long as it asks; lower the number of questions, or raise the quota.",
}


class Endpoint:
    """Posts to ``base_url``/rerank, once. The key is sent, never shown.

    Raises ``ConfigurationError`` for an address or a key that cannot be one.
    """

    def __init__(self, base_url: str, *, api_key: str | None, timeout: float) -> None:
        self._url = endpoint_url(
            base_url,
            "rerank",
            what="rerank",
            setting="RAGSTONE_RERANKER_BASE_URL",
            example="http://localhost:8080",
        )
        self._key = header_key(api_key, what="rerank", setting="RAGSTONE_RERANKER_API_KEY")
        self._timeout = timeout
        self._client: httpx.AsyncClient | None = None

    async def post(self, body: Mapping[str, Any]) -> bytes:
        """Return the body of the reply. Raises ``RerankerUnavailable``."""
        try:
            response = await self._open_client().post(self._url, json=body)
        except httpx.TimeoutException as error:
            raise self._unavailable(f"did not reply within {self._timeout:g} seconds") from error
        except httpx.RequestError as error:
            raise self._unavailable(f"cannot be reached ({type(error).__name__})") from error
        if response.status_code != 200:
            raise self._unavailable(
                f"replied {response.status_code}",
                _REMEDIES.get(response.status_code, _GOES_ON),
                retry_after(response.headers.get("retry-after")),
            )
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

    def _unavailable(self, why: str, remedy: str = _GOES_ON, seconds: float | None = None) -> RerankerUnavailable:
        return RerankerUnavailable(f"The rerank endpoint {self._url.host} {why}.", remedy=remedy, retry_after=seconds)
