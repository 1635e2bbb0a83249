"""An ``Embedder`` without a model: texts that share words are near each other, always in the same way."""

import re
import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np

from ragstone.ports.embedder import EmbeddingModel, ModelInput, Tokenizer, Vectors

DIMENSIONS: Final = 256
_WORD: Final = re.compile(r"\w+")


class WordTokenizer:
    """A token for each word."""

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        """Return where the words lie."""
        return [match.span() for match in _WORD.finditer(text)]


class WordVectors:
    """Each word is one of 256 directions, chosen by its checksum; a text is the sum of its words, of length 1.

    ``calls`` holds the texts of each call, for tests that count them.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []

    @property
    def model(self) -> EmbeddingModel:
        """A space of its own."""
        return EmbeddingModel("testing/word-vectors", "1", DIMENSIONS, max_tokens=10_000)

    @property
    def tokenizer(self) -> Tokenizer:
        """Words."""
        return WordTokenizer()

    async def input(self) -> ModelInput:
        """Return what it reads: words."""
        return ModelInput(self.model.name, self.tokenizer, self.model.max_tokens)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the sums of the words' directions. A text without words lies in a direction of its own."""
        self.calls.append(tuple(texts))
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in _WORD.findall(text.casefold()):
                vectors[row, 1 + zlib.crc32(word.encode()) % (DIMENSIONS - 1)] += 1.0
            if not vectors[row].any():
                vectors[row, 0] = 1.0
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    async def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Return the same as ``embed``."""
        return await self.embed(texts)

    async def warm(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to release."""
