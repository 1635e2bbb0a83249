"""Postings that were read of late: those of a segment are the same for ever."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from ragstone.retrieve.lexical.blocks import Posting

_OVERHEAD = 400
"""Bytes that an entry takes beside its arrays."""


class PostingCache:
    """Up to ``most_bytes`` of postings by segment and term; the one that was not asked for the longest goes first."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held: OrderedDict[tuple[int, int], Posting] = OrderedDict()
        self._bytes = 0

    def get(self, wanted: Iterable[tuple[int, int]]) -> dict[tuple[int, int], Posting]:
        """Return those that are held."""
        found = {}
        for key in wanted:
            posting = self._held.get(key)
            if posting is not None:
                self._held.move_to_end(key)
                found[key] = posting
        return found

    def put(self, postings: Mapping[tuple[int, int], Posting]) -> None:
        """Hold these as well."""
        for key, posting in postings.items():
            if key not in self._held:
                self._held[key] = posting
                self._bytes += posting.size + _OVERHEAD
        while self._bytes > self._most_bytes:
            _, posting = self._held.popitem(last=False)
            self._bytes -= posting.size + _OVERHEAD
