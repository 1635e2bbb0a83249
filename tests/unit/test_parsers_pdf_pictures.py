"""Pictures on pages of a PDF that hold text: which are read, and where their text stands."""

import time
from io import BytesIO
from math import inf

import pypdfium2 as pdfium

from ragstone.adapters.parsers.kreuzberg.pdf.page_blocks import paragraph
from ragstone.adapters.parsers.kreuzberg.pdf.page_pictures import PictureText, read_page_pictures, with_pictures
from ragstone.adapters.parsers.kreuzberg.pictures import Recognised
from ragstone.testing.parsers import pdf

LINES = ["Above the picture.", *[""] * 20, "Below the picture."]


def with_picture(
    pages: int, width: float, height: float, *, y: float = 600.0, dots: int = 300, shade: int = 0
) -> bytes:
    """Return a PDF of pages of text, each with one picture between its lines."""
    document = pdfium.PdfDocument(pdf([LINES] * pages))
    for number in range(pages):
        page = document[number]
        image = pdfium.PdfImage.new(document)
        bitmap = pdfium.PdfBitmap.new_native(dots, dots, pdfium.raw.FPDFBitmap_Gray)
        bitmap.fill_rect((shade, shade, shade, 255), 0, 0, dots, dots)
        image.set_bitmap(bitmap)
        image.set_matrix(pdfium.PdfMatrix().scale(width, height).translate(72, y))
        page.insert_obj(image)
        page.gen_content()
    file = BytesIO()
    document.save(file)
    return file.getvalue()


class Reader:
    """Reads pictures by counting them, and notes how large they are."""

    def __init__(self, confidence: float = 95.0, text: str = "Dues: 340") -> None:
        self.sizes: list[tuple[float, float]] = []
        self.texts: list[str] = []
        self.answer = Recognised(text, confidence)

    def __call__(self, page: bytes, turned: bool) -> Recognised:
        document = pdfium.PdfDocument(page)
        self.sizes.append(document[0].get_size())
        self.texts.append(document[0].get_textpage().get_text_range())
        return self.answer


def test_a_picture_is_read_without_the_text_around_it_and_once() -> None:
    reader = Reader()
    found = read_page_pictures(with_picture(2, 200, 100), [1, 2], reader, until=inf)
    assert found.texts == {1: [PictureText("Dues: 340", "Above the picture.")]}
    assert [(round(width), round(height)) for width, height in reader.sizes] == [(200, 100)]
    assert reader.texts == [""]


def test_logos_and_grounds_of_text_are_not_read() -> None:
    reader = Reader()
    for data in (
        with_picture(1, 60, 60),
        with_picture(1, 300, 20),
        with_picture(1, 200, 100, dots=40),
        with_picture(1, 400, 500, y=300),
    ):
        assert read_page_pictures(data, [1], reader, until=inf).texts == {}
    assert not reader.sizes


def test_what_tesseract_is_not_sure_of_is_a_photograph() -> None:
    data = with_picture(1, 200, 100)
    assert read_page_pictures(data, [1], Reader(40.0), until=inf).texts == {}
    assert read_page_pictures(data, [1], Reader(text="a |"), until=inf).texts == {}


def test_pictures_that_are_left_are_named_where_they_are_large() -> None:
    large, small = with_picture(2, 400, 200, y=540), with_picture(2, 150, 80)
    assert read_page_pictures(large, [1, 2], None, until=inf).unread == {
        "page 1": "Pictures on it may hold text; to read that, Tesseract's language data is missing."
    }
    assert read_page_pictures(large, [1], Reader(), until=time.monotonic() - 1).unread == {
        "page 1": "There was no time left to read the pictures on it."
    }
    assert read_page_pictures(small, [1, 2], None, until=inf).unread == {}


def test_a_picture_stands_below_the_line_above_it() -> None:
    blocks = [paragraph("One.\nAbove  it.", 1), paragraph("Below.", 1)]
    for above, place in (("Above it.", 1), ("", 0), ("Nowhere.", 2)):
        shown = with_pictures(blocks, [PictureText("Dues", above)], 1)
        assert [block.text for block in shown].index("Dues") == place
