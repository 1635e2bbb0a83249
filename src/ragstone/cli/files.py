"""Which documents ``ingest`` is given: URLs and files as they are, and the files of folders."""

import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from ragstone.domain.errors import InvalidRequest

JUNK = frozenset({"node_modules", "__pycache__", "__MACOSX", "Thumbs.db", "desktop.ini"})
"""What no one means, beside hidden files, when he names a folder."""

EMPTY = "empty"
LINK = "link out of the folder"
UNREADABLE = "unreadable folder"


@dataclass(frozen=True, slots=True)
class Item:
    """One document to ingest. ``named``: the user named it itself, so that leaving it out would be a failure."""

    source: Path | str
    named: bool

    @property
    def uri(self) -> str:
        """The URL, or the file's URI."""
        return self.source if isinstance(self.source, str) else self.source.as_uri()

    @property
    def kind(self) -> str:
        """What it is counted as where it is skipped: the file's extension, else its whole name."""
        path = Path(self.source)
        return printable(path.suffix.lower() or path.name)


def printable(name: str) -> str:
    """Return a file's name as text that can be stored and shown, also where its bytes are no UTF-8."""
    return os.fsencode(name).decode(errors="replace")


@dataclass(slots=True)
class Finding:
    """What was found, in order, and how many files of folders were skipped, by kind."""

    items: list[Item] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


def find(sources: Sequence[str], include: Sequence[str], exclude: Sequence[str]) -> Finding:
    """Return the documents of ``sources``, each once. Blocks: call it off the event loop.

    ``include`` and ``exclude`` are patterns for the files of folders (``*.md``, ``drafts/*``), matched with a
    file's name and with its path within the folder. Raises ``InvalidRequest`` for a source that is not there.
    """
    finding = Finding()
    found: dict[Path | str, Item] = {}
    for source in sources:
        if source.lower().startswith(("http://", "https://")):
            found[source] = Item(_without_secret(source), named=True)
            continue
        path = _existing(source)
        if not path.is_dir():
            found[path] = Item(path, named=True)
            continue
        for file in Folder(path, include, exclude, finding.skipped).files():
            found.setdefault(file, Item(file, named=False))
    finding.items = list(found.values())
    return finding


def _existing(source: str) -> Path:
    try:
        return Path(source).expanduser().resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidRequest(f"There is no file or folder {source!r}.", remedy="Check the path.") from error


def _without_secret(url: str) -> str:
    """Return ``url``. Raise ``InvalidRequest`` where it carries credentials, which would be kept and shown."""
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise InvalidRequest("A URL carries credentials.", remedy="Download the document and give the file.")
    return url


class Folder:
    """The files below ``root`` in the order of their names, without what is hidden, junk or links elsewhere."""

    def __init__(self, root: Path, include: Sequence[str], exclude: Sequence[str], skipped: Counter[str]) -> None:
        self._root = root
        self._include = include
        self._exclude = exclude
        self._skipped = skipped
        self._entered = {root}

    def files(self) -> Iterator[Path]:
        """Yield the files, resolved, and count those that are skipped."""
        yield from self._below(self._root)

    def _below(self, directory: Path) -> Iterator[Path]:
        try:
            names = sorted(os.listdir(directory))
        except OSError:
            self._skipped[UNREADABLE] += 1
            return
        for name in names:
            if not name.startswith((".", "~$")) and name not in JUNK:
                yield from self._entry(directory / name)

    def _entry(self, path: Path) -> Iterator[Path]:
        if self._matches(path, self._exclude):
            return
        try:
            real = path.resolve(strict=True) if path.is_symlink() else path
            status = real.stat()
        except OSError:
            self._skipped[LINK] += 1
            return
        if not real.is_relative_to(self._root):
            self._skipped[LINK] += 1
        elif stat.S_ISDIR(status.st_mode):
            if real not in self._entered:
                self._entered.add(real)
                yield from self._below(real)
        elif stat.S_ISREG(status.st_mode) and (not self._include or self._matches(path, self._include)):
            if status.st_size:
                yield real
            else:
                self._skipped[EMPTY] += 1

    def _matches(self, path: Path, patterns: Sequence[str]) -> bool:
        within = path.relative_to(self._root).as_posix()
        return any(fnmatch(path.name, pattern) or fnmatch(within, pattern) for pattern in patterns)
