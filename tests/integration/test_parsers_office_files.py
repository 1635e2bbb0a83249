"""Office files with what people put beside the text: boxes, notes, comments; and kinds that few programs read."""

import io
import zipfile
from collections.abc import AsyncGenerator, Mapping, Sequence

import pytest

from ragstone.adapters.parsers.kreuzberg import KreuzbergParser
from ragstone.domain.documents import PageSpan
from ragstone.domain.errors import ParseFailed
from ragstone.testing.made_files import Paragraph, slides, word, workbook, zipped
from ragstone.testing.parsers import parse

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_ODF = "urn:oasis:names:tc:opendocument:xmlns:"
_NAMES = (
    f'xmlns:w="{_WORD}" xmlns:r="{_OFFICE}" xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
)
_OPEN_NAMES = (
    " ".join(f'xmlns:{name}="{_ODF}{name}:1.0"' for name in ("office", "text", "table", "presentation"))
    + f' xmlns:draw="{_ODF}drawing:1.0" xmlns:svg="{_ODF}svg-compatible:1.0" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"'
)


@pytest.fixture
async def parser() -> AsyncGenerator[KreuzbergParser, None]:
    parser = KreuzbergParser(workers=1, timeout=60.0, memory_mb=1024)
    yield parser
    await parser.close()


