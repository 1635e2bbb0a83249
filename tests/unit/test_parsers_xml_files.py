"""XML files that are documents of Office 2003, and XML whose name does not say that it is some."""

import base64
from time import process_time

import pytest

from ragstone.adapters.parsers.kreuzberg.media_types import DOC, PLAIN, XLS, XML, name_media_type
from ragstone.adapters.parsers.kreuzberg.xml_files import read_xml
from ragstone.adapters.parsers.kreuzberg.xml_text import xml_to_text

ROWS = (
    '<Row><Cell><Data ss:Type="String">Name</Data></Cell><Cell ss:MergeAcross="1"><Data ss:Type="String">Paid</Data>'
    '</Cell><Cell><Data ss:Type="String">Day</Data></Cell></Row>'
    '<Row ss:Index="2"><Cell><ss:Data ss:Type="String"><B>An</B>n | x</ss:Data><Comment><ss:Data>no cell</ss:Data>'
    '</Comment></Cell><Cell ss:Index="3"><Data ss:Type="Number">5</Data></Cell>'
    '<Cell><Data ss:Type="DateTime">2024-03-01T00:00:00.000</Data></Cell></Row>'
    '<Row><Cell><Data ss:Type="Boolean">1</Data></Cell><Cell><Data ss:Type="DateTime">1899-12-31T09:15:00.000</Data>'
    '</Cell><Cell><Data ss:Type="Error">#N/A</Data></Cell>'
    '<Cell><Data ss:Type="DateTime">2024-03-01T09:15:30</Data></Cell></Row>'
)
WORKBOOK = (
    '<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook '
    'xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet" '
    'xmlns:o="urn:schemas-microsoft-com:office:office"><o:DocumentProperties><o:Title>Dues of spring</o:Title>'
    "</o:DocumentProperties>"
    f'<Worksheet ss:Name="Dues"><Table>{ROWS}</Table></Worksheet><Worksheet ss:Name="Empty"/></Workbook>'
)
WRITTEN = (
    '<?xml version="1.0"?><w:wordDocument xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml" '
    'xmlns:wx="http://schemas.microsoft.com/office/word/2003/auxHint" '
    'xmlns:aml="http://schemas.microsoft.com/aml/2001/core" xmlns:o="urn:schemas-microsoft-com:office:office">'
    '<w:styles><w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style></w:styles><w:body><wx:sect>'
    '<w:p><w:pPr><w:pStyle w:val="berschrift1"/></w:pPr><w:r><w:t>The quay</w:t></w:r></w:p>'
    "<w:p><w:r><w:t>Hello </w:t></w:r><w:r><w:t>wor</w:t></w:r>"
    '<aml:annotation w:type="Word.Deletion"><aml:content><w:r><w:t>GONE</w:t></w:r></aml:content></aml:annotation>'
    '<aml:annotation w:type="Word.Insertion"><aml:content><w:r><w:t>ld</w:t></w:r></aml:content></aml:annotation></w:p>'
    "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>Berth</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>Depth</w:t></w:r></w:p></w:tc>"
    "</w:tr><w:tr><w:tc><w:p><w:r><w:t>South</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>12</w:t></w:r></w:p></w:tc>"
    "</w:tr></w:tbl>"
    '<w:p><w:pPr><w:listPr><wx:t wx:val="1."/></w:listPr></w:pPr><w:r><w:t>One</w:t><w:tab/><w:t>two</w:t></w:r></w:p>'
    '<w:p><w:pPr><w:listPr><wx:t wx:val="·"/></w:listPr></w:pPr><w:r><w:t>Three</w:t></w:r></w:p>'
    "<w:p><w:r><w:t># no heading</w:t></w:r></w:p>"
    "<w:sectPr><w:hdr><w:p><w:r><w:t>HEADER</w:t></w:r></w:p></w:hdr></w:sectPr></wx:sect></w:body></w:wordDocument>"
)


def test_a_workbook_of_2003_is_tables() -> None:
    parsed = read_xml(WORKBOOK.encode())
    assert (parsed.media_type, parsed.title) == (XLS, "Dues of spring")
    assert parsed.content.split("\n") == [
        "## Dues",
        "",
        "| Name | Paid |  | Day |",
        "| --- | --- | --- | --- |",
        "| Ann \\| x |  | 5 | 2024-03-01 |",
        "| TRUE | 09:15 | #N/A | 2024-03-01 09:15:30 |",
    ]
    assert [(page.page, page.label) for page in parsed.pages] == [(1, "Dues")]


def test_rows_far_below_do_not_make_rows_between() -> None:
    far = WORKBOOK.replace('<Row ss:Index="2">', '<Row ss:Index="1048576">')
    assert len(read_xml(far.encode()).content) < 300


def test_a_text_of_2003_is_paragraphs_and_tables() -> None:
    parsed = read_xml(WRITTEN.encode())
    assert parsed.media_type == DOC
    assert parsed.content == (
        "# The quay\n\nHello world\n\n| Berth | Depth |\n| --- | --- |\n| South | 12 |\n\n1. One\ttwo\n\n- Three"
        "\n\n\\# no heading"
    )


@pytest.mark.parametrize("whole", [WORKBOOK, WRITTEN])
def test_one_that_is_cut_short_stays_text(whole: str) -> None:
    assert read_xml(whole[:-40].encode()).media_type == PLAIN


@pytest.mark.parametrize("name", ["a.fodt", "a.fb2", "a.opml", "a.nxml", "a.dbk", "a.kml", "a.unheard", "a"])
def test_xml_is_told_by_how_it_begins(name: str) -> None:
    head = b'\xef\xbb\xbf<?xml version="1.0"?><kml><Placemark><name>Quay</name></Placemark></kml>'
    assert name_media_type(name, head, "application/octet-stream") == XML
    assert name_media_type(name, head, None) == XML


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.txt", b'<?xml version="1.0"?><a>x</a>', PLAIN),
        ("a.md", b'<?xml version="1.0"?><a>x</a>', "text/markdown"),
        ("a.xls", WORKBOOK.encode(), XML),
        ("a", b"<html><body>x</body></html>", "text/html"),
    ],
)
def test_other_names_and_beginnings_keep_their_kind(name: str, head: bytes, kind: str) -> None:
    assert name_media_type(name, head, None) == kind


def test_a_picture_within_is_no_text() -> None:
    picture = base64.encodebytes(bytes(range(256)) * 20).decode()
    assert xml_to_text(f"<book><p>Chapter</p><binary id='c'>{picture}</binary></book>") == "p: Chapter"
    words = "port/" * 30 + " and " + "quay " * 200
    assert xml_to_text(f"<r><a>{words}</a></r>") == f"a: {words.strip()}"


@pytest.mark.parametrize("text", ["ACGT" * 300, "MKVLAT" * 200, "aB3" * 200_000 + "!"])
def test_long_words_that_are_no_base64_stay(text: str) -> None:
    begun = process_time()
    assert xml_to_text(f"<r><a>{text}</a></r>") == f"a: {text}"
    assert process_time() - begun < 2
