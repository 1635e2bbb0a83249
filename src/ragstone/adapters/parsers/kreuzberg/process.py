"""One child process as the parent sees it: started with little, asked, and killed when in doubt."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from ragstone.adapters.parsers.kreuzberg.frames import LENGTHS, decode_header, decode_lengths, encode_head

CHILD_MODULE = "ragstone.adapters.parsers.kreuzberg.child"
# What Python, its C library and Tesseract need; keys, URLs and settings of the parent stay with it.
_INHERITED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "SYSTEMROOT", "TZ")
_LAST_WORDS = 4096
_DYING_SECONDS = 2.0
_DRAINED = 2**20
_PIECE = 2**20


class ChildDied(Exception):
    """The child ended before it replied.

    ``returncode`` is negative for a signal, ``None`` if it had to be killed from here; ``last_words`` is the
    end of what it wrote to its standard error.
    """

    def __init__(self, returncode: int | None, last_words: str) -> None:
        super().__init__(f"The parsing process ended with {returncode}.")
        self.returncode = returncode
        self.last_words = last_words


class ChildProcess:
    """A running child in a directory of its own, which goes when the child does."""

    def __init__(self, process: Process, directory: Path) -> None:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - it is started with pipes
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._directory = directory
        self.files_read = 0

    @classmethod
    async def start(cls, *, memory_mb: int, tessdata: Path | None) -> "ChildProcess":
        """Start a child. Returns before it is ready; ``wait_until_ready`` says when."""
        directory = Path(tempfile.mkdtemp(prefix="ragstone-parse-"))
        try:
            with (directory / "stderr").open("wb") as stderr:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-X", "utf8", "-m", CHILD_MODULE, str(memory_mb), str(os.getpid())),
                    stdin=PIPE,
                    stdout=PIPE,
                    stderr=stderr if sys.platform != "win32" else DEVNULL,
                    cwd=directory,
                    env=_environment(directory, tessdata),
                    start_new_session=True,
                )
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise
        return cls(process, directory)

    @property
    def alive(self) -> bool:
        """Whether the child runs. asyncio hears of an end a little later than it is one."""
        if self._process.returncode is not None:
            return False
        try:
            return psutil.Process(self._process.pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    async def wait_until_ready(self) -> None:
        """Wait for the child's first frame. Raises ``ChildDied``."""
        await self._receive()

    async def ask(self, header: Mapping[str, Any], body: bytes | bytearray) -> tuple[dict[str, Any], bytes]:
        """Send one request and return the reply's header and body. Raises ``ChildDied``.

        A caller that stops waiting must ``kill`` the child: the reply would be taken for the next one's.
        """
        self.files_read += 1
        try:
            self._stdin.write(encode_head(header, body))
            await self._write(body)
        except (BrokenPipeError, ConnectionResetError):
            raise await self._died() from None
        return await self._receive()

    async def _write(self, body: bytes | bytearray) -> None:
        """Write in pieces: what the pipe does not take at once is copied, and files are large."""
        with memoryview(body) as view:
            for start in range(0, len(view), _PIECE):
                self._stdin.write(view[start : start + _PIECE])
                await self._stdin.drain()

    def kill(self) -> None:
        """End the child and whatever it started, at once."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def close(self) -> None:
        """Kill the child if it runs, wait for its end and remove its directory."""
        self.kill()
        while await self._stdout.read(_DRAINED):  # asyncio does not close a pipe that it has stopped reading
            pass
        await self._process.wait()
        self._stdin.close()
        await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)

    async def _receive(self) -> tuple[dict[str, Any], bytes]:
        try:
            header_length, body_length = decode_lengths(await self._stdout.readexactly(LENGTHS.size))
            header = decode_header(await self._stdout.readexactly(header_length))
            return header, await self._stdout.readexactly(body_length)
        except (asyncio.IncompleteReadError, ConnectionResetError):
            raise await self._died() from None
        except ValueError:
            self.kill()
            raise ChildDied(None, "It wrote what is no frame: it does not run our code any more.") from None

    async def _died(self) -> ChildDied:
        try:
            async with asyncio.timeout(_DYING_SECONDS):  # how it ended is lost if it is killed before it has
                returncode: int | None = await self._process.wait()
        except TimeoutError:
            self.kill()
            returncode = None
        return ChildDied(returncode, await asyncio.to_thread(_tail, self._directory / "stderr"))


def _environment(directory: Path, tessdata: Path | None) -> dict[str, str]:
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment |= {"HOME": str(directory), "TMPDIR": str(directory), "MALLOC_ARENA_MAX": "2"}
    if tessdata is not None:
        environment["TESSDATA_PREFIX"] = str(tessdata)
    return environment


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LAST_WORDS))
            return file.read(_LAST_WORDS).decode(errors="replace")
    except OSError:
        return ""
