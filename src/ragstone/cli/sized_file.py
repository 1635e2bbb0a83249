"""A file while it is sent: as many bytes as it had when it was opened, whatever is written to it in the meantime."""

import os
from typing import BinaryIO

from ragstone.domain.errors import InvalidRequest


class FileChanged(InvalidRequest):
    """A file became shorter while it was read. Others go on."""

    code = "file_changed"


class SizedFile:
    """The first bytes of ``file``, which is open: so many as it has now.

    A request says beforehand how many bytes it has, and must keep to it: of a log that grows, what was there goes.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self._place = 0

    def read(self, most: int) -> bytes:
        """Return the next bytes, ``most`` of them; none at the end. Raise ``FileChanged`` where there are none."""
        wanted = min(most, self._size - self._place)
        part = self._file.read(wanted)
        if len(part) < wanted:
            raise FileChanged(
                f"{os.path.basename(self._file.name)} became shorter while it was read.",
                remedy="Send it again once nobody writes to it.",
            )
        self._place += len(part)
        return part

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to its beginning or its end, by which httpx learns how long it is; return where that is."""
        self._place = self._size if whence == os.SEEK_END else offset
        self._file.seek(self._place)
        return self._place

    def tell(self) -> int:
        """Return how many bytes were read."""
        return self._place
