"""What a new version of a text has in common with the one before, in whole chunks."""

from collections.abc import Sequence
from dataclasses import dataclass

from ragstone.domain.documents import Chunk

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Former:
    """The version before: its text, and the chunks it was cut into, in order."""

    content: str
    chunks: Sequence[Chunk]


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The chunks before and after what has changed, as spans of the new text, and ``[start, end)`` between them."""

    head: Sequence[Span]
    tail: Sequence[Span]
    start: int
    end: int


def unchanged(former: Former, text: str) -> Unchanged:
    """Compare two versions from both ends. A pure function; time grows little more than linearly."""
    before = _common(former.content, text)
    behind = _common_end(former.content, text, min(len(former.content), len(text)) - before)
    shift = len(text) - len(former.content)
    # A chunk at the very edge was perhaps ended by what has changed: it is cut anew.
    head = [(chunk.start, chunk.end) for chunk in former.chunks if chunk.end < before]
    start = head[-1][1] if head else 0
    first = next(
        (place for place, chunk in enumerate(former.chunks) if chunk.start > len(former.content) - behind),
        len(former.chunks),
    )
    end = len(text)
    if first < len(former.chunks):
        # What the first chunk of the tail repeats is the end of the chunk before, which has to be there.
        repeated = former.chunks[first - 1].end if first else 0
        end = max(repeated, former.chunks[first].start) + shift
    tail = [(chunk.start + shift, chunk.end + shift) for chunk in former.chunks[first:]]
    return Unchanged(head, tail, start, end)


def _common(one: str, other: str) -> int:
    """Return the length of the longest common beginning."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if one[least:middle] == other[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def _common_end(one: str, other: str, longest: int) -> int:
    """Return the length of the longest common end, at most ``longest``."""
    least, most = 0, longest
    while least < most:
        middle = (least + most + 1) // 2
        if one[len(one) - middle : len(one) - least] == other[len(other) - middle : len(other) - least]:
            least = middle
        else:
            most = middle - 1
    return least
