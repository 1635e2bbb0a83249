"""The HTTP door: a FastAPI application over the container."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

from ragstone import __version__
from ragstone.api import problems
from ragstone.api.admission import Admission
from ragstone.api.background import Background
from ragstone.api.guard import Guard, is_loopback
from ragstone.api.headers import SecurityHeaders
from ragstone.api.limits import BodyLimit, limit_of
from ragstone.api.measure import Measure
from ragstone.api.openapi import describe
from ragstone.api.routes import ask, collections, documents, health, jobs, retrieve
from ragstone.container import Container, open_container
from ragstone.domain.errors import ConfigurationError
from ragstone.settings import Settings
from ragstone.web import STATIC

_DESCRIPTION = "Index documents, ask, and get answers in which every sentence carries a checked citation."


def terminate() -> None:
    """End this process as an operator would."""
    os.kill(os.getpid(), signal.SIGTERM)


def create_app(settings: Settings, *, with_worker: bool = False, stop: Callable[[], None] = terminate) -> FastAPI:
    """Return the application. Its lifespan opens the container, and runs a worker too if ``with_worker``.

    The lifespan raises ``ConfigurationError`` for an address that needs keys where there are none, and what
    ``open_container`` raises. ``stop`` is called when the worker crashes.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_container(settings) as container:
            await _check_keys(container)
            app.state.container = container
            app.state.stopping = asyncio.Event()
            app.state.background = Background(container, stop)
            app.state.admission = Admission(
                most_open=settings.max_open_documents, uploads_per_minute=settings.uploads_per_minute
            )
            async with app.state.background.running(with_worker=with_worker):
                yield

    app = FastAPI(
        title="Ragstone",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=_middleware(settings),
    )
    problems.install(app)
    for each in (documents, jobs, collections, retrieve, ask, health):
        app.include_router(each.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.openapi = _described(app, keyless=is_loopback(settings.host))  # type: ignore[method-assign]  # as FastAPI asks
    return app


def _middleware(settings: Settings) -> list[Middleware]:
    """Return what each request passes through, the outermost first."""
    return [
        Middleware(Measure),
        Middleware(SecurityHeaders),
        Middleware(Guard, open_to_local=is_loopback(settings.host), allowed_hosts=settings.allowed_hosts),
        Middleware(BodyLimit, limit=limit_of(settings.max_upload_mb << 20)),
    ]


def _described(app: FastAPI, *, keyless: bool) -> Callable[[], dict[str, Any]]:
    return cache(partial(describe, app, keyless=keyless))


async def _check_keys(container: Container) -> None:
    """Raise ``ConfigurationError`` where others could reach a server that knows nobody."""
    if is_loopback(container.settings.host):
        return
    async with container.record.transaction() as transaction:
        if not await transaction.keys.any():
            raise ConfigurationError(
                f"{container.settings.host} is not a loopback address, and there is no API key.",
                remedy="Make one with `ragstone keys create`, or serve on 127.0.0.1.",
            )
