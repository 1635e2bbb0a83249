"""Bytes to text, whatever the encoding."""

import codecs
import re

from ragstone.adapters.parsers.kreuzberg.charsets import likely_encoding
from ragstone.adapters.parsers.kreuzberg.wide_text import wide_encoding
from ragstone.domain.errors import ParseFailed

__all__ = ["BINARY", "clean", "decode", "share_of_controls", "wide_encoding"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 256 * 1024
_ESCAPE = b"\x1b$"
_ESCAPED = ("iso2022_jp_2", "iso2022_jp_ext", "iso2022_kr")
_ESCAPE_SIGNS = 8
"""Letters that are lost, on average, where an escape sequence is not understood."""
_MOST_UNKNOWN = 0.02
"""Share of letters that makers of programs added to an encoding, and nobody else knows."""
BINARY = 0.05
"""Share of control characters from which on bytes are no text."""
_DECLARED = re.compile(
    rb"<(?:meta[^<>]{0,200}?charset|\?xml[^<>]{0,100}?encoding)\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE
)
# Python has codecs under the same roof that are no charsets, such as ``base64`` and ``undefined``.
_CHARSET = re.compile(
    r"(?:cp\d+|iso8859-\d+|koi8-[rtu]|mac-\w+|tis-620|gb\w+|big5\w*|euc_\w+|shift_jis\w*|iso2022_\w+)"
)
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def decode(data: bytes, *, markup: bool = False) -> str:
    """Return ``data`` as text, with a line feed for every newline and no character that PostgreSQL cannot hold.

    By its byte order mark; else as UTF-16 or ISO-2022 if it looks like that; else as UTF-8; else, if it is ``markup``,
    as HTML or XML declares it; else by what it looks like.
    """
    return clean(_decode(data, markup=markup))


def clean(text: str) -> str:
    """Make every newline a line feed; put U+FFFD for NUL and for halves of surrogate pairs."""
    return _UNSTORABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def _decode(data: bytes, *, markup: bool) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    wide = wide_encoding(data)
    if wide is not None:
        return data.decode(wide, errors="replace")
    if (escaped := _escaped(data)) is not None:
        return escaped
    try:
        return data.decode(errors="surrogatepass")
    except UnicodeDecodeError:
        return _not_quite_utf8(data) or _legacy(data, markup=markup)


def _not_quite_utf8(data: bytes) -> str | None:
    """Return UTF-8 with a few broken places; in other encodings hardly any two bytes look like it."""
    text = data.decode(errors="replace")
    broken = text.count("\ufffd")
    whole = len(text) - broken - sum(map(data.count, map(_byte, range(128))))
    return text if whole > broken else None


def _legacy(data: bytes, *, markup: bool) -> str:
    encoding = (_declared_encoding(data) if markup else None) or _likely_encoding(data)
    return data.decode(encoding, errors="replace")


def _byte(value: int) -> bytes:
    return bytes((value,))


def _escaped(data: bytes) -> str | None:
    """Return ISO-2022 text, which is ASCII that says by escape sequences where other letters begin and end."""
    if _ESCAPE not in data or not data.isascii():
        return None
    texts = (data.decode(encoding, errors="replace") for encoding in _ESCAPED)
    best = min(texts, key=_unread_signs)
    return best if _unread_signs(best) <= _MOST_UNKNOWN * len(best) else None


def _unread_signs(text: str) -> int:
    return text.count("\ufffd") + text.count("\x0e") + _ESCAPE_SIGNS * text.count("\x1b")


def _declared_encoding(data: bytes) -> str | None:
    declared = _DECLARED.search(data, 0, 4096)
    if declared is None:
        return None
    try:
        name = codecs.lookup(declared[1].decode("ascii")).name
    except LookupError:
        return None
    if name in ("ascii", "iso8859-1"):
        return "cp1252"  # as browsers do: what says Latin-1 mostly has the quotes of Windows
    return name if _CHARSET.fullmatch(name) else None


def _likely_encoding(data: bytes) -> str:
    if share_of_controls(data[:_SAMPLE]) > BINARY:
        raise ParseFailed("damaged", "The file holds no text but binary data.", remedy="Send a file that holds text.")
    return likely_encoding(data)


def share_of_controls(sample: bytes) -> float:
    """Return the share (0 to 1) of characters that no text has, but for the odd one."""
    controls = sum(sample.count(byte) for byte in range(32) if byte not in b"\t\n\f\r\x1b")
    return controls / max(1, len(sample))
