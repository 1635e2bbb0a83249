"""Pages of a PDF that are more than lines of text: scans, forms, comments, words drawn sideways, few words."""

import re
from collections.abc import AsyncGenerator, Mapping, Sequence

import pytest

from ragstone.adapters.parsers.kreuzberg import KreuzbergParser
from ragstone.adapters.parsers.kreuzberg import parser as parser_module
from ragstone.adapters.parsers.kreuzberg.tessdata import find_tessdata
from ragstone.domain.errors import ParseFailed
from ragstone.testing.parsers import parse, pdf, pdf_of, with_scans

needs_tesseract = pytest.mark.skipif(find_tessdata() is None, reason="Tesseract's language data is not installed")
CLAUSES = [f"Clause {number} says that dues are paid by the quarter and not by the year." for number in range(30)]


@pytest.fixture
async def parser() -> AsyncGenerator[KreuzbergParser, None]:
    parser = KreuzbergParser(workers=1, timeout=60.0, memory_mb=1024)
    yield parser
    await parser.close()


def with_objects(data: bytes, objects: Mapping[int, bytes]) -> bytes:
    """Return a PDF with objects added, or in the place of those that it has, as an update at its end."""
    size = max([*objects, int(re.findall(rb"/Size (\d+)", data)[-1]) - 1]) + 1
    start = re.findall(rb"startxref\n(\d+)", data)[-1]
    table = [b"xref"]
    for number, content in sorted(objects.items()):
        table += [b"%d 1" % number, b"%010d 00000 n " % len(data)]
        data += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    trailer = b"trailer<</Size %d/Root 1 0 R/Prev %b>>\nstartxref\n%d\n%%%%EOF" % (size, start, len(data))
    return data + b"\n".join(table) + b"\n" + trailer


def annotated(lines: Sequence[str], annotations: Sequence[bytes]) -> bytes:
    """Return a PDF of a page of lines, 14 points apart from 770 down, with annotations, and fields among them."""
    numbers = range(20, 20 + len(annotations))
    listed = b" ".join(b"%d 0 R" % number for number in numbers)
    page = (
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>"
        b"/Contents 5 0 R/Annots[" + listed + b"]>>"
    )
    catalog = (
        b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[" + listed + b"]/DA(/F1 9 Tf)/DR<</Font<</F1 3 0 R>>>>>>>>"
    )
    return with_objects(pdf([lines]), {1: catalog, 4: page, **dict(zip(numbers, annotations, strict=True))})


def field(kind: bytes, rectangle: bytes, more: bytes) -> bytes:
    return b"<</Type/Annot/Subtype/Widget/F 4/FT/" + kind + b"/Rect[" + rectangle + b"]" + more + b">>"


async def test_words_parted_at_line_ends_are_whole(parser: KreuzbergParser) -> None:
    lines = [
        "The harbour autho-",
        "rity of the town de-",
        "cided that the well-",
        "known and well-known marks be painted.",
    ]
    parsed = await parse(parser, pdf([lines]), "parted.pdf")
    assert (
        parsed.content
        == "The harbour authority of the town decided that the well-known and well-known marks be painted."
    )


async def test_words_parted_within_a_cell_are_whole(parser: KreuzbergParser) -> None:
    cells = [((74, 88, "Service"), (204, 88, "Dues")), ((74, 68, "harbour autho-"), (74, 56, "rity"), (204, 68, "8"))]
    shown = "\n".join(f"BT /F1 10 Tf {x} {y} Td ({word}) Tj ET" for row in cells for x, y, word in row)
    lines = "\n".join(f"70 {y} m 330 {y} l S" for y in (100, 80, 50))
    sides = "\n".join(f"{x} 100 m {x} 50 l S" for x in (70, 200, 330))
    parsed = await parse(parser, pdf_of([f"{lines}\n{sides}\n{shown}".encode()]), "cells.pdf")
    assert parsed.content == "| Service | Dues |\n| --- | --- |\n| harbour authority | 8 |"


