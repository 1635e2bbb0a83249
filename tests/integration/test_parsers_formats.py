"""What each format keeps: headings, text with its odd characters, tables cell by cell, and no running lines."""

import re
from collections.abc import AsyncGenerator, Sequence
from io import BytesIO
from types import MappingProxyType
from zipfile import ZipFile

import pytest

from ragstone.adapters.parsers.kreuzberg import KreuzbergParser
from ragstone.adapters.parsers.kreuzberg.extraction import extract_members
from ragstone.adapters.parsers.kreuzberg.media_types import ZIP
from ragstone.domain.markdown import outline
from ragstone.testing.made_files import (
    Element,
    Heading,
    Paragraph,
    Table,
    book,
    open_document,
    open_sheets,
    restructured,
    slides,
    web_page,
    word,
    workbook,
    zipped,
)
from ragstone.testing.made_mail import mail, outlook
from ragstone.testing.made_pages import printed
from ragstone.testing.parsers import parse

TABLE = Table(
    [["Vessel", "Length (m)", "Cargo & stores"], ["Côte d'Ivoire", "120", "cocoa <40 %>"], ["Ø II", "", "none"]]
)
NUMBERS = Table([["Quarter", "Ships", "Dues"], ["Q1", "1,204", "88.50"], ["Q2", "97", "12.25"]])
MORE: Sequence[Element] = [Heading("Next"), Paragraph("More.")]
ELEMENTS: Sequence[Element] = [
    Heading("Harbour review"),
    Paragraph("The basin was dredged twice: silt & sand had come in – “too much” – after the storms."),
    Heading("At berth", 2),
    TABLE,
    Paragraph("After the table the text goes on."),
]
WRITTEN = MappingProxyType(
    {
        "a.docx": word(ELEMENTS, header="Running header", footer="Running footer"),
        "a.pptx": slides([ELEMENTS, MORE, MORE], footer="Running footer"),
        "a.odt": open_document(ELEMENTS),
        "a.html": web_page(ELEMENTS),
        "a.epub": book([ELEMENTS], title="The review"),
        "a.rst": restructured(ELEMENTS),
    }
)


@pytest.fixture
async def parser() -> AsyncGenerator[KreuzbergParser, None]:
    parser = KreuzbergParser(workers=1, timeout=60.0, memory_mb=1024)
    yield parser
    await parser.close()


def rows(content: str) -> list[list[str]]:
    """The cells of all tables."""
    lines = (line for line in content.split("\n") if line.startswith("|") and re.search(r"[^\s|:-]", line))
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]


def as_rows(*tables: Table) -> list[list[str]]:
    return [[cell.strip() for cell in "|".join(row).strip("| ").split("|")] for table in tables for row in table.rows]


@pytest.mark.parametrize("filename", WRITTEN)
async def test_text_and_tables(parser: KreuzbergParser, filename: str) -> None:
    parsed = await parse(parser, WRITTEN[filename], filename)
    content = parsed.content.replace("\\<", "<")
    for element in ELEMENTS:
        if not isinstance(element, Table):
            assert element.text in content
    assert [row for row in rows(content) if row[0] in ("Vessel", "Côte d'Ivoire")] == as_rows(TABLE)[:2]
    assert "Running" not in content
    assert outline(parsed.content).sections[-1].title in ("At berth", "Next")


async def test_printed_pages(parser: KreuzbergParser) -> None:
    pages: list[list[Element]] = [
        [Heading("Harbour review"), Paragraph("Text of the first page."), NUMBERS, Paragraph("Text below the table.")],
    ]
    pages += [[Heading(f"Part {part}"), Paragraph(f"Text about {part}.")] for part in ("locks", "cranes", "sheds")]
    parsed = await parse(parser, printed(pages, header="Running header", footer="Running footer"), "a.pdf")
    shown = [parsed.content[page.start : page.end].strip() for page in parsed.pages]
    assert [page.page for page in parsed.pages] == [1, 2, 3, 4]
    assert rows(shown[0]) == as_rows(NUMBERS)
    assert shown[0].startswith("Running header\n\n")
    assert shown[0].endswith("Text below the table.\n\nRunning footer 1")
    assert shown[2] == "Part cranes\n\nText about cranes."
    assert parsed.content.count("Running") == 2


