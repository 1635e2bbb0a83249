"""Printed pages as PDF, made from headings, paragraphs and ruled tables that are known."""

from collections.abc import Iterator, Sequence

from ragstone.testing.made_files import Element, Heading, Paragraph, Table
from ragstone.testing.parsers import pdf_of

_SIZES = {Heading: 18, Paragraph: 11, Table: 10}
_COLUMN = 120


def printed(
    pages: Sequence[Sequence[Element]], *, header: str = "", footer: str = "", title: str | None = None
) -> bytes:
    """Return a PDF with ruled tables; the footer is followed by the page's number. Characters of Windows-1252 only."""
    streams = []
    for number, page in enumerate(pages, 1):
        drawn: list[str] = []
        height = 760
        for element in page:
            drawn += _draw(element, height)
            height -= (
                18 * (len(element.rows) + 2) if isinstance(element, Table) else 18 * (len(_wrapped(element.text)) + 1)
            )
        if header:
            drawn.append(_shown(header, 72, 815, 9))
        if footer:
            drawn.append(_shown(f"{footer} {number}", 72, 30, 9))
        streams.append("\n".join(drawn).encode("cp1252"))
    return pdf_of(streams, title=title)


def _draw(element: Element, height: int) -> Iterator[str]:
    if not isinstance(element, Table):
        for number, line in enumerate(_wrapped(element.text)):
            yield _shown(line, 72, height - 15 * number, _SIZES[type(element)])
        return
    width, bottom = _COLUMN * len(element.rows[0]), height - 18 * len(element.rows)
    for number in range(len(element.rows) + 1):
        yield f"70 {height - 18 * number} m {70 + width} {height - 18 * number} l S"
    for column in range(len(element.rows[0]) + 1):
        yield f"{70 + _COLUMN * column} {height} m {70 + _COLUMN * column} {bottom} l S"
    for number, row in enumerate(element.rows):
        for column, cell in enumerate(row):
            yield _shown(cell, 74 + _COLUMN * column, height - 18 * number - 13, _SIZES[Table])


def _shown(text: str, x: int, y: int, size: int) -> str:
    escaped = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return f"BT /F1 {size} Tf {x} {y} Td ({escaped}) Tj ET"


def _wrapped(text: str, width: int = 80) -> list[str]:
    lines = [""]
    for word_ in text.split():
        if lines[-1] and len(lines[-1]) + len(word_) >= width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word_
    return lines