@needs_tesseract
async def test_scans_among_pages_of_text_are_read(parser: KreuzbergParser) -> None:
    scan = ["The northern basin was dredged", "after the spring storms."]
    data = with_scans([(False, CLAUSES), (True, scan), (False, ["The end is near."]), (True, ["Every vessel pays."])])
    parsed = await parse(parser, data, "mixed.pdf")
    found = [parsed.content[page.start : page.end] for page in parsed.pages]
    assert [page.page for page in parsed.pages] == [1, 2, 3, 4]
    assert found[0].startswith("Clause 0 says")
    assert "northern basin" in found[1]
    assert found[2].strip() == "The end is near."
    assert "Every vessel pays" in found[3]
    assert not parsed.unread


async def test_scans_are_named_where_tesseract_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser_module, "find_tessdata", lambda: None)
    parser = KreuzbergParser(workers=1, timeout=60.0, memory_mb=1024)
    try:
        parsed = await parse(
            parser, with_scans([(False, CLAUSES), (True, ["Unread."]), (True, ["Unread."])]), "mixed.pdf"
        )
    finally:
        await parser.close()
    assert [page.page for page in parsed.pages] == [1]
    assert parsed.unread == {"pages 2 to 3": "It is a picture; to read it, Tesseract's language data is missing."}


async def test_pages_of_few_words_are_not_read_as_pictures(parser: KreuzbergParser) -> None:
    slides = ["Harbour review", "Agenda", "Thank you"]
    parsed = await parse(parser, pdf([[slide] for slide in slides]), "slides.pdf")
    assert [parsed.content[page.start : page.end].strip() for page in parsed.pages] == slides
    assert [page.page for page in parsed.pages] == [1, 2, 3]


async def test_few_lines_are_no_table_and_stand_there_once(parser: KreuzbergParser) -> None:
    pages = [["Rotated page line one", "Rotated page line two", "Rotated page line three is last"], ["Page two plain"]]
    parsed = await parse(parser, pdf(pages), "lines.pdf")
    assert parsed.content.split() == " ".join(" ".join(lines) for lines in pages).split()
    assert parsed.content[parsed.pages[1].start :] == "Page two plain"


async def test_fields_stand_beside_their_labels(parser: KreuzbergParser) -> None:
    lines = [CLAUSES[0], "", "Vessel name:", "", "Berth:", "", "Pilot needed", "", "Secret:", "Town:", CLAUSES[1]]
    fields = [
        field(b"Tx", b"160 739 360 753", b"/T(v)/V(AURORA)"),
        field(b"Ch", b"160 711 360 725", b"/Ff 131072/T(b)/V(k2)/Opt[[(k1)(North 3)][(k2)(South 12b)]]"),
        field(b"Btn", b"145 683 155 693", b"/T(p)/V/Yes/AS/Yes/AP<</N<</Yes 5 0 R/Off 5 0 R>>>>"),
        field(b"Tx", b"160 655 360 669", b"/Ff 8192/T(s)/V(hidden)"),
        field(b"Tx", b"160 641 360 655", b"/F 2/T(t)/V(unseen)").replace(b"/F 4", b"", 1),
        field(b"Tx", b"60 100 360 114", b"/T(key)/TU(Remark)/V(Nowhere near a word.)"),
    ]
    content = (await parse(parser, annotated(lines, fields), "form.pdf")).content
    assert "Vessel name: AURORA" in content
    assert "Berth: South 12b" in content
    assert "Pilot needed [x]" in content
    assert "Secret:" in content
    assert content.endswith("Remark: Nowhere near a word.")
    assert "hidden" not in content
    assert "unseen" not in content


