"""Files that appear whole or not at all."""

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ragstone.domain.errors import ConfigurationError


def write_atomically(path: Path, pieces: Iterable[bytes | memoryview]) -> None:
    """Write ``pieces`` to ``path``; whoever opens it, before, during or after, reads one whole version.

    The file is on disk before it gets its name, so a power cut leaves no half of it either. Raises
    ``ConfigurationError`` where the directory cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            _write(handle, pieces)
            os.replace(name, path)
        finally:
            # Gone if all went well, else in the way.
            with suppress(FileNotFoundError):
                os.unlink(name)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror or error}.",
            remedy="Give Ragstone the right to write to its data directory (RAGSTONE_DATA_DIR), and 100 MB of room.",
        ) from error


def _write(handle: int, pieces: Iterable[bytes | memoryview]) -> None:
    with os.fdopen(handle, "wb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
