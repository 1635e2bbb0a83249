"""Kreuzberg: its settings, its failures in our words, its Markdown made fit to be quoted."""

import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
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
)

from ragstone.adapters.parsers.kreuzberg.decoding import clean, decode
from ragstone.adapters.parsers.kreuzberg.failures import (
    damaged,
    encrypted,
    no_text,
    out_of_memory,
    reads_pictures,
    unsupported,
)
from ragstone.adapters.parsers.kreuzberg.html.balancing import balanced
from ragstone.adapters.parsers.kreuzberg.media_types import DOCX, HTML, PDF, PLAIN, SPREADSHEETS, XLS
from ragstone.adapters.parsers.kreuzberg.office.binary_sheets import BinarySheet, binary_sheets, with_numbers_shown
from ragstone.adapters.parsers.kreuzberg.office.repairs import repaired, restored
from ragstone.adapters.parsers.kreuzberg.pdf.layout import render
from ragstone.adapters.parsers.kreuzberg.pdf.page_tables import TabledPage, tabled_pages
from ragstone.adapters.parsers.kreuzberg.pdf.scans import scanned_pages
from ragstone.adapters.parsers.kreuzberg.tables import below_notes, markdown_table
from ragstone.adapters.parsers.kreuzberg.tessdata import languages
from ragstone.adapters.parsers.kreuzberg.titles import sensible_title
from ragstone.domain.documents import PageSpan, ParsedDocument
from ragstone.domain.markdown_blocks import BlockKind, blocks

_DAY = re.compile(r"\d{4}-\d\d-\d\d 00:00:00")
_NAVIGATION = re.compile(rb"<(/?)nav(?=[\s/>])", re.IGNORECASE)
_TABLES_WITHIN = 30.0
"""Seconds from the start of reading a PDF in which its tables are looked for: half of what a file may take."""
_EVERYTHING = ContentFilterConfig(include_headers=True, include_footers=True, strip_repeating_text=False)


def extract(data: bytes, media_type: str) -> ParsedDocument:
    """Return the text of a file that is not plain text, as Markdown. Raises ``ParseFailed``."""
    if media_type == PDF and reads_pictures() and (scan := _scan(data)) is not None:
        return scan
    title = None
    if media_type == HTML:
        title, html = balanced(decode(data, markup=True))
        data = html.encode()
    page_mark = f"page{uuid4().hex}x"
    begun = time.monotonic()
    result = _call(repaired(data, media_type), media_type, page_mark)
    if media_type == HTML and not result.content.strip():  # all of it is navigation, which else goes
        result = _call(_NAVIGATION.sub(rb"<\1div", data), media_type, page_mark)
    tabled = tabled_pages(data, until=begun + _TABLES_WITHIN) if media_type == PDF else {}
    if media_type == XLS:
        content, pages = _sheets(result, binary_sheets(data))
    else:
        content, pages = _content(result, media_type, page_mark, tabled)
    if not content.strip():
        raise no_text(pictures=media_type == PDF or media_type.startswith("image/"))
    return ParsedDocument(content, media_type, title or _title(result.metadata), tuple(pages))


def extract_members(data: bytes, media_type: str) -> Iterator[tuple[str, ParsedDocument]]:
    """Yield what kreuzberg reads of the files in an archive that nothing else here unpacks, by path."""
    result = _call(data, media_type, "")
    order = {path: place for place, path in enumerate(result.metadata.get("file_list") or [])}
    for child in sorted(result.children or [], key=lambda child: order.get(child["path"], len(order))):
        found: ExtractionResult = child["result"]
        content = readable(clean(found.content))
        kind = PLAIN if found.mime_type.startswith("text/") and found.mime_type != HTML else found.mime_type
        yield child["path"], ParsedDocument(content, kind)


