"""The conformance suite of parsers, and small files in the formats that every parser reads.

Inherit ``ParserConformance`` and override the ``parser`` fixture.
"""

import asyncio
import io
import zipfile
import zlib
from collections.abc import Sequence

import pypdfium2 as pdfium
import pytest

from ragstone.domain.documents import ParsedDocument
from ragstone.domain.errors import ParseFailed
from ragstone.domain.markdown import outline
from ragstone.ports.parser import Parser

MARKDOWN = """---
title: Köln guide
---

# Heading_one { #one }

Text with \\# an escape, *stars* and 👍.

## Zwei

More.
"""
HTML = (
    "<!doctype html><html><head><title>A &amp; B</title></head><body><h1>Top</h1><p>Grüße aus Köln.</p>"
    "<h2>Part</h2><table><tr><th>k</th><th>v</th></tr><tr><td>one</td><td>1</td></tr></table></body></html>"
)
EMAIL = (
    b"From: Ann <ann@example.org>\r\nTo: Bob <bob@example.org>\r\nSubject: =?utf-8?q?Caf=C3=A9?=\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\nThe caf=E9 opens at nine.\r\n"
)
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def pdf(pages: Sequence[Sequence[str]], *, title: str | None = None) -> bytes:
    """Return a PDF with a line of text for each string, one list a page; characters of Windows-1252 only."""
    return pdf_of([_page_content(lines) for lines in pages], title=title)


def with_scans(pages: Sequence[tuple[bool, Sequence[str]]]) -> bytes:
    """Return a PDF of pages of text, of which those that say so are pictures of it."""
    source, target = pdfium.PdfDocument(pdf([lines for _, lines in pages])), pdfium.PdfDocument.new()
    for number, (is_scan, _) in enumerate(pages):
        if not is_scan:
            target.import_pages(source, [number])
            continue
        page = source[number]
        image = pdfium.PdfImage.new(target)
        image.set_bitmap(page.render(scale=3))
        image.set_matrix(pdfium.PdfMatrix().scale(*page.get_size()))
        picture = target.new_page(*page.get_size())
        picture.insert_obj(image)
        picture.gen_content()
    file = io.BytesIO()
    target.save(file)
    return file.getvalue()


def pdf_of(streams: Sequence[bytes], *, title: str | None = None) -> bytes:
    """Return a PDF whose pages are drawn by ``streams``, with Helvetica as the font ``F1``, on A4."""
    numbers = range(4, 4 + 2 * len(streams), 2)
    kids = " ".join(f"{number} 0 R" for number in numbers)
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: f"<</Type/Pages/Kids[{kids}]/Count {len(streams)}>>".encode(),
        3: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    }
    for number, stream in zip(numbers, streams, strict=True):
        objects[number] = (
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>"
            f"/Contents {number + 1} 0 R>>"
        ).encode()
        packed = zlib.compress(stream)
        objects[number + 1] = b"<</Length %d/Filter/FlateDecode>>stream\n%b\nendstream" % (len(packed), packed)
    info = len(objects) + 1
    objects[info] = b"<<" + (b"/Title(" + title.encode("cp1252") + b")" if title else b"") + b">>"
    return _pdf_file(objects, info)


def _page_content(lines: Sequence[str]) -> bytes:
    shown = b"".join(b"(" + line.encode("cp1252") + b") Tj T*\n" for line in lines)
    return b"BT /F1 12 Tf 14 TL 72 770 Td\n" + shown + b"ET"


def _pdf_file(objects: dict[int, bytes], info: int) -> bytes:
    file, offsets = io.BytesIO(), []
    file.write(b"%PDF-1.4\n")
    for number, content in sorted(objects.items()):
        offsets.append(file.tell())
        file.write(b"%d 0 obj\n%b\nendobj\n" % (number, content))
    table = file.tell()
    file.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    file.writelines(b"%010d 00000 n \n" % offset for offset in offsets)
    file.write(b"trailer<</Size %d/Root 1 0 R/Info %d 0 R>>\n" % (len(objects) + 1, info))
    file.write(b"startxref\n%d\n%%%%EOF" % table)
    return file.getvalue()


