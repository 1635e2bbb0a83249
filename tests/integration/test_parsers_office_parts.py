"""Office files of other makes: the strict variant, parts that hold the text, pictures in it, and sheets with gaps."""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import AsyncGenerator, Mapping, Sequence

import pypdfium2 as pdfium
import pytest

from ragstone.adapters.parsers.kreuzberg import KreuzbergParser
from ragstone.adapters.parsers.kreuzberg.tessdata import find_tessdata
from ragstone.domain.errors import ParseFailed
from ragstone.testing.made_files import (
    Element,
    Heading,
    Paragraph,
    Table,
    open_sheets,
    separated,
    slides,
    web_page,
    word,
    workbook,
    zipped,
)
from ragstone.testing.parsers import parse, pdf

needs_tesseract = pytest.mark.skipif(find_tessdata() is None, reason="Tesseract's language data is not installed")
_TRANSITIONAL = re.compile(rb"http://schemas\.openxmlformats\.org/(\w+)/2006/(?=[\w/]*[\"'])(?<!package/2006/)")
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_LINKS = "http://schemas.openxmlformats.org/package/2006/relationships"
ROWS = [["port", "dues"], ["Riga", "9"]]
MARKDOWN = "| port | dues |\n| --- | --- |\n| Riga | 9 |"


@pytest.fixture
async def parser() -> AsyncGenerator[KreuzbergParser, None]:
    parser = KreuzbergParser(workers=1, timeout=60.0, memory_mb=1024)
    yield parser
    await parser.close()


def with_parts(package: bytes, parts: Mapping[str, bytes | str]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(package)) as source:
        return zipped({name: source.read(name) for name in source.namelist()} | dict(parts))


def strict(package: bytes) -> bytes:
    """Return an Office file with the names of ISO 29500 Strict, those of the package itself aside."""
    with zipfile.ZipFile(io.BytesIO(package)) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    return zipped({name: _TRANSITIONAL.sub(rb"http://purl.oclc.org/ooxml/\1/", part) for name, part in parts.items()})


def links(targets: Mapping[str, str]) -> str:
    listed = "".join(
        f'<Relationship Id="{kind}" Type="{_OFFICE}/{kind}" Target="{target}"/>' for kind, target in targets.items()
    )
    return f'<Relationships xmlns="{_LINKS}">{listed}</Relationships>'


