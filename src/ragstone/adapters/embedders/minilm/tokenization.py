"""WordPiece as all-MiniLM-L6-v2 reads text: ids for the network, spans for whoever cuts text."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from tokenizers import Encoding, Tokenizer

MAX_TOKENS = 256


class WordPiece:
    """The model's tokenizer. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        # Through a buffer, because the library reports a file that it cannot read as a bare Exception.
        self._tokenizer = Tokenizer.from_buffer(path.read_bytes())
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._first, self._last = self._tokenizer.encode("").ids

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return each text's ids with the special tokens around them, at most ``MAX_TOKENS`` of them."""
        kept = MAX_TOKENS - 2
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [[self._first, *encoding.ids[:kept], self._last] for encoding in encodings]

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        """Return ``(start, end)`` of each token in code points, in order, without special tokens.

        Every character but white space lies in a span: one that the model drops (a combining accent, a control
        character) goes with the token before it, or with the first. Pieces of one character share its span.
        """
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        return _covering(text, encoding)


def _covering(text: str, encoding: Encoding) -> list[tuple[int, int]]:
    offsets = encoding.offsets
    if not offsets:
        return []
    edges = [*offsets, (len(text), len(text))]
    spans = [(start, _reach(text, end, following)) for (start, end), (following, _) in pairwise(edges)]
    lead = len(text) - len(text.lstrip())
    spans[0] = (min(lead, spans[0][0]), spans[0][1])
    return spans


def _reach(text: str, end: int, following: int) -> int:
    while end < following and not text[end].isspace():
        end += 1
    return end
