"""``Reranker`` by an HTTP endpoint."""

from collections.abc import Sequence

from ragstone.adapters.rerankers.http.endpoint import Endpoint
from ragstone.adapters.rerankers.http.shapes import Shape, read_scores
from ragstone.domain.errors import ConfigurationError
from ragstone.ports.reranker import Candidate


class HttpReranker:
    """The model ``model`` behind an endpoint of this shape, at ``base_url`` (the vendor's own if None).

    ``timeout`` in seconds bounds one reply; a request is made once, because the question waits. The endpoint cuts
    texts that are too long for its model. Raises ``ConfigurationError`` for what cannot be a name, an address or a key.
    """

    def __init__(
        self, shape: Shape, model: str, *, base_url: str | None = None, api_key: str | None = None, timeout: float
    ) -> None:
        address = base_url or shape.base_url
        if address is None:
            raise ConfigurationError(
                f"The reranker {shape.kind} has no address.",
                remedy="Set RAGSTONE_RERANKER_BASE_URL to something like http://localhost:8080.",
            )
        if shape.base_url is not None and not model:
            raise ConfigurationError(
                f"The reranker {shape.kind} needs the name of a model.",
                remedy=f"Set RAGSTONE_RERANKER={shape.kind}:MODEL.",
            )
        self._shape, self._model = shape, model
        self._endpoint = Endpoint(address, api_key=api_key, timeout=timeout)

    @property
    def name(self) -> str:
        """The protocol, with the model where it is named."""
        return f"{self._shape.kind}:{self._model}" if self._model else self._shape.kind

    async def warm(self) -> None:
        """Do nothing: a request would cost money."""

    async def score(self, question: str, candidates: Sequence[Candidate]) -> Sequence[float]:
        """Return one score for each candidate. Raises ``RerankerUnavailable``."""
        scores: list[float] = []
        most = self._shape.most_texts
        for start in range(0, len(candidates), most):
            texts = [_sendable(candidate.whole) for candidate in candidates[start : start + most]]
            reply = await self._endpoint.post(self._shape.request(self._model, _sendable(question), texts))
            scores += read_scores(reply, self._shape, len(texts))
        return scores

    async def close(self) -> None:
        """Close the connections."""
        await self._endpoint.close()


def _sendable(text: str) -> str:
    """Return ``text`` without halves of surrogate pairs, which no JSON in UTF-8 has; endpoints refuse empty texts."""
    return text.encode("utf-8", "replace").decode("utf-8") or " "