def docx(paragraphs: Sequence[tuple[str, str]]) -> bytes:
    """Return a Word document; each paragraph is a style (``Heading1``, ``Normal``) and its text."""
    body = "".join(
        f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr><w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'
        for style, text in paragraphs
    )
    types = (
        f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        'wordprocessingml.document.main+xml"/></Types>'
    )
    relations = (
        f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" Type="{_OFFICE}/officeDocument" '
        'Target="word/document.xml"/></Relationships>'
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", types)
        archive.writestr("_rels/.rels", relations)
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{_WORD}"><w:body>{body}</w:body></w:document>')
    return file.getvalue()


async def parse(parser: Parser, data: bytes, filename: str) -> ParsedDocument:
    """Parse as the offline flow does: name the kind, then read."""
    media_type = parser.media_type(filename, data[:4096])
    assert media_type is not None, f"no parser for {filename}"
    return await parser.parse(data, media_type, filename)


class ParserConformance:
    """What every parser owes."""

    @pytest.fixture
    def parser(self) -> Parser:
        """Return the parser under test; override it."""
        raise NotImplementedError

    async def test_markdown_is_kept_as_it_is(self, parser: Parser) -> None:
        parsed = await parse(parser, MARKDOWN.encode(), "guide.md")
        assert parsed.content == MARKDOWN
        assert (parsed.media_type, parsed.title, parsed.structured) == ("text/markdown", "Köln guide", True)

    async def test_the_first_heading_is_the_title_of_markdown_without_one(self, parser: Parser) -> None:
        parsed = await parse(parser, b"intro\n\n## The `first` *heading*\n\n# Second\n", "guide.md")
        assert parsed.title == "The first heading"

    async def test_plain_text_is_kept_as_it_is(self, parser: Parser) -> None:
        source = "def f():\n\t# not a heading\n    return '<b>'\n"
        parsed = await parse(parser, source.encode(), "code.py")
        assert (parsed.content, parsed.structured, parsed.title) == (source, False, None)

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
    async def test_text_of_any_encoding(self, parser: Parser, encoding: str) -> None:
        source = "Größe, naïve café – très bien.\nZweite Zeile mit Öl und Übermut.\n" * 3
        assert (await parse(parser, source.encode(encoding), "notes.txt")).content == source

    @pytest.mark.parametrize("encoding", ["shift_jis", "euc_jp", "gb18030", "koi8-r"])
    async def test_text_of_other_scripts(self, parser: Parser, encoding: str) -> None:
        source = {
            "gb18030": "这是一个用于测试字符编码的中文文本，应该能够正确识别。",
            "koi8-r": "Это проверка кодировки текста на русском языке.",
        }.get(encoding, "日本語のテキストです。これは文字コードの試験です。")
        assert (await parse(parser, (source * 5).encode(encoding), "notes.txt")).content == source * 5

    async def test_text_that_postgresql_cannot_hold_is_replaced(self, parser: Parser) -> None:
        parsed = await parse(parser, b"one\0two \xed\xa0\x80 three\r\nfour\rfive\n" * 20, "notes.txt")
        assert parsed.content.startswith("one\ufffdtwo \ufffd three\nfour\nfive\n")
        parsed.content.encode()

    async def test_pdf_pages_lie_where_their_text_lies(self, parser: Parser) -> None:
        pages = [
            ["Die Größe der Fläche – fünf Meter – überrascht.", "Erste Seite, zweite Zeile."],
            ["Zweite Seite: Überraschung und Öl.", "Noch eine Zeile über Bäume."],
            ["Dritte Seite über Äpfel."],
        ]
        parsed = await parse(parser, pdf(pages, title="Flächen"), "report.pdf")
        assert parsed.title == "Flächen"
        assert [page.page for page in parsed.pages] == [1, 2, 3]
        for page, lines in zip(parsed.pages, pages, strict=True):
            shown = parsed.content[page.start : page.end]
            assert shown.startswith(lines[0][:12])
            assert all(word in shown for line in lines for word in line.split())

    async def test_word_documents(self, parser: Parser) -> None:
        file = docx([("Heading1", "First"), ("Normal", "Größe #1 is a_b."), ("Heading2", "Second"), ("Normal", "End.")])
        parsed = await parse(parser, file, "report.docx")
        assert parsed.structured
        assert [section.title for section in outline(parsed.content).sections] == ["First", "Second"]
        assert "\n\nGröße #1 is a_b.\n\n" in parsed.content

    @pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
    async def test_html(self, parser: Parser, encoding: str) -> None:
        source = HTML.replace("<head>", f'<head><meta charset="{encoding}">')
        parsed = await parse(parser, source.encode(encoding), "page.html")
        assert parsed.title == "A & B"
        assert parsed.content.startswith("# Top\n\nGrüße aus Köln.\n\n## Part\n\n| k")

    async def test_email(self, parser: Parser) -> None:
        parsed = await parse(parser, EMAIL, "mail.eml")
        assert parsed.title == "Café"
        assert "The café opens at nine." in parsed.content
        assert "<ann@example.org>" in parsed.content

    async def test_csv_becomes_a_table(self, parser: Parser) -> None:
        parsed = await parse(parser, 'name;note\r\nÖl;"a | b\r\nc"\r\n\r\nWein;'.encode("cp1252"), "list.csv")
        assert parsed.content == "| name | note |\n| --- | --- |\n| Öl | a \\| b c |\n| Wein |  |"

    async def test_xml_becomes_lines(self, parser: Parser) -> None:
        source = "<?xml version='1.0'?><r><item><name>One</name><note>a <b>b</b> c</note></item><item>Two</item></r>"
        parsed = await parse(parser, source.encode(), "feed.xml")
        assert parsed.content == "name: One\nnote: a b c\n\nitem: Two"

    @pytest.mark.parametrize(
        ("filename", "data", "code"),
        [
            ("empty.pdf", b"", "empty"),
            ("blank.txt", b" \n\t\r\n", "empty"),
            ("zeros.txt", b"\0" * 5_000, "empty"),
            ("noise.pdf", bytes(range(256)) * 40, "damaged"),
            ("cut.pdf", pdf([["Text"]])[:300], "damaged"),
            ("cut.docx", docx([("Normal", "Text")])[:400], "damaged"),
            ("blank.pdf", pdf([[]]), "no_text"),
            ("blank.docx", docx([]), "no_text"),
            ("binary.txt", bytes(range(1, 256)) * 40, "damaged"),
        ],
    )
    async def test_what_cannot_be_read_says_why(self, parser: Parser, filename: str, data: bytes, code: str) -> None:
        media_type = parser.media_type(filename, data[:4096]) or "text/plain"
        with pytest.raises(ParseFailed) as caught:
            await parser.parse(data, media_type, filename)
        assert caught.value.failure_code == code
        assert caught.value.message.endswith(".")
        assert caught.value.remedy
        assert "/" not in caught.value.message

    @pytest.mark.parametrize(
        ("filename", "head", "declared", "media_type"),
        [
            ("report.docx", b"%PDF-1.7 ...", None, "application/pdf"),
            ("report.pdf", b"Just words.", None, "text/plain"),
            ("report", b"Just words.", None, "text/plain"),
            ("page", b"\n<!DOCTYPE html><html>", None, "text/html"),
            ("page", b"# Words", "text/markdown; charset=utf-8", "text/markdown"),
            ("page.md", b"# Words", "application/octet-stream", "text/markdown"),
            ("main.rs", b"fn main() {}", "application/rls-services+xml", "text/plain"),
            ("a.exe", b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff", None, None),
            ("a.txt", b"\x7fELF\x02\x01\x01\0\0\0", "text/plain", None),
            ("film.mp4", b"\0\0\0\x20ftypisom\0\0\x02\0", "video/mp4", None),
            ("a.zip", b"PK\x03\x04\x14\0\0\0\0\0", None, "application/zip"),
            ("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", None, "image/png"),
            ("letter.txt", b"{\\rtf1\\ansi Words.}", "text/plain", "application/rtf"),
            ("table.xls", b"<html><body><table>", None, "text/html"),
            ("table.csv", b"<!DOCTYPE html><html>", "text/csv", "text/html"),
            ("notes.md", b"<html> is how pages begin", None, "text/markdown"),
            ("make.py", b'HEAD = b"%PDF-1.4"', None, "text/plain"),
            ("logs.gz", b"\x1f\x8b\x08\0\0\0\0\0", None, "application/gzip"),
            ("noise", bytes(range(256)), None, None),
            ("noise.txt", bytes(range(1, 256)), "text/plain", None),
        ],
    )
    def test_the_kind_is_what_the_bytes_say(
        self, parser: Parser, filename: str, head: bytes, declared: str | None, media_type: str | None
    ) -> None:
        assert parser.media_type(filename, head, declared) == media_type

    async def test_many_at_once(self, parser: Parser) -> None:
        files = [(f"{number}.md", f"# Number {number}\n\nText.\n") for number in range(12)]
        parsed = await asyncio.gather(*(parse(parser, text.encode(), name) for name, text in files))
        assert [document.title for document in parsed] == [f"Number {number}" for number in range(12)]

    async def test_after_a_failure_and_a_cancellation_the_next_file_is_read(self, parser: Parser) -> None:
        with pytest.raises(ParseFailed):
            await parse(parser, b"%PDF-1.7\nnot really", "broken.pdf")
        task = asyncio.create_task(parse(parser, ("<p>x</p>" * 300_000).encode(), "long.html"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await parse(parser, b"# Next\n", "next.md")).title == "Next"
