"""Port: texts to vectors, and the tokens that the model sees in them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """Which space vectors live in. Vectors of two different ``(name, version)`` never meet in one search.

    ``max_tokens`` is the longest input, in the model's own tokens, special tokens included. ``languages`` are those
    that it was made for (ISO 639-1); empty stands for all.
    """

    name: str
    version: str
    dimensions: int
    max_tokens: int
    languages: frozenset[str] = field(default=frozenset(), compare=False)


class Tokenizer(Protocol):
    """The model's own tokens, or the nearest upper estimate where the model does not publish them."""

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        """Return ``(start, end)`` of each token in code points of ``text``, in order, without special tokens.

        What stands before white space has the same tokens whatever follows it.
        """
        ...


@dataclass(frozen=True, slots=True)
class ModelInput:
    """What a model reads: texts of at most ``max_tokens`` of the tokenizer's tokens, special ones included."""

    name: str
    tokenizer: Tokenizer
    max_tokens: int


ActiveEmbedder: TypeAlias = Callable[[], Awaitable["Embedder"]]
"""Returns the embedder of the space that answers questions now, ready for use. Raises ``EmbedderUnavailable``."""

ActiveInput: TypeAlias = Callable[[], Awaitable[ModelInput]]
"""Returns what that embedder reads, also while its provider is down. Raises ``ConfigurationError``."""


class Embedder(Protocol):
    """Turns texts into unit vectors."""

    @property
    def model(self) -> EmbeddingModel:
        """The model that this embedder runs; known once ``warm`` has returned."""
        ...

    @property
    def tokenizer(self) -> Tokenizer:
        """How the model splits text."""
        ...

    async def input(self) -> ModelInput:
        """Return what the model reads. No endpoint is asked: texts are cut while it is down, too.

        Raises ``ConfigurationError`` where the files of a local model cannot be had.
        """
        ...

    async def warm(self) -> None:
        """Load the model, or ask the endpoint what it is. Raises ``EmbedderUnavailable``, ``ConfigurationError``."""
        ...

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return float32 of shape ``(len(texts), dimensions)``, each row of length 1, in the order given.

        Longer texts are cut at ``max_tokens``. Raises ``EmbedderUnavailable``, and ``EmbeddingRefused`` for texts that
        the model does not take.
        """
        ...

    async def embed_questions(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors by which texts of ``embed`` are found that answer ``texts``, in the same space.

        Shape, order and errors are those of ``embed``. A model may read a question in another way than a text, and an
        adapter may spend less on one: what is compared with such a vector is what ``embed`` returned.
        """
        ...

    async def close(self) -> None:
        """Release threads, memory and connections."""
        ...
