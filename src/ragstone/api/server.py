"""The server: uvicorn, run by us, so that errors at the start and signals are ours to handle."""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator

import structlog
import uvicorn
from fastapi import FastAPI

from ragstone.api.application import create_app
from ragstone.domain.errors import ConfigurationError
from ragstone.settings import Settings

_GRACE_SECONDS = 3
_BACKLOG = 2048

log = structlog.get_logger(__name__)


async def serve(settings: Settings, with_worker: bool, *, ready: Callable[[str], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; then end open streams, wait some seconds for requests, and release everything.

    With ``with_worker`` a worker shares the process. ``ready`` is told the server's URL once it takes requests.
    Raises ``ConfigurationError`` for an address that cannot be bound or needs keys, what ``open_container``
    raises, and what the worker crashed of.
    """
    _log_with_structlog()
    app = create_app(settings, with_worker=with_worker)
    with bound(settings.host, settings.port) as listener:
        async with app.router.lifespan_context(app):
            await Server(app, ready).serve([listener])
    if app.state.background.failure:
        raise app.state.background.failure


def event_loop() -> asyncio.AbstractEventLoop:
    """Return a loop to serve on: uvloop's, where there is one for this system. A search then takes a tenth less."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def url_of(listener: socket.socket) -> str:
    """Return the URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """Uvicorn's server, which leaves the process alone after a signal: the container must still be closed."""

    def __init__(self, app: FastAPI, ready: Callable[[str], None] | None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                ws="none",
                # httptools, which would be taken where it is installed, reads a request's head without an end.
                http="h11",
                timeout_graceful_shutdown=_GRACE_SECONDS,
                backlog=_BACKLOG,
            )
        )
        self._stopping: asyncio.Event = app.state.stopping
        self._ready = ready

    def stop(self) -> None:
        """End the server as a signal does."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What is there now, stays: some hundred thousand objects, which to look through again and again for garbage
        # would hold the event loop for 100 ms each time.
        gc.freeze()
        for listener in sockets or ():
            log.info("serving", url=url_of(listener))
            if self._ready:
                self._ready(url_of(listener))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping.set()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield  # signals reach the main thread only
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


class _ToStructlog(logging.Handler):
    """Hands uvicorn's own lines to structlog, so that all lines have one form."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the line at its level."""
        structlog.get_logger(record.name).log(record.levelno, record.getMessage(), exc_info=record.exc_info)


def _log_with_structlog() -> None:
    logger = logging.getLogger("uvicorn")
    logger.handlers, logger.propagate = [_ToStructlog()], False
    logger.setLevel(logging.WARNING)


@contextlib.contextmanager
def bound(host: str, port: int) -> Iterator[socket.socket]:
    """Hold a socket bound to the address; it refuses connections until the server listens."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        family, kind, protocol, _, address = min(found, key=lambda each: each[0] == socket.AF_INET6)
        # Named, the protocol lets asyncio set TCP_NODELAY; without it each small reply waits 40 ms for an ACK.
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _no_address(host, port, error) from error
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            raise _no_address(host, port, error) from error
        yield listener


def _no_address(host: str, port: int, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"Ragstone cannot serve on {host}, port {port}: {error.strerror}.",
        remedy="Choose another with --host and --port (RAGSTONE_HOST, RAGSTONE_PORT).",
    )