@pytest.mark.parametrize(("filename", "make"), [("a.xlsx", workbook), ("a.ods", open_sheets)])
async def test_sheets_are_labelled_pages(parser: KreuzbergParser, filename: str, make: type) -> None:
    empty = [["", "", ""]]
    sheets = {
        "Fleet & more": [*empty, *TABLE.rows],
        "Nothing": empty,
        "Dues": [*NUMBERS.rows, *empty, ["", "Sum", "9"]],
    }
    parsed = await parse(parser, make(sheets), filename)
    assert [page.label for page in parsed.pages] == ["Fleet & more", "Dues"]
    assert [page.page for page in parsed.pages] == [1, 3]
    fleet, dues = (parsed.content[page.start : page.end] for page in parsed.pages)
    assert fleet.startswith("## Fleet & more\n\n| Vessel | Length (m) | Cargo & stores |\n| --- | --- | --- |\n| Côte")
    assert dues.split("\n")[2:] == [
        *("| Quarter | Ships | Dues |", "| --- | --- | --- |", "| Q1 | 1,204 | 88.50 |", "| Q2 | 97 | 12.25 |"),
        "|  | Sum | 9 |",
    ]


async def test_what_is_attached_is_read_as_its_kind(parser: KreuzbergParser) -> None:
    attached = {
        "report.docx": WRITTEN["a.docx"],
        "list.pdf": printed([[Paragraph("On paper.")]]),
        "cut.docx": b"PK\3\4cut",
    }
    for filename, data in (
        ("m.eml", mail("Papers", "See below.", attached)),
        ("m.msg", outlook({"0037": "Papers", "1000": "See below."}, attached)),
    ):
        parsed = await parse(parser, data, filename)
        assert parsed.title == "Papers"
        assert [page.label for page in parsed.pages] == [None, "report.docx", "list.pdf"]
        report, paper = (parsed.content[page.start : page.end] for page in parsed.pages[1:])
        assert report.startswith("# report.docx\n\n##")
        assert rows(report)[:2] == as_rows(TABLE)[:2]
        assert paper.endswith("On paper.")
        assert set(parsed.unread) == {"cut.docx"}


async def test_a_body_that_is_only_html_is_read(parser: KreuzbergParser) -> None:
    data = b"Subject: x\nContent-Type: text/html; charset=iso-8859-1\n\n<p>Caf\xe9 &amp; bar</p><p>Second</p>"
    assert (await parse(parser, data, "m.eml")).content.endswith("Café & bar\n\nSecond")


async def test_an_archive_of_office_files(parser: KreuzbergParser) -> None:
    parsed = await parse(parser, zipped({f"in/{name}": data for name, data in WRITTEN.items()}), "all.zip")
    assert [page.label for page in parsed.pages] == [f"in/{name}" for name in WRITTEN]
    assert parsed.content.count("After the table the text goes on.") == len(WRITTEN)


async def test_word_keeps_what_runs_hold_besides_text(parser: KreuzbergParser) -> None:
    source = word([Paragraph("@@")])
    run = (
        "A &amp; B &#8364;</w:t><w:tab/><w:t>tab</w:t><w:br/><w:t>line</w:t><w:noBreakHyphen/><w:t>dash</w:t></w:r>"
        '<m:oMath xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"><m:r><m:t>x=1</m:t></m:r></m:oMath>'
        '<w:r><w:t xml:space="preserve"> end'
    )
    archive = ZipFile(BytesIO(source))
    members = {name: archive.read(name).decode().replace("@@", run) for name in archive.namelist()}
    assert (await parse(parser, zipped(members), "a.docx")).content.strip() == "A & B € tab\nline-dashx=1 end"


def test_what_only_kreuzberg_unpacks_is_read_member_by_member() -> None:
    members = {"b/report.docx": WRITTEN["a.docx"], "a.txt": b"# Words", "run.exe": b"MZ\x90\0\3\0\0\0"}
    found = dict(extract_members(zipped(members), ZIP))  # a ZIP for the 7z that nothing here can write
    assert list(found) == ["b/report.docx", "a.txt"]
    assert found["b/report.docx"].structured
    assert "After the table the text goes on." in found["b/report.docx"].content
    assert (found["a.txt"].structured, found["a.txt"].content.strip()) == (False, "\\# Words")
