"""What of Office files is written anew before kreuzberg reads it: text, formulas, symbols and comments on cells."""

import re
import zipfile
from collections.abc import Mapping
from io import BytesIO
from time import perf_counter
from xml.etree.ElementTree import fromstring

import pytest

from ragstone.adapters.parsers.kreuzberg.media_types import DOCX
from ragstone.adapters.parsers.kreuzberg.office.cell_comments import comments_by_row
from ragstone.adapters.parsers.kreuzberg.office.cell_formats import shown_open_numbers
from ragstone.adapters.parsers.kreuzberg.office.package import OfficePackage
from ragstone.adapters.parsers.kreuzberg.office.repairs import repaired
from ragstone.adapters.parsers.kreuzberg.office.stand_ins import restored
from ragstone.adapters.parsers.kreuzberg.office.word_formulas import formula_line
from ragstone.adapters.parsers.kreuzberg.office.word_lists import word_lists
from ragstone.adapters.parsers.kreuzberg.office.word_symbols import symbol
from ragstone.adapters.parsers.kreuzberg.office.word_text import WordText
from ragstone.domain.errors import ParseFailed
from ragstone.testing.made_files import zipped

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_MATH = "http://schemas.openxmlformats.org/officeDocument/2006/math"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_LINKS = "http://schemas.openxmlformats.org/package/2006/relationships"
NAMES = (
    f'xmlns:w="{_WORD}" xmlns:m="{_MATH}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"'
)
DEEP = 60_000


def words(xml: str) -> str:
    """Return the texts of a block that was written anew, a line for each paragraph."""
    paragraphs = WordText(word_lists(None, None), {}, {}).block(fromstring(f"<x {NAMES}>{xml}</x>")).split("</w:p>")
    texts = ("".join(re.findall(r"<w:t(?: [^<>]*)?>([^<]*)", paragraph)) for paragraph in paragraphs)
    return restored("\n".join(texts)).strip("\n")


def run(content: str) -> str:
    return f"<w:p><w:r>{content}</w:r></w:p>"


def document(body: str) -> bytes:
    return zipped({"word/document.xml": f"<w:document {NAMES}><w:body>{body}</w:body></w:document>"})


@pytest.mark.parametrize(
    "between",
    [
        *("<w:tab/>", "<w:tab></w:tab>", '<w:tab w:val="x"/>', '<w:ptab w:alignment="right"/>', "<w:br />"),
        *('<w:br w:type="page"/>', '<w:br w:clear="all"/>', "<w:cr/>", '<w:sym w:font="Odd" w:char="F0E0"/>'),
    ],
)
def test_what_parts_words_within_a_run_parts_them_however_it_is_written(between: str) -> None:
    assert words(run(f"<w:t>Four</w:t>{between}<w:t>Five</w:t>")).split() == ["Four", "Five"]


def test_marks_within_words_do_not_part_them() -> None:
    assert words(run("<w:t>co</w:t><w:softHyphen/><w:t>op</w:t><w:noBreakHyphen/><w:t>ed</w:t>")) == "coop-ed"


def test_of_what_was_moved_or_struck_only_the_text_that_is_there_is_kept() -> None:
    moved = "".join(f"<w:{kind}><w:r><w:t>{kind} </w:t></w:r></w:{kind}>" for kind in ("moveFrom", "moveTo", "ins"))
    struck = "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
    assert words(f"<w:p>{moved}{struck}</w:p>").split() == ["moveTo", "ins"]


def test_a_box_follows_the_paragraph_that_it_is_anchored_in_and_is_there_once() -> None:
    box = "<w:txbxContent><w:p><w:r><w:t>box</w:t></w:r></w:p></w:txbxContent>"
    both = (
        f'<mc:AlternateContent><mc:Choice Requires="wps">{box}</mc:Choice>'
        f"<mc:Fallback>{box}</mc:Fallback></mc:AlternateContent>"
    )
    for anchored in (box, both, f"<w:pict>{box}</w:pict>"):
        assert words(run(f"<w:t>before </w:t>{anchored}<w:t>after</w:t>")) == "before after\nbox"


def test_what_only_newer_programs_show_is_read_as_older_ones_do() -> None:
    ways = '<mc:Choice Requires="w16se"><w:x/></mc:Choice><mc:Fallback><w:t>😀</w:t></mc:Fallback>'
    assert words(run(f"<mc:AlternateContent>{ways}</mc:AlternateContent>")) == "😀"


def test_the_description_of_a_picture_follows_its_paragraph() -> None:
    assert words(run('<wp:docPr descr="A map&#10;of ports"/><w:t>See:</w:t>')) == "See:\nA map of ports"


def test_characters_that_xml_writes_as_entities() -> None:
    assert words(run("<w:t>A&amp;B &lt;c&gt; &#8364;&#x26;</w:t>")) == "A&B <c> €&"


def _f(number: str, below: str) -> str:
    return f"<m:f><m:num>{_r(number)}</m:num><m:den>{_r(below)}</m:den></m:f>"


