"""Files as the world sends them: a hostile set made here, and the public sets where they are at hand."""

import asyncio
import gzip
import io
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from ragstone.adapters.parsers.kreuzberg import KreuzbergParser
from ragstone.domain.documents import ParsedDocument
from ragstone.domain.errors import ParseFailed
from ragstone.domain.markdown import outline
from ragstone.testing.made_files import open_sheets, workbook, zipped
from ragstone.testing.parsers import docx, pdf

DOCUMENTS = Path(__file__).resolve().parents[3] / "shared" / "data" / "docs"
needs_documents = pytest.mark.skipif(not DOCUMENTS.is_dir(), reason="the public data sets are not at hand")
NOISE = bytes((index * index * 31 + index // 7) % 256 for index in range(100_000))
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
pytestmark = pytest.mark.asyncio(loop_scope="module")

Outcome = tuple[str, ParsedDocument | None]
ReadPublic = Callable[[Path], Awaitable[Outcome]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def parser() -> AsyncGenerator[KreuzbergParser, None]:
    """One parser for all files, as a worker has: what a file leaves behind in a child, the next one meets."""
    parser = KreuzbergParser(workers=2, timeout=60.0, memory_mb=1024)
    yield parser
    await parser.close()


@pytest.fixture(scope="module")
def read_public(parser: KreuzbergParser) -> ReadPublic:
    """Read a file of the public sets, once: some take many seconds."""
    tasks: dict[Path, asyncio.Task[Outcome]] = {}

    async def read(path: Path) -> Outcome:
        if path not in tasks:
            tasks[path] = asyncio.create_task(outcome(parser, path.read_bytes(), path.name))
        return await tasks[path]

    return read


async def outcome(parser: KreuzbergParser, data: bytes, filename: str) -> Outcome:
    """Return ``ok``, ``no parser`` or the failure's code, and what was read."""
    media_type = parser.media_type(filename, data[:4096])
    if media_type is None:
        return "no parser", None
    try:
        return "ok", await parser.parse(data, media_type, filename)
    except ParseFailed as failed:
        return failed.failure_code, None


def word_file(body: str) -> bytes:
    """Return a Word document whose XML is ``body``."""
    source = zipfile.ZipFile(io.BytesIO(docx([("Normal", "@")])))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            content = source.read(name).decode()
            archive.writestr(name, content.partition("<w:p>")[0] + body if name == "word/document.xml" else content)
    return file.getvalue()


def pdf_with(stream: bytes) -> bytes:
    """Return a PDF whose only page draws ``stream``."""
    packed = zlib.compress(stream)
    return (
        b"%%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R"
        b"/Resources<</Font<</F1 5 0 R>>>>>>endobj\n"
        b"5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n"
        b"4 0 obj<</Length %d/Filter/FlateDecode>>stream\n%b\nendstream endobj\ntrailer<</Root 1 0 R>>\n"
    ) % (len(packed), packed)


def cell(place: str, value: str) -> str:
    return f'<row r="{place.lstrip("AXFD")}"><c r="{place}" t="inlineStr"><is><t>{value}</t></is></c></row>'


def sheet_file(rows: str, *, before: str = "") -> bytes:
    """Return a workbook whose only sheet has ``rows``."""
    source = zipfile.ZipFile(io.BytesIO(workbook({"S": [["@"]]})))
    members = {name: source.read(name).decode() for name in source.namelist()}
    path = "xl/worksheets/sheet1.xml"
    head, _, tail = members[path].partition("<sheetData>")
    return zipped(members | {path: f"{before}{head}<sheetData>{rows}</sheetData>{tail.rpartition('</sheetData>')[2]}"})


def slide_file(shapes: str) -> bytes:
    """Return a presentation whose only slide has ``shapes``."""
    names = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
    slide = f"<p:sld {names}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
    return zipped({"ppt/presentation.xml": "<p/>", "ppt/slides/slide1.xml": slide})


def open_rows(rows: str, columns: str) -> bytes:
    """Return an ODS whose only cell is said to repeat itself."""
    source = zipfile.ZipFile(io.BytesIO(open_sheets({"S": [["word"]]})))
    members = {name: source.read(name).decode() for name in source.namelist()}
    content = members["content.xml"].replace(
        "<table:table-row>", f'<table:table-row table:number-rows-repeated="{rows}">'
    )
    content = content.replace("<table:table-cell ", f'<table:table-cell table:number-columns-repeated="{columns}" ')
    return zipped(members | {"content.xml": content})


LAUGHS = (
    '<!DOCTYPE l [<!ENTITY a "lol">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(8))
    + "]>"
)
PARAGRAPH = "<w:p><w:r><w:t>bomb</w:t></w:r></w:p>"
HOSTILE: Mapping[str, tuple[Callable[[], bytes], set[str]]] = {
    "empty.pdf": (lambda: b"", {"empty"}),
    "noise.pdf": (lambda: NOISE, {"damaged"}),
    "head-then-noise.pdf": (lambda: b"%PDF-1.7\n" + NOISE, {"damaged"}),
    "endless.pdf": (
        lambda: (
            b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
            b"2 0 obj<</Type/Pages/Kids[2 0 R 2 0 R]/Count 1000000>>endobj\ntrailer<</Root 1 0 R>>\n"
        ),
        {"damaged", "no_text"},
    ),
    "bomb.pdf": (
        lambda: pdf_with(b"BT /F1 12 Tf (bomb text) Tj ET " * 20_000_000),
        {"crashed", "out_of_memory", "timeout", "damaged", "ok"},
    ),
    "cut.docx": (lambda: docx([("Normal", "text " * 500)])[:700], {"damaged"}),
    "bomb.docx": (lambda: word_file(PARAGRAPH * 10_000_000 + "</w:body></w:document>"), {"too_large"}),
    "deep.docx": (lambda: word_file("<w:sdt><w:sdtContent>" * 100_000 + PARAGRAPH), {"damaged", "no_text", "ok"}),
    "deep.html": (lambda: b"<div>" * 300_000 + b"text" + b"</div>" * 300_000, {"no_text", "ok"}),
    "deep.json": (lambda: b"[" * 2_000_000 + b"]" * 2_000_000, {"ok"}),
    "deep.xml": (lambda: b"<a>" * 300_000 + b"x" + b"</a>" * 300_000, {"ok"}),
    "entities.xml": (
        lambda: (
            b'<!DOCTYPE l [<!ENTITY a "lol">'
            + b"".join(b'<!ENTITY %c "%b">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
            + b"]><l>&j;</l>"
        ),
        {"ok"},
    ),
    "deep.rtf": (lambda: b"{\\rtf1 " + b"{" * 500_000 + b"x" + b"}" * 500_000 + b"}", {"ok", "no_text", "damaged"}),
    "nested.eml": (
        lambda: (
            b"From: a@example.org\nMIME-Version: 1.0\n"
            + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(5_000))
        ),
        {"ok", "no_text", "damaged"},
    ),
    "line.txt": (lambda: b"word " * 10_000_000, {"ok"}),
    "line.md": (lambda: b"a" * 50_000_000, {"ok"}),
    "hashes.md": (lambda: b"# a\n" * 100_000, {"ok"}),
    "quote.csv": (lambda: b'a,b,"c\n' * 500_000, {"ok"}),
    "wide.csv": (lambda: b"x," * 500_000, {"ok"}),
    "nothing-but.txt": (lambda: b"\0" * 1_000_000, {"no parser"}),
    "noise.txt": (lambda: NOISE, {"no parser"}),
    "noise.msg": (lambda: OLE + NOISE, {"damaged"}),
    "secret.docx": (lambda: OLE + bytes(2_000) + "EncryptedPackage".encode("utf-16-le") + NOISE, {"encrypted"}),
    "noise.xls": (lambda: OLE + NOISE, {"damaged"}),
    "notebook.ipynb": (lambda: b'{"cells": [' * 50_000, {"damaged"}),
    "far.xlsx": (lambda: sheet_file(cell("A1", "1") + cell("XFD1048576", "2")), {"ok"}),
    "wide.xlsx": (lambda: sheet_file("".join(cell(f"XFD{n}", "1") for n in range(1, 9_000))), {"ok", "out_of_memory"}),
    "long.xlsx": (lambda: sheet_file("".join(cell(f"A{n}", f"{n}") for n in range(1, 300_000))), {"ok"}),
    "laughs.xlsx": (lambda: sheet_file(cell("A1", "&i;"), before=LAUGHS), {"damaged", "no_text", "ok"}),
    "laughs.docx": (lambda: zipped({"word/document.xml": LAUGHS + "<l>&i;</l>"}), {"damaged", "no_text"}),
    "laughs.pptx": (lambda: zipped({"ppt/presentation.xml": LAUGHS + "<l>&i;</l>"}), {"damaged"}),
    "repeated.ods": (lambda: open_rows("100000", "16384"), {"damaged", "out_of_memory", "ok"}),
    "deep.pptx": (lambda: slide_file("<p:grpSp>" * 200_000 + "</p:grpSp>" * 200_000), {"no_text"}),
    "trees.pptx": (lambda: slide_file("<p:spTree>" * 3_000 + "</p:spTree>" * 3_000), {"no_text"}),
    "bomb.zip": (lambda: zipped({"a.txt": bytes(200_000_000)}), {"too_large"}),
    "bomb.txt.gz": (lambda: gzip.compress(bytes(100_000_000)), {"too_large"}),
    "many.zip": (lambda: zipped({f"{n}.txt": "words" for n in range(9_000)}), {"ok"}),
    "too-many.zip": (lambda: zipped({f"{n}.txt": "words" for n in range(10_001)}), {"too_large"}),
    "climbing.zip": (lambda: zipped({"../../../etc/passwd": "words", "/etc/hosts": "words"}), {"ok"}),
    "deep-objects.json": (lambda: b'{"a":' * 900 + b"1" + b"}" * 900, {"ok"}),
    "line.json": (lambda: b'"' + b"a" * 30_000_000 + b'"', {"ok"}),
    "digits.json": (lambda: b"9" * 2_000_000, {"ok"}),
    "records.json": (lambda: b"[" + b'{"a": 1, "b": [2]},' * 300_000 + b"{}]", {"ok"}),
    "attached.eml": (
        lambda: (
            b"Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n"
            + b"--b\nContent-Disposition: attachment; filename=a.txt\n\nx\n" * 20_000
        ),
        {"too_large"},
    ),
    "rules.rst": (lambda: b"=== ===\n" * 200_000, {"ok", "no_text"}),
    "grid.rst": (lambda: b"+---+---+\n| a | b |\n" * 100_000, {"ok"}),
    "tables.html": (lambda: b"<table>" * 20_000 + b"<tr><td>x" * 20_000, {"ok"}),
    "span.html": (lambda: b"<table><tr><td colspan=1000000000>x</td></tr></table>", {"ok"}),
    "pages.pdf": (lambda: pdf([["Header", f"Page {n}", "Footer"] for n in range(2_000)]), {"ok"}),
    "picture.png": (lambda: b"\x89PNG\r\n\x1a\n" + NOISE, {"no_text", "damaged"}),
    "locked.pdf": (
        lambda: pdf([["Text"]]).replace(
            b"trailer<<",
            b"trailer<</ID[<00><00>]/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<%b>/U<%b>>>" % ((b"00" * 32,) * 2),
        ),
        {"encrypted"},
    ),
    "a-page.pdf": (lambda: b"<!DOCTYPE html><html><body><p>Words.</p></body></html>", {"ok"}),
    "a-pdf.txt": (lambda: pdf([["A page of text."]]), {"ok"}),
    "a-picture.txt": (lambda: b"\xff\xd8\xff\xe0" + NOISE, {"no_text", "damaged"}),
    "a-pdf.docx": (lambda: pdf([["A page of text."]]), {"ok"}),
    "a-docx.pdf": (lambda: docx([("Normal", "Some text.")]), {"ok"}),
    "a-text.xlsx": (lambda: b"Words, not a workbook.", {"ok"}),
    "charset.html": (lambda: b"<html><head><meta charset=undefined></head><body>caf\xe9</body></html>", {"ok"}),
}


@pytest.mark.parametrize("filename", HOSTILE)
async def test_a_hostile_file_ends_well_or_says_why(parser: KreuzbergParser, filename: str) -> None:
    build, expected = HOSTILE[filename]
    data = build()
    began = time.monotonic()
    found, _ = await outcome(parser, data, filename)
    assert time.monotonic() - began < 60.0
    assert found in expected
    assert (await outcome(parser, b"# Next", "next.md"))[0] == "ok"


@needs_documents
@pytest.mark.parametrize("folder", ["markitdown", "pypdf_samples"])
async def test_the_public_files(read_public: ReadPublic, folder: str) -> None:
    found: Counter[tuple[str, str]] = Counter()
    paths = sorted(path for path in (DOCUMENTS / folder).rglob("*") if path.is_file())
    outcomes = await asyncio.gather(*(read_public(path) for path in paths))
    for path, (result, parsed) in zip(paths, outcomes, strict=True):
        found[path.suffix, result] += 1
        if parsed is not None:
            assert parsed.content == parsed.content.encode().decode().replace("\0", "")
            position = 0
            for page in parsed.pages:
                assert position <= page.start <= page.end <= len(parsed.content)
                position = page.end
    pictures = {".png", ".jpg", ".tiff"}
    media = {".wav", ".mp3", ".m4a", ".bin"}
    failed = {key: count for key, count in found.items() if key[1] != "ok" and key[0] not in pictures | media}
    assert all(result in ("ok", "no_text") for suffix, result in found if suffix in pictures)
    if folder == "markitdown":
        assert failed.pop((".md", "empty")) == 1
        failed.pop((".pptx", "no_text"), None)  # a slide of pictures, likewise
        failed.pop((".pdf", "no_text"), None)  # six scans, unless Tesseract is installed
    else:
        assert failed.pop((".pdf", "encrypted")) == 1
        assert failed.pop((".pdf", "damaged")) == 1
        failed.pop((".pdf", "no_text"), None)
    assert failed == {}
    assert all(result == "no parser" for suffix, result in found if suffix in media)


@needs_documents
async def test_pages_of_a_long_pdf(read_public: ReadPublic) -> None:
    _, parsed = await read_public(next(DOCUMENTS.rglob("GeoTopo-komprimiert.pdf")))
    assert parsed is not None
    assert parsed.title == "Geometrie und Topologie"
    assert [page.page for page in parsed.pages] == list(range(1, 118))
    pages = {page.page: parsed.content[page.start : page.end] for page in parsed.pages}
    assert pages[2].startswith("# Vorwort")
    assert "Erforderliche Vorkenntnisse" in pages[2]
    assert "Topologische Räume" in pages[6]
    assert "französische Eisenbahnmetrik" in pages[12]


SHEET = "09060124-b5e7-4717-9d07-3c046eb"


@needs_documents
async def test_slides_and_sheets_are_pages(read_public: ReadPublic) -> None:
    for name, count, word in (("test.pptx", 6, "A table to test parsing"), ("test.xlsx", 2, "09060124")):
        _, parsed = await read_public(next(DOCUMENTS.rglob(name)))
        assert parsed is not None
        assert [page.page for page in parsed.pages] == list(range(1, count + 1))
        assert [page.label for page in parsed.pages] == ([None] * 6 if count == 6 else ["Sheet1", SHEET])
        page = next(page for page in parsed.pages if page.start <= parsed.content.index(word) < page.end)
        assert page.page == (3 if count == 6 else 2)


@needs_documents
async def test_text_reads_without_escapes(read_public: ReadPublic) -> None:
    for name in ("test_outlook_msg.msg", "REPAIR-2022-INV-001_multipage.pdf", "test.docx"):
        _, parsed = await read_public(next(DOCUMENTS.rglob(name)))
        assert parsed is not None
        assert "\\" not in parsed.content
        assert outline(parsed.content).blocks