async def test_comments_stand_below_the_page_that_they_are_on(parser: KreuzbergParser) -> None:
    notes = [
        b"<</Type/Annot/Subtype/Text/Rect[300 300 320 320]/Contents(Ask the pilots.)/T(Ann)>>",
        b"<</Type/Annot/Subtype/Highlight/Rect[72 765 200 780]/Contents(Is this so?)>>",
        b"<</Type/Annot/Subtype/FreeText/Rect[72 200 200 220]/DA(/F1 9 Tf)/Contents(APPROVED)>>",
        b"<</Type/Annot/Subtype/Link/Rect[72 765 200 780]/Contents(a link)>>",
        b"<</Type/Annot/Subtype/Text/F 2/Rect[300 300 320 320]/Contents(withdrawn)>>",
    ]
    parsed = await parse(parser, annotated(CLAUSES[:2], notes), "notes.pdf")
    below = parsed.content.split("\n\n", 1)[1]
    assert below == "Comment (Ann): Ask the pilots.\n\nComment: Is this so?\n\nAPPROVED"
    assert parsed.pages[0].end == len(parsed.content)


async def test_lines_drawn_sideways_stay_apart(parser: KreuzbergParser) -> None:
    lines = ["Sideways line one of the page", "Sideways line two of the page", "Sideways line three of the page"]
    shown = "".join(f"BT /F1 12 Tf 0 1 -1 0 {100 + 14 * n} 60 Tm ({line}) Tj ET\n" for n, line in enumerate(lines))
    parsed = await parse(parser, pdf_of([shown.encode()]), "sideways.pdf")
    assert parsed.content.split() == " ".join(lines).split()


def shown(text: str, height: int, size: int = 12) -> str:
    return f"BT /F1 {size} Tf 72 {height} Td ({text}) Tj ET"


async def test_what_repeats_in_the_middle_of_pages_of_few_lines_stays(parser: KreuzbergParser) -> None:
    names = ("Ann", "Bob", "Cid", "Dan")
    pages = [
        [shown("Certificate", 600, 20), shown("This is to certify that", 560), shown(f"{name} has attended.", 540)]
        for name in names
    ]
    pages = [[*page, shown("Harbour school", 30, 9), shown(f"Page {n}", 800, 9)] for n, page in enumerate(pages, 1)]
    parsed = await parse(parser, pdf_of(["\n".join(page).encode() for page in pages]), "certificates.pdf")
    found = [parsed.content[page.start : page.end].replace("#", "").split() for page in parsed.pages]
    text = [f"Certificate This is to certify that {name} has attended.".split() for name in names]
    assert found == [[*text[0], "Harbour", "school"], *text[1:]]


async def test_headings_that_count_with_the_pages_stay(parser: KreuzbergParser) -> None:
    pages = [[shown(f"Article {n}", 770), shown(CLAUSES[n], 720), shown(f"Statute {n}", 30, 9)] for n in range(1, 7)]
    parsed = await parse(parser, pdf_of(["\n".join(page).encode() for page in pages]), "articles.pdf")
    assert [f"Article {n}" in parsed.content for n in range(1, 7)] == [True] * 6
    assert parsed.content.count("Statute") == 1


async def test_a_title_and_the_heading_below_are_two(parser: KreuzbergParser) -> None:
    lines = [shown("Annual Report", 770, 18), shown("1. Introduction", 742, 18)]
    lines += [shown(clause, 700 - 14 * n) for n, clause in enumerate(CLAUSES)]
    parsed = await parse(parser, pdf_of(["\n".join(lines).encode()]), "report.pdf")
    assert parsed.title == "Annual Report"
    assert parsed.content.startswith("# Annual Report\n\n# 1. Introduction\n\nClause 0")


async def test_a_pdf_without_pages_is_not_called_damaged(parser: KreuzbergParser) -> None:
    with pytest.raises(ParseFailed) as caught:
        await parse(parser, pdf_of([]), "empty.pdf")
    assert (caught.value.failure_code, caught.value.message) == ("no_text", "The file has no pages.")
