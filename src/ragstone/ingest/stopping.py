"""Work in a thread cannot be cancelled from outside: it has to look whether it is still wanted."""

from collections.abc import Sequence

from ragstone.ports.embedder import Tokenizer


class NotWanted(Exception):
    """The result of this thread's work is awaited no more."""


class Stoppable:
    """A tokenizer that ends what uses it once it is closed: whatever cuts text asks it all the time."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._closed = False

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        """Return what the tokenizer does. Raise ``NotWanted`` once closed."""
        if self._closed:
            raise NotWanted
        return self._tokenizer.spans(text)

    def close(self) -> None:
        """Let the next call end its thread's work."""
        self._closed = True
