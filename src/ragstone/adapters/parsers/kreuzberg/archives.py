"""Archives: the files in them, one after the other, within bounds."""

import bz2
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ragstone.adapters.parsers.kreuzberg.composition import Composition
from ragstone.adapters.parsers.kreuzberg.failures import damaged, encrypted, no_text, too_large, unsupported
from ragstone.adapters.parsers.kreuzberg.gzip_members import GzipMembers
from ragstone.adapters.parsers.kreuzberg.media_types import ARCHIVES, BZIP2, GZIP, SEVEN_ZIP, TAR, XZ, ZIP
from ragstone.adapters.parsers.kreuzberg.unpacking import Unpacking
from ragstone.domain.documents import ParsedDocument
from ragstone.domain.errors import ParseFailed

_CLUTTER = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
_ENDS = {GZIP: (".gz", ".tgz"), BZIP2: (".bz2", ".tbz2", ".tbz"), XZ: (".xz", ".txz")}
_BROKEN = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError)
_ENCRYPTED = 0x1
_FINAL = frozenset({"too_large", "out_of_memory"})
"""What ends the reading of the whole archive when it befalls a file in it."""

ReadMember = Callable[[bytes, str], ParsedDocument]


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive: its path there, and its bytes, or what was read of it, or why it cannot be had."""

    path: str
    content: bytes | ParsedDocument | ParseFailed


def read_archive(data: bytes, media_type: str, unpacking: Unpacking, read: ReadMember) -> ParsedDocument:
    """Return one document of all that can be read in an archive, a page for each file with its path as label.

    ``read`` reads a file of a name. What it cannot read is listed at the end; if that is all, the only
    cause, or the first one of several, is raised.
    """
    composition = Composition()
    unread: list[tuple[str, ParseFailed]] = []
    for member in _MEMBERS[media_type](data, unpacking):
        try:
            _add(composition, _parsed(member, read), member.path)
        except ParseFailed as failed:
            if failed.failure_code in _FINAL:
                raise
            unread.append((member.path, failed))
    if not composition.pages:
        raise _nothing_read(unread)
    for path, cause in unread:
        composition.note({path: cause.message})
    return composition.document(media_type)


def _parsed(member: Member, read: ReadMember) -> ParsedDocument:
    match member.content:
        case ParseFailed() as failed:
            raise failed
        case ParsedDocument() as parsed:
            return parsed
        case content:
            return read(content, member.path)


def read_compressed(
    data: bytes, media_type: str, filename: str, unpacking: Unpacking, read: ReadMember
) -> ParsedDocument:
    """Return the one file that was compressed by gzip, bzip2 or xz, read as what it is."""
    name = _inner_name(filename, media_type)
    try:
        content = unpacking.read(_DECOMPRESSORS[media_type](io.BytesIO(data)))
    except _BROKEN as error:
        raise damaged("The archive is damaged, or was cut short.") from error
    return read(content, name)


def _inner_name(filename: str, media_type: str) -> str:
    name = filename.rpartition("/")[2]
    for end in _ENDS[media_type]:
        if name.lower().endswith(end):
            return name[: -len(end)] + (".tar" if end.startswith(".t") else "")
    return name


def _add(composition: Composition, parsed: ParsedDocument, path: str) -> None:
    """Add a file as a page; add the pages of an archive within the archive one by one."""
    if parsed.media_type not in ARCHIVES:
        composition.include(parsed, path)
        return
    for page in parsed.pages:
        composition.add(parsed.content[page.start : page.end], f"{path}/{page.label}")
    composition.note({f"{path}/{inner}": message for inner, message in parsed.unread.items()})


class _NothingRead(ParseFailed):
    """None of the files in an archive can be read; ``innermost`` is why not the first, however deep that lies."""

    def __init__(self, code: str, which: str, innermost: ParseFailed) -> None:
        message = f"Nothing in the archive can be read ({which}). {innermost.message}"
        super().__init__(code, message, remedy=innermost.remedy)
        self.innermost = innermost


def _nothing_read(unread: Sequence[tuple[str, ParseFailed]]) -> ParseFailed:
    if not unread:
        return no_text()
    causes = {failed.failure_code for _, failed in unread}
    if causes == {"encrypted"}:
        return unread[0][1] if len(unread) == 1 else encrypted()
    path, first = unread[0]
    which = path.rpartition("/")[2][:100] + (f" and {len(unread) - 1} more" if len(unread) > 1 else "")
    innermost = first.innermost if isinstance(first, _NothingRead) else first
    return _NothingRead(first.failure_code if len(causes) == 1 else "no_text", which, innermost)


def _zip_members(data: bytes, unpacking: Unpacking) -> Iterator[Member]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (*_BROKEN, NotImplementedError) as error:
        raise damaged("The archive is damaged, or was cut short.") from error
    for entry in archive.infolist():
        path = _zip_name(entry)
        if entry.is_dir() or _is_clutter(path):
            continue
        unpacking.count_member()
        yield Member(path, _zip_content(archive, entry, unpacking))


def _zip_content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, unpacking: Unpacking) -> bytes | ParseFailed:
    if entry.flag_bits & _ENCRYPTED:
        return encrypted()
    try:
        with archive.open(entry) as stream:
            return unpacking.read(stream)
    except NotImplementedError:
        return unsupported("It is packed by a method that cannot be unpacked.")
    except _BROKEN:
        return damaged("It is damaged within the archive.")


def _zip_name(entry: zipfile.ZipInfo) -> str:
    """Return the path; names that say no encoding are mostly UTF-8 all the same."""
    if entry.flag_bits & 0x800:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode()
    except UnicodeError:
        return entry.filename


def _tar_members(data: bytes, unpacking: Unpacking) -> Iterator[Member]:
    found = False
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:", errors="replace") as archive:
            for entry in archive:
                found = True
                if entry.isfile() and not _is_clutter(entry.name):
                    unpacking.count_member()
                    stream = archive.extractfile(entry)
                    yield Member(entry.name, unpacking.read(stream) if stream else b"")
    except _BROKEN as error:
        if not found:
            raise damaged("The archive is damaged, or was cut short.") from error
        yield Member("the rest", damaged("The archive is damaged from here on, or was cut short."))


def _seven_zip_members(data: bytes, unpacking: Unpacking) -> Iterator[Member]:
    from ragstone.adapters.parsers.kreuzberg.extraction import extract_members

    try:
        members = list(extract_members(data, SEVEN_ZIP))
    except ParseFailed as failed:
        if failed.__cause__ is not None and "limit" in str(failed.__cause__).lower():
            raise too_large("Unpacked, the archive takes more than can be read.") from failed
        raise
    for path, parsed in members:
        unpacking.count_member()
        unpacking.count_bytes(len(parsed.content))
        yield Member(path, parsed)


def _is_clutter(path: str) -> bool:
    """Whether a file is one that systems put into archives by themselves."""
    return path.startswith("__MACOSX/") or path.rpartition("/")[2].lower() in _CLUTTER


_MEMBERS: dict[str, Callable[[bytes, Unpacking], Iterator[Member]]] = {
    ZIP: _zip_members,
    TAR: _tar_members,
    SEVEN_ZIP: _seven_zip_members,
}
_DECOMPRESSORS: dict[str, Callable[[io.BytesIO], GzipMembers | bz2.BZ2File | lzma.LZMAFile]] = {
    GZIP: GzipMembers,
    BZIP2: bz2.BZ2File,
    XZ: lzma.LZMAFile,
}
