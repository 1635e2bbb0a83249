"""Whether the process lives and can serve, its metrics, and the page."""

import asyncio

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ragstone.api.dependencies import OpenRecord
from ragstone.api.problems import documented
from ragstone.api.schemas import Health, Readiness
from ragstone.domain.errors import DatabaseUnavailable, Unavailable
from ragstone.ports.record import Record
from ragstone.web import PAGE

_DATABASE_SECONDS = 2.0
_SILENT = f"PostgreSQL does not answer within {_DATABASE_SECONDS:g} s."

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> Health:
    """Say that the process lives."""
    return Health(status="alive")


@router.get("/readyz", responses=documented(503))
async def readyz(request: Request, record: OpenRecord) -> Readiness:
    """Say that requests can be served: PostgreSQL answers, and the worker beside the API (where one is) runs."""
    checks = {"database": await _database(request, record), "worker": request.app.state.background.worker_state}
    missing = [f"{name}: {state}" for name, state in checks.items() if state not in ("ok", "none")]
    if missing:
        raise Unavailable(f"Not ready. {'; '.join(missing)}", remedy="`ragstone doctor` checks every part.")
    return Readiness(status="ready", checks=checks)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics() -> Response:
    """Return the metrics in Prometheus's text format."""
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


@router.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
async def page() -> FileResponse:
    """Return the page that asks."""
    return FileResponse(PAGE, media_type="text/html")


async def _database(request: Request, record: Record) -> str:
    """Return how the database is, in time: a query that is cancelled waits for the server, too, for many seconds.

    It ends on its own; until then, whoever asks waits for that one, so that no more than one connection is taken.
    """
    state = request.app.state
    asking: asyncio.Task[str] | None = getattr(state, "asking_database", None)
    if asking is None or asking.done():
        state.asking_database = asking = asyncio.create_task(_answer(record), name="ask-database")
    done, _ = await asyncio.wait([asking], timeout=_DATABASE_SECONDS)
    return asking.result() if done else _SILENT


async def _answer(record: Record) -> str:
    try:
        async with asyncio.timeout(_DATABASE_SECONDS), record.transaction() as transaction:
            await transaction.keys.any()
    except DatabaseUnavailable as error:
        return error.message
    except TimeoutError:
        return _SILENT
    return "ok"
