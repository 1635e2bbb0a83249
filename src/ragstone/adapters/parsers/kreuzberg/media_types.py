"""What kind of file it is: by its first bytes, then by its name, then by what the sender says."""

import re

from ragstone.adapters.parsers.kreuzberg.decoding import BINARY, share_of_controls
from ragstone.adapters.parsers.kreuzberg.likely_text import is_likely_text, is_utf8
from ragstone.adapters.parsers.kreuzberg.office.compound_file import MAGIC as OLE_MAGIC

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
ODT = _ODF + "text"
ODS = _ODF + "spreadsheet"
EPUB = "application/epub+zip"
SPREADSHEETS = frozenset({XLSX, XLS, ODS})
MSG = "application/vnd.ms-outlook"
DOC = "application/msword"
PPT = "application/vnd.ms-powerpoint"
RTF = "application/rtf"

CSV = "text/csv"
TSV = "text/tab-separated-values"
XML = "application/xml"
JSON = "application/json"
NDJSON = "application/x-ndjson"
RST = "text/x-rst"
EML = "message/rfc822"

ZIP = "application/zip"
TAR = "application/x-tar"
SEVEN_ZIP = "application/x-7z-compressed"
GZIP = "application/gzip"
BZIP2 = "application/x-bzip2"
XZ = "application/x-xz"
ARCHIVES = frozenset({ZIP, TAR, SEVEN_ZIP})
COMPRESSED = frozenset({GZIP, BZIP2, XZ})

AS_THEY_ARE = frozenset({PLAIN, MARKDOWN, "application/yaml", "application/toml"})
"""Text that is kept character by character, so that citations point into the file itself."""

_ZIPPED = {
    "docx": DOCX,
    "docm": DOCX,
    "dotx": DOCX,
    "pptx": PPTX,
    "pptm": PPTX,
    "ppsx": PPTX,
    "potx": PPTX,
    "xlsx": XLSX,
    "xlsm": XLSX,
    "xltx": XLSX,
    "epub": EPUB,
    "odt": ODT,
    "ods": ODS,
}
_OLE = {"msg": MSG, "xls": XLS, "doc": DOC, "ppt": PPT}
_TEXTUAL = {
    "md": MARKDOWN,
    "markdown": MARKDOWN,
    "mdown": MARKDOWN,
    "mdx": MARKDOWN,
    "qmd": MARKDOWN,
    "html": HTML,
    "htm": HTML,
    "xhtml": HTML,
    "rst": RST,
    "csv": CSV,
    "tsv": TSV,
    **dict.fromkeys(("eml", "emlx", "mbox", "mbx", "mht", "mhtml", "nws"), EML),
    "ipynb": "application/x-ipynb+json",
    "xml": XML,
    "rss": XML,
    "atom": XML,
    "svg": XML,
    **dict.fromkeys(("fodt", "fods", "fodp", "fb2", "opml", "nxml", "dbk", "kml", "gpx", "rdf", "tei", "dita"), XML),
    "json": JSON,
    "ndjson": NDJSON,
    "jsonl": NDJSON,
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "toml": "application/toml",
    "txt": PLAIN,
    "text": PLAIN,
    "log": PLAIN,
}
_PICTURES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "webp": "image/webp",
}
_PACKED = {
    "zip": ZIP,
    "tar": TAR,
    "7z": SEVEN_ZIP,
    **dict.fromkeys(("gz", "tgz"), GZIP),
    **dict.fromkeys(("bz2", "tbz2", "tbz"), BZIP2),
    **dict.fromkeys(("xz", "txz"), XZ),
}
_BY_EXTENSION = {"pdf": PDF, "rtf": RTF} | _ZIPPED | _OLE | _TEXTUAL | _PICTURES | _PACKED
ZIPPED = frozenset(_ZIPPED.values())
"""The kinds that are ZIP files."""
OLE = frozenset(_OLE.values())
"""The kinds that are compound files."""
_BY_NAME = frozenset(_BY_EXTENSION.values())
_ALIASES = {
    "text/x-markdown": MARKDOWN,
    "text/rtf": RTF,
    "application/xhtml+xml": HTML,
    "text/xml": XML,
    "text/json": JSON,
    "application/jsonl": NDJSON,
    "application/x-yaml": "application/yaml",
    "text/yaml": "application/yaml",
    "text/prs.fallenstein.rst": RST,
    "application/x-zip-compressed": ZIP,
    "application/x-gzip": GZIP,
    **dict.fromkeys(("application/mbox", "application/x-mimearchive", "multipart/related"), EML),
}

