"""What PDFium says of the pages of a PDF beyond the text that kreuzberg has: tables, values of forms, comments."""

import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pypdfium2 as pdfium

from ragstone.adapters.parsers.kreuzberg.pdf.filling import Line, filled_in
from ragstone.adapters.parsers.kreuzberg.pdf.heading_lines import LargeLine, large_lines
from ragstone.adapters.parsers.kreuzberg.pdf.page_edges import PageEdges, page_edges
from ragstone.adapters.parsers.kreuzberg.pdf.page_marks import page_marks
from ragstone.adapters.parsers.kreuzberg.pdf.page_notes import page_notes
from ragstone.adapters.parsers.kreuzberg.pdf.page_tables import TabledPage, tabled_page

_MOST_SECONDS = 10.0
_MOST_MEMORY = 0.6
"""Share of the memory that the process may have beyond which pages are not looked at."""


@dataclass(frozen=True, slots=True)
class PageLook:
    """A page's tables, its lines that values of a form stand in, and the paragraphs that stand below its text.

    ``searched`` says whether tables were looked for. ``text`` is the page's text, line by line, where words on it are
    drawn sideways: kreuzberg joins such lines. ``edges`` is what stands in its margins, if that is known;
    ``large`` are its lines in large type.
    """

    searched: bool = False
    tabled: TabledPage | None = None
    lines: list[Line] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    text: str | None = None
    edges: PageEdges | None = None
    large: list[LargeLine] = field(default_factory=list)


def page_looks(data: bytes, *, until: float) -> dict[int, PageLook]:
    """Return what there is to say of pages, by number from 1.

    Looks for ten seconds, and no longer than ``until`` (of ``time.monotonic``): of the pages after that nothing is
    said. Nor is it of a file that PDFium does not open, and any where memory runs short: its text is had already.
    """
    until = min(until, time.monotonic() + _MOST_SECONDS)
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError:
        return {}
    try:
        return dict(_looks(document, until))
    finally:
        document.close()


def _looks(document: pdfium.PdfDocument, until: float) -> Iterator[tuple[int, PageLook]]:
    document.init_forms()
    for number in range(len(document)):
        if time.monotonic() > until or _memory_is_short():
            return
        try:
            page = document[number]
        except pdfium.PdfiumError:
            continue  # a page that is damaged
        try:
            look = _look(page)
        except pdfium.PdfiumError:
            continue
        finally:
            page.close()
        yield number + 1, look


def _look(page: pdfium.PdfPage) -> PageLook:
    notes, marks = page_notes(page), page_marks(page)
    filled = filled_in(marks.words if marks is not None else (), notes)
    if marks is None:
        return PageLook(loose=filled.loose)
    return PageLook(
        searched=True,
        tabled=tabled_page(replace(marks, words=filled.words)),
        lines=filled.lines,
        loose=filled.loose,
        text=marks.text if marks.sideways else None,
        edges=page_edges(marks.words, marks.top, marks.bottom),
        large=large_lines(marks.words),
    )


def _memory_is_short() -> bool:
    """Whether the process holds most of the data that it may; where the system does not say, it does not."""
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    if limit == resource.RLIM_INFINITY or sys.platform != "linux":
        return False
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[5]) * resource.getpagesize() > _MOST_MEMORY * limit
