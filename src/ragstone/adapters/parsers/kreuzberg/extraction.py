"""Kreuzberg: its settings, its failures in our words, its Markdown made fit to be quoted."""

import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any
from uuid import uuid4

import kreuzberg
from kreuzberg import (
    ConcurrencyConfig,
    ContentFilterConfig,
    ExtractionConfig,
    ExtractionResult,
    OcrConfig,
    PageConfig,
    PostProcessorConfig,
    TesseractConfig,
)

from ragstone.adapters.parsers.kreuzberg.decoding import clean, decode
from ragstone.adapters.parsers.kreuzberg.failures import (
    damaged,
    encrypted,
    no_text,
    out_of_memory,
    reads_pictures,
    too_many_pixels,
    unread_compression,
    unsupported,
)
from ragstone.adapters.parsers.kreuzberg.html.balancing import balanced
from ragstone.adapters.parsers.kreuzberg.media_types import DOCX, HTML, PDF, PLAIN, RTF, SPREADSHEETS, XLS
from ragstone.adapters.parsers.kreuzberg.office.binary_sheets import binary_sheets
from ragstone.adapters.parsers.kreuzberg.office.enclosures import Enclosures
from ragstone.adapters.parsers.kreuzberg.office.repairs import repaired, restored
from ragstone.adapters.parsers.kreuzberg.pdf.layout import render
from ragstone.adapters.parsers.kreuzberg.pdf.page_looks import page_looks
from ragstone.adapters.parsers.kreuzberg.pdf.page_pictures import read_page_pictures
from ragstone.adapters.parsers.kreuzberg.pdf.scans import NO_TIME, Scans, read_scans
from ragstone.adapters.parsers.kreuzberg.pictures import Recognised, read_picture
from ragstone.adapters.parsers.kreuzberg.recognised_text import recognised_text, with_tables
from ragstone.adapters.parsers.kreuzberg.rtf import plain_rtf
from ragstone.adapters.parsers.kreuzberg.sheets import lost_sheets, sheets_text
from ragstone.adapters.parsers.kreuzberg.tessdata import detects_turns, languages
from ragstone.adapters.parsers.kreuzberg.titles import sensible_title
from ragstone.domain.documents import PageSpan, ParsedDocument
from ragstone.domain.errors import ParseFailed
from ragstone.domain.markdown_blocks import BlockKind, blocks

_NAVIGATION = re.compile(rb"<(/?)nav(?=[\s/>])", re.IGNORECASE)
_LOOKED_AT_WITHIN = 30.0
"""Seconds from the start of reading a PDF in which its tables are looked for: half of what a file may take."""
_TURNED_PAGE = 1
"""Tesseract's mode of a page that may be turned, which needs data of its own."""
_UPRIGHT_PAGE = 3
_EVERYTHING = ContentFilterConfig(include_headers=True, include_footers=True, strip_repeating_text=False)


def extract_picture(data: bytes, media_type: str, *, until: float) -> ParsedDocument:
    """Return the text of a picture, of which pages are begun ``until`` then, by ``time.monotonic``.

    Raises ``ParseFailed``.
    """
    return read_picture(
        data,
        media_type,
        _recognise,
        detects_turns=detects_turns(_tessdata()),
        until=until,
    )


def extract_pdf(data: bytes, *, until: float) -> ParsedDocument:
    """Return the text of a PDF: what it holds itself, and what Tesseract reads on pages that are pictures.

    Pages that are pictures are begun ``until`` then, by ``time.monotonic``. Raises ``ParseFailed``.
    """
    looked_at_until = time.monotonic() + _LOOKED_AT_WITHIN
    result = _call(data, PDF, "", pictures=False)
    looks = page_looks(data, until=looked_at_until)
    texts = {page["page_number"]: page["content"] for page in result.pages or []}
    scans = _scans(data, texts, until)
    nodes = result.document["nodes"] if result.document is not None else []
    others = [page for page in texts if page not in scans.texts and page not in scans.left]
    pictures = read_page_pictures(data, others, _scan if reads_pictures() else None, until=until)
    content, pages = render(nodes, texts, looks, scans.texts, pictures.texts)
    if not content.strip():
        raise _nothing_said(scans)
    return ParsedDocument(content, PDF, _title(result.metadata), tuple(pages), {**scans.unread, **pictures.unread})


def _scans(data: bytes, texts: Mapping[int, str], until: float) -> Scans:
    if not reads_pictures():
        return read_scans(data, texts, None, until=until)
    return read_scans(data, texts, _scan, detects_turns=detects_turns(_tessdata()), until=until)


