"""Which pages of a PDF are pictures, and which of those are read."""

import time
from collections.abc import Sequence
from io import BytesIO
from math import inf

import pypdfium2 as pdfium

from ragstone.adapters.parsers.kreuzberg.failures import no_text
from ragstone.adapters.parsers.kreuzberg.pdf.scans import read_scans
from ragstone.adapters.parsers.kreuzberg.pictures import Recognised
from ragstone.testing.parsers import pdf, pdf_of

LINE = "Dues are paid by the quarter and not by the year, whatever a vessel's length is."
PICTURE = b"q 595 0 0 842 0 0 cm BI /W 1 /H 1 /BPC 8 /CS /G ID \x80 EI Q"
LOGO = b"q 60 0 0 60 50 700 cm BI /W 1 /H 1 /BPC 8 /CS /G ID \x80 EI Q"


def own_texts(data: bytes) -> dict[int, str]:
    return {number: page.get_textpage().get_text_range() for number, page in enumerate(pdfium.PdfDocument(data), 1)}


def pages_of(text: str, *others: bytes) -> bytes:
    """Return a PDF whose first page has text, and whose others are drawn by streams."""
    target = pdfium.PdfDocument(pdf([[text] * 5]))
    target.import_pages(pdfium.PdfDocument(pdf_of(others)))
    file = BytesIO()
    target.save(file)
    return file.getvalue()


def stamped(data: bytes, number: int) -> bytes:
    """Return a PDF with a picture over the whole of a page."""
    document = pdfium.PdfDocument(data)
    page = document[number - 1]
    image = pdfium.PdfImage.new(document)
    image.set_bitmap(pdfium.PdfBitmap.new_native(8, 8, pdfium.raw.FPDFBitmap_Gray))
    image.set_matrix(pdfium.PdfMatrix().scale(*page.get_size()))
    page.insert_obj(image)
    page.gen_content()
    file = BytesIO()
    document.save(file)
    return file.getvalue()


class Reader:
    """Reads the pages that it is given by counting them."""

    def __init__(self, text: str = "read") -> None:
        self.count = 0
        self.text = text

    def __call__(self, page: bytes, turned: bool) -> Recognised:
        assert len(pdfium.PdfDocument(page)) == 1
        self.count += 1
        return Recognised(f"{self.text} {self.count}", 95.0)


class LyingReader:
    """Reads a page well only if it is turned to a rotation, or finds that out by itself."""

    def __init__(self, upright: int) -> None:
        self.upright = upright
        self.asked: list[tuple[int, bool]] = []

    def __call__(self, page: bytes, turned: bool) -> Recognised:
        rotation = pdfium.PdfDocument(page)[0].get_rotation()
        self.asked.append((rotation, turned))
        return Recognised("read", 90.0) if turned or rotation == self.upright else Recognised("pear", 40.0)


def test_pages_without_text_are_read_where_they_show_something() -> None:
    data, reader = pages_of(LINE, PICTURE, b"", LOGO, PICTURE), Reader()
    scans = read_scans(data, own_texts(data), reader, until=inf)
    assert (scans.texts, scans.unread) == ({2: "read 1", 5: "read 2"}, {})


def test_what_cannot_be_read_is_named() -> None:
    data = pages_of(LINE, PICTURE, PICTURE, b"", PICTURE)
    scans = read_scans(data, own_texts(data), None, until=inf)
    cause = "It is a picture; to read it, Tesseract's language data is missing."
    assert (scans.texts, scans.unread) == ({}, {"pages 2 to 3": cause, "page 5": cause})


def test_a_page_that_fails_does_not_fail_the_rest() -> None:
    def read(page: bytes, turned: bool) -> Recognised:
        raise no_text()

    data = pages_of(LINE, PICTURE)
    assert read_scans(data, own_texts(data), read, until=inf).unread == {
        "page 2": "It is a picture, and cannot be read."
    }


def test_scans_beside_text_are_read_while_there_is_time() -> None:
    data, reader = pages_of(LINE, PICTURE), Reader()
    scans = read_scans(data, own_texts(data), reader, until=time.monotonic() - 1)
    assert (reader.count, scans.unread) == (0, {"page 2": "It is a picture, and there was no time left to read it."})


def test_scans_that_are_all_there_is_have_no_more_time() -> None:
    def read(page: bytes, turned: bool) -> Recognised:
        time.sleep(0.2)
        return Recognised("read", 95.0)

    data = pdf_of([PICTURE] * 5)
    scans = read_scans(data, own_texts(data), read, until=time.monotonic() + 0.3)
    assert scans.texts == {1: "read"}
    assert scans.unread == {"pages 2 to 5": "It is a picture, and there was no time left to read it."}


def test_a_scan_that_lies_is_turned() -> None:
    data, reader = pdf_of([PICTURE]), LyingReader(90)
    assert read_scans(data, own_texts(data), reader, until=inf).texts == {1: "read"}
    assert reader.asked == [(0, False), (180, False), (90, False)]


def test_a_scan_that_lies_is_turned_by_what_detects_it() -> None:
    data, reader = pdf_of([PICTURE]), LyingReader(90)
    assert read_scans(data, own_texts(data), reader, detects_turns=True, until=inf).texts == {1: "read"}
    assert reader.asked == [(0, False), (0, True)]


def test_of_turns_the_best_is_kept() -> None:
    data, reader = pdf_of([PICTURE]), LyingReader(-1)
    assert read_scans(data, own_texts(data), reader, until=inf).texts == {1: "pear"}
    assert len(reader.asked) == 4


def test_a_stamp_on_a_scan_is_not_its_text() -> None:
    words = [b"BT /F1 9 Tf 50 800 Td (Case 12, page 2 of 9) Tj ET", b"BT /F1 9 Tf 50 800 Td (Agenda) Tj ET"]
    data = stamped(pages_of(LINE, *words), 2)
    page = "The vessel lay at the berth for a week, and left. " * 8
    assert read_scans(data, own_texts(data), Reader(page), until=inf).texts.keys() == {2}
    assert read_scans(data, own_texts(data), Reader("Agenda"), until=inf).texts == {}


def test_characters_that_say_nothing_are_no_text() -> None:
    data = pdf([[LINE], [LINE]])
    texts: Sequence[str] = [LINE * 3, "\ue001\ue002\ue003 \ue004\ue005 a" * 60]
    assert read_scans(data, dict(enumerate(texts, 1)), Reader(), until=inf).texts == {2: "read 1"}