def picture(lines: Sequence[str]) -> bytes:
    """Return lines of text as a PNG in shades of grey."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    bitmap = pdfium.PdfDocument(pdf([lines]))[0].render(scale=3, grayscale=True, crop=(0, 528, 0, 0))
    shades = bytes(bitmap.buffer)
    dots = b"".join(b"\0" + shades[y * bitmap.stride :][: bitmap.width] for y in range(bitmap.height))
    header = struct.pack(">IIBBBBB", bitmap.width, bitmap.height, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(dots)), chunk(b"IEND", b""))
    return b"".join((b"\x89PNG\r\n\x1a\n", *parts))


def with_word_parts(body: str, targets: Mapping[str, str], parts: Mapping[str, bytes | str]) -> bytes:
    """Return a DOCX of more than one part, to which its text refers by their kinds."""
    name = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    drawing = "http://schemas.openxmlformats.org/drawingml/2006/main"
    document = (
        f'<w:document xmlns:w="{name}" xmlns:r="{_OFFICE}" xmlns:a="{drawing}"><w:body>{body}</w:body></w:document>'
    )
    own = {"word/document.xml": document, "word/_rels/document.xml.rels": links(targets)}
    return with_parts(word([Paragraph("x")]), own | {f"word/{path}": part for path, part in parts.items()})


async def test_the_strict_variant_says_what_the_other_does(parser: KreuzbergParser) -> None:
    elements: list[Element] = [
        Heading("Dues"),
        *(Paragraph(f"Line {n} of the report.") for n in range(3000)),
        Table(ROWS),
    ]
    for data, name in (
        (word(elements), "a.docx"),
        (slides([[Heading("Dues"), Table(ROWS)], [Paragraph("All of it.")]], notes="Say it."), "a.pptx"),
        (workbook({"S": ROWS}), "a.xlsx"),
    ):
        assert strict(data) != data
        assert (await parse(parser, strict(data), name)).content == (await parse(parser, data, name)).content


async def test_a_show_without_slides_is_no_damage(parser: KreuzbergParser) -> None:
    with pytest.raises(ParseFailed) as failed:
        await parse(parser, slides([]), "a.pptx")
    assert failed.value.failure_code == "no_text"


async def test_documents_that_are_parts_of_a_text_stand_where_they_belong(parser: KreuzbergParser) -> None:
    body = '<w:p><w:r><w:t>Before</w:t></w:r></w:p><w:altChunk r:id="aFChunk"/><w:p><w:r><w:t>After</w:t></w:r></w:p>'
    page = web_page([Heading("Dues"), Table(ROWS)])
    text = word([Heading("Dues"), Table(ROWS)])
    for part, written, mark in (("chunk.html", page, "##"), ("chunk.docx", text, "###")):
        data = with_word_parts(body, {"aFChunk": part}, {part: written})
        content = (await parse(parser, data, "a.docx")).content.strip()
        assert re.sub("-{3,}", "---", re.sub(" +", " ", content)) == f"Before\n\n{mark} Dues\n\n{MARKDOWN}\n\nAfter"


async def test_a_part_that_cannot_be_read_is_named(parser: KreuzbergParser) -> None:
    body = '<w:p><w:r><w:t>Before</w:t></w:r></w:p><w:altChunk r:id="aFChunk"/>'
    parsed = await parse(parser, with_word_parts(body, {"aFChunk": "c.docx"}, {"c.docx": b"PK\3\4"}), "a.docx")
    assert (parsed.content.strip(), list(parsed.unread)) == ("Before", ["c.docx"])


async def test_a_letterhead_is_text_where_there_is_no_other(parser: KreuzbergParser) -> None:
    content = (await parse(parser, word([], header="Port of Riga", footer="Quay 9"), "a.docx")).content
    assert content.strip() == "Port of Riga\n\nQuay 9"
    content = (await parse(parser, word([Paragraph("x")], header="Port of Riga", footer="Quay 9"), "a.docx")).content
    assert content.strip() == "x"


async def test_cells_stand_below_their_header_in_rows_that_begin_further_right(parser: KreuzbergParser) -> None:
    def row(cells: Sequence[str], properties: str = "") -> str:
        held = "".join(f"<w:tc><w:p><w:r><w:t>{cell}</w:t></w:r></w:p></w:tc>" for cell in cells)
        return f"<w:tr>{properties}{held}</w:tr>"

    shifted = row(["7", "8"], '<w:trPr><w:gridBefore w:val="1"/></w:trPr>')
    body = f"<w:tbl>{row(['a', 'b', 'c'])}{row(['1', '2', '3'])}{shifted}</w:tbl>"
    content = (await parse(parser, with_word_parts(body, {}, {}), "a.docx")).content.strip()
    assert content.split("\n")[2:] == ["| 1 | 2 | 3 |", "|  | 7 | 8 |"]


@needs_tesseract
async def test_the_pictures_of_a_text_are_read_where_they_stand(parser: KreuzbergParser) -> None:
    drawn = '<w:p><w:r><w:t>{}</w:t></w:r><w:r><w:drawing><a:blip r:embed="image"/></w:drawing></w:r></w:p>'
    body = drawn.format("Before") + "<w:p><w:r><w:t>After</w:t></w:r></w:p>"
    parts = {"media/1.png": picture(["The northern basin was dredged", "after the spring storms."])}
    parsed = await parse(parser, with_word_parts(body, {"image": "media/1.png"}, parts), "a.docx")
    paragraphs = re.sub(r"\n+", "\n", parsed.content.strip()).split("\n")
    assert paragraphs == ["Before", "The northern basin was dredged", "after the spring storms.", "After"]


async def test_blocks_of_a_sheet_are_tables_of_their_own(parser: KreuzbergParser) -> None:
    rows = [
        ["Report of 2024"],
        [""],
        *ROWS,
        [""],
        ["pilot", "since", "port"],
        ["Ann", "2001", "Riga"],
        [""],
        ["* late"],
    ]
    other = "| pilot | since | port |\n| --- | --- | --- |\n| Ann | 2001 | Riga |"
    text = f"Report of 2024\n\n{MARKDOWN}\n\n{other}\n\n* late"
    for data, name in ((workbook({"S": rows}), "a.xlsx"), (open_sheets({"S": rows}), "a.ods")):
        assert (await parse(parser, data, name)).content == f"## S\n\n{text}"
    assert (await parse(parser, separated(rows), "a.csv")).content == text


async def test_a_sheet_with_a_million_blank_rows_in_it_is_read(parser: KreuzbergParser) -> None:
    data = open_sheets({"S": [*ROWS, ["!"], ["The end."]]})
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        xml = package.read("content.xml").decode()
    blank = '<table:table-row table:number-rows-repeated="1048000"><table:table-cell/></table:table-row>'
    gap = re.sub(r"<table:table-row>(?:(?!<table:table-row>).)*!.*?</table:table-row>", blank, xml)
    assert gap != xml
    content = (await parse(parser, with_parts(data, {"content.xml": gap}), "a.ods")).content
    assert content == f"## S\n\n{MARKDOWN}\n\nThe end."
