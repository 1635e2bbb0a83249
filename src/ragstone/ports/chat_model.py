"""Port: a language model that writes text."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from ragstone.domain.answers import Usage


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is told: instructions that it must follow, and the user's turn with the sources as data."""

    instructions: str
    content: str


class ChatModel(Protocol):
    """Writes an answer, piece by piece."""

    @property
    def name(self) -> str:
        """The model's name as the settings give it."""
        ...

    def stream(self, prompt: Prompt, *, max_tokens: int) -> AsyncIterator[str | Usage]:
        """Yield pieces of text as they come and, last, the tokens counted.

        Closing the iterator ends the request to the provider. Raises ``ChatModelUnavailable``.
        """
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
