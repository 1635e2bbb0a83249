"""PowerPoint: a page for each slide, with its title, text, tables, charts and notes, in the order of the slide."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from ragstone.adapters.parsers.kreuzberg.composition import one_line, prose
from ragstone.adapters.parsers.kreuzberg.decoding import clean
from ragstone.adapters.parsers.kreuzberg.failures import damaged, no_text
from ragstone.adapters.parsers.kreuzberg.media_types import PPTX
from ragstone.adapters.parsers.kreuzberg.office.drawings import chart_rows, diagram_lines, paragraph_text
from ragstone.adapters.parsers.kreuzberg.office.enclosures import Enclosures
from ragstone.adapters.parsers.kreuzberg.office.open_slides import read_open_slides
from ragstone.adapters.parsers.kreuzberg.office.package import OfficePackage, Relation
from ragstone.adapters.parsers.kreuzberg.office.slide_pages import paged
from ragstone.adapters.parsers.kreuzberg.tables import markdown_table
from ragstone.domain.documents import ParsedDocument

_MAIN = "ppt/presentation.xml"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_DGM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_FURNITURE = frozenset({"ftr", "sldNum", "dt", "hdr", "sldImg"})
_TITLES = frozenset({"title", "ctrTitle"})
_BULLETED = frozenset({"body", "obj"})
_SLIDE_FILE = re.compile(r"ppt/slides/slide(\d+)\.xml")
_EDGE = 0.12
"""Share of a slide's height, at its top and at its bottom, where running lines stand."""
_MOST = 0.6
_FEWEST = 3
_HEIGHT = 6858000


@dataclass(frozen=True, slots=True)
class _Piece:
    """Markdown of one shape; ``edge`` says that it stands where running headers and footers do."""

    text: str
    title: bool = False
    edge: bool = False


def read_slides(data: bytes, enclosures: Enclosures | None = None) -> ParsedDocument:
    """Return a presentation as Markdown, with what ``enclosures`` find in its pictures. Raises ``ParseFailed``.

    It may be one of OpenDocument, whose pictures are not read.
    """
    package = OfficePackage(data)
    if "content.xml" in package.paths:
        return read_open_slides(package)
    main = package.main() or _MAIN
    paths = _slide_paths(package, main)
    if not paths:
        raise no_text() if package.parse(main) is not None else damaged()
    enclosures = enclosures or Enclosures()
    height = _slide_height(package, main)
    slides = [list(_Slide(package, path, height, enclosures).pieces()) for path in paths]
    running = _running(slides)
    content, pages = paged(_slide_text(pieces, running) for pieces in slides)
    if not pages:
        raise no_text(pictures=True)
    return ParsedDocument(content, PPTX, package.title(), pages, enclosures.unread)


def _slide_text(pieces: Sequence[_Piece], running: Set[str]) -> str:
    ordered = sorted(pieces, key=lambda piece: not piece.title)
    return "\n\n".join(piece.text for piece in ordered if not piece.edge or _shape(piece.text) not in running)


def _slide_paths(package: OfficePackage, main: str) -> list[str]:
    """Return the slides in the order of the show, or of their numbers where that is damaged."""
    root, relations = package.parse(main), package.relations(main)
    ids = [slide.get(f"{_R}id", "") for slide in root.iter(f"{_P}sldId")] if root is not None else []
    found = [relations[name].path for name in ids if name in relations]
    if found:
        return [path for path in found if path in package.paths]
    numbered = ((int(match[1]), path) for path in package.paths if (match := _SLIDE_FILE.fullmatch(path)))
    return [path for _, path in sorted(numbered)]


def _slide_height(package: OfficePackage, main: str) -> int:
    root = package.parse(main)
    size = root.find(f"{_P}sldSz") if root is not None else None
    return _number(size.get("cy") if size is not None else None) or _HEIGHT


def _running(slides: Sequence[Sequence[_Piece]]) -> set[str]:
    """Return the lines at the edge that most slides have, with a mark for each number."""
    if len(slides) < _FEWEST:
        return set()
    counts = Counter(shape for pieces in slides for shape in {_shape(piece.text) for piece in pieces if piece.edge})
    return {shape for shape, count in counts.items() if count >= max(_FEWEST, _MOST * len(slides))}


def _shape(text: str) -> str:
    return re.sub(r"\d+", "0", text)


