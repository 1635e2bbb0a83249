"""The child process: reads one file after the other from its standard input, within limits set by itself.

Run as ``python -m ragstone.adapters.parsers.kreuzberg.child MEMORY_MIB PARENT_PID``; ends with its input.
"""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO

from ragstone.adapters.parsers.kreuzberg.frames import LENGTHS, decode_header, decode_lengths, encode_head
from ragstone.adapters.parsers.kreuzberg.reading import read
from ragstone.domain.errors import ParseFailed

_PR_SET_PDEATHSIG = 1
_LARGEST_FILE = 256 * 2**20


def main() -> None:
    """Serve until the input ends."""
    memory_mb, parent = int(sys.argv[1]), int(sys.argv[2])
    requests, replies = _claim_pipes()
    _die_with(parent)
    _limit(memory_mb)
    _send(replies, {"ready": True}, b"")
    while (request := _receive(requests)) is not None:
        _answer(replies, *request)


def _claim_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Take the pipes for frames alone: what native code prints goes to standard error, and it reads nothing."""
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, replies


def _die_with(parent: int) -> None:
    """Ask Linux to kill this process with its parent, even while it is busy and reads no input."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)


def _limit(memory_mb: int) -> None:
    """Limit memory, files and core dumps.

    Address space would count what threads reserve and never touch, so that the limit is on data where the
    system enforces that (Linux).
    """
    kind = resource.RLIMIT_DATA if sys.platform == "linux" else resource.RLIMIT_AS
    _lower(kind, memory_mb * 2**20)
    _lower(resource.RLIMIT_FSIZE, _LARGEST_FILE)
    _lower(resource.RLIMIT_CORE, 0)


def _lower(kind: int, limit: int) -> None:
    _, hardest = resource.getrlimit(kind)
    if hardest != resource.RLIM_INFINITY:
        limit = min(limit, hardest)
    resource.setrlimit(kind, (limit, limit))


def _limit_processor_time(seconds: float) -> None:
    """A backstop for when the parent cannot kill: twice the time, on every core, from now on."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    allowance = 2 * seconds * (os.cpu_count() or 1)
    _, hardest = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(usage.ru_utime + usage.ru_stime + allowance) + 1
    if hardest != resource.RLIM_INFINITY:
        soft = min(soft, hardest)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hardest))


def _answer(replies: BinaryIO, header: Mapping[str, Any], data: bytes) -> None:
    _limit_processor_time(header["seconds"])
    try:
        parsed = read(data, header["media_type"], header["filename"], seconds=header["seconds"])
        body = parsed.content.encode()
    except ParseFailed as failed:
        _send(replies, {"failure": _failure(failed), "resident": _resident()}, b"")
        return
    pages = [(page.page, page.start, page.end, page.label) for page in parsed.pages]
    _send(
        replies,
        {
            "title": parsed.title,
            "media_type": parsed.media_type,
            "pages": pages,
            "unread": dict(parsed.unread),
            "resident": _resident(),
        },
        body,
    )


def _failure(failed: ParseFailed) -> dict[str, Any]:
    return {
        "code": failed.failure_code,
        "message": failed.message,
        "remedy": failed.remedy,
        "retryable": failed.retryable,
    }


def _resident() -> int:
    """Return the bytes of memory that this process holds now, 0 where the system does not say."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def _send(replies: BinaryIO, header: Mapping[str, Any], body: bytes) -> None:
    replies.write(encode_head(header, body))
    replies.write(body)
    replies.flush()


def _receive(requests: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    lengths = requests.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    header_length, body_length = decode_lengths(lengths)
    header = requests.read(header_length)
    body = requests.read(body_length)
    if len(header) < header_length or len(body) < body_length:
        return None
    return decode_header(header), body


if __name__ == "__main__":
    main()
