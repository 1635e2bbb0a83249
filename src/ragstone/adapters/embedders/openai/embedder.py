"""``Embedder`` by OpenAI's embeddings protocol."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ragstone.adapters.embedders.openai.endpoint import Endpoint
from ragstone.adapters.embedders.openai.rows import read_reply
from ragstone.adapters.embedders.openai.token_estimate import TokenEstimate
from ragstone.domain.errors import ConfigurationError
from ragstone.ports.embedder import EmbeddingModel, ModelInput, Vectors

KNOWN_DIMENSIONS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}

BATCH_TEXTS, BATCH_TOKENS = 2048, 200_000
"""OpenAI takes so many texts, and 300,000 tokens, in one request; our own count of tokens is an estimate."""


class OpenAIEmbedder:
    """The model ``name`` at ``base_url`` (OpenAI's own if None).

    ``dimensions`` are asked of the endpoint where given. Else they are the model's own: known for OpenAI's models,
    found by ``warm`` (or the first texts) for others. ``timeout`` in seconds bounds a reply. A request holds at most
    ``batch_texts`` texts and ``batch_tokens`` tokens, and is made once. ``on_tokens`` hears how many tokens the
    endpoint says it has read. Raises ``ConfigurationError`` for a name, URL or key that cannot be one.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        dimensions: int | None = None,
        timeout: float = 30.0,
        max_tokens: int = 8191,
        batch_texts: int = BATCH_TEXTS,
        batch_tokens: int = BATCH_TOKENS,
        on_tokens: Callable[[int], None] | None = None,
    ) -> None:
        if not name:
            raise ConfigurationError(
                "The embedding model has no name.", remedy="Set RAGSTONE_EMBEDDER=openai:text-embedding-3-small."
            )
        self._name = name
        self._endpoint = Endpoint(base_url, api_key=api_key, timeout=timeout)
        self._asked_dimensions = dimensions
        self._dimensions = dimensions or KNOWN_DIMENSIONS.get(name)
        self._max_tokens = max_tokens
        self._batch_texts, self._batch_tokens = batch_texts, batch_tokens
        self._on_tokens = on_tokens
        self._tokenizer = TokenEstimate()

    @property
    def model(self) -> EmbeddingModel:
        """The model. Raises ``ConfigurationError`` where its dimensions are not known yet."""
        if self._dimensions is None:
            raise ConfigurationError(
                f"The dimensions of {self._name} are not known before the endpoint has been asked.",
                remedy="Call warm() first, or set RAGSTONE_EMBEDDER_DIMENSIONS.",
            )
        return EmbeddingModel(self._name, f"{self._dimensions}d", self._dimensions, self._max_tokens)

    @property
    def tokenizer(self) -> TokenEstimate:
        """An upper estimate of the model's tokens, made without its tables."""
        return self._tokenizer

    async def input(self) -> ModelInput:
        """Return what the model reads, as far as that is known without its tables."""
        return ModelInput(self._name, self._tokenizer, self._max_tokens)

    async def warm(self) -> None:
        """Find the dimensions by one request, where they are not known. Raises as ``embed`` does."""
        if self._dimensions is None:
            await self._request(["dimensions"])

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return float32 of shape ``(len(texts), dimensions)``, each row of length 1, in the order given.

        Longer texts are cut at ``max_tokens`` estimated tokens. Raises ``EmbeddingRefused`` where the endpoint does not
        take the texts, and ``EmbedderUnavailable`` where it does not answer, or not with vectors: ``EmbedderBusy``
        where it asks for fewer requests, ``EmbedderDenied`` where it refuses the key or the model.
        """
        if not texts:
            await self.warm()
            return np.empty((0, self.model.dimensions), dtype=np.float32)
        batches = await asyncio.to_thread(lambda: list(self._batches(texts)))
        return np.concatenate([await self._request(batch) for batch in batches])

    async def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Return the same as ``embed``: the protocol knows no questions."""
        return await self.embed(texts)

    async def close(self) -> None:
        """Close the connections."""
        await self._endpoint.close()

    def _batches(self, texts: Sequence[str]) -> Iterator[list[str]]:
        batch: list[str] = []
        tokens = 0
        for text in texts:
            # JSON in UTF-8 has no halves of surrogate pairs.
            cut, size = self._cut(text.encode("utf-8", "replace").decode("utf-8"))
            if batch and (len(batch) == self._batch_texts or tokens + size > self._batch_tokens):
                yield batch
                batch, tokens = [], 0
            batch.append(cut)
            tokens += size
        yield batch

    def _cut(self, text: str) -> tuple[str, int]:
        spans = self._tokenizer.spans(text)
        if not spans:
            # Endpoints refuse an empty text, and take a blank one.
            return " ", 1
        if len(spans) > self._max_tokens:
            return text[: spans[self._max_tokens - 1][1]], self._max_tokens
        return text, len(spans)

    async def _request(self, texts: list[str]) -> Vectors:
        body: dict[str, Any] = {"model": self._name, "input": texts, "encoding_format": "float"}
        if self._asked_dimensions is not None:
            body["dimensions"] = self._asked_dimensions
        body_of_reply = await self._endpoint.post(body)
        # Some megabytes of JSON would hold up the event loop.
        reply = await asyncio.to_thread(read_reply, body_of_reply, len(texts), self._dimensions)
        self._dimensions = reply.vectors.shape[1]
        if self._on_tokens and reply.tokens:
            self._on_tokens(reply.tokens)
        return reply.vectors
