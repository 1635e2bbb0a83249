"""Pictures that pdfium can draw, by what their files say of themselves: faxes, photographs, PNG and plain TIFF."""

import struct
from collections.abc import Iterator

from ragstone.adapters.parsers.kreuzberg import tiff
from ragstone.adapters.parsers.kreuzberg.drawable_png import png_picture
from ragstone.adapters.parsers.kreuzberg.drawable_tiff import tiff_picture
from ragstone.adapters.parsers.kreuzberg.redrawing import MATRICES, UPRIGHT, Picture, Strip

_HUFFMAN, _GROUP_3, _GROUP_4 = 2, 3, 4
_LOWEST_BIT_FIRST = 2
_TURNED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_EXIF = 0xE1
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Markers of JPEG that tell its size."""
_SCAN = 0xDA
_MOST_PIXELS = 64_000_000


def drawable(data: bytes) -> tuple[Picture | None, int]:
    """Return a picture, ``None`` for one of another kind, and the orientation in which it lies."""
    if data.startswith(b"\xff\xd8"):
        return _photograph(data)
    if (picture := png_picture(data)) is not None:
        return picture, UPRIGHT
    tags = tiff.first_tags(data)
    return _fax(data, tags) or tiff_picture(data, tags), _known(tags)


def _known(tags: tiff.Tags) -> int:
    orientation = tags.get(tiff.ORIENTATION, (UPRIGHT,))[0]
    return orientation if orientation in MATRICES else UPRIGHT


def _fax(data: bytes, tags: tiff.Tags) -> Picture | None:
    """Return a TIFF of black and white as fax machines send it, in each of their compressions."""
    offsets, lengths = tags.get(tiff.STRIPS, ()), tags.get(tiff.STRIP_LENGTHS, ())
    width, height, compression = (tags.get(tag, (0,))[0] for tag in (tiff.WIDTH, tiff.HEIGHT, tiff.COMPRESSION))
    rows = min(tags.get(tiff.STRIP_ROWS, (height,))[0], height)
    if compression not in (_HUFFMAN, _GROUP_3, _GROUP_4) or not rows or not 0 < width * height <= _MOST_PIXELS:
        return None
    entries = _fax_entries(tags, compression, width)
    strips = []
    for number, (offset, length) in enumerate(zip(offsets, lengths, strict=False)):
        piece = data[offset : offset + length]
        if tags.get(tiff.FILL_ORDER, (1,))[0] == _LOWEST_BIT_FIRST:
            piece = piece.translate(_TURNED_BITS)
        strips.append(Strip(min(rows, height - number * rows), entries, piece))
    stretch = _stretch(tags)
    whole = [strip for strip in strips if strip.rows > 0]
    return Picture(width, height, whole, stretch, only_here=compression != _GROUP_4 or stretch != 1)


def _fax_entries(tags: tiff.Tags, compression: int, width: int) -> str:
    two_dimensional = bool(tags.get(tiff.GROUP_3_OPTIONS, (0,))[0] & 1)
    scheme = {_HUFFMAN: 0, _GROUP_3: int(two_dimensional), _GROUP_4: -1}[compression]
    aligned = "true" if compression == _HUFFMAN else "false"
    ends = "true" if compression == _GROUP_3 else "false"
    inverted = "/Decode [1 0]" if tags.get(tiff.PHOTOMETRIC, (0,))[0] == 1 else ""
    return (
        f"/ColorSpace /DeviceGray /BitsPerComponent 1 {inverted} /Filter /CCITTFaxDecode /DecodeParms "
        f"<< /K {scheme} /Columns {width} /EncodedByteAlign {aligned} /EndOfLine {ends} /EndOfBlock false >>"
    )


def _stretch(tags: tiff.Tags) -> float:
    """Return how much higher than wide a dot is: a fax at its usual setting has half as many down as across."""
    across, down = (tags.get(tag, (1, 1)) for tag in (tiff.DOTS_ACROSS, tiff.DOTS_DOWN))
    if len(across) < 2 or len(down) < 2 or not (across[1] and down[0] and down[1]):
        return 1.0
    ratio = across[0] * down[1] / (across[1] * down[0])
    return ratio if 0.25 <= ratio <= 4 else 1.0


def _photograph(data: bytes) -> tuple[Picture | None, int]:
    """Return a JPEG and the orientation that its EXIF tells."""
    size = None
    orientation = UPRIGHT
    for marker, segment in _segments(data):
        if marker in _FRAMES and len(segment) >= 6:
            height, width, components = struct.unpack_from(">HHB", segment, 1)
            size = width, height, components
            break
        if marker == _EXIF and segment.startswith(b"Exif\0\0"):
            orientation = _known(tiff.first_tags(segment[6:]))
    if size is None or size[2] not in (1, 3) or not 0 < size[0] * size[1] <= _MOST_PIXELS:
        return None, UPRIGHT
    space = "/DeviceGray" if size[2] == 1 else "/DeviceRGB"
    strip = Strip(size[1], f"/ColorSpace {space} /BitsPerComponent 8 /Filter /DCTDecode", data)
    return Picture(size[0], size[1], [strip]), orientation


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the marker and the content of each segment of a JPEG that stands before its pixels."""
    at = 2
    while data.startswith(b"\xff\xd8") and data[at : at + 1] == b"\xff" and at + 4 <= len(data):
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _SCAN or length < 2:
            return
        yield marker, data[at + 4 : at + 2 + length]
        at += 2 + length
