"""Outlook messages ([MS-OXMSG]): properties of a message and its attachments, as streams of a compound file."""

import re
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.parser import HeaderParser

from ragstone.adapters.parsers.kreuzberg.composition import prose
from ragstone.adapters.parsers.kreuzberg.decoding import clean, decode
from ragstone.adapters.parsers.kreuzberg.mail.alternatives import stands_in
from ragstone.adapters.parsers.kreuzberg.mail.message import Part, ReadPart, compose_mail
from ragstone.adapters.parsers.kreuzberg.media_types import MSG
from ragstone.adapters.parsers.kreuzberg.office.compound_file import CompoundFile
from ragstone.adapters.parsers.kreuzberg.unpacking import Unpacking
from ragstone.domain.documents import ParsedDocument
from ragstone.domain.errors import ParseFailed

_SUBJECT, _TO, _CC = "0037", "0E04", "0E03"
_SENDER, _SENDER_ADDRESS, _SENDER_SMTP = "0C1A", "0C1F", "5D01"
_RECIPIENT, _RECIPIENT_SMTP = "3001", "39FE"
_TRANSPORT_HEADERS, _BODY, _HTML, _RTF = "007D", "1000", "1013", "1009"
_DATA, _SHORT_NAME, _LONG_NAME, _DISPLAY_NAME = "3701", "3704", "3707", "3001"
_SENT, _DELIVERED = 0x0039, 0x0E06
_CODE_PAGE, _INTERNET_CODE_PAGE = 0x3FFD, 0x3FDE
_PROPERTIES = "__properties_version1.0"
_PROPERTY = struct.Struct("<HHI8s")
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_STORAGE = re.compile(r"(__(?:attach|recip)_version1\.0_#[0-9A-Fa-f]{8})/")
_COMPRESSED, _UNCOMPRESSED = b"LZFu", b"MELA"
_RTF_DICTIONARY = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor "
    b"MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    b"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_LARGEST_RTF = 64 * 2**20


def read_outlook(data: bytes, unpacking: Unpacking, read: ReadPart) -> ParsedDocument:
    """Return a message as a document: its text on page 1, each attachment on a page with its name as label."""
    return _Message(CompoundFile(data), "").document(unpacking, read)


