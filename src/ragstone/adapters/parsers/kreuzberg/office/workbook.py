"""Workbooks of Excel (XLSX): a page for each sheet, with its tables, text boxes and pictures."""

import zipfile
import zlib
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from ragstone.adapters.parsers.kreuzberg.composition import one_line, prose
from ragstone.adapters.parsers.kreuzberg.decoding import clean
from ragstone.adapters.parsers.kreuzberg.failures import damaged, no_text
from ragstone.adapters.parsers.kreuzberg.media_types import XLSX
from ragstone.adapters.parsers.kreuzberg.office.cell_comments import comments_by_row
from ragstone.adapters.parsers.kreuzberg.office.cell_formats import number_texts
from ragstone.adapters.parsers.kreuzberg.office.drawings import paragraph_text
from ragstone.adapters.parsers.kreuzberg.office.enclosures import Enclosures
from ragstone.adapters.parsers.kreuzberg.office.package import OfficePackage
from ragstone.adapters.parsers.kreuzberg.office.sheet_cells import S, SheetCells, shared_strings
from ragstone.adapters.parsers.kreuzberg.tables import sheet_to_markdown
from ragstone.domain.documents import PageSpan, ParsedDocument

_MAIN = "xl/workbook.xml"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_DRAWN = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_DAMAGES = (
    ParseError,
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)


def read_workbook(data: bytes, enclosures: Enclosures | None = None) -> ParsedDocument:
    """Return a workbook as Markdown, with what ``enclosures`` find in its pictures. Raises ``ParseFailed``.

    A sheet that is damaged stands in ``unread`` where others are not.
    """
    book = _Workbook(OfficePackage(data), enclosures or Enclosures())
    parts: list[str] = []
    pages: list[PageSpan] = []
    length = 0
    for number, name, text in book.sheets():
        if not text:
            continue
        parts.append(f"## {name}\n\n{text}")
        start = length + 2 * (len(parts) > 1)
        length = start + len(parts[-1])
        pages.append(PageSpan(number, start, length, name))
    if not parts:
        raise damaged() if book.unread else no_text(pictures=True)
    return ParsedDocument("\n\n".join(parts), XLSX, book.title, tuple(pages), {**book.unread, **book.enclosures.unread})


class _Workbook:
    """A workbook, sheet by sheet."""

    def __init__(self, package: OfficePackage, enclosures: Enclosures) -> None:
        self.enclosures = enclosures
        self.unread: dict[str, str] = {}
        self.title = package.title()
        self._package = package
        self._main = package.main() or _MAIN
        root = package.parse(self._main)
        if root is None:
            raise damaged()
        self._sheets = list(root.iter(f"{S}sheet"))
        self._relations = package.relations(self._main)
        paths = {link.kind: link.path for link in self._relations.values()}
        self._show = number_texts(package.parse(paths.get("styles", "xl/styles.xml")), root)
        self._strings = self._shared(paths.get("sharedStrings", "xl/sharedStrings.xml"))

    def _shared(self, path: str) -> list[str]:
        if path not in self._package.paths:
            return []
        try:
            with self._package.stream(path) as source:
                return shared_strings(source)
        except _DAMAGES as error:
            raise damaged() from error

    def sheets(self) -> Iterator[tuple[int, str, str]]:
        """Yield number, name and text of each sheet; those that say nothing too."""
        for number, sheet in enumerate(self._sheets, 1):
            name = one_line(clean(sheet.get("name", ""))) or str(number)
            link = self._relations.get(sheet.get(f"{_R}id", ""))
            path = link.path if link is not None else f"xl/worksheets/sheet{number}.xml"
            if path not in self._package.paths:
                self.unread[name] = "The sheet is missing from the file."
                continue
            try:
                table = self._table(path)
            except _DAMAGES:
                self.unread[name] = "The sheet is damaged."
                continue
            yield number, name, "\n\n".join(filter(None, (table, *self._drawn(path))))

    def _table(self, path: str) -> str:
        with self._package.stream(path) as source:
            cells = SheetCells(source, self._strings, self._show)
        beside = cells.last_column + 1
        for row, text in comments_by_row(self._package, path).items():
            cells.put(row, {beside: text})
        return sheet_to_markdown(cells)

    def _drawn(self, path: str) -> Iterator[str]:
        """Yield the texts of what lies over a sheet: its text boxes and pictures."""
        for link in self._package.relations(path).values():
            root = self._package.parse(link.path) if link.kind == "drawing" else None
            relations = self._package.relations(link.path) if root is not None else {}
            for element in _shapes(root) if root is not None else ():
                if element.tag == f"{_DRAWN}txBody":
                    yield "\n\n".join(prose(text) for text in map(paragraph_text, element.iter(f"{_A}p")) if text)
                    continue
                described = next((found.get("descr", "") for found in element.iter(f"{_DRAWN}cNvPr")), "")
                if " " in described.strip():  # else it is a file's name
                    yield prose(one_line(clean(described)))
                for blip in element.iter(f"{_A}blip"):
                    picture = relations.get(blip.get(f"{_R}embed", ""))
                    yield self.enclosures.picture(self._package, picture.path) if picture is not None else ""


def _shapes(root: Element) -> Iterator[Element]:
    """Yield the text boxes and pictures of a drawing in order, without recursion."""
    pending = [root]
    while pending:
        element = pending.pop()
        if element.tag in (f"{_DRAWN}txBody", f"{_DRAWN}pic"):
            yield element
        elif element.tag != _FALLBACK:  # the same as a picture
            pending += [*element][::-1]
