"""Port: what reads a question and a passage together, and says how well the one answers the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage as a reranker reads it: ``place`` (the document's title and the headings above it), and its text."""

    place: str
    text: str

    @property
    def whole(self) -> str:
        """The place, where there is one, on a line of its own before the text."""
        return f"{self.place}\n{self.text}" if self.place else self.text


class Reranker(Protocol):
    """Scores passages against a question: slower than a search, and meant for the few that it found."""

    @property
    def name(self) -> str:
        """What the settings call it."""
        ...

    async def warm(self) -> None:
        """Load what the first question would wait for. Raises ``RerankerUnavailable``, ``ConfigurationError``."""
        ...

    async def score(self, question: str, candidates: Sequence[Candidate]) -> Sequence[float]:
        """Return one finite score for each candidate, in the order given; higher is better, on the model's own scale.

        No candidates, no scores, and nobody is asked. A caller who leaves is let go at once, and what was begun for
        it ends soon. Longer texts are cut. Raises ``RerankerUnavailable``, and ``ConfigurationError`` for what
        somebody has to mend.
        """
        ...

    async def close(self) -> None:
        """Release threads, memory and connections."""
        ...