def _scan(page: bytes, turned: bool) -> Recognised:
    """Return the text of a PDF of one page that is a picture; ``turned`` has Tesseract find out how that lies."""
    result = _call(page, PDF, "", turned=turned)
    if result.document is None:
        return Recognised("", 0.0)
    elements = result.ocr_elements or []
    text = with_tables(_lines_of(result), elements) or render(result.document["nodes"])[0]
    words = [element["confidence"] for element in elements if element["level"] == "word"]
    sure = [confidence["recognition"] for confidence in words if confidence is not None]
    return Recognised(text, 100 * fmean(sure) if sure else 0.0)


def _nothing_said(scans: Scans) -> ParseFailed:
    """Return why a PDF says nothing."""
    if NO_TIME in scans.unread.values():
        cause = "The pages are pictures, and there was no time left to read them."
        return ParseFailed("timeout", cause, remedy="Split the file, and send its parts one by one.")
    return no_text(pictures=True)


def extract(data: bytes, media_type: str, enclosures: Enclosures | None = None) -> ParsedDocument:
    """Return the text of a file that is no plain text, picture or PDF, as Markdown. Raises ``ParseFailed``.

    ``enclosures`` read the pictures of a DOCX.
    """
    title, enclosures = None, enclosures or Enclosures()
    unread: Mapping[str, str] = {}
    if media_type == HTML:
        title, html = balanced(decode(data, markup=True))
        data = html.encode()
    if media_type == RTF:
        data = plain_rtf(data)
    page_mark = f"page{uuid4().hex}x"
    result = _call(repaired(data, media_type, enclosures), media_type, page_mark)
    if media_type == HTML and not result.content.strip():  # all of it is navigation, which else goes
        result = _call(_NAVIGATION.sub(rb"<\1div", data), media_type, page_mark)
    if media_type == XLS:
        shown = binary_sheets(data)
        content, pages = sheets_text(result, shown)
        unread = lost_sheets(pages, shown)
    else:
        content, pages = _content(result, media_type, page_mark)
    content, unread = enclosures.placed(content), {**unread, **enclosures.unread}
    if not content.strip():
        raise no_text(pictures=media_type == DOCX)
    return ParsedDocument(content, media_type, title or _title(result.metadata), tuple(pages), unread)


def extract_members(data: bytes, media_type: str) -> Iterator[tuple[str, ParsedDocument]]:
    """Yield what kreuzberg reads of the files in an archive that nothing else here unpacks, by path."""
    result = _call(data, media_type, "")
    order = {path: place for place, path in enumerate(result.metadata.get("file_list") or [])}
    for child in sorted(result.children or [], key=lambda child: order.get(child["path"], len(order))):
        found: ExtractionResult = child["result"]
        content = readable(clean(found.content))
        kind = PLAIN if found.mime_type.startswith("text/") and found.mime_type != HTML else found.mime_type
        yield child["path"], ParsedDocument(content, kind)


def _call(
    data: bytes, media_type: str, page_mark: str, *, turned: bool = False, pictures: bool = True
) -> ExtractionResult:
    ocr = _ocr(turned=turned) if pictures else None
    try:
        return kreuzberg.extract_bytes_sync(data, media_type, _config(media_type, page_mark, ocr))
    except kreuzberg.ValidationError as error:
        raise unsupported(f"Files of the type {media_type} cannot be read.") from error
    except (kreuzberg.OCRError, kreuzberg.MissingDependencyError) as error:
        raise no_text(pictures=True) from error
    except kreuzberg.KreuzbergError as error:
        raise _cause(str(error).lower()) from error
    except MemoryError as error:
        raise out_of_memory() from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # what Rust's panics become has no name to import
            raise
        raise damaged() from error


def _cause(reason: str) -> ParseFailed:
    if "password" in reason or "encrypt" in reason:
        return encrypted()
    if "no page boundaries" in reason:
        return ParseFailed("no_text", "The file has no pages.", remedy="Send a file that holds text.")
    if "decode image" not in reason:
        return damaged()
    if "limit" in reason:
        return too_many_pixels()
    return unread_compression() if "not support" in reason or "unsupported" in reason else damaged()