def _r(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


@pytest.mark.parametrize(
    ("formula", "line"),
    [
        (_f("12", "34"), "12/34"),
        (_f("a+b", "2"), "(a+b)/2"),
        (f"<m:sSup><m:e>{_r('x')}</m:e><m:sup>{_r('2')}</m:sup></m:sSup>", "x^2"),
        (f"<m:sSub><m:e>{_r('x')}</m:e><m:sub>{_r('i+1')}</m:sub></m:sSub>", "x_(i+1)"),
        (f"<m:rad><m:deg/><m:e>{_r('y')}</m:e></m:rad>", "√(y)"),
        (f"<m:rad><m:deg>{_r('3')}</m:deg><m:e>{_r('y')}</m:e></m:rad>", "(y)^(1/3)"),
        (
            f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>{_r("1")}</m:sub><m:e>{_r("i")}</m:e></m:nary>',
            "∑_1 i",
        ),
        (f"<m:d><m:e>{_r('a')}</m:e><m:e>{_r('b')}</m:e></m:d>", "(a|b)"),
        (f"<m:func><m:fName>{_r('sin')}</m:fName><m:e>{_r('x')}</m:e></m:func>", "sin x"),
        (
            f"<m:m><m:mr><m:e>{_r('a')}</m:e><m:e>{_r('b')}</m:e></m:mr><m:mr><m:e>{_r('c')}</m:e></m:mr></m:m>",
            "[a, b; c]",
        ),
        (_r("sin\u2061x"), "sinx"),
    ],
)
def test_formulas_are_written_as_one_would_type_them(formula: str, line: str) -> None:
    assert formula_line(fromstring(f'<m:oMath xmlns:m="{_MATH}">{formula}</m:oMath>')) == line


def test_characters_of_fonts_of_symbols() -> None:
    asked = (("Wingdings", "F0E0"), ("Symbol", "F061"), ("Symbol", "61"), ("Arial", "00E9"), ("Odd", "F061"), ("", "x"))
    assert [symbol(*each) for each in asked] == ["→", "α", "α", "é", " ", " "]


@pytest.mark.parametrize(
    "body",
    [
        "<w:p>" + "<m:oMath>" * DEEP + "</m:oMath>" * DEEP + "</w:p>",
        "<w:p><w:txbxContent>" * DEEP + "</w:txbxContent></w:p>" * DEEP,
        "<w:tbl><w:tr><w:tc>" * DEEP + "</w:tc></w:tr></w:tbl>" * DEEP,
        "<w:p>" + f"<m:oMathPara><m:oMath>{'<m:e>' * DEEP}{'</m:e>' * DEEP}</m:oMath></m:oMathPara></w:p>",
    ],
)
def test_the_deepest_nesting_takes_no_time_and_ends_nothing(body: str) -> None:
    begun = perf_counter()
    written = repaired(document(body), DOCX)
    assert perf_counter() - begun < 20
    with zipfile.ZipFile(BytesIO(written)) as package:
        assert package.read("word/document.xml").count(b"<m:e>") == 0


@pytest.mark.parametrize("body", ["<w:p>" + "<m:oMath>" * DEEP + "</w:p>", "<w:p><w:pPr>" * DEEP])
def test_what_is_no_xml_is_damaged_at_once(body: str) -> None:
    with pytest.raises(ParseFailed) as failed:
        repaired(document(body), DOCX)
    assert failed.value.failure_code == "damaged"


def by_row(comments: Mapping[str, str], *, threads: Mapping[str, str] | None = None) -> dict[int, str]:
    """Return the comments that are read of a sheet that has them on these cells."""
    noted = "".join(
        f'<comment ref="{place}" authorId="0"><text><r><t>{text}</t></r></text></comment>'
        for place, text in comments.items()
    )
    said = "".join(
        f'<threadedComment ref="{place}" personId="p"><text>{text}</text></threadedComment>'
        for place, text in (threads or {}).items()
    )
    links = '<Relationship Id="a" Type="x/comments" Target="../comments1.xml"/>' + (
        '<Relationship Id="b" Type="x/threadedComment" Target="../threads/t1.xml"/>' if threads else ""
    )
    spread = "http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments"
    package = {
        "xl/worksheets/_rels/sheet1.xml.rels": f'<Relationships xmlns="{_LINKS}">{links}</Relationships>',
        "xl/comments1.xml": f'<comments xmlns="{_SHEET}"><authors><author>Ann</author></authors>'
        f"<commentList>{noted}</commentList></comments>",
        "xl/threads/t1.xml": f'<ThreadedComments xmlns="{spread}">{said}</ThreadedComments>',
        "xl/persons/person.xml": f'<personList xmlns="{spread}"><person id="p" displayName="Bob"/></personList>',
    }
    return comments_by_row(OfficePackage(zipped(package)), "xl/worksheets/sheet1.xml")


def test_comments_are_known_by_their_rows() -> None:
    assert by_row({"A1": "Ann:&#10;one", "B1": "two", "A9": "five", "odd": "six"}) == {
        1: "Comment on A1 (Ann): one; Comment on B1 (Ann): two",
        9: "Comment on A9 (Ann): five",
    }
    assert by_row({}) == {}


def test_of_a_thread_what_was_said_is_kept_and_not_that_the_program_is_too_old() -> None:
    assert by_row({"A1": "[Threaded comment]"}, threads={"A1": "Why 1?"}) == {1: "Comment on A1 (Bob): Why 1?"}


def test_comments_on_cells_of_open_document_sheets_follow_the_cells_text() -> None:
    said = "<dc:creator>Bob</dc:creator><text:p>Why <text:span>9</text:span>?</text:p>"
    comment = f"<office:annotation>{said}</office:annotation>"
    for kind in ("", ' office:value-type="float" office:value="9"'):
        written = shown_open_numbers(f"<table:table-cell{kind}>{comment}<text:p>9</text:p></table:table-cell>")
        assert re.findall(r"<text:p>(.*?)</text:p>", written) == ["9", "Comment (Bob): Why 9?"]


def test_cells_that_do_not_end_take_no_time() -> None:
    begun = perf_counter()
    shown_open_numbers('<table:table-cell x="1">' * DEEP)
    assert perf_counter() - begun < 5
