"""The bytes of a part of a message, also where its base64 is not quite right or something was put behind it."""

import base64
import binascii
import re
from email.message import Message

_LINE = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_PADDING = re.compile("=+")


def content_of(part: Message) -> bytes:
    """Return a part's bytes, decoded; of a text what stands behind its base64, too, such as the footer of a list."""
    raw = part.get_payload()
    if isinstance(raw, str) and str(part.get("Content-Transfer-Encoding", "")).strip().lower() == "base64":
        return _decoded(raw, keep_rest=part.get_content_maintype() == "text")
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _decoded(raw: str, *, keep_rest: bool) -> bytes:
    try:
        return base64.b64decode("".join(raw.split()), validate=True)
    except (binascii.Error, ValueError):
        pass  # cut short, or with something that is none
    coded, rest = _parted(raw.splitlines())
    if not coded:
        return raw.encode("ascii", "surrogateescape")
    content = b"".join(map(_quanta, _PADDING.split("".join(coded))))
    behind = "\n".join(rest).strip() if keep_rest else ""
    return b"\n\n".join(filter(None, (content, behind.encode("utf-8", "surrogateescape"))))


def _parted(lines: list[str]) -> tuple[list[str], list[str]]:
    """Tell lines of base64 from those behind them, of which the first is no base64, or shorter with more behind it."""
    coded: list[str] = []
    for place, line in enumerate(lines):
        stripped = line.strip()
        if stripped and not _LINE.fullmatch(stripped):
            return coded, lines[place:]
        if stripped:
            coded.append(stripped)
    return coded, []


def _quanta(coded: str) -> bytes:
    """Decode base64 without its padding; a last character alone says nothing."""
    whole = coded[:-1] if len(coded) % 4 == 1 else coded
    return base64.b64decode(whole + "=" * (-len(whole) % 4))
