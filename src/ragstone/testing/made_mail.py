"""Messages as files: EML, and MSG with the compound file that it is, made from texts and attachments that are known."""

import struct
from collections.abc import Mapping, Sequence
from email.message import EmailMessage

_SECTOR = 512
_NONE, _END, _TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def mail(subject: str, body: str, attachments: Mapping[str, bytes] | None = None) -> bytes:
    """Return an e-mail as EML, with files attached."""
    message = EmailMessage()
    message["From"] = "Ann <ann@example.org>"
    message["To"] = "Bob <bob@example.org>"
    message["Date"] = "Tue, 03 Mar 2026 09:30:00 +0100"
    message["Subject"] = subject
    message.set_content(body)
    for name, content in (attachments or {}).items():
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def outlook(
    properties: Mapping[str, str], attachments: Mapping[str, bytes] | None = None, recipients: Sequence[str] = ()
) -> bytes:
    """Return an Outlook message: texts by the tag of their property, files by name, recipients' addresses."""
    streams = {f"__substg1.0_{tag}001F": text.encode("utf-16-le") for tag, text in properties.items()}
    for number, address in enumerate(recipients):
        streams[f"__recip_version1.0_#{number:08X}/__substg1.0_39FE001F"] = address.encode("utf-16-le")
    for number, (name, content) in enumerate((attachments or {}).items()):
        folder = f"__attach_version1.0_#{number:08X}"
        streams[f"{folder}/__substg1.0_3707001F"] = name.encode("utf-16-le")
        streams[f"{folder}/__substg1.0_37010102"] = content
    return compound({"__properties_version1.0": bytes(32)} | streams)


def compound(streams: Mapping[str, bytes]) -> bytes:
    """Return a compound file (OLE2) of streams by path; its header says that no stream is too small for a sector."""
    folders = dict.fromkeys(path.rpartition("/")[0] for path in streams if "/" in path)
    names = [*folders, *streams]
    body, starts = b"", {}
    for path, content in streams.items():
        starts[path] = len(body) // _SECTOR
        body += content + bytes(-len(content) % _SECTOR)
    entries = b"".join(
        _entry(path.rpartition("/")[2], names, path, starts.get(path, _NONE), len(streams.get(path, b"")))
        for path in names
    )
    directory = _directory_entry("Root Entry", 5, _NONE, _first(names, ""), (_NONE, 0)) + entries
    directory += bytes(-len(directory) % _SECTOR)
    first = len(body) // _SECTOR
    sectors = first + len(directory) // _SECTOR
    tables = sectors // 127 + 1
    chain = [number + 1 for number in range(sectors)]
    for path, content in streams.items():
        chain[max(0, starts[path] + -(-len(content) // _SECTOR) - 1)] = _END
    chain[-1] = _END
    table = struct.pack(f"<{sectors + tables}I", *chain, *[_TABLE] * tables).ljust(tables * _SECTOR, b"\xff")
    places = struct.pack("<109I", *range(sectors, sectors + tables), *[_NONE] * (109 - tables))
    numbers = struct.pack("<9I", 0, tables, first, 0, 0, _END, 0, _END, 0)
    magic = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    header = magic + bytes(16) + struct.pack("<5H", 62, 3, 0xFFFE, 9, 6) + bytes(6) + numbers + places
    return header + body + directory + table


def _entry(name: str, names: Sequence[str], path: str, start: int, size: int) -> bytes:
    """A directory entry whose right sibling is the next one in its folder."""
    folder = path.rpartition("/")[0]
    siblings = [other for other in names if other.rpartition("/")[0] == folder]
    following = siblings[siblings.index(path) + 1 :]
    right = names.index(following[0]) + 1 if following else _NONE
    kind = 2 if start != _NONE else 1
    return _directory_entry(name, kind, right, _first(names, path) if kind == 1 else _NONE, (start, size))


def _first(names: Sequence[str], folder: str) -> int:
    return next((place for place, name in enumerate(names, 1) if name.rpartition("/")[0] == folder), _NONE)


def _directory_entry(name: str, kind: int, right: int, child: int, place: tuple[int, int]) -> bytes:
    encoded = name.encode("utf-16-le") + b"\0\0"
    links = struct.pack("<HBBIII", len(encoded), kind, 1, _NONE, right, child)
    return encoded.ljust(64, b"\0") + links + bytes(36) + struct.pack("<IQ", *place)
