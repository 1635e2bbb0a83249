"""How the numbers of a workbook of before 2007 are shown: its cells and formats, read from BIFF8 ([MS-XLS])."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ragstone.adapters.parsers.kreuzberg.office.compound_file import CompoundFile
from ragstone.adapters.parsers.kreuzberg.office.number_formats import BUILT_IN, shown
from ragstone.domain.errors import ParseFailed

_BOF, _EOF, _FORMAT, _STYLE, _SINCE_1904, _SHEET = 0x809, 0x0A, 0x41E, 0xE0, 0x22, 0x85
_NUMBER, _PACKED, _PACKED_ROW, _FORMULA = 0x203, 0x27E, 0xBD, 0x06
_TEXTS = frozenset({0xFD, 0x204, 0x205, 0xD6})
_BIFF8 = 0x600
_MOST_NUMBERS = 300_000
"""Of a sheet; a file may have millions, and the rest stays as it is."""


@dataclass(slots=True)
class BinarySheet:
    """A sheet's numbers that are shown in a way of their own, by row and column, and where it has cells."""

    numbers: dict[tuple[int, int], tuple[float, str]] = field(default_factory=dict)
    rows: set[int] = field(default_factory=set)
    columns: set[int] = field(default_factory=set)

    def put(self, row: int, column: int) -> None:
        """Note that a cell holds something."""
        self.rows.add(row)
        self.columns.add(column)


def with_numbers_shown(cells: list[list[str]], sheet: BinarySheet) -> list[list[str]]:
    """Return the cells that another reader found in a sheet, with their numbers as they are shown.

    They stay as they are where those are not the cells of this sheet.
    """
    if not sheet.numbers:
        return cells
    top, left = min(sheet.rows), min(sheet.columns)
    better = [list(row) for row in cells]
    for (row, column), (number, text) in sheet.numbers.items():
        if row - top >= len(cells) or column - left >= len(cells[row - top]):
            return cells
        if not _may_be(cells[row - top][column - left], number):
            return cells
        better[row - top][column - left] = text
    return better


def binary_sheets(data: bytes) -> Mapping[str, BinarySheet]:
    """Return the sheets of an XLS file by name; none of a file that is damaged, or older than 1997."""
    try:
        stream = CompoundFile(data).read("Workbook")
        return _Workbook(stream).sheets() if _version(stream) == _BIFF8 else {}
    except (ParseFailed, struct.error):
        return {}


def _version(stream: bytes) -> int:
    kind, _, version = struct.unpack_from("<HHH", stream)
    return int(version) if kind == _BOF else 0


def _may_be(cell: str, number: float) -> bool:
    """Whether a cell is how kreuzberg writes a number: as such, or as a day or a time."""
    try:
        return abs(float(cell) - number) <= 1e-9 * abs(number)
    except ValueError:
        return ":" in cell or "-" in cell


class _Workbook:
    def __init__(self, stream: bytes) -> None:
        self._stream = stream
        self._codes = dict(BUILT_IN)
        self._styles: list[int] = []
        self._since_1904 = False

    def sheets(self) -> dict[str, BinarySheet]:
        begins: dict[str, int] = {}
        for kind, content in self._records(0):
            if kind == _FORMAT:
                self._codes[struct.unpack_from("<H", content)[0]] = _text(content[2:], wide_count=True)
            elif kind == _STYLE:
                self._styles.append(struct.unpack_from("<H", content, 2)[0])
            elif kind == _SINCE_1904:
                self._since_1904 = content[:1] == b"\1"
            elif kind == _SHEET:
                begins[_text(content[6:], wide_count=False)] = struct.unpack_from("<I", content)[0]
        return {name: self._sheet(begin) for name, begin in begins.items()}

    def _sheet(self, begin: int) -> BinarySheet:
        sheet = BinarySheet()
        for kind, content in self._records(begin):
            if kind in _TEXTS:
                sheet.put(*struct.unpack_from("<HH", content))
            for row, column, style, number in _numbers(kind, content):
                sheet.put(row, column)
                text = self._shown(style, number) if number is not None else None
                if number is not None and text is not None and len(sheet.numbers) < _MOST_NUMBERS:
                    sheet.numbers[row, column] = number, text
        return sheet

    def _shown(self, style: int, number: float) -> str | None:
        code = self._codes.get(self._styles[style]) if style < len(self._styles) else None
        return shown(repr(number), code, since_1904=self._since_1904) if code else None

    def _records(self, position: int) -> Iterator[tuple[int, bytes]]:
        """Yield the records of a part of the stream, up to its end."""
        while position + 4 <= len(self._stream):
            kind, length = struct.unpack_from("<HH", self._stream, position)
            if kind == _EOF:
                return
            yield kind, self._stream[position + 4 : position + 4 + length]
            position += 4 + length


def _numbers(kind: int, content: bytes) -> Iterator[tuple[int, int, int, float | None]]:
    """Yield row, column, style and number of the cells of a record; no number for a formula that gives none."""
    if kind == _NUMBER:
        yield struct.unpack_from("<HHHd", content)
    elif kind == _PACKED:
        row, column, style, packed = struct.unpack_from("<HHHI", content)
        yield row, column, style, _unpacked(packed)
    elif kind == _PACKED_ROW:
        row, first = struct.unpack_from("<HH", content)
        for place in range((len(content) - 6) // 6):
            style, packed = struct.unpack_from("<HI", content, 4 + 6 * place)
            yield row, first + place, style, _unpacked(packed)
    elif kind == _FORMULA:
        row, column, style, result = struct.unpack_from("<HHH8s", content)
        yield row, column, style, None if result.endswith(b"\xff\xff") else struct.unpack("<d", result)[0]


def _unpacked(packed: int) -> float:
    """Return an RK number: an integer of 30 bits or the upper half of a double, either perhaps in hundredths."""
    if packed & 2:
        number = float((packed - (1 << 32) if packed & 1 << 31 else packed) >> 2)
    else:
        number = float(struct.unpack("<d", struct.pack("<Q", (packed & ~3) << 32))[0])
    return number / 100 if packed & 1 else number


def _text(content: bytes, *, wide_count: bool) -> str:
    size = 2 if wide_count else 1
    count = int.from_bytes(content[:size], "little")
    wide = content[size : size + 1] == b"\1"
    text = content[size + 1 : size + 1 + count * (2 if wide else 1)]
    return text.decode("utf-16-le" if wide else "latin-1", errors="replace")
