"""What retrieval is held against on each public set: nDCG@10 of plain searches, and the least of the default."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Bar:
    """A set's figures, where the design names them: nDCG@10 of exact searches over documents whole, to 256 tokens.

    ``words``: BM25; ``meaning``: MiniLM; ``ranks`` and ``halves``: both, fused by reciprocal ranks (60) and by a convex
    combination of equal parts. ``least`` is what the default must reach. At most so many ``questions`` are asked.
    """

    words: float | None = None
    meaning: float | None = None
    ranks: float | None = None
    halves: float | None = None
    least: float | None = None
    questions: int | None = None


BARS: Final[Mapping[str, Bar]] = {
    "adi": Bar(),
    "xquad/en": Bar(0.967, 0.944, 0.971, 0.981, 0.976),
    "xquad/de": Bar(0.932, 0.680, 0.854, 0.934, 0.929),
    "xquad/es": Bar(),
    "xquad/zh": Bar(0.111, 0.239, 0.307, 0.304, 0.850),
    "tatqa/dev": Bar(0.693, 0.472, 0.610, 0.671, 0.688),
    "policyqa/dev": Bar(questions=1000),
    "clapnq": Bar(),
    "medline": Bar(0.699, 0.787, 0.796, 0.791, 0.791),
    "cranfield": Bar(0.409, 0.411, 0.456, 0.463, 0.458),
    "cisi": Bar(0.396, 0.421, 0.447, 0.455, 0.450),
    "squad_4k": Bar(0.881, 0.849, 0.907, 0.926, 0.921, questions=1000),
    "scifact": Bar(),
}
"""By size, the smallest first: a run that is broken off has done most of the sets."""

BELOW_LEG: Final = 0.01
"""The default may be so much below the better of its own two legs on any set."""
