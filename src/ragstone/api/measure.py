"""Seconds that each request took, by route and status."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ragstone.telemetry import REQUEST_SECONDS

_UNKNOWN = "none"


class Measure:
    """Observes each request, a stream to its end. A path that is no route counts as ``none``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        finally:
            route = getattr(scope.get("route"), "path_format", _UNKNOWN)
            REQUEST_SECONDS.labels(route, str(status)).observe(time.perf_counter() - began)
