"""Excel's workbooks: what their cells say, text boxes, and sheets that are tall, sparse or damaged."""

import tracemalloc
from collections.abc import Mapping

import pytest

from ragstone.adapters.parsers.kreuzberg.office.enclosures import Enclosures
from ragstone.adapters.parsers.kreuzberg.office.workbook import read_workbook
from ragstone.domain.documents import ParsedDocument
from ragstone.domain.errors import ParseFailed
from ragstone.testing.made_files import zipped

_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_LINKS = "http://schemas.openxmlformats.org/package/2006/relationships"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006"
STYLES = (
    f'<styleSheet xmlns="{_SHEET}"><numFmts><numFmt numFmtId="164" formatCode="0.0&quot; %&quot;"/></numFmts>'
    '<cellStyleXfs><xf numFmtId="9"/></cellStyleXfs>'
    '<cellXfs><xf numFmtId="0"/><xf numFmtId="10"/><xf numFmtId="164"/><xf numFmtId="14"/></cellXfs></styleSheet>'
)


def links(targets: Mapping[str, str]) -> str:
    """Return what a part refers to; each relation has its kind for an id, up to a dash."""
    listed = "".join(
        f'<Relationship Id="{name}" Type="x/{name.partition("-")[0]}" Target="{target}"/>'
        for name, target in targets.items()
    )
    return f'<Relationships xmlns="{_LINKS}">{listed}</Relationships>'


def book(*sheets: str, parts: Mapping[str, str | bytes] | None = None, main: str = "") -> bytes:
    """Return a workbook of sheets named A, B and so on, by the rows in their XML."""
    names = {f"worksheet-{n}": chr(64 + n) for n in range(1, len(sheets) + 1)}
    listed = "".join(f'<sheet name="{name}" r:id="{link}"/>' for link, name in names.items())
    members: dict[str, str | bytes] = {
        "_rels/.rels": links({"officeDocument": "xl/workbook.xml"}),
        "xl/workbook.xml": f'<workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE}">{main}<sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": links(
            {f"worksheet-{n}": f"worksheets/sheet{n}.xml" for n in range(1, len(sheets) + 1)}
        ),
    }
    for number, rows in enumerate(sheets, 1):
        xml = f'<worksheet xmlns="{_SHEET}"><sheetData>{rows}</sheetData></worksheet>'
        members[f"xl/worksheets/sheet{number}.xml"] = xml
    return zipped(members | dict(parts or {}))


def text(content: str) -> str:
    return f'<c t="inlineStr"><is><t>{content}</t></is></c>'


def shown(cell: str, parts: Mapping[str, str | bytes] | None = None, main: str = "") -> str:
    """Return how a cell is read, which stands in the second row of a table."""
    rows = f"<row>{text('a')}{text('b')}</row><row>{text('x')}{cell}</row>"
    content = read_workbook(book(rows, parts=parts, main=main)).content
    return content.rpartition("\n| x |")[2].removesuffix("|").strip()


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ('<c s="1"><v>0.256</v></c>', "25.60%"),
        ('<c s="2" t="n"><f>A1/2</f><v>0.5</v></c>', "0.5 %"),
        ('<c s="3"><v>45352</v></c>', "2024-03-01"),
        ('<c s="0"><v>0.256</v></c>', "0.256"),
        ('<c s="9"><v>1</v></c>', "1"),
        ("<c><v>0.30000000000000004</v></c>", "0.3"),
        ("<c><v>1E-9</v></c>", "0.000000001"),
        ("<c><v>1.5E+20</v></c>", "150000000000000000000"),
        ("<c><v>12345678901234567890</v></c>", "12345678901234567890"),
        ("<c><v>7.0</v></c>", "7"),
        ("<c><v>odd</v></c>", "odd"),
        ('<c t="b"><v>1</v></c>', "true"),
        ('<c t="d"><v>2024-03-01T00:00:00</v></c>', "2024-03-01"),
        ('<c t="e"><v>#N/A</v></c>', "#N/A"),
        ('<c t="e"><f>1/0</f><v>#DIV/0!</v></c>', "#DIV/0!"),
        ('<c t="str"><f>A1</f><v>it_x0009_is</v></c>', "it is"),
        ('<c t="str"><f>""</f><v></v></c>', ""),
        ("<c><f>SUM(A1:A9)</f><v></v></c>", "=SUM(A1:A9)"),
        ("<c><f>_xlfn.XLOOKUP(A1,B:B,C:C)</f></c>", "=XLOOKUP(A1,B:B,C:C)"),
        ('<c t="s"><v>1</v></c>', "two runs"),
        ('<c t="s"><v>7</v></c>', ""),
        ('<c t="inlineStr"><is><r><t>a </t></r><r><t>b</t></r></is></c>', "a b"),
        ('<c t="inlineStr"/>', ""),
    ],
)
def test_a_cell_says_what_it_shows(cell: str, says: str) -> None:
    strings = "<si><t>one</t></si><si><r><t>two </t></r><r><t>runs</t></r><rPh><t>spoken</t></rPh></si>"
    parts = {"xl/styles.xml": STYLES, "xl/sharedStrings.xml": f'<sst xmlns="{_SHEET}">{strings}</sst>'}
    assert shown(cell, parts) == says


def test_the_days_of_an_old_mac() -> None:
    assert shown('<c s="3"><v>43890</v></c>', {"xl/styles.xml": STYLES}, '<workbookPr date1904="1"/>') == "2024-03-01"


