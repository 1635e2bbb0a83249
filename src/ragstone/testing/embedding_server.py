"""A stand-in for an embedding endpoint: OpenAI's protocol over real HTTP, misbehaving by script."""

import asyncio
import json
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Protocol, Self

from ragstone.testing.embedders import HashingEmbedder

_PATH: Final = "/v1/embeddings"


@dataclass(frozen=True, slots=True)
class Reply:
    """How one request is replied to. ``wait``: seconds before it. ``change``: what to make of the right body."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0.0
    body: bytes | None = None
    change: Callable[[dict[str, Any]], object] | None = None


class RateLimit:
    """At most ``requests`` in any ``window`` seconds; says how long to wait, and counts those who asked for too much.

    ``over`` are the requests that came when the limit was reached, and ``early`` those among them that had been told to
    wait longer. Waits are told in hundredths of a second.
    """

    def __init__(self, requests: int, window: float) -> None:
        self.requests, self.window = requests, window
        self.over = self.early = 0
        self._taken: deque[float] = deque()
        self._wait_until = 0.0

    def wait(self, now: float) -> float:
        """Take a request that comes at ``now`` and return 0, or return the seconds until the next will be taken."""
        while self._taken and self._taken[0] + self.window <= now:
            self._taken.popleft()
        if len(self._taken) < self.requests:
            self._taken.append(now)
            return 0.0
        self.over += 1
        self.early += now < self._wait_until
        wait = math.ceil((self._taken[0] + self.window - now) * 100) / 100
        self._wait_until = now + wait
        return wait


class EmbeddingServer:
    """Serves on a free loopback port while the ``with`` block lasts.

    Vectors are ``HashingEmbedder``'s, not of length 1, and come in reverse order, which the protocol allows. Scripted
    replies are used up first; then every request is replied to as it should be. ``requests`` and ``headers`` hold what
    came in, and ``arrivals`` when. A request with a text that contains ``refused`` is replied to by 400, one with
    ``broken`` by 500.
    """

    def __init__(
        self,
        *,
        dimensions: int = 64,
        api_key: str | None = None,
        most_texts: int = 2048,
        limit: RateLimit | None = None,
        refused: str | None = None,
        broken: str | None = None,
    ) -> None:
        self.dimensions, self.api_key, self.most_texts = dimensions, api_key, most_texts
        self.limit, self.refused, self.broken = limit, refused, broken
        self.arrivals: list[float] = []
        self._outage_until = 0.0
        self._lock = threading.Lock()
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.stopping = threading.Event()
        self._script: deque[Reply] = deque()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("_Bound", (JsonHandler,), {"stand_in": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def base_url(self) -> str:
        """The address that a client is given."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def script(self, *replies: Reply) -> None:
        """Say how the next requests are replied to."""
        self._script.extend(replies)

    def outage(self, seconds: float) -> None:
        """Reply to nothing but by 503 for so many seconds from now on."""
        self._outage_until = time.monotonic() + seconds

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reply_to(self, path: str, headers: dict[str, str], request: dict[str, Any]) -> Reply:
        """Return what to send: the script's next reply, or the right one, each with its body filled in."""
        with self._lock:
            now = time.monotonic()
            self.requests.append(request)
            self.headers.append(headers)
            self.arrivals.append(now)
            refusal = self._turned_away(now)
            reply = self._script.popleft() if self._script and not refusal else Reply()
        if refusal:
            return refusal
        if reply.status != 200:
            return _error(reply.status, "scripted failure", reply)
        problem = self._problem(path, headers, request)
        if problem is not None:
            return problem
        if reply.body is not None:
            return reply
        right = self._embeddings(request)
        changed = reply.change(right) if reply.change else right
        return Reply(wait=reply.wait, headers=reply.headers, body=json.dumps(changed).encode())

    def _turned_away(self, now: float) -> Reply | None:
        if now < self._outage_until:
            return _error(503, "out of order")
        wait = self.limit.wait(now) if self.limit else 0.0
        return _error(429, "too many requests", Reply(headers={"retry-after": f"{wait:.2f}"})) if wait else None

    def _problem(self, path: str, headers: dict[str, str], request: dict[str, Any]) -> Reply | None:
        if path != _PATH:
            return _error(404, "no such path")
        if self.api_key is not None and headers.get("authorization") != f"Bearer {self.api_key}":
            return _error(401, f"wrong key: {headers.get('authorization')}")
        texts = request["input"]
        if len(texts) > self.most_texts:
            return _error(422, f"batch size {len(texts)} > maximum allowed batch size {self.most_texts}")
        return next(filter(None, map(self._problem_of, texts)), None)

    def _problem_of(self, text: str) -> Reply | None:
        if not text:
            return _error(400, "an input is empty")
        if self.refused and self.refused in text:
            return _error(400, f"an input is not allowed: {text}")
        if self.broken and self.broken in text:
            return _error(500, "unsupported value: NaN")
        return None

    def _embeddings(self, request: dict[str, Any]) -> dict[str, Any]:
        model = HashingEmbedder(dimensions=request.get("dimensions", self.dimensions))
        vectors = asyncio.run(model.embed(request["input"])) * 3.0
        rows = [
            {"object": "embedding", "index": index, "embedding": vector.tolist()}
            for index, vector in enumerate(vectors)
        ]
        tokens = sum(len(text.split()) for text in request["input"])
        return {"object": "list", "model": request["model"], "data": rows[::-1], "usage": {"prompt_tokens": tokens}}


class StandIn(Protocol):
    """A server that is played: ``reply_to`` is asked for each reply, and ``stopping`` ends those that wait."""

    stopping: threading.Event

    def reply_to(self, path: str, headers: Mapping[str, str], request: dict[str, Any]) -> Reply: ...


class JsonHandler(BaseHTTPRequestHandler):
    """Replies as ``stand_in`` says; ``silent`` is the body where it says none."""

    protocol_version = "HTTP/1.1"
    stand_in: StandIn
    silent = b""

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.stand_in.reply_to(self.path, headers, request)
        self.stand_in.stopping.wait(reply.wait)
        body = reply.body or self.silent
        self.send_response(reply.status)
        for name, value in {"content-type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        """Serve a connection; a client that gives up waiting is what some tests are about."""
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (named by the base class)
        """Keep the tests' output clean."""


def _error(status: int, message: str, reply: Reply | None = None) -> Reply:
    reply = reply or Reply()
    body = json.dumps({"error": {"message": message, "type": "stand_in"}}).encode()
    return Reply(status=status, headers=reply.headers, wait=reply.wait, body=reply.body or body)
