"""Plain TIFF as pdfium can draw it: the one reader here of those whose pixels are numbers of a palette."""

from collections.abc import Sequence

from ragstone.adapters.parsers.kreuzberg import tiff
from ragstone.adapters.parsers.kreuzberg.redrawing import Picture, Strip

_FILTERS = {1: "", 5: "/LZWDecode", 8: "/FlateDecode", 32773: "/RunLengthDecode", 32946: "/FlateDecode"}
"""By the number of a compression."""
_PREDICTED = frozenset({5, 8, 32946})
_DARK_IS_HIGH, _DARK_IS_LOW, _COLOURS, _PALETTE = 0, 1, 2, 3
_CHANNELS = {_DARK_IS_HIGH: 1, _DARK_IS_LOW: 1, _COLOURS: 3, _PALETTE: 1}
_BITS = frozenset({1, 2, 4, 8})
_MOST_PIXELS = 64_000_000


def tiff_picture(data: bytes, tags: tiff.Tags) -> Picture | None:
    """Return a TIFF's first page as a picture, ``None`` for one that is in tiles or layers, or of another depth."""
    width, height = (tags.get(tag, (0,))[0] for tag in (tiff.WIDTH, tiff.HEIGHT))
    offsets, lengths = tags.get(tiff.STRIPS, ()), tags.get(tiff.STRIP_LENGTHS, ())
    rows = min(tags.get(tiff.STRIP_ROWS, (height,))[0], height)
    entries = _entries(tags, width)
    if entries is None or not offsets or not rows or not 0 < width * height <= _MOST_PIXELS:
        return None
    strips = [
        Strip(min(rows, height - number * rows), entries, data[offset : offset + length])
        for number, (offset, length) in enumerate(zip(offsets, lengths, strict=False))
    ]
    whole = [strip for strip in strips if strip.rows > 0]
    return Picture(width, height, whole, only_here=_kind(tags) == _PALETTE)


def _kind(tags: tiff.Tags) -> int:
    return tags.get(tiff.PHOTOMETRIC, (-1,))[0]


def _entries(tags: tiff.Tags, width: int) -> str | None:
    kind, compression = _kind(tags), tags.get(tiff.COMPRESSION, (1,))[0]
    channels, depths = tags.get(tiff.CHANNELS, (1,))[0], set(tags.get(tiff.BITS, (1,)))
    layered = channels > 1 and tags.get(tiff.LAYERS, (1,))[0] != 1
    if compression not in _FILTERS or channels != _CHANNELS.get(kind) or layered or len(depths) != 1:
        return None
    (bits,) = depths
    palette = tags.get(tiff.PALETTE, ())
    if bits not in _BITS or (kind == _PALETTE and len(palette) != 3 << bits):
        return None
    predictor = tags.get(tiff.PREDICTOR, (1,))[0] if compression in _PREDICTED else 1
    parameters = f"<< /Predictor {predictor} /Colors {channels} /BitsPerComponent {bits} /Columns {width} >>"
    applied = f"/Filter {_FILTERS[compression]} /DecodeParms {parameters}" if _FILTERS[compression] else ""
    inverted = "/Decode [1 0]" if kind == _DARK_IS_HIGH else ""
    return f"/ColorSpace {_space(kind, palette)} /BitsPerComponent {bits} {inverted} {applied}"


def _space(kind: int, palette: Sequence[int]) -> str:
    if kind != _PALETTE:
        return "/DeviceRGB" if kind == _COLOURS else "/DeviceGray"
    size = len(palette) // 3  # all reds, then all greens, then all blues, of 16 bits each
    shown = bytes(palette[channel * size + place] >> 8 for place in range(size) for channel in range(3))
    return f"[/Indexed /DeviceRGB {size - 1} <{shown.hex()}>]"
