"""What kind of file it is: by its first bytes, then by its name, then by what the sender says."""

import re

from ragstone.adapters.parsers.kreuzberg.decoding import BINARY, share_of_controls, wide_encoding

PLAIN = "text/plain"
MARKDOWN = "text/markdown"
HTML = "text/html"
_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."

PDF = "application/pdf"
DOCX = _OOXML + "wordprocessingml.document"
PPTX = _OOXML + "presentationml.presentation"
XLSX = _OOXML + "spreadsheetml.sheet"
XLS = "application/vnd.ms-excel"
ODS = _ODF + "spreadsheet"
SPREADSHEETS = frozenset({XLSX, XLS, ODS})
MSG = "application/vnd.ms-outlook"
RTF = "application/rtf"

CSV = "text/csv"
TSV = "text/tab-separated-values"
XML = "application/xml"

AS_THEY_ARE = frozenset(
    {PLAIN, MARKDOWN, "application/json", "application/x-ndjson", "application/yaml", "application/toml"}
)
"""Text that is kept character by character, so that citations point into the file itself."""

_ZIPPED = {
    "docx": DOCX,
    "docm": DOCX,
    "pptx": PPTX,
    "pptm": PPTX,
    "ppsx": PPTX,
    "xlsx": XLSX,
    "xlsm": XLSX,
    "epub": "application/epub+zip",
    "odt": _ODF + "text",
    "ods": ODS,
}
_OLE = {"msg": MSG, "xls": XLS, "doc": "application/msword", "ppt": "application/vnd.ms-powerpoint"}
_TEXTUAL = {
    "md": MARKDOWN,
    "markdown": MARKDOWN,
    "mdown": MARKDOWN,
    "mdx": MARKDOWN,
    "qmd": MARKDOWN,
    "html": HTML,
    "htm": HTML,
    "xhtml": HTML,
    "rst": "text/x-rst",
    "csv": CSV,
    "tsv": TSV,
    "eml": "message/rfc822",
    "ipynb": "application/x-ipynb+json",
    "xml": XML,
    "rss": XML,
    "atom": XML,
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "jsonl": "application/x-ndjson",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "toml": "application/toml",
    "txt": PLAIN,
    "text": PLAIN,
    "log": PLAIN,
}
_PICTURES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "tif": "image/tiff", "tiff": "image/tiff"}
_BY_EXTENSION = {"pdf": PDF, "rtf": RTF} | _ZIPPED | _OLE | _TEXTUAL | _PICTURES
_BY_NAME = frozenset(_BY_EXTENSION.values())
_ALIASES = {
    "text/x-markdown": MARKDOWN,
    "text/rtf": RTF,
    "application/xhtml+xml": HTML,
    "text/xml": XML,
    "text/json": "application/json",
    "application/jsonl": "application/x-ndjson",
    "application/x-yaml": "application/yaml",
    "text/yaml": "application/yaml",
    "text/prs.fallenstein.rst": "text/x-rst",
}

OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_UNREADABLE = (
    *(b"\x7fELF", b"MZ", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa", b"\0asm"),
    *(b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"\x28\xb5\x2f\xfd"),
    *(b"ID3", b"\xff\xfb", b"OggS", b"fLaC", b"RIFF", b"\x1aE\xdf\xa3", b"GIF8", b"BM", b"\0\0\x01\0", b"8BPS"),
    *(b"SQLite format 3\0", b"OTTO", b"wOFF", b"wOF2", b"PAR1", b"\0\x01\0\0\0"),
)
_MAGIC = (
    (b"{\\rtf", RTF),
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
)
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
_HTML_START = re.compile(rb"\s*(?:<!--.{0,2000}?-->\s*)?<(?:!doctype html|html|head|body)\b", re.IGNORECASE | re.DOTALL)


def name_media_type(filename: str, head: bytes, declared: str | None, *, images: bool) -> str | None:
    """Name the media type of a file, ``None`` where it cannot be read.

    ``head`` is its first bytes, some 4 KiB, or all of it; ``images`` says whether text can be read from pictures.
    """
    extension = filename.rpartition(".")[2].lower() if "." in filename else ""
    wanted = _BY_EXTENSION.get(extension) or _declared(declared)
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind if images or not kind.startswith("image/") else None
    if b"%PDF-" in head[:1024]:
        return PDF
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zipped(head, wanted)
    if head.startswith(OLE_MAGIC):
        # Office puts what it encrypts into OLE, whatever the file's kind.
        return wanted if wanted in _OLE.values() or wanted in _ZIPPED.values() else _ole(head)
    return _textual(head, wanted) if _is_text(head) else _unknown(head, wanted)


def _declared(declared: str | None) -> str | None:
    if declared is None:
        return None
    name = declared.partition(";")[0].strip().lower()
    name = _ALIASES.get(name, name)
    if name in _BY_NAME:
        return name
    return PLAIN if name.startswith("text/") else None


def _zipped(head: bytes, wanted: str | None) -> str | None:
    """Tell Office files, OpenDocument and EPUB apart by the names and the type that a ZIP begins with."""
    if head[30:38] == b"mimetype":
        declared = head[38:138]
        for kind in ("application/epub+zip", _ODF + "text", ODS):
            if declared.startswith(kind.encode()):
                return kind
        return None
    for folder, kind in ((b"word/", DOCX), (b"ppt/", PPTX), (b"xl/", XLSX)):
        if folder in head:
            return kind
    return wanted if wanted in _ZIPPED.values() else None


def _ole(head: bytes) -> str | None:
    """Tell what an OLE file holds by the stream names that lie near its start, if they do."""
    for stream, kind in (("__substg1.0", MSG), ("Workbook", XLS), ("WordDocument", _OLE["doc"])):
        if stream.encode("utf-16-le") in head:
            return kind
    return None


def _textual(head: bytes, wanted: str | None) -> str:
    if wanted is not None and wanted != PLAIN and wanted in _TEXTUAL.values():
        return wanted
    if _HTML_START.match(head):
        return HTML
    return PLAIN


def _unknown(head: bytes, wanted: str | None) -> str | None:
    """Neither known magic nor text: damaged where it claims a kind that has magic, else not readable."""
    if not head or wanted is None:
        return wanted
    if head.startswith(_UNREADABLE) or head[4:8] == b"ftyp" or wanted in _PICTURES.values():
        return None
    return None if wanted in _TEXTUAL.values() else wanted


def _is_text(head: bytes) -> bool:
    """Whether these may be the first bytes of a text in some encoding: hardly a control character."""
    if head.startswith(_BYTE_ORDER_MARKS):
        return True
    if not head or (head.startswith(_UNREADABLE) and not _is_utf8(head)):
        return False
    return wide_encoding(head) is not None or share_of_controls(head) < BINARY


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3  # a character cut by the end of the sample
    return True
