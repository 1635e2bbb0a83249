"""The one renderer of errors: every error that a client sees is a problem detail (RFC 9457)."""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ragstone.api.headers import SECURITY_HEADERS
from ragstone.api.schemas import FieldError, Problem
from ragstone.domain import errors
from ragstone.domain.errors import RagstoneError
from ragstone.telemetry import ERRORS

MEDIA_TYPE = "application/problem+json"

_STATUSES: Mapping[type[RagstoneError], int] = {
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.InvalidRequest: 422,
    errors.ParseFailed: 422,
    errors.EmbeddingRefused: 422,
    errors.TooManyRequests: 429,
    errors.Unavailable: 503,
    errors.ConfigurationError: 503,
    RagstoneError: 500,
}

_MEANINGS: Mapping[int, tuple[str, str]] = {
    400: ("malformed_request", "Send the body as /openapi.json describes it."),
    401: (errors.Unauthenticated.code, "Send a key as `Authorization: Bearer rs_...`."),
    403: (errors.Forbidden.code, "Use a key that allows it."),
    404: (errors.NotFound.code, "/openapi.json lists every path."),
    405: ("method_not_allowed", "The header Allow names the methods of this path."),
    408: ("request_timeout", "Send it again, over a connection that does not stall."),
    413: (
        errors.TooLarge.code,
        "Send less, or split it; a large document travels best as a file (multipart/form-data).",
    ),
    415: (errors.UnsupportedMediaType.code, "/openapi.json names the media types of this path."),
    422: (errors.InvalidRequest.code, "Correct the fields that `errors` names; /openapi.json describes them all."),
    500: ("internal_error", "Try again; if it stays, the server's log says more."),
}
_RETRY_SECONDS = 5.0
_LONGEST_DETAIL = 500
_MOST_FIELDS = 20


class ProblemResponse(JSONResponse):
    """A problem detail on its way to the client; counted as it is made."""

    media_type = MEDIA_TYPE

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None = None) -> None:
        ERRORS.labels(problem.code).inc()
        super().__init__(problem.model_dump(mode="json"), problem.status, headers)


def problem_of(error: RagstoneError) -> Problem:
    """Return how a client is told of an error of the tree."""
    status = next(_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES)
    if status == 500:
        return _problem(500, detail="Something went wrong.")
    return _problem(status, code=error.code, detail=error.message, remedy=error.remedy)


def respond(error: RagstoneError) -> ProblemResponse:
    """Return the reply to a request that ended in an error of the tree."""
    problem, headers = problem_of(error), {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="ragstone"'
    if problem.status in (429, 503):
        wait = error.retry_after if isinstance(error, errors.Unavailable | errors.TooManyRequests) else None
        headers["Retry-After"] = str(math.ceil(wait or _RETRY_SECONDS))
    return ProblemResponse(problem, headers)


def unexpected() -> Problem:
    """Return what a client is told of an error that nobody foresaw: nothing of it."""
    return _problem(500, detail="Something went wrong.")


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the error replies of a route, for its OpenAPI description."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def install(app: FastAPI) -> None:
    """Let ``app`` render every error as a problem detail."""
    app.add_exception_handler(RagstoneError, _on_ragstone_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(ClientDisconnect, _on_client_gone)
    app.add_exception_handler(Exception, _on_unexpected)


async def _on_ragstone_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, RagstoneError) or problem_of(error).status == 500:
        raise error
    return respond(error)


async def _on_validation_error(_: Request, error: Exception) -> Response:
    found: Sequence[Mapping[str, Any]] = error.errors() if isinstance(error, RequestValidationError) else []
    if any(each["type"] == "json_invalid" for each in found):
        cause = str(found[0].get("ctx", {}).get("error", "it does not parse"))
        return ProblemResponse(_problem(400, code="invalid_json", detail=f"The body is not JSON: {cause}."))
    fields = [FieldError(field=_place(each["loc"]), message=_safe(each["msg"], 200)) for each in found[:_MOST_FIELDS]]
    first = "; ".join(f"{each.field}: {each.message}" for each in fields[:3])
    return ProblemResponse(_problem(422, detail=f"The request is not valid. {first}.", fields=fields))


async def _on_http_exception(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return ProblemResponse(_problem(error.status_code, detail=error.detail), error.headers)


async def _on_client_gone(_: Request, __: Exception) -> Response:
    """Answer nobody. 499 is what proxies log for it."""
    return Response(status_code=499)


async def _on_unexpected(_: Request, __: Exception) -> Response:
    """Answer for an error that nobody foresaw. The server logs it: it is raised again after this reply."""
    return ProblemResponse(unexpected(), SECURITY_HEADERS)


def _problem(
    status: int, *, detail: str, code: str = "", remedy: str = "", fields: Sequence[FieldError] = ()
) -> Problem:
    usual_code, usual_remedy = _MEANINGS.get(status, (f"http_{status}", ""))
    code = code or usual_code
    return Problem(
        type=f"urn:ragstone:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=_safe(detail, _LONGEST_DETAIL),
        code=code,
        remedy=_safe(remedy or usual_remedy, _LONGEST_DETAIL),
        errors=list(fields),
    )


def _place(location: Sequence[str | int]) -> str:
    """Name a field as the sender wrote it: ``chunks.3.text``."""
    parts = location[1:] if location and location[0] in ("body", "query", "path", "header") else location
    return _safe(".".join(str(part) for part in parts), 100) or "body"


def _safe(text: str, longest: int) -> str:
    """Return ``text`` cut to ``longest`` characters, without what cannot be sent as UTF-8."""
    sent = text.encode(errors="replace").decode()
    return sent if len(sent) <= longest else f"{sent[: longest - 1]}…"
