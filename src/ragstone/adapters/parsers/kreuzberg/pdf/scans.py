"""Scanned PDFs, a page at a time: kreuzberg does not say which page the text is from that it reads from pictures."""

import io
from collections.abc import Iterator

import pypdfium2 as pdfium


def scanned_pages(data: bytes) -> Iterator[bytes]:
    """Yield each page of a PDF as a PDF of its own; nothing of one that is a single page, or has text on any."""
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError:
        return
    try:
        if len(document) > 1 and not any(_has_text(document, number) for number in range(len(document))):
            for number in range(len(document)):
                yield _page(document, number)
    except pdfium.PdfiumError:
        return  # what is damaged in it kreuzberg finds out
    finally:
        document.close()


def _has_text(document: pdfium.PdfDocument, number: int) -> bool:
    page = document[number]
    text = page.get_textpage()
    try:
        return bool(text.count_chars())
    finally:
        text.close()
        page.close()


def _page(document: pdfium.PdfDocument, number: int) -> bytes:
    single = pdfium.PdfDocument.new()
    try:
        single.import_pages(document, [number])
        file = io.BytesIO()
        single.save(file)
        return file.getvalue()
    finally:
        single.close()
