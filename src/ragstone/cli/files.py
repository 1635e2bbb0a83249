"""Which documents ``ingest`` is given: URLs and files as they are, and the files of folders."""

import errno
import os
import stat
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from ragstone.cli.errand import Errand
from ragstone.domain.errors import InvalidRequest

JUNK = frozenset({"node_modules", "__pycache__", "__MACOSX", "Thumbs.db", "desktop.ini"})
"""What no one means, beside hidden files, when he names a folder."""

EMPTY = "empty"
LINK = "link out of the folder"
SPECIAL = "pipe, socket or device"
UNREADABLE = "file or folder that cannot be seen"

YOUNG_SECONDS = 3.0
"""A file that was changed this lately may be at work: an editor empties it, then writes."""

_NOWHERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})


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
    """What was found, in order, and how many files of folders were skipped, by kind.

    ``held`` are those among them that are empty since a moment ago: what they hold is about to come.
    """

    items: list[Item] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    held: list[Path] = field(default_factory=list)


def find(
    sources: Sequence[str], include: Sequence[str], exclude: Sequence[str], errand: Errand | None = None
) -> Finding:
    """Return the documents of ``sources``, each once. Blocks: call it off the event loop, as an errand.

    A file is called as its source was: links on the way to it are not resolved. ``include`` and ``exclude`` are
    patterns for the files of folders (``*.md``, ``drafts/*``), matched with a file's name and with its path within the
    folder. Raises ``InvalidRequest`` for a source that is not there, or is neither file nor folder.
    """
    errand = errand or Errand()
    finding = Finding()
    found: dict[Path | str, Item] = {}
    for source in sources:
        if source.lower().startswith(("http://", "https://")):
            found[source] = Item(_without_secret(source), named=True)
            continue
        path = existing(source)
        if not path.is_dir():
            found[Path(os.path.realpath(path))] = Item(path, named=True)
            continue
        for real, file in Folder(path, include, exclude, finding, errand).files():
            found.setdefault(real, Item(file, named=False))
    finding.items = list(found.values())
    return finding


def existing(named: str) -> Path:
    """Return the file or folder of this name as it is called: absolute and normalised, its links not resolved.

    Raises ``InvalidRequest`` where there is none, or something that is neither.
    """
    try:
        given = Path(named).expanduser()
        given.stat()
        path = Path(os.path.abspath(given))
        if ".." in given.parts and not (path.exists() and path.samefile(given)):
            path = given.resolve(strict=True)  # `link/..` is where the link leads
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidRequest(f"There is no file or folder {named!r}.", remedy="Check the path.") from error
    check_kind(path)
    return path


def check_kind(path: Path) -> None:
    """Raise ``InvalidRequest`` for what is neither file nor folder: to open it may take for ever."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}.", remedy="Check the path.") from error
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise InvalidRequest(
            f"{path} is no file or folder, but a {SPECIAL}.", remedy="Save what it holds to a file, and give that."
        )


def leads_nowhere(error: OSError) -> bool:
    """Whether nothing is there. After any other error, as of a disk that is away, something may be."""
    return error.errno in _NOWHERE


def carries_secret(url: str) -> bool:
    """Whether ``url`` has credentials in it, which would be kept and shown."""
    return "@" in url.partition("://")[2].partition("/")[0]


def _without_secret(url: str) -> str:
    """Return ``url``. Raise ``InvalidRequest`` where it carries credentials."""
    if carries_secret(url):
        raise InvalidRequest("A URL carries credentials.", remedy="Download the document and give the file.")
    return url


class Folder:
    """The files below ``root`` in the order of their names, without what is hidden, junk or links elsewhere.

    Each file comes once, called by its own path where that is taken, else by that of the first link that leads to it.
    """

    def __init__(
        self, root: Path, include: Sequence[str], exclude: Sequence[str], finding: Finding, errand: Errand
    ) -> None:
        self._root = root
        self._real_root = Path(os.path.realpath(root))
        self._include = include
        self._exclude = exclude
        self._finding = finding
        self._skipped = finding.skipped
        self._errand = errand
        self._entered: set[Path] = set()
        self._links: list[tuple[Path, Path]] = []
        self._taken: dict[Path, Path] = {}

    def files(self) -> list[tuple[Path, Path]]:
        """Return the files, each as where it really is and as it is called, and count those that are skipped."""
        self._walk([(self._root, self._real_root)])
        while self._links:
            links, self._links = sorted(self._links, key=lambda each: each[0].parts), []
            for named, link in links:
                self._follow(named, link)
        return sorted(self._taken.items(), key=lambda each: each[1].parts)

    def _walk(self, waiting: list[tuple[Path, Path]]) -> None:
        """Take the files below these directories; links are noted, and followed once all else is known."""
        while waiting:
            named, real = waiting.pop()
            if real in self._entered:
                continue
            self._entered.add(real)
            try:
                with os.scandir(real) as entries:
                    for entry in entries:
                        self._errand.check()
                        if not entry.name.startswith((".", "~$")) and entry.name not in JUNK:
                            self._see(entry, named / entry.name, real / entry.name, waiting)
            except OSError:
                self._skipped[UNREADABLE] += 1

    def _see(self, entry: "os.DirEntry[str]", named: Path, real: Path, waiting: list[tuple[Path, Path]]) -> None:
        if self._matches(named, self._exclude):
            return
        if entry.is_symlink():
            self._links.append((named, real))
            return
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError as error:
            if not leads_nowhere(error):  # else it went away since
                self._skipped[UNREADABLE] += 1
            return
        self._take(named, real, status, waiting)

    def _follow(self, named: Path, link: Path) -> None:
        self._errand.check()
        try:
            real = Path(os.path.realpath(link, strict=True))
            status = real.stat()
        except OSError as error:
            inside = Path(os.path.realpath(link)).is_relative_to(self._real_root)
            self._skipped[UNREADABLE if inside and not leads_nowhere(error) else LINK] += 1
            return
        if not real.is_relative_to(self._real_root):
            self._skipped[LINK] += 1
            return
        waiting: list[tuple[Path, Path]] = []
        self._take(named, real, status, waiting)
        self._walk(waiting)

    def _take(self, named: Path, real: Path, status: os.stat_result, waiting: list[tuple[Path, Path]]) -> None:
        if stat.S_ISDIR(status.st_mode):
            waiting.append((named, real))
        elif self._include and not self._matches(named, self._include):
            return
        elif not stat.S_ISREG(status.st_mode):
            self._skipped[SPECIAL] += 1
        elif not status.st_size:
            self._skipped[EMPTY] += 1
            if abs(time.time() - status.st_ctime) < YOUNG_SECONDS:
                self._finding.held.append(named)
        else:
            self._taken.setdefault(real, named)

    def _matches(self, path: Path, patterns: Sequence[str]) -> bool:
        if not patterns:
            return False
        within = path.relative_to(self._root).as_posix()
        return any(fnmatch(path.name, pattern) or fnmatch(within, pattern) for pattern in patterns)
