"""Versions that answer and are in no segment: their words were lost, and are not found until they are indexed anew."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ragstone.retrieve.lexical.segment import Ids


@dataclass(frozen=True, slots=True, eq=False)
class Lacking:
    """Versions without words, and for each who may read it, by number; both have shape ``(versions,)``."""

    versions: Ids = field(default_factory=lambda: np.empty(0, "V16"))
    readers: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))

    def __len__(self) -> int:
        return len(self.versions)

    def without(self, versions: Iterable[Ids]) -> "Lacking":
        """Return what is left when these have words again, or answer no more."""
        if not self:
            return self
        left = in_none_of(self.versions, versions)
        return Lacking(self.versions[left], self.readers[left])

    def with_more(self, versions: Ids, readers: int) -> "Lacking":
        """Return these together with others, all of which the same may read."""
        added = np.full(len(versions), readers, np.int32)
        return Lacking(np.concatenate((self.versions, versions)), np.concatenate((self.readers, added)))

    def any_for(self, readers: Sequence[int]) -> bool:
        """Say whether those who may read what these numbers stand for may read any."""
        return bool(np.isin(self.readers, np.array(readers, np.int32)).any())


def in_none_of(asked: Ids, sets: Iterable[Ids]) -> NDArray[np.bool_]:
    """Say of each id whether none of the sets has it."""
    those = np.concatenate((np.empty(0, "V16"), *sets))
    found: NDArray[np.bool_] = np.isin(asked.view("S16"), those.view("S16"), invert=True)
    return found