def text(words: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{words}</w:t></w:r>'


def paragraph(content: str) -> str:
    return f"<w:p>{content}</w:p>"


def docx(body: str, parts: Mapping[str, str] | None = None, links: Sequence[tuple[str, str]] = ()) -> bytes:
    """Return a DOCX with more parts below ``word/``, by name; ``links`` are addresses by id."""
    more = dict(parts or {})
    related = "".join(f'<Relationship Id="{name}" Type="{_OFFICE}/{name}" Target="{name}.xml"/>' for name in more)
    related += "".join(
        f'<Relationship Id="{name}" Type="{_OFFICE}/hyperlink" Target="{address}" TargetMode="External"/>'
        for name, address in links
    )
    with zipfile.ZipFile(io.BytesIO(word([Paragraph("x")]))) as package:
        members = {name: package.read(name).decode() for name in package.namelist()}
    members["word/document.xml"] = f"<w:document {_NAMES}><w:body>{body}</w:body></w:document>"
    members["word/_rels/document.xml.rels"] = (
        f'<Relationships xmlns="{_PACKAGE}/relationships">{related}</Relationships>'
    )
    return zipped(members | {f"word/{name}.xml": xml for name, xml in more.items()})


def notes(kind: str, texts: Mapping[int, str]) -> str:
    """Return the part for notes of a kind, with the separators that Word writes since 2010."""
    held = "".join(
        f'<w:{kind} w:id="{number}">{paragraph(f"<w:r><w:{kind}Ref/></w:r>{text(words)}")}</w:{kind}>'
        for number, words in texts.items()
    )
    lines = "".join(
        f'<w:{kind} w:type="{line}" w:id="{number}">{paragraph(f"<w:r><w:{line}/></w:r>")}</w:{kind}>'
        for number, line in ((-1, "separator"), (0, "continuationSeparator"))
    )
    return f"<w:{kind}s {_NAMES}>{lines}{held}</w:{kind}s>"


def mark(kind: str, number: int) -> str:
    raised = '<w:rPr><w:vertAlign w:val="superscript"/></w:rPr>'
    return f'<w:r>{raised}<w:{kind}Reference w:id="{number}"/></w:r>'


async def test_a_paragraph_keeps_its_text_beside_a_box_that_is_anchored_in_it(parser: KreuzbergParser) -> None:
    box = f"<w:txbxContent>{paragraph(text('first'))}{paragraph(text('second'))}</w:txbxContent>"
    both = (
        f'<w:r><mc:AlternateContent><mc:Choice Requires="wps"><w:drawing>{box}</w:drawing></mc:Choice>'
        f"<mc:Fallback><w:pict>{box}</w:pict></mc:Fallback></mc:AlternateContent></w:r>"
    )
    heading = '<w:pPr><w:pStyle w:val="Heading1"/></w:pPr>'
    old = f"<w:r><w:pict>{box}</w:pict></w:r>"
    body = paragraph(heading + both + text("Dues")) + paragraph(text("P1 ") + old + text("goes on"))
    content = (await parse(parser, docx(body), "a.docx")).content
    assert content.strip("#\n ") == "Dues\n\nfirst\n\nsecond\n\nP1 goes on\n\nfirst\n\nsecond"


async def test_each_note_is_there_once_and_its_mark_where_it_was(parser: KreuzbergParser) -> None:
    body = paragraph(text("Foot") + mark("footnote", 1) + text(" end") + mark("endnote", 1) + text("."))
    body += paragraph(text("More") + mark("footnote", 3))
    parts = {
        "footnotes": notes("footnote", {1: " The first.", 2: " Nobody's.", 3: " The third &amp; last."}),
        "endnotes": notes("endnote", {1: " The end."}),
    }
    content = (await parse(parser, docx(body, parts), "a.docx")).content
    assert content.strip().split("\n\n") == [
        "Foot[^1] end[^i].",
        "More[^2]",
        "[^1]: The first.",
        "[^i]: The end.",
        "[^2]: The third & last.",
    ]


async def test_comments_follow_what_they_are_on(parser: KreuzbergParser) -> None:
    def commented(number: int) -> str:
        return paragraph(text(f"p{number}") + f'<w:r><w:commentReference w:id="{number}"/></w:r>')

    comments = "".join(
        f'<w:comment w:id="{number}" w:author="{author}">{paragraph(text(words))}{paragraph(text("so"))}</w:comment>'
        for number, author, words in ((0, "Bob", "Why?"), (1, "", "No."), (2, "Ann", "Lost."))
    )
    body = commented(0) + f"<w:tbl><w:tr><w:tc>{commented(1)}</w:tc></w:tr></w:tbl>" + paragraph(text("end"))
    data = docx(body, {"comments": f"<w:comments {_NAMES}>{comments}</w:comments>"})
    content = (await parse(parser, data, "a.docx")).content
    assert content.strip().split("\n\n") == [
        *("p0", "Comment (Bob): Why?", "so"),
        "| p1 Comment: No. so |\n| --- |",
        *("end", "Comment (Ann): Lost.", "so"),
    ]


async def test_links_lead_where_they_did(parser: KreuzbergParser) -> None:
    body = paragraph(f'<w:hyperlink r:id="k">{text("dues")}</w:hyperlink>{text(" 2024")}')
    content = (await parse(parser, docx(body, links=[("k", "http://x.org/?a=1&amp;b=2")]), "a.docx")).content
    assert content.strip() == "[dues](http://x.org/?a=1&b=2) 2024"


async def test_a_formula_within_a_line_keeps_its_fractions(parser: KreuzbergParser) -> None:
    fraction = "<m:f><m:num><m:r><m:t>12</m:t></m:r></m:num><m:den><m:r><m:t>34</m:t></m:r></m:den></m:f>"
    content = (
        await parse(parser, docx(paragraph(f"{text('so ')}<m:oMath>{fraction}</m:oMath>{text(' of it')}")), "a.docx")
    ).content
    assert content.strip() == "so 12/34 of it"


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (word([Paragraph("Dues of Riga")]), "document", "Dues of Riga"),
        (
            workbook({"S": [["port", "dues"], ["Riga", "9"]]}),
            "workbook",
            "## S\n\n| port | dues |\n| --- | --- |\n| Riga | 9 |",
        ),
        (slides([[Paragraph("Dues of Riga")]]), "presentation", "Dues of Riga"),
    ],
)
async def test_a_main_part_of_another_name(parser: KreuzbergParser, data: bytes, name: str, words: str) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        parts = {
            path.replace(f"{name}.xml", f"{name}2.xml"): package.read(path).replace(
                f"/{name}.xml".encode(), f"/{name}2.xml".encode()
            )
            for path in package.namelist()
        }
    assert (await parse(parser, zipped(parts), "a.bin")).content.strip() == words


async def test_pictures_that_unpack_to_gigabytes_are_not_unpacked(parser: KreuzbergParser) -> None:
    file = io.BytesIO(word([Paragraph("Dues of Riga")]))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as package, package.open("word/media/a.bin", "w") as part:
        for _ in range(1536):
            part.write(bytes(2**20))
    assert (await parse(parser, file.getvalue(), "a.docx")).content.strip() == "Dues of Riga"


