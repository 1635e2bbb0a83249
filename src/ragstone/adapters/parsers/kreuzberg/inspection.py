"""What kind of file it is, told by all of it: by the names of the parts of a ZIP or of a compound file."""

import io
import zipfile

from ragstone.adapters.parsers.kreuzberg.failures import encrypted, unsupported
from ragstone.adapters.parsers.kreuzberg.media_types import DOC, DOCX, EPUB, MSG, ODS, ODT, PPT, PPTX, XLS, XLSX, ZIP
from ragstone.adapters.parsers.kreuzberg.office.compound_file import MAGIC, CompoundFile
from ragstone.adapters.parsers.kreuzberg.unpacking import Unpacking
from ragstone.domain.errors import ParseFailed

_PARTS = (
    ("word/document.xml", DOCX),
    ("ppt/presentation.xml", PPTX),
    ("xl/workbook.xml", XLSX),
    ("META-INF/container.xml", EPUB),
)
_OPEN_DOCUMENT = {ODT.encode(): ODT, ODS.encode(): ODS, EPUB.encode(): EPUB}
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


def _zip_kind(data: bytes, media_type: str, unpacking: Unpacking) -> str:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return media_type  # its reader says in what way it is damaged
    names = {entry.filename.replace("\\", "/"): entry for entry in archive.infolist()}
    found = next((kind for part, kind in _PARTS if part in names), None) or _open_document(archive, names)
    if found is None:
        return ZIP
    if any(entry.flag_bits & 1 for entry in names.values()):
        raise encrypted()
    # Only the text is read; the size of pictures, which hardly pack, is no danger.
    unpacking.count_bytes(sum(entry.file_size for name, entry in names.items() if name.endswith((".xml", "html"))))
    return found


def _open_document(archive: zipfile.ZipFile, names: dict[str, zipfile.ZipInfo]) -> str | None:
    entry = names.get("mimetype")
    if entry is None or entry.file_size > 200:
        return None
    try:
        return _OPEN_DOCUMENT.get(archive.read(entry).strip())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError):
        return None


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
