"""Web pages and workbooks as people see them, read by kreuzberg in its child process."""

import io
import re
import struct
import zipfile
from collections.abc import AsyncGenerator, Mapping

import pytest

from ragstone.adapters.parsers.kreuzberg import KreuzbergParser
from ragstone.testing.made_files import open_sheets, word, workbook, zipped
from ragstone.testing.made_mail import compound, mail
from ragstone.testing.parsers import parse

SHEET = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


@pytest.fixture
async def parser() -> AsyncGenerator[KreuzbergParser, None]:
    parser = KreuzbergParser(workers=1, timeout=60.0, memory_mb=1024)
    yield parser
    await parser.close()


def with_parts(package: bytes, parts: Mapping[str, str]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(package)) as source:
        return zipped({name: source.read(name) for name in source.namelist()} | dict(parts))


@pytest.mark.parametrize(
    "each",
    [
        *("<p>line{}\n", "<font color=red>line{}<br>", "<div>line{}", "<b>line{}</i> ", "<table><tr><td>line{}"),
        *("<li>line{}", "<option>line{}", "<p><font>line{}</p>", "<blockquote>line{}", "<x-row>line{}", "<h2>line{}"),
        "<tr><td>line{}<br>x<td>y",
    ],
)
async def test_pages_are_read_to_the_end_however_deep(parser: KreuzbergParser, each: str) -> None:
    html = "<html><body>" + "".join(each.replace("{}", str(number)) for number in range(150)) + "</body></html>"
    content = (await parse(parser, html.encode(), "a.html")).content
    assert re.findall(r"line\d+", content) == [f"line{number}" for number in range(150)]


async def test_a_page_of_fifty_thousand_elements_in_one_another(parser: KreuzbergParser) -> None:
    html = b"<html><body>" + b"<div>" * 50_000 + b"words" + b"</div>" * 50_000
    assert (await parse(parser, html, "a.html")).content.strip() == "words"


async def test_drawings_and_formulas_are_their_words(parser: KreuzbergParser) -> None:
    html = (
        "<html><head><title>Dues</title></head><body><svg><title>Chart</title><text>42 %</text></svg>"
        "<p>So <math><mi>d</mi><mo>=</mo><mfrac><mn>1</mn><mn>2</mn></mfrac></math>.</p>"
        "<script>no()</script><a href=print.html><svg/></a></body></html>"
    )
    parsed = await parse(parser, html.encode(), "a.html")
    assert (parsed.content.split(), parsed.title) == (["Chart", "42", "%", "So", "d", "=", "1/2", "."], "Dues")


async def test_tags_of_any_case_and_over_lines(parser: KreuzbergParser) -> None:
    html = b"<HTML><BODY><H1\n>A</H1\n><P\nCLASS='x'\n>b</P><TABLE\n><TR\n><TD\n>c</TD></TR></TABLE>"
    assert (await parse(parser, html, "a.html")).content.strip() == "# A\n\nb\n\n| c |\n| --- |"


async def test_a_page_that_is_all_navigation_is_read(parser: KreuzbergParser) -> None:
    html = b"<html><body><nav><ul><li>Harbours<li>Dues</ul></nav></body></html>"
    assert (await parse(parser, html, "a.html")).content.strip() == "- Harbours\n- Dues"


async def test_a_message_of_two_letters(parser: KreuzbergParser) -> None:
    assert (await parse(parser, mail("Re", "Ok\n"), "a.eml")).content.endswith("\n\nOk")
    assert (await parse(parser, b"ab", "a.txt")).content == "ab"


async def test_the_numbers_of_a_workbook_are_as_they_are_shown(parser: KreuzbergParser) -> None:
    codes = {"0.0%": "0.256", "h:mm": "0.38541666666666669", "[h]:mm": "1.25", "d/m/yy": "45352", "#,##0.00": "1204.5"}
    formats = "".join(f'<numFmt numFmtId="{n}" formatCode="{code}"/>' for n, code in enumerate(codes, 170))
    styles = "".join(f'<xf numFmtId="{n}"/>' for n in range(170, 170 + len(codes)))
    cells = "".join(f'<c r="{chr(65 + n)}2" s="{n}"><v>{value}</v></c>' for n, value in enumerate(codes.values()))
    heads = "".join(f'<c r="{chr(65 + n)}1" t="inlineStr"><is><t>h{n}</t></is></c>' for n in range(len(codes)))
    data = with_parts(
        workbook({"Sheet": [["x"]]}),
        {
            "xl/styles.xml": f"<styleSheet {SHEET}><numFmts>{formats}</numFmts>"
            f"<cellXfs>{styles}</cellXfs></styleSheet>",
            "xl/worksheets/sheet1.xml": f'<worksheet {SHEET}><sheetData><row r="1">{heads}</row>'
            f'<row r="2">{cells}</row></sheetData></worksheet>',
        },
    )
    content = (await parse(parser, data, "a.xlsx")).content
    assert content.endswith("| 25.6% | 09:15 | 30:00 | 2024-03-01 | 1,204.50 |")


