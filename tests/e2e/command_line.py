"""The real command line in processes of its own, on a record of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragstone.settings import Settings

RAGSTONE = str(Path(sys.executable).parent / "ragstone")
SECONDS = 120.0

Ran = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class CommandLine:
    """``ragstone`` with an environment of these ``RAGSTONE_*`` variables and no others."""

    variables: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        # The width of a terminal stands in the environment where pytest starts processes that share the tests.
        outside = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("RAGSTONE_") and name not in ("COLUMNS", "LINES")
        }
        return {**outside, "RAGSTONE_CONFIG": "/nowhere/none.toml", **self.variables}

    def but(self, **variables: str) -> "CommandLine":
        """Return the same with other variables."""
        return CommandLine({**self.variables, **variables})

    def run(self, *arguments: str, code: int = 0) -> Ran:
        """Run a command to its end, which must be ``code``."""
        ran = subprocess.run(
            [RAGSTONE, *arguments],
            check=False,
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
        )
        assert ran.returncode == code, f"{arguments}: {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
        return ran

    def fails(self, *arguments: str, code: int = 1) -> str:
        """Run a command that ends in an error; return it. It must be one line, and nothing else be said."""
        ran = self.run(*arguments, code=code)
        assert ran.stdout == ""
        (line,) = ran.stderr.splitlines()
        assert line.startswith("Error: ")
        return line

    @contextmanager
    def running(self, *arguments: str) -> Iterator["Running"]:
        """Run a command that stays; kill it when the block ends, if it still runs."""
        process = subprocess.Popen(
            [RAGSTONE, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        running = Running(process)
        try:
            yield running
        finally:
            process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr):
                assert stream
                stream.close()


class Running:
    """A process that runs; what it has said so far is in ``out`` and ``err``."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.out = self.err = ""
        for stream in (process.stdout, process.stderr):
            assert stream
            os.set_blocking(stream.fileno(), False)

    def read(self) -> None:
        """Take in what the process has said."""
        for stream, name in ((self.process.stdout, "out"), (self.process.stderr, "err")):
            assert stream
            setattr(self, name, getattr(self, name) + (stream.read() or b"").decode())

    def until(self, holds: Callable[["Running"], Any]) -> None:
        """Wait until ``holds`` is true of what the process has said."""
        deadline = time.monotonic() + SECONDS
        while not holds(self):
            assert time.monotonic() < deadline, f"it takes too long\n{self.out}\n{self.err}"
            assert self.process.poll() is None, f"it ended\n{self.out}\n{self.err}"
            time.sleep(0.05)
            self.read()

    def end(self, signal_number: int) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(signal_number)
        code = self.process.wait(SECONDS)
        self.read()
        return code


def on_record(settings: Settings) -> CommandLine:
    """Return the command line on the record that the settings name."""
    assert settings.database_url
    return CommandLine(
        {
            "RAGSTONE_DATA_DIR": str(settings.data_dir),
            "RAGSTONE_DATABASE_URL": settings.database_url.get_secret_value(),
            "RAGSTONE_DATABASE_SCHEMA": settings.database_schema,
        }
    )


def write_pages(folder: Path, count: int, *, words: int = 60) -> Path:
    """Write Markdown pages, each about a stone of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1):
        body = " ".join(f"Stone {number} lies in layer {layer} of the wall." for layer in range(max(words // 9, 1)))
        (folder / f"page-{number:03}.md").write_text(
            f"# Stone {number}\n\nThe weight of stone {number} is {number} kg. {body}\n"
        )
    return folder


def scrubbed(body: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return a JSON object without the fields that differ from run to run."""
    return {name: value for name, value in body.items() if name not in names}
