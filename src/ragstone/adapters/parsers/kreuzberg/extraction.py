"""Kreuzberg: its settings, its failures in our words, its Markdown made fit to be quoted."""

import os
import re
from collections.abc import Mapping
from html import unescape
from typing import Any
from uuid import uuid4

import kreuzberg
from kreuzberg import (
    ConcurrencyConfig,
    ExtractionConfig,
    ExtractionResult,
    OcrConfig,
    PageConfig,
    PostProcessorConfig,
)

from ragstone.adapters.parsers.kreuzberg.decoding import clean, decode
from ragstone.adapters.parsers.kreuzberg.layout import render
from ragstone.adapters.parsers.kreuzberg.media_types import HTML, OLE_MAGIC, PDF, SPREADSHEETS
from ragstone.domain.documents import PageSpan, ParsedDocument
from ragstone.domain.errors import ParseFailed
from ragstone.domain.markdown import outline
from ragstone.domain.markdown_blocks import BlockKind, blocks

_NO_TITLE = re.compile(
    r"(?:untitled|title|document|presentation|powerpoint presentation|slide|book|sheet|microsoft word - .*|"
    r".*\.(?:docx?|pptx?|xlsx?|indd|tex|dvi|pdf|odt|rtf|md|html?))?\s*\d*",
    re.IGNORECASE,
)
_LONGEST_TITLE = 300
_HEAD = re.compile(r"<head(?:\s[^<>]*)?>", re.IGNORECASE)
_HEAD_END = re.compile(r"</head\s*>|(?=<body[\s>])", re.IGNORECASE)
_TITLE = re.compile(r"<title[^<>]*>([^<]{0,1000})</title", re.IGNORECASE)
_ENCRYPTED_OFFICE = "EncryptedPackage".encode("utf-16-le")


def extract(data: bytes, media_type: str) -> ParsedDocument:
    """Return the text of a file that is not plain text, as Markdown. Raises ``ParseFailed``."""
    title = None
    if media_type == HTML:
        title, html = _without_head(decode(data, markup=True))
        data = html.encode()
    if data.startswith(OLE_MAGIC) and _ENCRYPTED_OFFICE in data:
        raise _encrypted()
    page_mark = f"page{uuid4().hex}x"
    result = _call(data, media_type, page_mark)
    content, pages = _content(result, media_type, page_mark)
    if not content.strip():
        raise _no_text(media_type)
    return ParsedDocument(content, media_type, title or _title(result.metadata), tuple(pages))


def _call(data: bytes, media_type: str, page_mark: str) -> ExtractionResult:
    try:
        return kreuzberg.extract_bytes_sync(data, media_type, _config(media_type, page_mark))
    except kreuzberg.ValidationError as error:
        raise ParseFailed(
            "unsupported_media_type",
            f"Files of the type {media_type} cannot be read.",
            remedy="Send PDF, Office, HTML, Markdown, e-mail, CSV or plain text.",
        ) from error
    except (kreuzberg.OCRError, kreuzberg.MissingDependencyError) as error:
        raise _no_text(media_type) from error
    except kreuzberg.KreuzbergError as error:
        raise _damaged(str(error)) from error
    except MemoryError as error:
        raise ParseFailed(
            "out_of_memory",
            "Reading the file took more memory than it may.",
            remedy="Split the file, or raise RAGSTONE_PARSE_MEMORY_MB.",
        ) from error


def _config(media_type: str, page_mark: str) -> ExtractionConfig:
    return ExtractionConfig(
        use_cache=False,
        enable_quality_processing=False,
        postprocessor=PostProcessorConfig(enabled=False),
        output_format="markdown",
        include_document_structure=media_type == PDF,
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
        ocr=OcrConfig(backend="tesseract") if "TESSDATA_PREFIX" in os.environ else None,
        pages=PageConfig(
            extract_pages=True, insert_page_markers=media_type != PDF, marker_format=f"\n\n{page_mark}{{page_num}}\n\n"
        ),
    )


def _damaged(reason: str) -> ParseFailed:
    lowered = reason.lower()
    if "password" in lowered or "encrypt" in lowered:
        return _encrypted()
    return ParseFailed(
        "damaged",
        "The file is damaged, or is not of the kind that its name says.",
        remedy="Open the file in the program that it is from, save it anew, and send that.",
    )


def _encrypted() -> ParseFailed:
    return ParseFailed(
        "encrypted", "The file is protected by a password.", remedy="Remove the protection and send it again."
    )


def _no_text(media_type: str) -> ParseFailed:
    if (media_type == PDF or media_type.startswith("image/")) and "TESSDATA_PREFIX" not in os.environ:
        return ParseFailed(
            "no_text",
            "The file holds no text but perhaps pictures of it; to read those, Tesseract's language data is missing.",
            remedy="Install it (the package tesseract-ocr-eng on Debian), or send a file that holds text.",
        )
    return ParseFailed("no_text", "The file holds no text.", remedy="Send a file that holds text.")


def _content(result: ExtractionResult, media_type: str, page_mark: str) -> tuple[str, list[PageSpan]]:
    if media_type == PDF and result.document is not None:
        return render(result.document["nodes"])
    content = readable(clean(result.content))
    if media_type in SPREADSHEETS:
        return content, _sheets(content, result.metadata.get("sheet_names") or [])
    return _without_marks(content, page_mark)


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


def _sheets(content: str, names: list[str]) -> list[PageSpan]:
    """Number the sheets of a workbook: kreuzberg writes each below a heading of level 2, in order."""
    starts = [section.start for section in outline(content).sections if section.level == 2]
    if len(starts) != len(names):
        return []
    ends = [*starts[1:], len(content)]
    return [PageSpan(index + 1, start, end) for index, (start, end) in enumerate(zip(starts, ends, strict=True))]


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
    return _sensible(metadata.get("subject" if metadata.get("format_type") == "email" else "title"))


def _sensible(title: object) -> str | None:
    """Return a title that names the document, ``None`` for what programs put there by themselves."""
    if not isinstance(title, str):
        return None
    title = clean(" ".join(title.split()))
    return None if _NO_TITLE.fullmatch(title) or len(title) > _LONGEST_TITLE else title


def _without_head(html: str) -> tuple[str | None, str]:
    """Return the page's title, and the page without its head.

    Kreuzberg writes what the head holds into the text, and would trust its ``charset``.
    """
    begin = _HEAD.search(html)
    end = _HEAD_END.search(html, begin.end()) if begin else None
    if begin is None or end is None:
        return None, html
    title = _TITLE.search(html, begin.end(), end.start())
    return _sensible(unescape(title[1])) if title else None, html[: begin.start()] + html[end.end() :]
