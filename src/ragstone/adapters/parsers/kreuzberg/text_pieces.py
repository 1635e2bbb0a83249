"""Text of a file too large to be held as a string twice: in pieces, each of whole lines."""

import codecs
from collections.abc import Iterator

from ragstone.adapters.parsers.kreuzberg.decoding import clean, decode

_PIECE = 2**20
_LARGE = 4 * _PIECE
_HEAD = 4096


def text_pieces(data: bytes) -> Iterator[str]:
    """Yield the text of ``data`` as ``decode`` returns it, cut behind line ends.

    What is no UTF-8 comes as one piece. A single character beyond the first 65,536 makes all of a string take four
    bytes for each, but only of the piece that it stands in.
    """
    if len(data) < _LARGE or not _is_utf8(data):
        yield decode(data)
        return
    for piece in _cut(data):
        yield clean(bytes(piece).decode(errors="surrogatepass"))


def _is_utf8(data: bytes) -> bool:
    if b"\x1b" in data:  # ISO-2022, which passes for ASCII
        return False
    head = data[: data.find(b"\n", _HEAD) + 1 or _HEAD]
    try:
        if decode(head) != clean(head.removeprefix(codecs.BOM_UTF8).decode()):
            return False  # UTF-16, most of which passes for UTF-8
        for piece in _cut(data):
            bytes(piece).decode(errors="surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _cut(data: bytes) -> Iterator[memoryview]:
    start = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    with memoryview(data) as view:
        while start < len(data):
            end = data.find(b"\n", start + _PIECE) + 1 or len(data)
            yield view[start:end]
            start = end
