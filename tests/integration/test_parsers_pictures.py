"""Text that is in pictures, by Tesseract, where that is installed."""

from collections.abc import AsyncGenerator, Sequence
from io import BytesIO
from pathlib import Path

import pypdfium2 as pdfium
import pytest

from ragstone.adapters.parsers.kreuzberg import KreuzbergParser
from ragstone.adapters.parsers.kreuzberg.tessdata import find_tessdata, languages
from ragstone.domain.errors import ParseFailed
from ragstone.testing.parsers import parse, pdf

needs_tesseract = pytest.mark.skipif(find_tessdata() is None, reason="Tesseract's language data is not installed")
PAGES = [["The northern basin was dredged", "after the spring storms."], ["Every vessel pays by its length."]]


def scanned(pages: Sequence[Sequence[str]]) -> bytes:
    """Return a PDF of pictures of pages of text."""
    source, target = pdfium.PdfDocument(pdf(pages)), pdfium.PdfDocument.new()
    for page in source:
        bitmap = page.render(scale=3)
        image = pdfium.PdfImage.new(target)
        image.set_bitmap(bitmap)
        image.set_matrix(pdfium.PdfMatrix().scale(*page.get_size()))
        picture = target.new_page(*page.get_size())
        picture.insert_obj(image)
        picture.gen_content()
    file = BytesIO()
    target.save(file)
    return file.getvalue()


def bitmap_file(lines: Sequence[str]) -> bytes:
    """Return a page of text as an uncompressed TIFF in shades of grey."""
    bitmap = pdfium.PdfDocument(pdf([lines]))[0].render(scale=3, grayscale=True)
    pixels = b"".join(bytes(bitmap.buffer)[y * bitmap.stride :][: bitmap.width] for y in range(bitmap.height))
    entries = [
        *((256, bitmap.width), (257, bitmap.height), (258, 8), (259, 1), (262, 1)),
        *((273, 8), (277, 1), (278, bitmap.height), (279, len(pixels))),
    ]
    fields = [b"".join(n.to_bytes(size, "little") for n, size in ((t, 2), (4, 2), (1, 4), (v, 4))) for t, v in entries]
    directory = len(fields).to_bytes(2, "little") + b"".join(fields) + bytes(4)
    return b"II*\0" + (8 + len(pixels)).to_bytes(4, "little") + pixels + directory


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
async def test_a_scan_that_takes_too_long_says_why() -> None:
    parser = KreuzbergParser(workers=1, timeout=1.5, memory_mb=1024)
    try:
        with pytest.raises(ParseFailed) as failed:
            await parse(parser, scanned(PAGES * 20), "scan.pdf")
    finally:
        await parser.close()
    assert failed.value.failure_code == "timeout"
    assert "pictures" in (failed.value.remedy or "")


def test_installed_languages_are_used_english_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for language in ("osd", "deu", "eng", "fra", "ita", "spa"):
        (tmp_path / f"{language}.traineddata").touch()
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))
    assert find_tessdata() == tmp_path
    assert languages(tmp_path) == ["eng", "deu", "fra", "ita"]
