"""The parser as the offline flow uses it: a pool of child processes, each file within its limits."""

import asyncio
import signal
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from ragstone.adapters.parsers.kreuzberg.media_types import PDF, name_media_type
from ragstone.adapters.parsers.kreuzberg.process import ChildDied, ChildProcess
from ragstone.adapters.parsers.kreuzberg.tessdata import find_tessdata
from ragstone.domain.documents import PageSpan, ParsedDocument
from ragstone.domain.errors import ParseFailed

_FILES_PER_CHILD = 200
_LARGEST_IDLE = 256 * 2**20
"""Bytes of resident memory beyond which a child is not kept for the next file."""
_IDLE_SECONDS = 60.0
_START_SECONDS = 60.0
_TIMEOUT = "Split the file, or raise RAGSTONE_PARSE_TIMEOUT."
_SCAN_TIMEOUT = (
    "Split the file, or raise RAGSTONE_PARSE_TIMEOUT; if its pages are pictures, which take seconds each to read, "
    "send it with its text."
)
_BLANK = b"\0\t\n\r "
_OUT_OF_MEMORY = ("memory allocation", "MemoryError", "bad_alloc", "out of memory", "Cannot allocate memory")


class KreuzbergParser:
    """Reads files in at most ``workers`` child processes at a time.

    Each file may take ``timeout`` seconds and ``memory_mb`` MiB; the child that goes beyond is killed and
    replaced. Children start with the first file that needs them and end when nothing needs them. Belongs to
    the event loop that it is first used in.
    """

    def __init__(self, *, workers: int, timeout: float, memory_mb: int) -> None:
        self._timeout = timeout
        self._memory_mb = memory_mb
        self._slots = asyncio.Semaphore(workers)
        self._idle: list[ChildProcess] = []
        self._retirement: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()

    @cached_property
    def _tessdata(self) -> Path | None:
        return find_tessdata()

    def media_type(self, filename: str, head: bytes, declared: str | None = None) -> str | None:
        """Name the media type of a file; ``None`` where it cannot be read."""
        return name_media_type(filename, head, declared)

    async def parse(self, data: bytes | bytearray, media_type: str, filename: str) -> ParsedDocument:
        """Read a whole file. Raises ``ParseFailed``."""
        if not data[:4096].strip(_BLANK) and not data.strip(_BLANK):
            raise ParseFailed("empty", "The file is empty.", remedy="Send a file that holds text.")
        async with self._slots:
            header, body = await self._read(media_type, filename, data)
        if "failure" in header:
            raise _failure(header["failure"])
        return _parsed(header, body)

    async def close(self) -> None:
        """End the child processes. A file that is still being read is its caller's to cancel first."""
        if self._retirement is not None:
            self._retirement.cancel()
        self._end_idle()
        await asyncio.gather(*self._ending)

    async def _read(self, media_type: str, filename: str, data: bytes | bytearray) -> tuple[dict[str, Any], bytes]:
        child = await self._take()
        kept = False
        try:
            async with asyncio.timeout(self._timeout):
                asked = {"media_type": media_type, "filename": filename, "seconds": self._timeout}
                reply = await child.ask(asked, data)
            kept = child.files_read < _FILES_PER_CHILD and reply[0].get("resident", 0) < _LARGEST_IDLE
        except TimeoutError:
            raise ParseFailed(
                "timeout",
                f"Reading the file took longer than {self._timeout:g} seconds.",
                remedy=_SCAN_TIMEOUT if _may_be_pictures(media_type) and self._tessdata else _TIMEOUT,
            ) from None
        except ChildDied as death:
            raise self._failure_of(death) from death
        finally:
            self._release(child, keep=kept)
        return reply

    async def _take(self) -> ChildProcess:
        while self._idle:
            child = self._idle.pop()
            if child.alive:
                return child
            self._end(child)
        try:
            return await self._start()
        except (ChildDied, TimeoutError, OSError) as error:
            raise ParseFailed(
                "crashed",
                "The parsing process did not start.",
                remedy="See `ragstone doctor`; RAGSTONE_PARSE_MEMORY_MB may be too low.",
                retryable=True,
            ) from error

    async def _start(self) -> ChildProcess:
        child = await ChildProcess.start(memory_mb=self._memory_mb, tessdata=self._tessdata)
        ready = False
        try:
            async with asyncio.timeout(_START_SECONDS):
                await child.wait_until_ready()
            ready = True
        finally:
            if not ready:
                self._end(child)
        return child

    def _release(self, child: ChildProcess, *, keep: bool) -> None:
        if not keep:
            self._end(child)
            return
        self._idle.append(child)
        if self._retirement is not None:
            self._retirement.cancel()
        self._retirement = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._end_idle)

    def _end_idle(self) -> None:
        while self._idle:
            self._end(self._idle.pop())

    def _end(self, child: ChildProcess) -> None:
        """Kill now, tidy up behind the caller, who may itself be on its way out."""
        child.kill()
        task = asyncio.get_running_loop().create_task(child.close())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _failure_of(self, death: ChildDied) -> ParseFailed:
        if death.returncode == -signal.SIGXCPU:
            return ParseFailed(
                "timeout",
                f"Reading the file took more than {self._timeout:g} seconds of processor time.",
                remedy="Split the file, or raise RAGSTONE_PARSE_TIMEOUT.",
            )
        if death.returncode == -signal.SIGKILL or any(words in death.last_words for words in _OUT_OF_MEMORY):
            return ParseFailed(
                "out_of_memory",
                f"Reading the file took more than {self._memory_mb} MiB of memory.",
                remedy="Split the file, or raise RAGSTONE_PARSE_MEMORY_MB.",
            )
        return ParseFailed(
            "crashed",
            "The parser crashed on this file; it may be damaged, or need more memory than it may take.",
            remedy="Save it anew in the program that it is from, or raise RAGSTONE_PARSE_MEMORY_MB.",
        )


def _may_be_pictures(media_type: str) -> bool:
    return media_type == PDF or media_type.startswith("image/")


def _failure(failure: Mapping[str, Any]) -> ParseFailed:
    return ParseFailed(
        failure["code"], failure["message"], remedy=failure["remedy"], retryable=bool(failure.get("retryable", False))
    )


def _parsed(header: Mapping[str, Any], body: bytes) -> ParsedDocument:
    return ParsedDocument(
        content=body.decode(),
        media_type=header["media_type"],
        title=header["title"],
        pages=tuple(PageSpan(*page) for page in header["pages"]),
        unread=header["unread"],
    )
