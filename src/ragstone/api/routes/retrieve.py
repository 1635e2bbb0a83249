"""Retrieval: the passages that bear on a question."""

from fastapi import APIRouter, Request

from ragstone.api.access import Reader
from ragstone.api.dependencies import OpenSearch, OpenSettings
from ragstone.api.found import Found
from ragstone.api.problems import documented
from ragstone.api.questions import check_length
from ragstone.api.requests import Retrieve
from ragstone.api.stream import unless_gone
from ragstone.registry import shape_of
from ragstone.telemetry import RETRIEVALS

router = APIRouter(prefix="/v1", tags=["questions"])


@router.post("/retrieve", responses=documented(400, 401, 403, 404, 413, 422, 503))
async def retrieve(
    *, request: Request, body: Retrieve, principal: Reader, search: OpenSearch, settings: OpenSettings
) -> Found:
    """Find passages, best first, with the rank and score that each leg of the search gave them."""
    check_length(body.question, settings.max_question_chars)
    searching = search.retrieve(
        body.question,
        body.scope(principal),
        mode=body.mode,
        limit=body.top_k,
        shape=body.shape(shape_of(settings)),
        explain=body.explain,
    )
    # PostgreSQL is told to stop, too: a statement ends with whoever waits for it.
    found = await unless_gone(request, searching)
    RETRIEVALS.labels(body.mode).inc()
    return Found.from_domain(found)
