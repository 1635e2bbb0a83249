"""Pictures drawn anew by pdfium, turned as they are to be seen: what Tesseract's reader of files cannot do."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pypdfium2 as pdfium

from ragstone.adapters.parsers.kreuzberg import tiff

UPRIGHT = 1
FIRST_STRIP = 5
"""Number of the object of PDF that a picture's first strip becomes."""
MATRICES: Mapping[int, str] = {
    1: "{w} 0 0 {h} 0 0",
    2: "-{w} 0 0 {h} {w} 0",
    3: "-{w} 0 0 -{h} {w} {h}",
    4: "{w} 0 0 -{h} 0 {h}",
    5: "0 -{h} -{w} 0 {w} {h}",
    6: "0 -{h} {w} 0 0 {h}",
    7: "0 {h} {w} 0 0 0",
    8: "0 {h} -{w} 0 {w} 0",
}
"""By orientation, as TIFF and EXIF number them, what takes the unit square to a page of width w and height h."""
_SIDEWAYS = frozenset({5, 6, 7, 8})


@dataclass(frozen=True, slots=True)
class Strip:
    """Rows of a picture as an image of PDF: its entries but for the size, and its bytes."""

    rows: int
    entries: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that pdfium can draw: pixels across and down, how much higher than wide each is, its rows.

    ``only_here`` says that no other reader takes it for what it is. ``streams`` are objects of PDF that the strips
    speak of, numbered on from theirs: entries and content of each.
    """

    width: int
    height: int
    strips: Sequence[Strip]
    stretch: float = 1.0
    only_here: bool = False
    streams: Sequence[tuple[str, bytes]] = ()


def redrawn(picture: Picture, orientation: int = UPRIGHT) -> bytes:
    """Return a picture in shades of grey as a TIFF, upright if it lies in ``orientation``.

    Raises ``pypdfium2.PdfiumError``.
    """
    with pdfium.PdfDocument(_as_pdf(picture, orientation)) as document:
        bitmap = document[0].render(scale=1, grayscale=True)
        rows, stride = bytes(bitmap.buffer), bitmap.stride
        pixels = b"".join(rows[y * stride :][: bitmap.width] for y in range(bitmap.height))
        return _as_tiff(bitmap.width, bitmap.height, pixels)


def _as_pdf(picture: Picture, orientation: int) -> bytes:
    width, height = picture.width, round(picture.height * picture.stretch)
    if orientation in _SIDEWAYS:
        width, height = height, width
    drawing = [f"q {MATRICES[orientation].format(w=width, h=height)} cm"]
    above = 0
    for number, strip in enumerate(picture.strips):
        share, below = strip.rows / picture.height, 1 - (above + strip.rows) / picture.height
        drawing.append(f"q 1 0 0 {share:.9f} 0 {below:.9f} cm /I{number} Do Q")
        above += strip.rows
    images = " ".join(f"/I{number} {FIRST_STRIP + number} 0 R" for number in range(len(picture.strips)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Contents 4 0 R "
        f"/Resources << /XObject << {images} >> >> >>".encode(),
        _stream("", "\n".join([*drawing, "Q"]).encode()),
        *(
            _stream(
                f"/Type /XObject /Subtype /Image /Width {picture.width} /Height {strip.rows} {strip.entries}",
                strip.data,
            )
            for strip in picture.strips
        ),
        *(_stream(entries, data) for entries, data in picture.streams),
    ]
    return _file(objects)


def _stream(entries: str, data: bytes) -> bytes:
    return b"".join((f"<< {entries} /Length {len(data)} >>\nstream\n".encode(), data, b"\nendstream"))


def _file(objects: Sequence[bytes]) -> bytes:
    parts = [b"%PDF-1.7\n"]
    places, length = [], len(parts[0])
    for number, content in enumerate(objects, 1):
        places.append(length)
        parts.append(b"".join((f"{number} 0 obj\n".encode(), content, b"\nendobj\n")))
        length += len(parts[-1])
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    parts.append(
        f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
        f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{length}\n%%EOF\n".encode()
    )
    return b"".join(parts)


def _as_tiff(width: int, height: int, pixels: bytes) -> bytes:
    """Return a TIFF of one byte for each pixel, where 0 is black."""
    values = [
        *((tiff.WIDTH, width), (tiff.HEIGHT, height), (258, 8), (tiff.COMPRESSION, 1), (tiff.PHOTOMETRIC, 1)),
        *((tiff.STRIPS, 8), (277, 1), (tiff.STRIP_ROWS, height), (tiff.STRIP_LENGTHS, len(pixels))),
    ]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in values)
    header = struct.pack("<4sI", b"II*\0", 8 + len(pixels))
    return b"".join((header, pixels, struct.pack("<H", len(values)), entries, bytes(4)))
