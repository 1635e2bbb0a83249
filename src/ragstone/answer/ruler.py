"""Cosines of any embedding model, read as MiniLM's.

The same two texts have a cosine of 0.1 in one model and of 0.7 in another, so a threshold fitted with one
model says nothing in the next. A few fixed questions and their answers tell where a model puts what
belongs together and what does not; between those two marks its cosines are read on MiniLM's scale.
"""

from dataclasses import dataclass
from typing import Final

from ragstone.ports.embedder import Embedder

_PAIRS: Final = (
    ("When was the lighthouse built?", "The lighthouse was built in 1821 by the harbour board."),
    ("How do I change the password of an account?", "Open the settings and choose a new password for the account."),
    ("Which metal is the best conductor of electricity?", "Silver conducts electricity better than any other metal."),
    ("Who wrote the report on the flood?", "The report on the flood was written by the chief engineer."),
    ("What does the cache keep?", "The cache keeps the results of queries for one hour."),
    ("How long may a visitor stay in the country?", "Visitors may stay in the country for up to ninety days."),
    ("Why do leaves turn red in autumn?", "In autumn leaves lose their green pigment and red ones show."),
    ("Where are the spare parts stored?", "Spare parts are stored in the second hall, next to the workshop."),
)
_APART: Final = 0.033
_TOGETHER: Final = 0.732
"""Mean cosines of MiniLM over the unrelated and the related texts among ``_PAIRS``."""
_LEAST_SPREAD: Final = 0.05


@dataclass(frozen=True, slots=True)
class Ruler:
    """Where a model puts unrelated texts (``apart``) and a question with its answer (``together``)."""

    apart: float = _APART
    together: float = _TOGETHER

    def read(self, cosine: float) -> float:
        """Return the cosine that MiniLM would give where this model gives ``cosine``."""
        return _APART + (cosine - self.apart) * (_TOGETHER - _APART) / (self.together - self.apart)


async def measure(embedder: Embedder) -> Ruler:
    """Return the ruler of a model, from 16 short texts. Raises ``EmbedderUnavailable``.

    A model that does not tell the pairs apart gets MiniLM's own ruler: there is nothing to read.
    """
    count = len(_PAIRS)
    vectors = await embedder.embed([text for side in zip(*_PAIRS, strict=True) for text in side])
    cosines = vectors[:count] @ vectors[count:].T
    together = float(cosines.trace()) / count
    apart = float(cosines.sum() - cosines.trace()) / (count * (count - 1))
    return Ruler(apart, together) if together - apart > _LEAST_SPREAD else Ruler()