async def test_the_numbers_of_an_open_document_are_as_they_are_shown(parser: KreuzbergParser) -> None:
    data = open_sheets({"Sheet": [["a", "b", "c"], ["!", "!", "!"]]})
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        xml = package.read("content.xml").decode()
    for cell in (
        'office:value-type="percentage" office:value="0.256"><text:p>25.6%</text:p>',
        'office:value-type="time" office:time-value="PT09H15M00S"><text:p>09:15</text:p>',
        'office:value-type="date" office:date-value="2024-03-01"><text:p>01.03.24</text:p>',
    ):
        xml = re.sub(r"office:value-type=\"string\"[^<>]*><text:p>!</text:p>", cell, xml, count=1)
    content = (await parse(parser, with_parts(data, {"content.xml": xml}), "a.ods")).content
    assert content.endswith("| 25.6% | 09:15 | 2024-03-01 |")


def old_workbook(codes: Mapping[int, str], records: bytes) -> bytes:
    """Return an XLS of one sheet: a style for each format code, and the records of the cells."""
    globals_ = _record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0))
    for number, code in codes.items():
        globals_ += _record(0x41E, struct.pack("<HHB", number, len(code), 0) + code.encode())
    for number in codes:
        globals_ += _record(0xE0, struct.pack("<HH", 0, number) + bytes(16))
    begin = len(globals_) + 4 + 13 + 4
    globals_ += _record(0x85, struct.pack("<IBBBB", begin, 0, 0, 5, 0) + b"Sheet") + _record(0x0A, b"")
    sheet = _record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0)) + records + _record(0x0A, b"")
    return compound({"Workbook": (globals_ + sheet).ljust(5000, b"\0")})


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


async def test_the_numbers_of_a_workbook_of_before_2007_are_as_they_are_shown(parser: KreuzbergParser) -> None:
    codes = {164: "0.0%", 165: "h:mm", 166: "[h]:mm", 167: "#,##0.00", 168: "d/m/yy", 169: "General"}
    heads = (_record(0x204, struct.pack("<HHHHB", 2, 1 + n, 5, 1, 0) + b"abcdef"[n : n + 1]) for n in range(6))
    records = (
        b"".join(heads)
        + _record(0x203, struct.pack("<HHHd", 3, 1, 0, 0.256))
        + _record(0x203, struct.pack("<HHHd", 3, 2, 1, 0.38541666666666669))
        + _record(0x06, struct.pack("<HHHdHIH", 3, 3, 2, 1.25, 0, 0, 0))
        + _record(0xBD, struct.pack("<HHHIHIH", 3, 4, 3, 120450 << 2 | 3, 4, 45352 << 2 | 2, 5))
        + _record(0x27E, struct.pack("<HHHI", 3, 6, 5, 350 << 2 | 3))
    )
    content = (await parse(parser, old_workbook(codes, records), "a.xls")).content
    assert content.endswith("| --- |\n| 25.6% | 09:15 | 30:00 | 1,204.50 | 2024-03-01 | 3.5 |")


async def test_a_title_above_the_table_of_a_sheet(parser: KreuzbergParser) -> None:
    content = (
        await parse(parser, workbook({"S": [["Dues of 2024"], ["port", "dues"], ["Riga", "9"]]}), "a.xlsx")
    ).content
    assert content == "## S\n\nDues of 2024\n\n| port | dues |\n| --- | --- |\n| Riga | 9 |"


async def test_the_numbers_of_lists_in_word_files(parser: KreuzbergParser) -> None:
    names = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    level = '<w:lvl w:ilvl="0"><w:numFmt w:val="{}"/><w:lvlText w:val="%1."/></w:lvl>'
    numbering = "".join(
        f'<w:abstractNum w:abstractNumId="{n}">{level.format(kind)}</w:abstractNum>'
        for n, kind in enumerate(("bullet", "decimal"))
    ) + "".join(f'<w:num w:numId="{n + 1}"><w:abstractNumId w:val="{n}"/></w:num>' for n in range(2))
    styles = "".join(
        f'<w:style w:styleId="{name}"><w:pPr><w:numPr><w:numId w:val="{n}"/></w:numPr></w:pPr></w:style>'
        for n, name in enumerate(("ListBullet", "ListNumber"), 1)
    )
    paragraphs = "".join(
        f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>'
        for style, text in (("ListBullet", "a"), ("ListBullet", "b"), ("ListNumber", "c"), ("ListNumber", "d"))
    )
    data = with_parts(
        word([]),
        {
            "word/document.xml": f"<w:document {names}><w:body>{paragraphs}</w:body></w:document>",
            "word/numbering.xml": f"<w:numbering {names}>{numbering}</w:numbering>",
            "word/styles.xml": f"<w:styles {names}>{styles}</w:styles>",
        },
    )
    assert (await parse(parser, data, "a.docx")).content.strip() == "- a\n- b\n\n1. c\n\n2. d"
