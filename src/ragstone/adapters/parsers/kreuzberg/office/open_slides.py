"""OpenDocument presentations and drawings: a page for each slide, with its title, text, tables and notes."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from ragstone.adapters.parsers.kreuzberg.composition import one_line, prose
from ragstone.adapters.parsers.kreuzberg.decoding import clean
from ragstone.adapters.parsers.kreuzberg.failures import damaged, no_text
from ragstone.adapters.parsers.kreuzberg.office.open_text import CREATOR, OFFICE, SVG, TABLE, TEXT
from ragstone.adapters.parsers.kreuzberg.office.package import OfficePackage
from ragstone.adapters.parsers.kreuzberg.office.slide_pages import paged
from ragstone.adapters.parsers.kreuzberg.office.translation import Steps, Translation
from ragstone.adapters.parsers.kreuzberg.tables import markdown_table
from ragstone.domain.documents import ParsedDocument

ODP = "application/vnd.oasis.opendocument.presentation"
_PAGE = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}page"
_PRESENTATION = "{urn:oasis:names:tc:opendocument:xmlns:presentation:1.0}"
_CLASS, _NOTES = f"{_PRESENTATION}class", f"{_PRESENTATION}notes"
_FURNITURE = frozenset(("page", "page-number", "date-time", "header", "footer"))
_PARAGRAPHS = frozenset((f"{TEXT}p", f"{TEXT}h"))
_DEEPEST_LIST = 8


def read_open_slides(package: OfficePackage) -> ParsedDocument:
    """Return a presentation as Markdown. Raises ``ParseFailed``."""
    root = package.parse("content.xml")
    if root is None:
        raise damaged()
    content, pages = paged("\n\n".join(_parts(slide)) for slide in root.iter(_PAGE))
    if not pages:
        raise no_text(pictures=True)
    return ParsedDocument(content, ODP, None, pages)


def _parts(slide: Element) -> Iterator[str]:
    """Yield the texts of a slide: its title, what else it shows, its notes."""
    notes = slide.find(_NOTES)
    titles = [shape for shape in slide if shape.get(_CLASS) == "title"]
    for title in titles:
        if text := one_line(_text(title)):
            yield f"## {text}"
    for shape in slide:
        if shape is not notes and shape not in titles and (text := _text(shape)):
            yield text
    for shape in notes if notes is not None else ():
        if shape.get(_CLASS) == "notes" and (text := _text(shape)):
            yield f"Notes: {text}"


def _text(shape: Element) -> str:
    """Return what a shape holds, and those in it; the items of a list one below the other."""
    lines: list[str] = []
    pending: list[tuple[Element, int]] = [(shape, 0)]
    while pending:
        element, depth = pending.pop()
        if element.get(_CLASS) in _FURNITURE:
            continue
        if element.tag == f"{TEXT}list":
            depth = min(depth + 1, _DEEPEST_LIST)
        line = _line(element, depth)
        if line is None:
            pending += [(child, depth) for child in reversed(element)]
        elif line:
            close = lines and lines[-1].lstrip().startswith("- ") and line.lstrip().startswith("- ")
            lines += ["\n" if close else "\n\n", line] if lines else [line]
    return "".join(lines)


def _line(element: Element, depth: int) -> str | None:
    """Return the text of a paragraph, table, comment or description, ``None`` for what only holds such."""
    if element.tag in _PARAGRAPHS:
        text = _LINES.written([element]).strip()
        return f"{'  ' * (depth - 1)}- {one_line(text)}" if depth and text else prose(clean(text))
    if element.tag == f"{TABLE}table":
        rows = ([_cell(cell) for cell in row.iterfind(f"{TABLE}table-cell")] for row in _rows(element))
        return markdown_table(rows)
    if element.tag == f"{OFFICE}annotation":
        return _comment(element)
    if element.tag in (f"{SVG}desc", f"{SVG}title"):
        text = clean(one_line(element.text or ""))
        return prose(text) if " " in text else ""  # else it is a file's name
    return None


def _rows(table: Element) -> Iterator[Element]:
    for child in table:
        if child.tag == f"{TABLE}table-row":
            yield child
        elif child.tag.startswith(TABLE):  # the rows of the header
            yield from child.iterfind(f"{TABLE}table-row")


def _cell(cell: Element) -> str:
    return clean(" ".join(_LINES.written([paragraph]) for paragraph in cell.iter() if paragraph.tag in _PARAGRAPHS))


def _comment(comment: Element) -> str:
    author = one_line(comment.findtext(CREATOR, ""))
    text = one_line(" ".join(_LINES.written([paragraph]) for paragraph in comment.iter(f"{TEXT}p")))
    return clean(f"Comment ({author}): {text}" if author else f"Comment: {text}")


def _mixed(element: Element) -> Steps:
    yield element.text or ""
    for child in element:
        yield child
        yield child.tail or ""


_LINES = Translation(
    {
        f"{TEXT}s": lambda _: (" ",),
        f"{TEXT}tab": lambda _: (" ",),
        f"{TEXT}line-break": lambda _: ("\n",),
        f"{OFFICE}annotation": lambda _: (),
        _NOTES: lambda _: (),
    },
    _mixed,
)