def opened(kind: str, body: str) -> bytes:
    """Return an OpenDocument of a kind, such as ``text``."""
    root = kind.removesuffix("-template")
    return zipped(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": f"<office:document-content {_OPEN_NAMES}><office:body><office:{root}>{body}</office:{root}>"
            "</office:body></office:document-content>",
        }
    )


def _p(words: str) -> str:
    return f"<text:p>{words}</text:p>"


@pytest.mark.parametrize("kind", ["text", "text-template"])
async def test_open_documents_keep_notes_comments_boxes_and_cells(parser: KreuzbergParser, kind: str) -> None:
    held = f"<text:note-body>{_p('Of 2024.')}</text:note-body>"
    note = f"<text:note><text:note-citation>1</text:note-citation>{held}</text:note>"
    comment = f"<office:annotation><dc:creator>Bob</dc:creator>{_p('Why?')}</office:annotation>"
    box = f"<draw:frame><draw:text-box>{_p('box')}</draw:text-box><svg:desc>A map</svg:desc></draw:frame>"
    cells = f"<table:table-cell>{_p('a')}{_p('second')}</table:table-cell>"
    cells += (
        f"<table:table-cell><text:list><text:list-item>{_p('item')}</text:list-item></text:list></table:table-cell>"
    )
    cells += '<table:table-cell table:number-columns-repeated="2"><text:p>x<text:s/>y</text:p></table:table-cell>'
    body = _p(f"Box {box}after") + _p(f"Dues{note} rose{comment}<text:tab/>since &lt;9&gt;") + _p("end")
    body += f"<table:table><table:table-row>{cells}</table:table-row></table:table>"
    content = (await parse(parser, opened(kind, body), "a.bin")).content
    assert content.strip().split("\n\n") == [
        *("Box after", "A map", "box"),
        *("Dues[^1] rose since <9>", "Comment (Bob): Why?", "end"),
        "| a second | item | x y | x y |\n| --- | --- | --- | --- |",
        "[^1]: Of 2024.",
    ]


async def test_slides_of_open_documents_are_pages(parser: KreuzbergParser) -> None:
    def frame(kind: str, body: str) -> str:
        return f'<draw:frame presentation:class="{kind}"><draw:text-box>{body}</draw:text-box></draw:frame>'

    items = "".join(f"<text:list-item>{_p(item)}</text:list-item>" for item in ("one", "two <text:span>b</text:span>"))
    row = f"<table:table-row><table:table-cell>{_p('Riga')}</table:table-cell></table:table-row>"
    shown = frame("page-number", _p("7")) + frame("outline", f"<text:list>{items}</text:list>")
    table = f"<draw:g><draw:frame><table:table>{row}{row}</table:table></draw:frame></draw:g>"
    noted = f"<presentation:notes>{frame('notes', _p('Say it.'))}</presentation:notes>"
    pages = (f"{shown}{frame('title', _p('Dues'))}{table}{noted}", "", f"<draw:rect>{_p('Last')}</draw:rect>")
    parsed = await parse(
        parser, opened("presentation", "".join(f"<draw:page>{each}</draw:page>" for each in pages)), "a.odp"
    )
    first = "## Dues\n\n- one\n- two b\n\n| Riga |\n| --- |\n| Riga |\n\nNotes: Say it."
    assert parsed.content == f"{first}\n\nLast"
    assert parsed.pages == (PageSpan(1, 0, len(first)), PageSpan(3, len(first) + 2, len(first) + 6))
    assert parsed.media_type == "application/vnd.oasis.opendocument.presentation"


@pytest.mark.parametrize(
    ("data", "name", "remedy"),
    [
        (zipped({"xl/workbook.bin": b"\x83\x01", "docProps/app.xml": "<a>Excel</a>"}), "a.xlsb", ".xlsx"),
        (zipped({"visio/document.xml": "<a>Normal</a>"}), "a.vsdx", "PDF"),
        (zipped({"Index/Document.iwa": "x", "preview.txt": "words"}), "a.pages", "PDF"),
        (opened("formula", _p("x")), "a.odf", "PDF"),
    ],
)
async def test_kinds_that_nothing_reads_are_refused(
    parser: KreuzbergParser, data: bytes, name: str, remedy: str
) -> None:
    with pytest.raises(ParseFailed) as failed:
        await parse(parser, data, name)
    assert failed.value.failure_code == "unsupported_media_type"
    assert remedy in (failed.value.remedy or "")