class _Message:
    """A message within a compound file: the outermost, or one attached to another below ``folder``."""

    def __init__(self, file: CompoundFile, folder: str) -> None:
        self._file = file
        self._folder = folder
        self._numbers = dict(self._fixed())
        page = self._numbers.get(_INTERNET_CODE_PAGE, b"")[:4] or self._numbers.get(_CODE_PAGE, b"")[:4]
        self._code_page = int.from_bytes(page, "little")

    def document(self, unpacking: Unpacking, read: ReadPart) -> ParsedDocument:
        """Read headers, body and attachments."""
        return compose_mail(self._headers(), self._body(read), self._attachments(unpacking, read), MSG, unpacking)

    def _headers(self) -> dict[str, str]:
        sent = HeaderParser().parsestr(self._text(_TRANSPORT_HEADERS))
        recipients = ", ".join(filter(None, self._recipients()))
        return {
            "Subject": self._text(_SUBJECT),
            "From": _person(self._text(_SENDER), self._text(_SENDER_SMTP) or self._text(_SENDER_ADDRESS)),
            "To": recipients or self._text(_TO),
            "Cc": "" if recipients else self._text(_CC),
            "Date": str(sent.get("Date", "")) or self._time(),
        }

    def _recipients(self) -> Iterator[str]:
        for folder in self._storages("__recip"):
            name = self._text(_RECIPIENT, folder)
            yield _person(name, self._text(_RECIPIENT_SMTP, folder) or self._text("3003", folder))

    def _body(self, read: ReadPart) -> str:
        text, html = self._text(_BODY), self._bytes(_HTML)
        if text.strip() and not (html.strip() and stands_in(text, [decode(html, markup=True)])):
            return prose(text)
        rtf = _decompress_rtf(self._bytes(_RTF))
        for content, name in ((html, "body.html"), (rtf, "body.rtf")):
            if content.strip():
                try:
                    return read(content, name).content
                except ParseFailed:
                    continue
        return prose(text)

    def _attachments(self, unpacking: Unpacking, read: ReadPart) -> Iterator[Part]:
        for number, folder in enumerate(self._storages("__attach"), 1):
            names = (self._text(tag, folder) for tag in (_LONG_NAME, _DISPLAY_NAME, _SHORT_NAME))
            name = next(filter(None, names), f"attachment {number}")
            inner = f"{self._folder}{folder}__substg1.0_{_DATA}000D/"
            if any(path.startswith(inner) for path in self._file.paths):
                yield name, lambda inner=inner: _Message(self._file, inner).document(unpacking, read)  # type: ignore[misc]
            else:
                content = self._bytes(_DATA, folder)
                unpacking.count_bytes(len(content))  # several may be the same bytes of the file
                yield name, lambda content=content, name=name: read(content, name)  # type: ignore[misc]

    def _storages(self, kind: str) -> list[str]:
        """Return the folders of attachments or recipients, in order, each with a slash at its end."""
        inner = (path[len(self._folder) :] for path in self._file.paths if path.startswith(self._folder))
        found = {match[1] for path in inner if (match := _STORAGE.match(path)) and path.startswith(kind)}
        return [f"{folder}/" for folder in sorted(found)]

    def _bytes(self, tag: str, folder: str = "") -> bytes:
        return self._file.read(f"{self._folder}{folder}__substg1.0_{tag}0102") or self._text(tag, folder).encode()

    def _text(self, tag: str, folder: str = "") -> str:
        stem = f"{self._folder}{folder}__substg1.0_{tag}"
        wide = self._file.read(f"{stem}001F")
        if wide:
            return clean(wide.decode("utf-16-le", errors="replace")).strip("\ufffd")
        narrow = self._file.read(f"{stem}001E")
        return self._narrow(narrow).strip("\ufffd") if narrow else ""

    def _narrow(self, data: bytes) -> str:
        if self._code_page not in (0, 1200, 20127, 65001):
            try:
                return clean(data.decode(f"cp{self._code_page}"))
            except (LookupError, UnicodeError):
                pass
        return decode(data) if data.strip() else ""

    def _time(self) -> str:
        ticks = int.from_bytes(self._numbers.get(_SENT) or self._numbers.get(_DELIVERED) or b"", "little")
        try:
            return (_EPOCH + timedelta(microseconds=ticks // 10)).isoformat(" ", "seconds") if ticks else ""
        except OverflowError:
            return ""

    def _fixed(self) -> Iterator[tuple[int, bytes]]:
        """Return the properties of fixed length by their number."""
        data = self._file.read(self._folder + _PROPERTIES)
        start = 24 if self._folder else 32
        for offset in range(start, len(data) - _PROPERTY.size + 1, _PROPERTY.size):
            _, number, _, value = _PROPERTY.unpack_from(data, offset)
            yield number, value


def _person(name: str, address: str) -> str:
    if not name or address == name:
        return address
    return f"{name} <{address}>" if "@" in address else name


def _decompress_rtf(data: bytes) -> bytes:
    """Return RTF from [MS-OXRTFCP], as far as it goes; empty where it is something else."""
    if data[8:12] == _UNCOMPRESSED:
        return data[16:]
    if data[8:12] != _COMPRESSED:
        return b""
    window = bytearray(_RTF_DICTIONARY.ljust(4096, b"\0"))
    write, position, out = len(_RTF_DICTIONARY), 16, bytearray()
    while position < len(data) and len(out) < _LARGEST_RTF:
        control = data[position]
        position += 1
        for bit in range(8):
            run = data[position : position + (2 if control >> bit & 1 else 1)]
            position += len(run)
            if len(run) == 2:
                reference = int.from_bytes(run, "big")
                offset, length = reference >> 4, (reference & 15) + 2
                if offset == write:
                    return bytes(out)
            else:
                offset, length = -1, len(run)
            for step in range(length):
                byte = window[(offset + step) % 4096] if offset >= 0 else run[0]
                window[write] = byte
                write = (write + 1) % 4096
                out.append(byte)
    return bytes(out)
