"""Text that is in pictures, by Tesseract, where that is installed."""

import struct
import zlib
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pypdfium2 as pdfium
import pytest

from ragstone.adapters.parsers.kreuzberg import KreuzbergParser
from ragstone.adapters.parsers.kreuzberg.tessdata import detects_turns, find_tessdata, languages
from ragstone.domain.errors import ParseFailed
from ragstone.testing.parsers import parse, pdf, with_scans

needs_tesseract = pytest.mark.skipif(find_tessdata() is None, reason="Tesseract's language data is not installed")
needs_turns = pytest.mark.skipif(
    (place := find_tessdata()) is None or not detects_turns(place), reason="Tesseract's data on turns is not installed"
)
PAGES = [["The northern basin was dredged", "after the spring storms."], ["Every vessel pays by its length."]]


def scanned(pages: Sequence[Sequence[str]]) -> bytes:
    """Return a PDF of pictures of pages of text."""
    return with_scans([(True, lines) for lines in pages])


def bitmap_file(lines: Sequence[str], *, turned: int = 0, compression: int = 1) -> bytes:
    """Return a page of text as an uncompressed TIFF in shades of grey, turned by degrees."""
    return tiff([drawn(lines, turned=turned)], compression=compression)


def drawn(lines: Sequence[str], *, turned: int = 0) -> tuple[int, int, bytes]:
    """Return width, height and shades of grey of the upper third of a page of text, turned by degrees."""
    bitmap = pdfium.PdfDocument(pdf([lines]))[0].render(scale=3, grayscale=True, crop=(0, 528, 0, 0))
    rows = [bytes(bitmap.buffer)[y * bitmap.stride :][: bitmap.width] for y in range(bitmap.height)]
    for _ in range(turned // 90):
        rows = [bytes(column) for column in zip(*rows[::-1], strict=True)]
    return len(rows[0]), len(rows), b"".join(rows)


def tiff(
    pictures: Sequence[tuple[int, int, bytes]], *, compression: int = 1, more: Sequence[tuple[int, int]] = ()
) -> bytes:
    """Return pictures, of a byte for each pixel unless ``more`` entries say else, as the pages of a TIFF."""
    parts, at = [b"II*\0"], 8
    for width, height, data in pictures:
        entries = {256: width, 257: height, 258: 8, 259: compression, 262: 1}
        entries |= {273: at, 277: 1, 278: height, 279: len(data), **dict(more)}
        fields = b"".join(struct.pack("<HHII", tag, 4, 1, entries[tag]) for tag in sorted(entries))
        parts += [struct.pack("<I", at + len(data)), data, struct.pack("<H", len(entries)), fields]
        at += len(data) + 2 + len(fields) + 4
    return b"".join([*parts, bytes(4)])


def faxed(width: int, height: int, pixels: bytes) -> bytes:
    """Return shades of grey as a fax of Group 3, each run of which is cut into pixels: so, four of its codes do."""
    white, black = "000111", "010"
    no_white, no_black = "00110101", "0000110111"
    rows = []
    for y in range(height):
        codes = "".join(
            f"{white}{no_black}" if pixel > 127 else f"{no_white}{black}" for pixel in pixels[y * width :][:width]
        )
        rows.append(f"000000000001{codes.removesuffix(no_black)}")
    bits = "".join(rows)
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")


@pytest.fixture
async def parser() -> AsyncGenerator[KreuzbergParser, None]:
    parser = KreuzbergParser(workers=1, timeout=60.0, memory_mb=1024)
    yield parser
    await parser.close()


@needs_tesseract
async def test_a_scan_is_read_page_by_page(parser: KreuzbergParser) -> None:
    parsed = await parse(parser, scanned(PAGES), "scan.pdf")
    found = [parsed.content[page.start : page.end] for page in parsed.pages]
    assert [page.page for page in parsed.pages] == [1, 2]
    assert "northern basin" in found[0]
    assert "vessel pays" in found[1]


@needs_tesseract
async def test_a_picture_is_read(parser: KreuzbergParser) -> None:
    assert "northern basin" in (await parse(parser, bitmap_file(PAGES[0]), "page.tiff")).content


@needs_tesseract
async def test_lines_and_paragraphs_of_a_picture_stay(parser: KreuzbergParser) -> None:
    lines = ["Dear harbour office,", "", "the crane on quay seven was out of order", "for three days.", "", "Yours"]
    parsed = await parse(parser, bitmap_file(lines), "letter.tiff")
    assert parsed.content == "\n".join(lines)


@needs_tesseract
@pytest.mark.parametrize("lines", [["The harbour crane lifts steel.", "Second line of text 12345."], ["Total: 12"]])
async def test_a_line_or_two_are_no_table(parser: KreuzbergParser, lines: list[str]) -> None:
    assert (await parse(parser, bitmap_file(lines), "photo.tiff")).content == "\n".join(lines)


@needs_tesseract
async def test_a_table_of_a_picture_is_one(parser: KreuzbergParser) -> None:
    rows = [["Item", "Amount", "Price"], ["Bolts", "120", "3.50"], ["Nuts", "80", "1.20"], ["Washers", "400", "0.10"]]
    parsed = await parse(parser, bitmap_file([f"{a:<20}{b:<20}{c}" for a, b, c in rows]), "table.tiff")
    assert [[cell.strip() for cell in line.strip("|").split("|")] for line in parsed.content.split("\n")] == [
        rows[0],
        ["---"] * 3,
        *rows[1:],
    ]


@needs_tesseract
async def test_every_page_of_a_tiff_is_read(parser: KreuzbergParser) -> None:
    parsed = await parse(parser, tiff([drawn(PAGES[0]), drawn([]), drawn(PAGES[1])]), "pages.tiff")
    found = [parsed.content[page.start : page.end] for page in parsed.pages]
    assert [page.page for page in parsed.pages] == [1, 3]
    assert "northern basin" in found[0]
    assert "vessel pays" in found[1]
    assert parsed.content == "\n\n".join(found)
    assert not parsed.unread


@needs_tesseract
async def test_a_page_that_cannot_be_read_is_named(parser: KreuzbergParser) -> None:
    whole = tiff([drawn(PAGES[0]), drawn(PAGES[1])])
    compression = struct.pack("<HHII", 259, 4, 1, 1)
    broken = compression[:-4] + struct.pack("<I", 34712)
    last = whole.rindex(compression)
    parsed = await parse(parser, whole[:last] + broken + whole[last + 12 :], "pages.tiff")
    assert "northern basin" in parsed.content
    assert list(parsed.unread) == ["page 2"]
    assert "compressed" in parsed.unread["page 2"]


@needs_turns
@pytest.mark.parametrize("turned", [90, 180, 270])
async def test_a_picture_that_lies_sideways_is_read(parser: KreuzbergParser, turned: int) -> None:
    lines = ["The northern basin was dredged twice in spring.", "Dues fell in the second quarter by a tenth."]
    parsed = await parse(parser, bitmap_file(lines * 4, turned=turned), "photo.tiff")  # of a few words none can tell
    assert "northern basin was dredged" in parsed.content
    assert "|" not in parsed.content


@needs_tesseract
@pytest.mark.parametrize("orientation", [1, 3])
async def test_a_fax_is_read(parser: KreuzbergParser, orientation: int) -> None:
    width, height, pixels = drawn(PAGES[0], turned=180 if orientation == 3 else 0)
    data = tiff(
        [(width, height, faxed(width, height, pixels))], compression=3, more=[(258, 1), (262, 0), (274, orientation)]
    )
    assert "northern basin" in (await parse(parser, data, "fax.tiff")).content


@needs_tesseract
async def test_a_compression_that_nobody_knows_is_named_as_the_cause(parser: KreuzbergParser) -> None:
    with pytest.raises(ParseFailed) as failed:
        await parse(parser, bitmap_file(PAGES[0], compression=34712), "page.tiff")
    assert failed.value.failure_code == "unsupported_media_type"
    assert "Group 4" in (failed.value.remedy or "")


@needs_tesseract
async def test_too_many_pixels_are_named_as_the_cause(parser: KreuzbergParser) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(bytes(3751) * 30_000, 1)
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    with pytest.raises(ParseFailed) as failed:
        await parse(parser, data, "poster.png")
    assert failed.value.failure_code == "too_large"
    assert "pixels" in failed.value.message


@needs_tesseract
async def test_a_scan_that_takes_too_long_keeps_what_was_read_and_names_the_rest() -> None:
    parser = KreuzbergParser(workers=1, timeout=10.0, memory_mb=1024)
    try:
        parsed = await parse(parser, scanned(PAGES * 50), "scan.pdf")
    finally:
        await parser.close()
    assert "northern basin" in parsed.content
    left = f"pages {parsed.pages[-1].page + 1} to 100"
    assert parsed.unread == {left: "It is a picture, and there was no time left to read it."}


def test_installed_languages_are_used_english_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for language in ("osd", "deu", "eng", "fra", "ita", "spa"):
        (tmp_path / f"{language}.traineddata").touch()
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))
    assert find_tessdata() == tmp_path
    assert languages(tmp_path) == ["eng", "deu", "fra", "ita"]