def _config(media_type: str, page_mark: str, ocr: OcrConfig | None) -> ExtractionConfig:
    return ExtractionConfig(
        use_cache=False,
        enable_quality_processing=False,
        postprocessor=PostProcessorConfig(enabled=False),
        output_format="markdown",
        include_document_structure=media_type == PDF or media_type.startswith("image/"),
        # Of a PDF it gives boxes to the wrong lines at times, and takes text for headers by them: so all, here.
        content_filter=_EVERYTHING if media_type == PDF else None,
        # Forms stay: on some sites the whole page stands in one.
        html_options={
            "preprocessing": {
                "enabled": True,
                "preset": "standard",
                "remove_navigation": True,
                "remove_forms": False,
            }
        },
        concurrency=ConcurrencyConfig(max_threads=2),
        ocr=ocr,
        pages=PageConfig(
            extract_pages=True, insert_page_markers=media_type != PDF, marker_format=f"\n\n{page_mark}{{page_num}}\n\n"
        ),
    )


def _ocr(*, turned: bool) -> OcrConfig | None:
    """Return how pictures are read; ``turned`` has Tesseract find out how they lie, at the risk that it errs."""
    if not reads_pictures():
        return None
    language = "+".join(languages(_tessdata()))
    # The tables that kreuzberg finds are lines of prose too, cut at every gap.
    mode = _TURNED_PAGE if turned else _UPRIGHT_PAGE
    tesseract = TesseractConfig(language=language, psm=mode, use_cache=False, enable_table_detection=False)
    return OcrConfig(backend="tesseract", language=language, tesseract_config=tesseract)


def _tessdata() -> Path:
    return Path(os.environ["TESSDATA_PREFIX"])


def _recognise(data: bytes, media_type: str, turned: bool) -> Recognised:
    result = _call(data, media_type, "", turned=turned)
    confidence = result.metadata.get("mean_text_conf")
    text = recognised_text(_lines_of(result), result.ocr_elements or ())
    return Recognised(text, confidence if isinstance(confidence, int | float) else 0.0)


def _lines_of(result: ExtractionResult) -> str:
    """Return the lines and paragraphs that Tesseract read; in kreuzberg's Markdown all are one line."""
    nodes = result.document["nodes"] if result.document is not None else []
    return "\n\n".join(node["content"].get("text") or "" for node in nodes)


def _content(result: ExtractionResult, media_type: str, page_mark: str) -> tuple[str, list[PageSpan]]:
    if media_type in SPREADSHEETS:
        return sheets_text(result)
    content = readable(clean(result.content))
    return _without_marks(restored(content) if media_type == DOCX else content, page_mark)


def _without_marks(content: str, page_mark: str) -> tuple[str, list[PageSpan]]:
    """Take out the marks that kreuzberg put before each page, and note where they stood."""
    before, *marked = re.split(rf"\n*{page_mark}(\d+)\n*", content)
    parts, length = [before], len(before)
    pages: list[PageSpan] = []
    for number, part in zip(marked[::2], marked[1::2], strict=True):
        separator = "\n\n" if length else ""
        start = length + len(separator)
        length = start + len(part)
        parts += (separator, part)
        pages.append(PageSpan(int(number), start, length))
    return "".join(parts), pages


_LITERAL_OR_ESCAPE = re.compile(
    r"(?P<literal>(?<!`)(`{1,3})(?!`)[^`\n]+\2(?!`)|\$\$[^$]*\$\$)"
    r"|\\?!\[(?P<alt>[^\[\]\n]*)\]\([^()\n]*\)"
    r"|\\(?P<escaped>[!-/:-@\[-`{-~])"
)


def readable(content: str) -> str:
    """Undo escapes that only a Markdown renderer needs, and put a picture's description for the picture.

    People read quotes of this text as they are. An escape that keeps a line from being a heading, a list
    or a fence stays, and so does one that keeps a table's cell together; code stays as it is.
    """
    parts: list[str] = []
    position = 0
    for block in blocks(content):
        parts.append(content[position : block.start])
        text = content[block.start : block.end]
        parts.append(text if block.kind is BlockKind.CODE else _LITERAL_OR_ESCAPE.sub(_plain, text))
        position = block.end
    return "".join([*parts, content[position:]])


def _plain(found: re.Match[str]) -> str:
    if found["literal"] is not None:
        return found[0]
    if found["alt"] is not None:
        return found["alt"]
    before = found.string[max(0, found.start() - 8) : found.start()]
    opens_line = not before.rpartition("\n")[2].strip(" >") and (len(before) < 8 or "\n" in before)
    return found[0] if opens_line or found["escaped"] == "|" else found["escaped"]


def _title(metadata: Mapping[str, Any]) -> str | None:
    return sensible_title(metadata.get("title"))
