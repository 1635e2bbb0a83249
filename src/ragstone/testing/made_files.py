"""Files in the formats that people send, made from headings, paragraphs and tables that are known.

What a parser finds in them can so be held against what is in them. Everything is written with the standard
library, as small as the programs that read these formats allow.
"""

import csv
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_SLIDE = "http://schemas.openxmlformats.org/presentationml/2006/main"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
_TYPE = "application/vnd.openxmlformats-officedocument."
_ODF = "urn:oasis:names:tc:opendocument:xmlns:"
_ODF_NAMES = " ".join(f'xmlns:{name}="{_ODF}{name}:1.0"' for name in ("office", "text", "table"))


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; ``level`` counts from 1."""

    text: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of plain text."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table; its first row is the header."""

    rows: Sequence[Sequence[str]]


Element = Heading | Paragraph | Table


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    """Return a ZIP of ``members``; one named ``mimetype`` is not compressed, as OpenDocument and EPUB want it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            packing = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(name, content, packing)
    return file.getvalue()


def _package(parts: Mapping[str, tuple[str, str]], links: Mapping[str, Sequence[tuple[str, str]]]) -> bytes:
    """Return an Office Open XML package.

    ``parts`` maps a path to its content type and its XML, the main part first; ``links`` maps a path to the
    kinds and targets of its relations, whose ids are ``r1``, ``r2``, ...
    """
    overrides = "".join(
        f'<Override PartName="/{path}" ContentType="{_TYPE}{kind}+xml"/>' for path, (kind, _) in parts.items()
    )
    members = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" '
        'ContentType="application/xml"/><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{overrides}</Types>',
        "_rels/.rels": _relations([("officeDocument", next(iter(parts)))]),
    }
    for path, relations in links.items():
        folder, _, name = path.rpartition("/")
        members[f"{folder}/_rels/{name}.rels"] = _relations(relations)
    return zipped(members | {path: xml for path, (_, xml) in parts.items()})


def _relations(relations: Sequence[tuple[str, str]]) -> str:
    links = "".join(
        f'<Relationship Id="r{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(relations, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>'


def word(elements: Sequence[Element], *, header: str = "", footer: str = "") -> bytes:
    """Return a DOCX, with a running header and footer if given."""
    runs = {"header": header, "footer": footer}
    edges = {kind: text for kind, text in runs.items() if text}
    references = "".join(
        f'<w:{kind}Reference w:type="default" r:id="r{number}"/>' for number, kind in enumerate(edges, 1)
    )
    body = "".join(map(_word_element, elements)) + f"<w:sectPr>{references}</w:sectPr>"
    document = f'<w:document xmlns:w="{_WORD}" xmlns:r="{_OFFICE}"><w:body>{body}</w:body></w:document>'
    parts = {"word/document.xml": ("wordprocessingml.document.main", document)}
    for kind, text in edges.items():
        tag = "hdr" if kind == "header" else "ftr"
        xml = f'<w:{tag} xmlns:w="{_WORD}">{_word_paragraph(text)}</w:{tag}>'
        parts[f"word/{kind}.xml"] = (f"wordprocessingml.{kind}", xml)
    return _package(parts, {"word/document.xml": [(kind, f"{kind}.xml") for kind in edges]})


def _word_element(element: Element) -> str:
    match element:
        case Heading(text, level):
            return _word_paragraph(text, f'<w:pPr><w:pStyle w:val="Heading{level}"/></w:pPr>')
        case Paragraph(text):
            return _word_paragraph(text)
        case Table(rows):
            cells = ("".join(f"<w:tc>{_word_paragraph(cell)}</w:tc>" for cell in row) for row in rows)
            return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"


def _word_paragraph(text: str, properties: str = "") -> str:
    return f'<w:p>{properties}<w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'


def slides(pages: Sequence[Sequence[Element]], *, footer: str = "", notes: str = "") -> bytes:
    """Return a PPTX: a slide for each list, its first heading the title; the footer goes on every slide."""
    ids = "".join(f'<p:sldId id="{255 + number}" r:id="r{number}"/>' for number in range(1, len(pages) + 1))
    names = f'xmlns:p="{_SLIDE}" xmlns:a="{_DRAWING}" xmlns:r="{_OFFICE}"'
    main = f"<p:presentation {names}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>"
    parts = {"ppt/presentation.xml": ("presentationml.presentation.main", main)}
    links = {"ppt/presentation.xml": [("slide", f"slides/slide{number}.xml") for number in range(1, len(pages) + 1)]}
    for number, page in enumerate(pages, 1):
        shapes = "".join(_slide_element(element, place) for place, element in enumerate(page))
        if footer:
            shapes += _shape(footer, "ftr", 50) + _shape(str(number), "sldNum", 51)
        slide = f"<p:sld {names}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
        parts[f"ppt/slides/slide{number}.xml"] = ("presentationml.slide", slide)
        if notes:
            body = f"<p:cSld><p:spTree>{_shape(notes, 'body', 1)}</p:spTree></p:cSld>"
            parts[f"ppt/notesSlides/notesSlide{number}.xml"] = (
                "presentationml.notesSlide",
                f"<p:notes {names}>{body}</p:notes>",
            )
            links[f"ppt/slides/slide{number}.xml"] = [("notesSlide", f"../notesSlides/notesSlide{number}.xml")]
    return _package(parts, links)


def _slide_element(element: Element, place: int) -> str:
    match element:
        case Heading(text):
            return _shape(text, "title", place)
        case Paragraph(text):
            return _shape(text, "body", place)
        case Table(rows):
            cells = ("".join(f"<a:tc>{_shape_text(cell, 'a')}</a:tc>" for cell in row) for row in rows)
            table = "".join(f'<a:tr h="1">{row}</a:tr>' for row in cells)
            return (
                f'<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id="{place + 2}" name="T"/></p:nvGraphicFramePr>'
                f'<p:xfrm><a:off x="0" y="{place * 914400}"/><a:ext cx="9" cy="9"/></p:xfrm><a:graphic><a:graphicData '
                f'uri="{_DRAWING.replace("main", "table")}"><a:tbl>{table}</a:tbl></a:graphicData></a:graphic>'
                "</p:graphicFrame>"
            )


def _shape(text: str, kind: str, place: int) -> str:
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="{place + 2}" name="S{place}"/><p:cNvSpPr/><p:nvPr><p:ph type="{kind}"/></p:nvPr>'
        f'</p:nvSpPr><p:spPr><a:xfrm><a:off x="0" y="{place * 914400}"/><a:ext cx="9" cy="9"/></a:xfrm></p:spPr>'
        f"{_shape_text(text, 'p')}</p:sp>"
    )


def _shape_text(text: str, prefix: str) -> str:
    run = f"<a:r><a:t>{escape(text)}</a:t></a:r>"
    return f"<{prefix}:txBody><a:bodyPr/><a:p>{run}</a:p></{prefix}:txBody>"


def workbook(sheets: Mapping[str, Sequence[Sequence[str]]]) -> bytes:
    """Return an XLSX: a sheet of rows for each name."""
    numbered = list(enumerate(sheets.items(), 1))
    listed = "".join(f'<sheet name="{escape(name)}" sheetId="{n}" r:id="r{n}"/>' for n, (name, _) in numbered)
    main = f'<workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>'
    parts = {"xl/workbook.xml": ("spreadsheetml.sheet.main", main)}
    for number, (_, rows) in numbered:
        xml = f'<worksheet xmlns="{_SHEET}"><sheetData>{"".join(_sheet_rows(rows))}</sheetData></worksheet>'
        parts[f"xl/worksheets/sheet{number}.xml"] = ("spreadsheetml.worksheet", xml)
    return _package(parts, {"xl/workbook.xml": [("worksheet", f"worksheets/sheet{n}.xml") for n, _ in numbered]})


def _sheet_rows(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for number, row in enumerate(rows, 1):
        cells = (
            f'<c r="{chr(64 + column)}{number}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
            for column, cell in enumerate(row, 1)
        )
        yield f'<row r="{number}">{"".join(cells)}</row>'


def open_document(elements: Sequence[Element]) -> bytes:
    """Return an ODT."""
    return _open_file("text", f"<office:text>{''.join(map(_open_element, elements))}</office:text>")


def open_sheets(sheets: Mapping[str, Sequence[Sequence[str]]]) -> bytes:
    """Return an ODS: a sheet of rows for each name."""
    tables = "".join(
        f'<table:table table:name="{escape(name)}">{_open_rows(rows)}</table:table>' for name, rows in sheets.items()
    )
    return _open_file("spreadsheet", f"<office:spreadsheet>{tables}</office:spreadsheet>")


def _open_file(kind: str, body: str) -> bytes:
    mimetype = f"application/vnd.oasis.opendocument.{kind}"
    content = (
        f'<office:document-content {_ODF_NAMES} office:version="1.2"><office:body>{body}</office:body>'
        "</office:document-content>"
    )
    manifest = (
        f'<m:manifest xmlns:m="{_ODF}manifest:1.0"><m:file-entry m:full-path="/" m:media-type="{mimetype}"/>'
        '<m:file-entry m:full-path="content.xml" m:media-type="text/xml"/></m:manifest>'
    )
    return zipped({"mimetype": mimetype, "META-INF/manifest.xml": manifest, "content.xml": content})


def _open_element(element: Element) -> str:
    match element:
        case Heading(text, level):
            return f'<text:h text:outline-level="{level}">{escape(text)}</text:h>'
        case Paragraph(text):
            return f"<text:p>{escape(text)}</text:p>"
        case Table(rows):
            return f"<table:table>{_open_rows(rows)}</table:table>"


def _open_rows(rows: Sequence[Sequence[str]]) -> str:
    cells = (
        "".join(
            f'<table:table-cell office:value-type="string"><text:p>{escape(cell)}</text:p></table:table-cell>'
            for cell in row
        )
        for row in rows
    )
    return "".join(f"<table:table-row>{row}</table:table-row>" for row in cells)


def web_page(elements: Sequence[Element], *, title: str = "") -> bytes:
    """Return an HTML page."""
    body = "".join(map(_html_element, elements))
    return f"<!doctype html><html><head><title>{escape(title)}</title></head><body>{body}</body></html>".encode()


def _html_element(element: Element) -> str:
    match element:
        case Heading(text, level):
            return f"<h{level}>{escape(text)}</h{level}>\n"
        case Paragraph(text):
            return f"<p>{escape(text)}</p>\n"
        case Table(rows):
            lines = ["".join(f"<th>{escape(cell)}</th>" for cell in rows[0])]
            lines += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows[1:]]
            return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>\n"


def book(chapters: Sequence[Sequence[Element]], *, title: str) -> bytes:
    """Return an EPUB: a file for each chapter."""
    names = [f"chapter{number}.xhtml" for number in range(1, len(chapters) + 1)]
    items = "".join(f'<item id="{name}" href="{name}" media-type="application/xhtml+xml"/>' for name in names)
    spine = "".join(f'<itemref idref="{name}"/>' for name in names)
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id"><metadata '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">made</dc:identifier><dc:title>'
        f"{escape(title)}</dc:title><dc:language>en</dc:language></metadata><manifest>{items}</manifest>"
        f"<spine>{spine}</spine></package>"
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles><rootfile '
        'full-path="content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    members = {"mimetype": "application/epub+zip", "META-INF/container.xml": container, "content.opf": package}
    for name, chapter in zip(names, chapters, strict=True):
        body = "".join(map(_html_element, chapter))
        members[name] = (
            f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title></head><body>{body}</body></html>'
        )
    return zipped(members)


def restructured(elements: Sequence[Element]) -> bytes:
    """Return reStructuredText, its tables in the simple form."""
    return "\n".join(map(_rst_element, elements)).encode()


def _rst_element(element: Element) -> str:
    match element:
        case Heading(text, level):
            return f"{text}\n{'=-~'[level - 1] * len(text)}\n"
        case Paragraph(text):
            return f"{text}\n"
        case Table(rows):
            widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
            rule = "  ".join("=" * width for width in widths)
            lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
            return "\n".join([rule, lines[0], rule, *lines[1:], rule, ""])


def separated(rows: Sequence[Sequence[str]], *, delimiter: str = ",") -> bytes:
    """Return CSV, or TSV with a tab for ``delimiter``."""
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter).writerows(rows)
    return file.getvalue().encode()


def json_records(rows: Sequence[Sequence[str]], *, lines: bool = False) -> bytes:
    """Return a JSON list of objects, or NDJSON; the first of ``rows`` names the keys."""
    records = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    if lines:
        return "".join(json.dumps(record) + "\n" for record in records).encode()
    return json.dumps(records).encode()