_UNREADABLE = (
    *(b"\x7fELF", b"MZ", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa", b"\0asm"),
    *(b"Rar!", b"\x28\xb5\x2f\xfd", b"MSCF", b"!<arch>"),
    *(b"ID3", b"\xff\xfb", b"OggS", b"fLaC", b"RIFF", b"\x1aE\xdf\xa3", b"\0\0\x01\0", b"8BPS"),
    *(b".snd\0\0\0", b"MThd\0\0\0", b"#!AMR", b"caff\0", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    *(
        b"\x80\x01",
        b"\x80\x02",
        b"\x80\x03",
        b"\x80\x04\x95",
        b"\x80\x05\x95",
        b"\x93NUMPY",
        b"\x89HDF",
        b"\xac\xed\0\5",
    ),
    *(b"SQLite format 3\0", b"OTTO", b"wOFF", b"wOF2", b"PAR1", b"\0\x01\0\0\0"),
)
_MAGIC = (
    (b"{\\rtf", RTF),
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x1f\x8b\x08", GZIP),
    (b"BZh", BZIP2),
    (b"\xfd7zXZ\0", XZ),
    (b"7z\xbc\xaf\x27\x1c", SEVEN_ZIP),
)
_BZIP2_BLOCK = b"1AY&SY"
_XML_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml\s", re.ASCII)
_MAIL_START = re.compile(
    rb"(?:From \S[^\r\n]*\r?\n)?(?:[A-Za-z][A-Za-z0-9-]{0,60}:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*(?:\r?\n|\Z))+"
)
_MAIL_FIELD = re.compile(
    rb"^(?:from|to|cc|subject|date|message-id|received|return-path|mime-version|delivered-to):",
    re.IGNORECASE | re.MULTILINE,
)
_MAIL_CODED = re.compile(
    rb"^(?:content-transfer-encoding:[ \t]*base64|content-type:[ \t]*multipart/)", re.IGNORECASE | re.MULTILINE
)
_MAIL_FIELDS = 4
"""Headers of a message from which on a text without a name that says otherwise is one."""
PDF_START = re.compile(rb"(?:^|[\r\n\0])[ \t\xef\xbb\xbf]*%PDF-\d")
"""How a PDF begins, mostly within its first 1,024 bytes."""
_HTML_START = re.compile(rb"\s*(?:<!--.{0,2000}?-->\s*)?<(?:!doctype html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_GARBLED = 0.4
"""Share of control characters from which on bytes are no text even if their name says so."""
_MAY_BEGIN_AS_HTML = frozenset({MARKDOWN, XML, EML})


def name_media_type(filename: str, head: bytes, declared: str | None) -> str | None:
    """Name the media type of a file, ``None`` where it cannot be read.

    ``head`` is its first bytes, some 4 KiB, or all of it.
    """
    extension = filename.rpartition(".")[2].lower() if "." in filename else ""
    wanted = _BY_EXTENSION.get(extension) or _declared(declared)
    kind = _by_magic(head) or (PDF if wanted == PDF and PDF_START.search(head) else None)
    if kind is not None:
        return kind
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zipped(head, wanted)
    if head.startswith(OLE_MAGIC):
        # Office puts what it encrypts into OLE, whatever the file's kind.
        return wanted if wanted in OLE | ZIPPED else _ole(head)
    if _is_text(head) and (kind := _unnamed(head, extension)) is not None:
        return kind
    return _textual(head, wanted) if _is_text(head) or _claims_text(head, wanted) else _unknown(head, wanted)


def _by_magic(head: bytes) -> str | None:
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return None if kind == BZIP2 and head[4:10] != _BZIP2_BLOCK else kind
    if head[257:262] == b"ustar":
        return TAR
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith(b"BM") and head[6:10] == bytes(4):
        return "image/bmp"
    return PDF if PDF_START.search(head[:1024]) else None


def _declared(declared: str | None) -> str | None:
    if declared is None:
        return None
    name = declared.partition(";")[0].strip().lower()
    name = _ALIASES.get(name, name)
    if name in _BY_NAME:
        return name
    return PLAIN if name.startswith("text/") else None


def _zipped(head: bytes, wanted: str | None) -> str:
    """Tell Office files, OpenDocument and EPUB apart by the names and the type that a ZIP begins with.

    What these leave open, the list of names at the end of the file tells, once it is there as a whole.
    """
    if head[30:38] == b"mimetype":
        declared = head[38:138]
        for kind in (EPUB, ODT, ODS):
            if declared.startswith(kind.encode()):
                return kind
    for folder, kind in ((b"word/", DOCX), (b"ppt/", PPTX), (b"xl/", XLSX)):
        if folder in head:
            return kind
    return wanted if wanted in ZIPPED else ZIP


def _ole(head: bytes) -> str | None:
    """Tell what an OLE file holds by the stream names that lie near its start, if they do."""
    for stream, kind in (("__substg1.0", MSG), ("Workbook", XLS), ("WordDocument", DOC), ("PowerPoint", PPT)):
        if stream.encode("utf-16-le") in head:
            return kind
    return None


def _textual(head: bytes, wanted: str | None) -> str:
    if _HTML_START.match(head) and wanted not in _MAY_BEGIN_AS_HTML:
        return HTML
    if wanted is not None and wanted != PLAIN and wanted in _TEXTUAL.values():
        return wanted
    if wanted in OLE | ZIPPED:
        return XML if _XML_START.match(head) else PLAIN
    return PLAIN


def _unnamed(head: bytes, extension: str) -> str | None:
    """Tell XML and messages whose name says nothing by how they begin; text keeps its kind if it can be read."""
    if _BY_EXTENSION.get(extension, PLAIN) != PLAIN:
        return None
    if extension not in _BY_EXTENSION and _XML_START.match(head) and not _HTML_START.match(head):
        return XML
    begun = _MAIL_START.match(head)
    if begun is None:
        return None
    fields = {field.lower() for field in _MAIL_FIELD.findall(begun[0])}
    if len(fields) + (_MAIL_FIELDS - 2) * head.startswith(b"From ") < _MAIL_FIELDS:
        return None
    return EML if extension not in _BY_EXTENSION or _MAIL_CODED.search(begun[0]) else None


def _unknown(head: bytes, wanted: str | None) -> str | None:
    """Neither known magic nor text: damaged where it claims a kind that has magic, else not readable."""
    if not head or wanted is None:
        return wanted
    if _is_unreadable(head) or wanted in _PICTURES.values():
        return None
    return None if wanted in _TEXTUAL.values() else wanted


def _is_text(head: bytes) -> bool:
    """Whether these may be the first bytes of a text in some encoding."""
    return bool(head) and (is_utf8(head) or not _is_unreadable(head)) and is_likely_text(head)


def _is_unreadable(head: bytes) -> bool:
    """Whether these are the first bytes of a program, of sound, of a film and the like."""
    is_sound = head.startswith(b"FORM") and head[8:12] in (b"AIFF", b"AIFC")
    return is_sound or head[4:8] == b"ftyp" or head.startswith(_UNREADABLE)


def _claims_text(head: bytes, wanted: str | None) -> bool:
    """Whether a file that says it is text may be one with more control characters than text has."""
    if wanted not in _TEXTUAL.values() or _is_unreadable(head):
        return False
    return share_of_controls(head) < (_GARBLED if is_utf8(head) else BINARY)
