"""The members of a gzip file, one after the other, without what somebody put behind the last."""

import zlib
from typing import BinaryIO

_MAGIC = b"\x1f\x8b\x08"
_WITH_HEADER = 31
_PART = 64 * 1024


class GzipMembers:
    """Reads gzip. The standard library refuses a file with bytes behind its end, which some programs pad or sign.

    Raises ``EOFError`` for a file that was cut short, and ``zlib.error`` for one that is damaged.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._member = zlib.decompressobj(_WITH_HEADER)
        self._packed = b""
        self._is_over = False

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes, none at the end."""
        while not self._is_over:
            packed = self._packed or self._file.read(_PART)
            if not packed:
                raise EOFError("The file ends within a member.")
            unpacked = self._member.decompress(packed, size)
            self._packed = self._member.unconsumed_tail
            if self._member.eof:
                self._next(self._member.unused_data)
            if unpacked:
                return unpacked
        return b""

    def _next(self, behind: bytes) -> None:
        """Go on with the next member, if one begins behind the one that has ended and its padding."""
        while not (rest := behind.lstrip(b"\0")) and (behind := self._file.read(_PART)):
            pass
        rest += self._file.read(len(_MAGIC)) if len(rest) < len(_MAGIC) else b""
        self._is_over = not rest.startswith(_MAGIC)
        self._member, self._packed = zlib.decompressobj(_WITH_HEADER), rest
