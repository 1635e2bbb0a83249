"""What a word weighs by where it stands: in a document's title, in the headings above a chunk, in its text.

A term's frequency in a chunk is the sum over these fields of weight times frequency, and a chunk's length likewise.
BM25 saturates that sum once: a word of a title is one that stands there more often, and does not count beside it
(Robertson, Zaragoza and Taylor, CIKM 2004).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from ragstone.domain.documents import Chunk

FINEST = 4
"""Weights are quarters: they and all sums of them are whole numbers of these."""
HEAVIEST = 10.0

Fields: TypeAlias = Sequence[tuple[str, int]]
"""Texts, with what each of their words counts."""


@dataclass(frozen=True, slots=True)
class FieldWeights:
    """What a word weighs in the title and in headings, 0 to 10 by quarters; in the text it weighs 1.

    Raises ``ValueError`` for other weights.
    """

    title: float = 2.0
    headings: float = 2.0

    def __post_init__(self) -> None:
        """Check them."""
        if not all(0 <= each <= HEAVIEST and FINEST * each % 1 == 0 for each in (self.title, self.headings)):
            raise ValueError(f"Weights are quarters from 0 to {HEAVIEST:g}, not {self.title} and {self.headings}.")

    @property
    def unit(self) -> int:
        """What a word of the text counts, 1, 2 or 4: the least by which all weights are whole numbers."""
        return _unit(self.title, self.headings)

    def of(self, title: str, chunk: Chunk) -> Fields:
        """Return what of a chunk is indexed, and what a word counts there, in ``unit``.

        A title that is the first heading, too, is there once. Where all weights are whole it is one text, in which the
        weighty ones stand again and again: that is counted fastest.
        """
        below = chunk.heading_path[1:] if chunk.heading_path[:1] == (title,) else chunk.heading_path
        unit = self.unit
        if unit == 1:
            repeated = (title,) * int(self.title) + below * int(self.headings)
            return [("\n".join(filter(None, (*repeated, chunk.lead, chunk.text))), 1)]
        parts: dict[int, list[str]] = {}
        for weight, texts in ((self.title, (title,)), (self.headings, below), (1.0, (chunk.lead, chunk.text))):
            parts.setdefault(int(weight * unit), []).extend(filter(None, texts))
        return [("\n".join(texts), counts) for counts, texts in parts.items() if counts]


@lru_cache(maxsize=64)
def _unit(title: float, headings: float) -> int:
    return next(unit for unit in (1, 2, FINEST) if not (unit * title % 1 or unit * headings % 1))