def placed(cells: Mapping[str, str]) -> str:
    """Return rows of XML for cells by their place."""
    return "".join(
        f'<row r="{place.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")}">'
        f'<c r="{place}" t="inlineStr"><is><t>{content}</t></is></c></row>'
        for place, content in cells.items()
    )


def test_what_lies_far_away_costs_nothing() -> None:
    cells = placed({"A1": "first", "XFD2": "right", "XFD1048576": "last"})
    tracemalloc.start()
    try:
        parsed = read_workbook(book(cells, placed({"B2": "second"})))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert parsed.content == "## A\n\nfirst\n\nright\n\nlast\n\n## B\n\nsecond"
    assert [(page.page, page.label) for page in parsed.pages] == [(1, "A"), (2, "B")]
    assert most < 4 * 2**20


def test_many_rows_take_not_far_beyond_their_text() -> None:
    rows = "".join(f"<row>{text(f'name {n}')}<c><v>{n}.5</v></c><c><v>2024</v></c></row>" for n in range(20_000))
    data = book(rows)
    tracemalloc.start()
    try:
        content = read_workbook(data).content
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert content.count("\n") == 20_002
    assert most < 30 * len(content)  # with a list of strings for each row; the XML is never there as a whole


def test_text_boxes_stand_below_the_table_and_once() -> None:
    body = "<xdr:txBody><a:p><a:r><a:t>Read me</a:t></a:r></a:p></xdr:txBody>"
    drawing = (
        f'<xdr:wsDr xmlns:xdr="{_DRAWING}/spreadsheetDrawing" xmlns:a="{_DRAWING}/main" '
        'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:AlternateContent>'
        f"<mc:Choice><xdr:sp>{body}</xdr:sp></mc:Choice><mc:Fallback><xdr:sp>{body}</xdr:sp></mc:Fallback>"
        "</mc:AlternateContent></xdr:wsDr>"
    )
    parts = {"xl/worksheets/_rels/sheet1.xml.rels": links({"drawing": "../drawing1.xml"}), "xl/drawing1.xml": drawing}
    assert read_workbook(book(placed({"A1": "x"}), parts=parts)).content == "## A\n\nx\n\nRead me"


def test_pictures_stand_below_the_table() -> None:
    picture = '<xdr:pic><xdr:cNvPr descr="A crane at work"/><a:blip r:embed="image"/></xdr:pic>'
    drawing = (
        f'<xdr:wsDr xmlns:xdr="{_DRAWING}/spreadsheetDrawing" xmlns:a="{_DRAWING}/main" xmlns:r="{_OFFICE}">'
        f"{picture}</xdr:wsDr>"
    )
    parts: dict[str, str | bytes] = {
        "xl/worksheets/_rels/sheet1.xml.rels": links({"drawing": "../drawings/drawing1.xml"}),
        "xl/drawings/drawing1.xml": drawing,
        "xl/drawings/_rels/drawing1.xml.rels": links({"image": "../media/1.png"}),
        "xl/media/1.png": b"dots",
    }

    def read(data: bytes, name: str) -> ParsedDocument:
        return ParsedDocument(f"{data.decode()} in {name}", "image/png")

    data = book(placed({"A1": "x"}), parts=parts)
    assert read_workbook(data, Enclosures(read)).content == "## A\n\nx\n\nA crane at work\n\ndots in xl/media/1.png"
    unread = read_workbook(data).unread
    assert unread == {"1.png": "Tesseract's language data, by which pictures are read, is not installed."}


def test_comments_stand_beside_the_rows_that_they_are_on() -> None:
    comments = f'<comments xmlns="{_SHEET}"><commentList>{{}}</commentList></comments>'
    noted = "".join(f'<comment ref="{place}"><text><t>on {place}</t></text></comment>' for place in ("B2", "A3"))
    parts = {
        "xl/worksheets/_rels/sheet1.xml.rels": links({"comments": "../comments1.xml"}),
        "xl/comments1.xml": comments.format(noted),
    }
    rows = f"<row>{text('a')}{text('b')}</row><row>{text('1')}{text('2')}</row>"
    assert read_workbook(book(rows, parts=parts)).content.split("\n")[2:] == [
        "| a | b |  |",
        "| --- | --- | --- |",
        "| 1 | 2 | Comment on B2: on B2 |",
        "|  |  | Comment on A3: on A3 |",
    ]


def test_a_damaged_sheet_is_named_and_the_others_are_read() -> None:
    parsed = read_workbook(book(placed({"A1": "x"}), "<row><c>"))
    assert (parsed.content, parsed.unread) == ("## A\n\nx", {"B": "The sheet is damaged."})
    with pytest.raises(ParseFailed) as failed:
        read_workbook(book("<row><c>"))
    assert failed.value.failure_code == "damaged"


def test_a_workbook_that_says_nothing_is_sound() -> None:
    with pytest.raises(ParseFailed) as failed:
        read_workbook(book('<row r="1"><c r="A1" s="1"/></row>'))
    assert failed.value.failure_code == "no_text"


def test_a_workbook_of_the_strict_variant_is_read() -> None:
    strict = "http://purl.oclc.org/ooxml"
    sheet = f'<worksheet xmlns="{strict}/spreadsheetml/main"><sheetData>{placed({"A1": "x"})}</sheetData></worksheet>'
    main = (
        f'<workbook xmlns="{strict}/spreadsheetml/main" xmlns:r="{strict}/officeDocument/relationships">'
        '<sheets><sheet name="A" r:id="worksheet-1"/></sheets></workbook>'
    )
    data = book("", parts={"xl/workbook.xml": main, "xl/worksheets/sheet1.xml": sheet})
    assert read_workbook(data).content == "## A\n\nx"
