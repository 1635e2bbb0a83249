"""How much a file may become when it is unpacked, with all that is packed within it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from ragstone.adapters.parsers.kreuzberg.failures import too_large
from ragstone.domain.errors import ParseFailed

DEEPEST = 6
"""Archives, compressed files and messages within one another."""
MOST_MEMBERS = 10_000
LARGEST_TOTAL = 512 * 2**20
"""Bytes of all that is unpacked."""
HIGHEST_RATIO = 250
"""Bytes unpacked for each byte of the file; text rarely packs better than 20 to 1."""
_HARMLESS = 32 * 2**20
"""Bytes up to which the ratio does not matter."""
_PART = 2**20


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Unpacking:
    """Counts what one file becomes, and raises ``ParseFailed`` (``too_large``) at the first bound."""

    def __init__(self, packed: int) -> None:
        self._packed = max(1, packed)
        self._members = 0
        self._unpacked = 0
        self._depth = 0

    def read(self, stream: _Stream) -> bytes:
        """Read a stream to its end, or to the bound."""
        parts: list[bytes] = []
        while part := stream.read(_PART):
            self.count_bytes(len(part))
            parts.append(part)
        return b"".join(parts)

    def count_bytes(self, number: int) -> None:
        """Note bytes that were unpacked, or are about to be."""
        self._unpacked += number
        if self._unpacked > LARGEST_TOTAL:
            raise too_large(f"Unpacked, the file takes more than {LARGEST_TOTAL >> 20} MiB.")
        if self._unpacked > max(_HARMLESS, HIGHEST_RATIO * self._packed):
            raise too_large(f"Unpacked, the file is more than {HIGHEST_RATIO} times its size, as a bomb is.")

    def count_member(self) -> None:
        """Note a file within the file."""
        self._members += 1
        if self._members > MOST_MEMBERS:
            raise too_large(f"The file holds more than {MOST_MEMBERS:,} files.")

    @contextmanager
    def within(self) -> Iterator[None]:
        """Go one archive or message deeper. Raises ``ParseFailed`` (``too_deep``), which does not end the outer one."""
        if self._depth >= DEEPEST:
            raise ParseFailed(
                "too_deep",
                f"More than {DEEPEST} archives or messages lie within one another.",
                remedy="Unpack it, and send the files that matter one by one.",
            )
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
