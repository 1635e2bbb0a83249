"""WordPiece as all-MiniLM-L6-v2 reads text: ids for the network, spans for whoever cuts text."""

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from tokenizers import Tokenizer

from ragstone.domain.errors import ConfigurationError

MAX_TOKENS = 256


class WordPiece:
    """The model's tokenizer. Several threads may call it at once; none of them holds the interpreter up meanwhile.

    Raises ``ConfigurationError`` for a file that is not a tokenizer's.
    """

    def __init__(self, path: Path) -> None:
        # Each text is tokenised on the thread that embeds it. The library's own threads would gain nothing, and make
        # it write a warning into every process that is forked from this one.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        try:
            self._tokenizer = Tokenizer.from_buffer(path.read_bytes())
        except Exception as error:  # which is all that the library tells of a file that it cannot read
            raise ConfigurationError(
                f"{path} is not a tokenizer: {error}.", remedy="Take tokenizer.json from the same place as the weights."
            ) from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._first, self._last = self._tokenizer.encode("").ids

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return each text's ids with the special tokens around them, at most ``MAX_TOKENS`` of them."""
        kept = MAX_TOKENS - 2
        encodings = self._tokenizer.encode_batch_fast([_encodable(text) for text in texts], add_special_tokens=False)
        return [[self._first, *encoding.ids[:kept], self._last] for encoding in encodings]

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        """Return ``(start, end)`` of each token in code points, in order, without special tokens.

        What the model drops beside a token (a combining accent, a control character) goes with that token. Pieces of
        one character share its span.
        """
        # A batch of one, because `encode` holds the interpreter's lock for as long as it takes.
        (encoding,) = self._tokenizer.encode_batch([_encodable(text)], add_special_tokens=False)
        return _covering(text, encoding.offsets)


def _encodable(text: str) -> str:
    """Replace halves of surrogate pairs, which no UTF-8 has, one for one."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _covering(text: str, offsets: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Widen offsets by the characters beside them that no token has, up to white space."""
    if len(set(offsets)) == len(offsets) and "".join([text[slice(*each)] for each in offsets]) == "".join(text.split()):
        return list(offsets)  # as nearly always: every character but white space is in one token, and no white space is
    widened: dict[tuple[int, int], tuple[int, int]] = {}
    taken = 0
    distinct = list(dict.fromkeys(offsets))
    for (start, end), (following, _) in pairwise([*distinct, (len(text), len(text))]):
        first, last = start, end
        while first > taken and not text[first - 1].isspace():
            first -= 1
        while last < following and not text[last].isspace():
            last += 1
        widened[start, end] = (first, last)
        taken = last
    return [widened[offset] for offset in offsets]