def _call(data: bytes, media_type: str, page_mark: str) -> ExtractionResult:
    try:
        return kreuzberg.extract_bytes_sync(data, media_type, _config(media_type, page_mark))
    except kreuzberg.ValidationError as error:
        raise unsupported(f"Files of the type {media_type} cannot be read.") from error
    except (kreuzberg.OCRError, kreuzberg.MissingDependencyError) as error:
        raise no_text(pictures=True) from error
    except kreuzberg.KreuzbergError as error:
        reason = str(error).lower()
        raise (encrypted() if "password" in reason or "encrypt" in reason else damaged()) from error
    except MemoryError as error:
        raise out_of_memory() from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # what Rust's panics become has no name to import
            raise
        raise damaged() from error


def _config(media_type: str, page_mark: str) -> ExtractionConfig:
    return ExtractionConfig(
        use_cache=False,
        enable_quality_processing=False,
        postprocessor=PostProcessorConfig(enabled=False),
        output_format="markdown",
        include_document_structure=media_type == PDF,
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
        ocr=_ocr(),
        pages=PageConfig(
            extract_pages=True, insert_page_markers=media_type != PDF, marker_format=f"\n\n{page_mark}{{page_num}}\n\n"
        ),
    )


def _ocr() -> OcrConfig | None:
    if not reads_pictures():
        return None
    return OcrConfig(backend="tesseract", language="+".join(languages(Path(os.environ["TESSDATA_PREFIX"]))))


def _scan(data: bytes) -> ParsedDocument | None:
    """Return the text of a PDF of several pages that are pictures; ``None`` for any other."""
    parts: list[str] = []
    pages: list[PageSpan] = []
    length = 0
    for number, page in enumerate(scanned_pages(data), 1):
        result = _call(page, PDF, "")
        text = render(result.document["nodes"])[0] if result.document is not None else ""
        if text.strip():
            start = length + 2 * bool(parts)
            parts.append(text)
            length = start + len(text)
            pages.append(PageSpan(number, start, length))
    return ParsedDocument("\n\n".join(parts), PDF, None, tuple(pages)) if parts else None


def _content(
    result: ExtractionResult, media_type: str, page_mark: str, tabled: Mapping[int, TabledPage]
) -> tuple[str, list[PageSpan]]:
    if media_type == PDF and result.document is not None:
        return render(result.document["nodes"], _page_texts(result), tabled)
    if media_type in SPREADSHEETS:
        return _sheets(result)
    content = readable(clean(result.content))
    return _without_marks(restored(content) if media_type == DOCX else content, page_mark)


def _page_texts(result: ExtractionResult) -> dict[int, str]:
    return {page["page_number"]: page["content"] for page in result.pages or []}


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


def _sheets(
    result: ExtractionResult, shown: Mapping[str, BinarySheet] = MappingProxyType({})
) -> tuple[str, list[PageSpan]]:
    """Return each sheet as a heading and a table, on a page with the sheet's name as label; empty ones go.

    ``shown`` says of sheets by name how their numbers are shown, where the file does not say it by itself.
    """
    names = result.metadata.get("sheet_names") or []
    parts: list[str] = []
    pages: list[PageSpan] = []
    length = 0
    for table in result.tables:
        name = clean(names[table.page_number - 1]) if 0 < table.page_number <= len(names) else None
        cells = with_numbers_shown(table.cells, shown[name]) if name and name in shown else table.cells
        text = below_notes(([_cell(cell) for cell in row] for row in cells), markdown_table)
        if not text:
            continue
        text = f"## {name}\n\n{text}" if name else text
        parts.append(text)
        start = length + 2 * (len(parts) > 1)
        length = start + len(text)
        pages.append(PageSpan(table.page_number, start, length, name))
    return "\n\n".join(parts), pages


def _cell(cell: str) -> str:
    """Return a cell's text; a day that kreuzberg gives with its midnight is but a day."""
    return clean(cell).removesuffix(" 00:00:00") if _DAY.fullmatch(cell) else clean(cell)


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
