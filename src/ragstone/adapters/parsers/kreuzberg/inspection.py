"""What kind of file it is, told by all of it: by the names of the parts of a ZIP or of a compound file."""

import io
import zipfile
from collections.abc import Mapping

from ragstone.adapters.parsers.kreuzberg.failures import encrypted, unsupported
from ragstone.adapters.parsers.kreuzberg.media_types import (
    DOC,
    DOCX,
    EPUB,
    MSG,
    ODS,
    ODT,
    PDF_START,
    PPT,
    PPTX,
    XLS,
    XLSX,
    ZIP,
)
from ragstone.adapters.parsers.kreuzberg.office.compound_file import MAGIC, CompoundFile
from ragstone.adapters.parsers.kreuzberg.office.package import OfficePackage
from ragstone.adapters.parsers.kreuzberg.unpacking import Unpacking
from ragstone.domain.errors import ParseFailed

_MAIN_TYPES = (
    ("wordprocessingml", DOCX),
    ("ms-word", DOCX),
    ("presentationml", PPTX),
    ("ms-powerpoint", PPTX),
    ("spreadsheetml", XLSX),
    ("ms-excel", XLSX),
)
"""Words in the type of an Office package's main part, which Word Online names ``word/document2.xml``, say."""
_PARTS = (
    ("word/document.xml", DOCX),
    ("ppt/presentation.xml", PPTX),
    ("xl/workbook.xml", XLSX),
    ("META-INF/container.xml", EPUB),
)
_ODF = "application/vnd.oasis.opendocument."
_OPEN_DOCUMENT = {
    **dict.fromkeys((ODT, f"{ODT}-template"), ODT),
    **dict.fromkeys((ODS, f"{ODS}-template"), ODS),
    # The reader of slides tells OpenDocument's from PowerPoint's.
    **{f"{_ODF}{kind}{form}": PPTX for kind in ("presentation", "graphics") for form in ("", "-template")},
    EPUB: EPUB,
}
_UNREAD = (
    ("xl/workbook.bin", "A workbook of the binary kind (XLSB) cannot be read.", "Save it as .xlsx, and send that."),
    ("visio/document.xml", "Drawings of Visio cannot be read.", "Save it as PDF, and send that."),
    ("Index/Document.iwa", "Files of Pages, Numbers and Keynote cannot be read.", "Export it as PDF, and send that."),
    ("FixedDocSeq.fdseq", "XPS files cannot be read.", "Save it as PDF, and send that."),
    ("FixedDocumentSequence.fdseq", "XPS files cannot be read.", "Save it as PDF, and send that."),
)
_TEXTS = (".xml", "html", ".rels")
_LARGEST_INDEX = 2**20
"""Bytes of the parts that say what a package holds."""
_LATEST_START = 1024 - 16
_STREAMS = (
    ("__properties_version1.0", MSG),
    ("WordDocument", DOC),
    ("Workbook", XLS),
    ("Book", XLS),
    ("PowerPoint Document", PPT),
)
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_WORD_ENCRYPTED = 0x01
"""Bit of the twelfth byte of a Word document of before 2007."""


def settle(data: bytes, media_type: str, unpacking: Unpacking) -> str:
    """Return the media type by the parts of the file where it has parts, else the one given.

    Raises ``ParseFailed`` for an Office file that is encrypted, and for one that unpacks beyond the bounds.
    """
    if data.startswith(_ZIP_MAGIC):
        return _zip_kind(data, media_type, unpacking)
    if data.startswith(MAGIC):
        return _compound_kind(data, media_type)
    return media_type


def from_its_start(data: bytes) -> bytes:
    """Return a PDF from its header on: behind more than 1,024 bytes of something else its readers do not find it."""
    found = PDF_START.search(data, 0, _LARGEST_INDEX)
    return data[found.start() :] if found is not None and found.start() >= _LATEST_START else data


def _zip_kind(data: bytes, media_type: str, unpacking: Unpacking) -> str:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return media_type  # its reader says in what way it is damaged
    names = {entry.filename.replace("\\", "/"): entry for entry in archive.infolist()}
    _refuse_unread(names)
    found = _main_kind(data, names) or next((kind for part, kind in _PARTS if part in names), None)
    found = found or _open_document(archive, names)
    if found is None:
        return ZIP
    if any(entry.flag_bits & 1 for entry in names.values()):
        raise encrypted()
    # Only the text is read; the size of pictures, which hardly pack, is no danger.
    unpacking.count_bytes(sum(entry.file_size for name, entry in names.items() if name.endswith(_TEXTS)))
    return found


def _refuse_unread(names: Mapping[str, zipfile.ZipInfo]) -> None:
    """Raise for the kinds that would else be taken for archives, and give their XML for text."""
    for part, cause, remedy in _UNREAD:
        if part in names:
            raise ParseFailed("unsupported_media_type", cause, remedy=remedy)


def _main_kind(data: bytes, names: Mapping[str, zipfile.ZipInfo]) -> str | None:
    """Return the kind of an Office package by the type of the part that it is about."""
    index = [names.get(name) for name in ("_rels/.rels", "[Content_Types].xml")]
    if any(entry is None or entry.file_size > _LARGEST_INDEX for entry in index):
        return None
    package = OfficePackage(data)
    main = package.main()
    kind = package.content_type(main) if main is not None else ""
    return next((media_type for words, media_type in _MAIN_TYPES if words in kind), None)


def _open_document(archive: zipfile.ZipFile, names: Mapping[str, zipfile.ZipInfo]) -> str | None:
    entry = names.get("mimetype")
    if entry is None or entry.file_size > 200:
        return None
    try:
        kind = archive.read(entry).strip().decode()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError):
        return None
    found = _OPEN_DOCUMENT.get(kind)
    if found is None and kind.startswith(_ODF):
        raise ParseFailed(
            "unsupported_media_type",
            f"OpenDocument files of the kind {kind.removeprefix(_ODF)} cannot be read.",
            remedy="Save it as PDF, and send that.",
        )
    return found


def _compound_kind(data: bytes, media_type: str) -> str:
    try:
        file = CompoundFile(data)
        paths = file.paths
    except ParseFailed:
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise encrypted() from None
        return media_type
    if "EncryptedPackage" in paths or "EncryptedSummary" in paths:
        raise encrypted()
    found = next((kind for stream, kind in _STREAMS if stream in paths), None)
    if found == DOC and file.read("WordDocument")[11:12] >= b"\1" and file.read("WordDocument")[11] & _WORD_ENCRYPTED:
        raise encrypted()
    if found is None and paths:
        raise unsupported("The file is of a kind of Office file that cannot be read.")
    return found or media_type
