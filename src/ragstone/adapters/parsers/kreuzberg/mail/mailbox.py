"""Mailboxes: files of messages one after the other, as the format mbox has them, and Apple's file of one message."""

import re
from collections.abc import Iterator

_BEGIN = re.compile(
    rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From \S[^\r\n]{0,200}?"
    rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? [^\r\n]{0,40}\d\d:\d\d[^\r\n]{0,40}\r?\n"
)
_QUOTED = re.compile(rb"^>(?=>*From )", re.MULTILINE)
_APPLE = re.compile(rb"\s{0,8}(\d{1,10})[ \t]*\r?\n")


def messages(data: bytes) -> Iterator[bytes]:
    """Yield the messages of a mailbox; of a file of one message that."""
    begins = list(_BEGIN.finditer(data)) if data.startswith(b"From ") else []
    if not begins:
        yield _of_apple(data)
        return
    ends = [begin.start() for begin in begins[1:]] + [len(data)]
    for begin, end in zip(begins, ends, strict=True):
        yield _QUOTED.sub(b"", data[begin.end() : end])


def _of_apple(data: bytes) -> bytes:
    """Return a message without the number of its bytes above it, and the list of properties behind it."""
    found = _APPLE.match(data)
    return data[found.end() : found.end() + int(found[1])] if found else data
