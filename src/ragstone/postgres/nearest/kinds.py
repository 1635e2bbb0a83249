"""The kinds of index a space may have, their parameters, and how one is searched for so many neighbours."""

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, TypeAlias

import psutil

Settings: TypeAlias = Mapping[str, str]
"""Parameters of PostgreSQL, by name."""


class Kind(StrEnum):
    """A graph of neighbours (HNSW), or lists around centres (IVFFlat): smaller and sooner built, slower to search."""

    HNSW = "hnsw"
    IVFFLAT = "ivfflat"


M = 24
EF_CONSTRUCTION = 200
MOST_EF_SEARCH = 1000  # pgvector's own bound
_LEAST_EF_SEARCH = 180
_LEAST_EF_SEARCH_SUFFICES = 100_000
"""Vectors, up to which the least width does."""
_EF_SEARCH_PER_DOUBLING = 25.0
_MOST_LISTS = 32_768  # pgvector's own bound
_LEAST_PROBES = 8
_SCAN_MEMORY = 16
"""Times ``work_mem`` that one iterative scan may take; where it takes more, it ends, and what is exact goes on."""


def lists_for(rows: int) -> int:
    """Return how many lists an IVFFlat index of so many vectors has: the square root, as many lists as vectors in
    one."""
    return min(max(math.isqrt(rows), 1), _MOST_LISTS)


def parameters_for(kind: Kind, rows: int) -> Mapping[str, int]:
    """Return the storage parameters of an index over so many vectors."""
    return {"m": M, "ef_construction": EF_CONSTRUCTION} if kind is Kind.HNSW else {"lists": lists_for(rows)}


def has_outgrown(parameters: Mapping[str, int], rows: int) -> bool:
    """Say whether the lists of an index are those of less than half of the vectors that there are now."""
    lists = parameters.get("lists", _MOST_LISTS)
    return lists < _MOST_LISTS and 2 * (lists + 1) ** 2 <= rows


def memory_for(kind: Kind, rows: int, dimensions: int, most_mb: int) -> int:
    """Return the MiB of memory for building an index, ``most_mb`` at most.

    A graph that does not fit is built on disk from there on, several times as slowly. Each vector takes its halves, its
    places in lists of neighbours, 16 bytes each, on all levels, and what goes with them. IVFFlat samples 50 vectors of
    each list, as float32 too.
    """
    if kind is Kind.HNSW:
        needed = rows * (2 * dimensions + 16 * 2 * M + 16 * M + 256)
    else:
        needed = lists_for(rows) * (50 * 2 + 4 * 4) * dimensions + lists_for(rows) ** 2 * 8
    return max(min((needed * 5 // 4 >> 20) + 16, most_mb), 64)


def building_memory_mb(*, embedded: bool) -> int:
    """Return the most MiB for building an index where nobody has said: the machine of another server is not known."""
    return psutil.virtual_memory().total // 4 >> 20 if embedded else 512


class Space(NamedTuple):
    """An embedding space: a partition of all vectors, with its indexes."""

    id: int
    dimensions: int

    @property
    def partition(self) -> str:
        """The name of its table."""
        return f"vectors_{self.id}"


class Shape(NamedTuple):
    """What a search knows of a space: about how many vectors it holds (0: unknown), and its index's lists (0: none)."""

    rows: int = 0
    lists: int = 0

    def in_order(self, candidates: int) -> bool:
        """Say whether so many candidates come in order of their distance: in one look of the graph."""
        return candidates <= MOST_EF_SEARCH and not self.lists

    def settings(self, candidates: int, limit: int) -> Settings:
        """Return how PostgreSQL is to search for so many candidates, whichever index there is, for ``limit`` of them.

        What fits into one look of the graph is looked for at once; more comes look by look, about in order. The look is
        the wider the further away the last of those may be that are taken.
        """
        ef_search = max(self._least_ef_search + candidates - limit, candidates * 5 // 4)
        return {
            "hnsw.ef_search": str(min(ef_search, MOST_EF_SEARCH)),
            "hnsw.iterative_scan": "off" if candidates <= MOST_EF_SEARCH else "relaxed_order",
            "hnsw.max_scan_tuples": str(4 * candidates),
            "hnsw.scan_mem_multiplier": str(_SCAN_MEMORY),
            "ivfflat.probes": str(self._probes(candidates)),
            "ivfflat.iterative_scan": "relaxed_order",
            "ivfflat.max_probes": str(_MOST_LISTS),
        }

    @property
    def _least_ef_search(self) -> int:
        """A greater graph needs a wider look for the same recall."""
        doublings = math.log2(max(self.rows / _LEAST_EF_SEARCH_SUFFICES, 1))
        return _LEAST_EF_SEARCH + int(_EF_SEARCH_PER_DOUBLING * doublings)

    def _probes(self, candidates: int) -> int:
        """Return how many lists to look through: a share that shrinks as they grow, or four times what is wanted."""
        filling = 4 * candidates * self.lists // max(self.rows, 1)
        return min(max(_LEAST_PROBES, 2 * math.isqrt(self.lists), filling), max(self.lists, 1))
