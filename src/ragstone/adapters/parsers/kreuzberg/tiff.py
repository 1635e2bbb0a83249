"""The pages of a TIFF, each as a TIFF of its own; and the tags of one, as EXIF writes them too."""

import struct
from collections.abc import Iterator, Mapping, Sequence

WIDTH, HEIGHT, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 259, 262, 266
STRIPS, ORIENTATION, STRIP_ROWS, STRIP_LENGTHS = 273, 274, 278, 279
DOTS_ACROSS, DOTS_DOWN, GROUP_3_OPTIONS = 282, 283, 292
BITS, CHANNELS, LAYERS, PREDICTOR, PALETTE = 258, 277, 284, 317, 320
_KIND_OF_PAGE = 254
_WANTED = frozenset({
    *(WIDTH, HEIGHT, COMPRESSION, PHOTOMETRIC, FILL_ORDER, STRIPS, ORIENTATION, STRIP_ROWS, STRIP_LENGTHS),
    *(DOTS_ACROSS, DOTS_DOWN, GROUP_3_OPTIONS, _KIND_OF_PAGE, BITS, CHANNELS, LAYERS, PREDICTOR, PALETTE),
})  # fmt: skip
_NOT_A_PAGE = 0b101
"""Bits of a directory that holds a smaller copy of another, or the mask of one."""
_MARKS = {b"II*\0": "<", b"MM\0*": ">"}
_TYPES = {1: "B", 3: "H", 4: "I", 5: "2I"}
"""Values by their types' numbers: bytes, short and long numbers, fractions of two long ones."""
_MOST_PAGES = 10_000
_MOST_VALUES = 100_000

Tags = Mapping[int, Sequence[int]]


def page_offsets(data: bytes) -> list[int]:
    """Return where the directory of each page lies; none for what is no TIFF."""
    return [offset for offset, tags in _directories(data) if not tags.get(_KIND_OF_PAGE, (0,))[0] & _NOT_A_PAGE]


def page_at(data: bytes, offset: int) -> bytes:
    """Return a page as a file: the whole file, whose first page it is."""
    return b"".join((data[:4], struct.pack(f"{_MARKS[data[:4]]}I", offset), memoryview(data)[8:]))


def first_tags(data: bytes) -> Tags:
    """Return the numbers of a TIFF's first page by tag, fractions as two; none where there are none."""
    return next((tags for _, tags in _directories(data)), {})


def _directories(data: bytes) -> Iterator[tuple[int, Tags]]:
    order = _MARKS.get(data[:4])
    seen: set[int] = set()
    try:
        offset = struct.unpack_from(f"{order}I", data, 4)[0] if order is not None else 0
        while offset and offset not in seen and len(seen) < _MOST_PAGES:
            seen.add(offset)
            (entries,) = struct.unpack_from(f"{order}H", data, offset)
            yield offset, _tags(data, str(order), offset + 2, entries)
            (offset,) = struct.unpack_from(f"{order}I", data, offset + 2 + 12 * entries)
    except struct.error:  # cut short
        return


def _tags(data: bytes, order: str, start: int, entries: int) -> Tags:
    tags: dict[int, Sequence[int]] = {}
    for place in range(start, start + 12 * entries, 12):
        tag, kind, count = struct.unpack_from(f"{order}HHI", data, place)
        if tag not in _WANTED or tag in tags or kind not in _TYPES or not 0 < count <= _MOST_VALUES:
            continue
        values = struct.Struct(order + _TYPES[kind] * count)
        at = place + 8 if values.size <= 4 else struct.unpack_from(f"{order}I", data, place + 8)[0]
        if at + values.size <= len(data):
            tags[tag] = values.unpack_from(data, at)
    return tags