class _Slide:
    """One slide, shape by shape."""

    def __init__(self, package: OfficePackage, path: str, height: int, enclosures: Enclosures) -> None:
        self._package = package
        self._root = package.parse(path)
        self._relations = package.relations(path)
        self._height = height
        self._enclosures = enclosures

    def pieces(self) -> Iterator[_Piece]:
        """Yield the slide's shapes, then its notes."""
        if self._root is None:
            return
        for tree in self._root.iter(f"{_P}spTree"):
            for shape in _shapes(tree):
                yield from self._shape(shape)
        notes = next((link for link in self._relations.values() if link.kind == "notesSlide"), None)
        if notes is not None and (text := self._notes(notes)):
            yield _Piece(f"Notes: {text}")

    def _shape(self, shape: Element) -> Iterator[_Piece]:
        if shape.tag == f"{_P}graphicFrame":
            yield from (_Piece(text) for text in self._graphic(shape) if text)
        elif shape.tag == f"{_P}pic":
            yield from (_Piece(text) for text in self._picture(shape) if text)
        else:
            yield from self._text(shape)

    def _picture(self, shape: Element) -> Iterator[str]:
        description = next((found.get("descr", "") for found in shape.iter(f"{_P}cNvPr")), "")
        if " " in description.strip():  # else it is a file's name
            yield prose(one_line(clean(description)))
        for blip in shape.iter(f"{_A}blip"):
            link = self._relations.get(blip.get(f"{_R}embed", ""))
            if link is not None:
                yield self._enclosures.picture(self._package, link.path)

    def _text(self, shape: Element) -> Iterator[_Piece]:
        holder = next(shape.iter(f"{_P}ph"), None)
        kind = holder.get("type", "obj") if holder is not None else ""
        if kind in _FURNITURE:
            return
        text = _paragraphs(shape, bulleted=kind in _BULLETED)
        if text and kind in _TITLES:
            yield _Piece(f"## {one_line(text)}", title=True)
        elif text:
            yield _Piece(text, edge=kind == "" and "\n" not in text and self._at_edge(shape))

    def _at_edge(self, shape: Element) -> bool:
        place, size = next(shape.iter(f"{_A}off"), None), next(shape.iter(f"{_A}ext"), None)
        if place is None or size is None:
            return False
        middle = _number(place.get("y")) + _number(size.get("cy")) / 2
        return not _EDGE * self._height < middle < (1 - _EDGE) * self._height

    def _graphic(self, frame: Element) -> Iterator[str]:
        for table in frame.iter(f"{_A}tbl"):
            rows = [[_cell(cell) for cell in row.iter(f"{_A}tc")] for row in table.iter(f"{_A}tr")]
            yield markdown_table(rows)
        for found in frame.iter(f"{_C}chart"):
            root = self._part(found.get(f"{_R}id", ""))
            if root is not None:
                yield from chart_rows(root)
        for found in frame.iter(f"{_DGM}relIds"):
            root = self._part(found.get(f"{_R}dm", ""))
            if root is not None:
                yield "\n".join(f"- {line}" for line in diagram_lines(root))

    def _part(self, name: str) -> Element | None:
        link = self._relations.get(name)
        return self._package.parse(link.path) if link is not None else None

    def _notes(self, link: Relation) -> str:
        root = self._package.parse(link.path)
        texts: list[str] = []
        for shape in root.iter(f"{_P}sp") if root is not None else ():
            holder = next(shape.iter(f"{_P}ph"), None)
            if holder is not None and holder.get("type", "body") == "body":
                texts.append(_paragraphs(shape, bulleted=False))
        return "\n\n".join(filter(None, texts))


def _shapes(tree: Element) -> Iterator[Element]:
    """Yield the shapes of a tree in order, those in groups included, without recursion."""
    pending = list(tree)[::-1]
    while pending:
        element = pending.pop()
        if element.tag in (f"{_P}sp", f"{_P}pic", f"{_P}graphicFrame", f"{_P}cxnSp"):
            yield element
        elif element.tag == f"{_MC}AlternateContent":
            chosen = next(iter(element), None)
            pending += list(chosen)[::-1] if chosen is not None else []
        elif element.tag == f"{_P}grpSp":
            pending += list(element)[::-1]


def _paragraphs(shape: Element, *, bulleted: bool) -> str:
    """Return a shape's paragraphs; those with bullets, of their own or the layout's, as list items."""
    found = [(paragraph, text) for paragraph in shape.iter(f"{_A}p") if (text := paragraph_text(paragraph))]
    inherited = bulleted and len(found) > 1
    lines: list[str] = []
    for paragraph, text in found:
        style = paragraph.find(f"{_A}pPr")
        marks = {mark.tag for mark in style} if style is not None else set()
        item = marks & {f"{_A}buChar", f"{_A}buAutoNum", f"{_A}buBlip"} or (inherited and f"{_A}buNone" not in marks)
        level = min(8, _number(style.get("lvl"))) if style is not None else 0
        line = f"{'  ' * level}- {one_line(text)}" if item else prose(text)
        separator = "" if not lines else "\n" if item and lines[-1].lstrip().startswith("- ") else "\n\n"
        lines += [separator, line] if separator else [line]
    return "".join(lines)


def _cell(cell: Element) -> str:
    return " ".join(filter(None, map(paragraph_text, cell.iter(f"{_A}p"))))


def _number(value: str | None) -> int:
    return int(value) if value is not None and re.fullmatch(r"-?\d{1,15}", value) else 0
