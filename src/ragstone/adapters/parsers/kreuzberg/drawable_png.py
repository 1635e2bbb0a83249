"""PNG as pdfium can draw it on a white page: Tesseract's reader of files takes what is transparent for black."""

import struct
from collections.abc import Iterator

from ragstone.adapters.parsers.kreuzberg.redrawing import FIRST_STRIP, Picture, Strip

_MAGIC = b"\x89PNG\r\n\x1a\n"
_GREY, _COLOURS, _PALETTE, _GREY_SEEN_THROUGH, _SEEN_THROUGH = 0, 2, 3, 4, 6
_COMPONENTS = {_GREY: 1, _COLOURS: 3, _PALETTE: 1, _GREY_SEEN_THROUGH: 2, _SEEN_THROUGH: 4}
_MOST_PIXELS = 64_000_000
_ON_WHITE = "1 exch sub mul 1 exch sub"
"""Of how much a colour covers what is below, and its shade: the shade that is seen, where 0 is black."""
_SHADES = {
    _GREY_SEEN_THROUGH: ("/G /A", f"{{ exch {_ON_WHITE} }}"),
    _SEEN_THROUGH: ("/R /G /B /A", f"{{ 4 1 roll 0.11 mul exch 0.59 mul add exch 0.3 mul add {_ON_WHITE} }}"),
}
"""The channels of what has shades of transparency, and the function that makes one of them, as PDF writes both."""


def png_picture(data: bytes) -> Picture | None:
    """Return a PNG as a picture, ``None`` for one that is interlaced or broken.

    It is to be drawn here only if parts of it are transparent.
    """
    chunks: dict[bytes, bytes] = {}
    pixels: list[bytes] = []
    for kind, content in _chunks(data):
        if kind == b"IDAT":
            pixels.append(content)
        else:
            chunks.setdefault(kind, content)
    if len(chunks.get(b"IHDR", b"")) < 13 or not pixels:
        return None
    width, height, bits, colours, _, _, interlaced = struct.unpack_from(">IIBBBBB", chunks[b"IHDR"])
    if colours not in _COMPONENTS or interlaced or not 0 < width * height <= _MOST_PIXELS:
        return None
    clear = chunks.get(b"tRNS", b"")
    space = _space(colours, chunks.get(b"PLTE", b""), clear)
    key = _key(colours, clear)
    components = _COMPONENTS[colours]
    entries = (
        f"/ColorSpace {space} /BitsPerComponent {bits} {key} /Filter /FlateDecode /DecodeParms "
        f"<< /Predictor 15 /Colors {components} /BitsPerComponent {bits} /Columns {width} >>"
    )
    strip = Strip(height, entries, b"".join(pixels))
    return Picture(width, height, [strip], streams=_functions(colours), only_here=bool(clear) or colours in _SHADES)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_MAGIC)
    while data.startswith(_MAGIC) and at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + 8 + length]
        at += 12 + length


def _space(colours: int, palette: bytes, clear: bytes) -> str:
    """Return the colour space of a picture's pixels, in which what is transparent is as it looks on white."""
    if colours == _PALETTE:
        shown = b"".join(
            bytes(255 - (255 - part) * alpha // 255 for part in palette[place * 3 :][:3])
            for place, alpha in enumerate(clear.ljust(len(palette) // 3, b"\xff"))
        )
        return f"[/Indexed /DeviceRGB {max(0, len(palette) // 3 - 1)} <{shown[: len(palette)].hex()}>]"
    if colours in _SHADES:
        return f"[/DeviceN [{_SHADES[colours][0]}] /DeviceGray {FIRST_STRIP + 1} 0 R]"
    return "/DeviceGray" if colours == _GREY else "/DeviceRGB"


def _functions(colours: int) -> list[tuple[str, bytes]]:
    if colours not in _SHADES:
        return []
    channels = "0 1 " * _COMPONENTS[colours]
    return [(f"/FunctionType 4 /Domain [{channels}] /Range [0 1]", _SHADES[colours][1].encode())]


def _key(colours: int, clear: bytes) -> str:
    """Return the one colour that is transparent in a picture without shades of it."""
    components = _COMPONENTS[colours]
    if colours not in (_GREY, _COLOURS) or len(clear) < 2 * components:
        return ""
    values = struct.unpack_from(f">{components}H", clear)
    return f"/Mask [{' '.join(f'{value} {value}' for value in values)}]"
