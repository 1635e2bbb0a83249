"""Compound files (OLE2, [MS-CFB]), which Office before 2007 and Outlook write: a small file system in a file."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ragstone.adapters.parsers.kreuzberg.failures import damaged

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEADER = struct.Struct("<8s16sHHHHH6sIIIIIIIII")
_ENTRY = struct.Struct("<64sHBBIII16sI8s8sIQ")
_LAST_SECTOR = 0xFFFFFFFA
_NONE = 0xFFFFFFFF
_STORAGE, _STREAM, _ROOT = 1, 2, 5
_MINI_SECTOR = 64


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    kind: int
    left: int
    right: int
    child: int
    start: int
    size: int


class CompoundFile:
    """The streams of a compound file by path; names in a path are joined by ``/``.

    Raises ``ParseFailed`` (``damaged``) where the file breaks the format's rules; chains that run in
    circles end at the number of sectors there are.
    """

    def __init__(self, data: bytes) -> None:
        if len(data) < _HEADER.size or not data.startswith(MAGIC):
            raise damaged()
        (_, _, _, _, _, shift, _, _, _, _, directory, _, self._mini_below, mini_table, _, difat, _) = _HEADER.unpack(
            data[: _HEADER.size]
        )
        if shift not in (9, 12):
            raise damaged()
        self._data = data
        self._sector = 1 << shift
        self._sectors = len(data) // self._sector + 1
        self._table = self._allocation_table(difat)
        self._mini_table = self._numbers(self._chain(mini_table, self._table))
        self._entries = list(self._directory(self._chain(directory, self._table)))
        if not self._entries or self._entries[0].kind != _ROOT:
            raise damaged()

    @cached_property
    def paths(self) -> Mapping[str, int]:
        """The streams' paths, and the number of each one's directory entry."""
        found: dict[str, int] = {}
        pending = [("", self._entries[0].child)]
        seen: set[int] = set()
        while pending:
            folder, number = pending.pop()
            if number >= len(self._entries) or number in seen:
                continue
            seen.add(number)
            entry = self._entries[number]
            pending += [(folder, entry.left), (folder, entry.right)]
            if entry.kind == _STREAM:
                found[folder + entry.name] = number
            elif entry.kind == _STORAGE:
                pending.append((f"{folder}{entry.name}/", entry.child))
        return found

    def read(self, path: str) -> bytes:
        """Return a stream's bytes, none where there is no such stream."""
        number = self.paths.get(path)
        if number is None:
            return b""
        entry = self._entries[number]
        if entry.size >= self._mini_below:
            return self._chain(entry.start, self._table)[: entry.size]
        sectors = self._follow(entry.start, self._mini_table)
        starts = (sector * _MINI_SECTOR for sector in sectors)
        return b"".join(self._mini_stream[start : start + _MINI_SECTOR] for start in starts)[: entry.size]

    @cached_property
    def _mini_stream(self) -> bytes:
        return self._chain(self._entries[0].start, self._table)

    def _allocation_table(self, difat: int) -> list[int]:
        numbers = list(struct.unpack_from("<109I", self._data.ljust(512, b"\xff"), _HEADER.size))
        per_sector = self._sector // 4
        for _ in range(self._sectors):
            if difat >= _LAST_SECTOR:
                break
            *more, difat = self._numbers(self._read_sector(difat).ljust(self._sector, b"\xff"))
            numbers += more[: per_sector - 1]
        table: list[int] = []
        for number in numbers[: self._sectors]:
            if number < _LAST_SECTOR:
                table += self._numbers(self._read_sector(number))
        return table

    def _chain(self, start: int, table: list[int]) -> bytes:
        return b"".join(map(self._read_sector, self._follow(start, table)))

    def _follow(self, start: int, table: list[int]) -> Iterator[int]:
        for _ in range(len(table)):
            if start >= len(table):
                return
            yield start
            start = table[start]

    def _read_sector(self, number: int) -> bytes:
        begin = (number + 1) * self._sector
        return self._data[begin : begin + self._sector]

    def _numbers(self, data: bytes) -> list[int]:
        return list(struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4]))

    def _directory(self, data: bytes) -> Iterator[_Entry]:
        for offset in range(0, len(data) - _ENTRY.size + 1, _ENTRY.size):
            name, length, kind, _, left, right, child, _, _, _, _, start, size = _ENTRY.unpack_from(data, offset)
            text = name[: max(0, min(length, 64) - 2)].decode("utf-16-le", errors="replace")
            yield _Entry(text, kind, left, right, child, start, size & 0xFFFFFFFF if self._sector == 512 else size)
