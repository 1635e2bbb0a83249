"""The headers of a message as people read them: encoded words decoded, and raw bytes beyond ASCII too."""

import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message

from ragstone.adapters.parsers.kreuzberg.decoding import clean, decode

DOUBTFUL = (None, "us-ascii", "utf-8", "iso-8859-1")
"""What many mails say that are in some other encoding."""
HEADERS = ("Subject", "From", "To", "Cc", "Date")
_RESTORED = (*HEADERS, "Content-Type", "Content-Disposition")
_WORD = r"=\?[^?\s]{1,60}\?[bBqQ]\?(?:[^?\n]|\?(?!=)){0,2000}\?="
_ENCODED = re.compile(rf"{_WORD}(?:\s+{_WORD})*")
_GAP = "\n\n"
_SAMPLE = 16_384


def plain_text(content: bytes, charset: str | None) -> str:
    """Return a text in the encoding that its header names, unless that cannot be or is often wrong."""
    if charset not in DOUBTFUL and charset is not None:
        try:
            return clean(content.decode(charset))
        except (LookupError, UnicodeError):
            pass
    return decode(content) if content.strip() else ""


def restore_headers(message: Message) -> None:
    """Put text for what is raw bytes in the headers of a message and its parts; the standard library destroys it."""
    raw = [(part, name, value) for part in message.walk() for name, value in _raw(part)]
    if raw:
        charset, text = _first_text(message)
        for part, name, value in raw:
            part.replace_header(name, _restored(value, charset, text))


def header(message: Message, name: str) -> str:
    """Return the value of a header, empty where there is none."""
    return decoded(str(message.get(name, "")))


def decoded(value: str) -> str:
    """Return a header's value without RFC 2047's encoding; a word of it that is broken stays as it is."""
    return clean(_ENCODED.sub(_words, value))


def _raw(part: Message) -> Iterator[tuple[str, bytes]]:
    """Yield the headers that are read and hold bytes beyond ASCII, of several of a name the first."""
    headers = {name.lower(): str(value) for name, value in reversed(list(part.raw_items()))}
    for name in _RESTORED:
        value = headers.get(name.lower(), "")
        if not value.isascii():
            yield name, value.encode(errors="surrogateescape")


def _words(found: re.Match[str]) -> str:
    try:
        return str(make_header(decode_header(found[0])))
    except (HeaderParseError, LookupError, ValueError):
        return found[0]


def _restored(raw: bytes, charset: str | None, text: bytes) -> str:
    """Return a raw header as UTF-8 if it is, else in the encoding of the text, by which that is guessed if need be."""
    if _is_utf8(raw):
        return clean(raw.decode())
    if charset in DOUBTFUL and not _is_utf8(text):
        return decode(raw + _GAP.encode() + text).partition(_GAP)[0]  # a few letters more to guess by
    return plain_text(raw, charset)


def _first_text(message: Message) -> tuple[str | None, bytes]:
    """Return the encoding that the first text in a message says it is in, and its bytes."""
    for part in message.walk():
        if part.get_content_maintype() == "text":
            content = part.get_payload(decode=True)
            return part.get_content_charset(), content[:_SAMPLE] if isinstance(content, bytes) else b""
    return None, b""


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return error.start >= _SAMPLE - 3  # a character cut by the end of the sample
    return True
