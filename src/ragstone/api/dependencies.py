"""Every resource that a handler uses, as a dependency: taken from the container, replaceable by an override.

All are coroutines, though none waits: FastAPI runs plain functions in threads, which costs each request a millisecond.
"""

import asyncio
from typing import Annotated

from fastapi import Depends, Request

from ragstone.answer.asking import Asking
from ragstone.container import Container
from ragstone.ingest.intake import Intake
from ragstone.ports.fetcher import Fetcher
from ragstone.ports.record import Record
from ragstone.retrieve.cached import CachedSearch
from ragstone.retrieve.search import Search
from ragstone.settings import Settings


async def container_of(request: Request) -> Container:
    """Return the container that the lifespan has opened."""
    container: Container = request.app.state.container
    return container


OpenContainer = Annotated[Container, Depends(container_of)]


async def settings_of(container: OpenContainer) -> Settings:
    """Return the settings."""
    return container.settings


async def record_of(container: OpenContainer) -> Record:
    """Return the system of record."""
    return container.record


async def intake_of(container: OpenContainer) -> Intake:
    """Return what takes documents in."""
    return container.intake


async def search_of(container: OpenContainer) -> Search | CachedSearch:
    """Return what finds passages."""
    return container.search


async def asking_of(container: OpenContainer) -> Asking:
    """Return what answers questions."""
    return container.asking


async def fetcher_of(container: OpenContainer) -> Fetcher:
    """Return what fetches documents from the web."""
    return container.fetcher


async def stopping_of(request: Request) -> asyncio.Event:
    """Return the event that is set when the server stops, on which open streams end."""
    stopping: asyncio.Event = request.app.state.stopping
    return stopping


OpenSettings = Annotated[Settings, Depends(settings_of)]
OpenRecord = Annotated[Record, Depends(record_of)]
OpenIntake = Annotated[Intake, Depends(intake_of)]
OpenSearch = Annotated[Search | CachedSearch, Depends(search_of)]
OpenAsking = Annotated[Asking, Depends(asking_of)]
OpenFetcher = Annotated[Fetcher, Depends(fetcher_of)]
Stopping = Annotated[asyncio.Event, Depends(stopping_of)]
