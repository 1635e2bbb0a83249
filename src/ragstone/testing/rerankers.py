"""What every ``Reranker`` must do, one without a model, and a stand-in for the endpoints of three vendors."""

import asyncio
import json
import math
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Final, Self

import pytest

from ragstone.ports.reranker import Candidate, Reranker
from ragstone.testing.embedders import TEXTS
from ragstone.testing.embedding_server import JsonHandler, Reply

QUESTION: Final = "When does the swift sleep?"
ANSWER: Final = Candidate(
    "Birds > Swifts", "The swift may sleep while it flies; when it does, half of its brain rests."
)
OTHERS: Final = (
    Candidate("Birds > Terns", "Terns breed on gravel banks."),
    Candidate("", "Tungsten melts at 3422 degrees Celsius."),
    Candidate("Rocks", "Basalt is a dark volcanic rock."),
)

_WORD = re.compile(r"\w+")


def shared_words(question: str, text: str) -> float:
    """Return the share of the question's words that stand in ``text``."""
    asked = set(_WORD.findall(question.lower()))
    return len(asked & set(_WORD.findall(text.lower()))) / max(1, len(asked))


_FAILURE: Final = b'{"message": "scripted failure"}'


class WordReranker:
    """Scores by the words that a passage shares with the question. ``asked`` holds what it was asked.

    Before it replies it waits ``wait`` seconds, and raises ``error`` where that is given; ``scores`` are returned
    instead of its own.
    """

    def __init__(
        self, *, wait: float = 0.0, error: Exception | None = None, scores: Sequence[float] | None = None
    ) -> None:
        self.wait, self.error, self.scores = wait, error, scores
        self.asked: list[tuple[str, tuple[Candidate, ...]]] = []
        self.left = 0

    @property
    def name(self) -> str:
        """A name like those in the settings."""
        return "words"

    async def warm(self) -> None:
        """Do nothing: there is nothing to load."""

    async def score(self, question: str, candidates: Sequence[Candidate]) -> Sequence[float]:
        """Return the shares."""
        self.asked.append((question, tuple(candidates)))
        try:
            await asyncio.sleep(self.wait)
        except asyncio.CancelledError:
            self.left += 1
            raise
        if self.error is not None:
            raise self.error
        if self.scores is not None:
            return self.scores
        return [shared_words(question, candidate.whole) for candidate in candidates]

    async def close(self) -> None:
        """Do nothing: there is nothing to release."""


class RerankerConformance:
    """Inherit, and override ``reranker`` with one that prefers what shares words with the question."""

    @pytest.fixture
    def reranker(self) -> Reranker:
        raise NotImplementedError

    @pytest.mark.parametrize("place", range(4))
    async def test_the_answer_scores_highest_wherever_it_stands(self, reranker: Reranker, place: int) -> None:
        await reranker.warm()
        candidates = [*OTHERS[:place], ANSWER, *OTHERS[place:]]
        scores = await reranker.score(QUESTION, candidates)
        assert len(scores) == len(candidates)
        assert all(map(math.isfinite, scores))
        assert all(scores[place] > score for other, score in enumerate(scores) if other != place)

    async def test_the_place_counts(self, reranker: Reranker) -> None:
        named, nameless = Candidate("When the swift sleeps", "On the wing."), Candidate("", "On the wing.")
        scores = await reranker.score(QUESTION, [nameless, named])
        assert scores[1] > scores[0]

    async def test_no_candidates_no_scores(self, reranker: Reranker) -> None:
        assert list(await reranker.score(QUESTION, [])) == []

    async def test_any_text_has_a_score(self, reranker: Reranker) -> None:
        candidates = [
            *(Candidate(text[:20], text) for text in TEXTS),
            Candidate("", ""),
            Candidate("", "swift " * 5000),
        ]
        scores = await reranker.score("half \ud800 of a pair?", candidates)
        assert len(scores) == len(candidates)
        assert all(map(math.isfinite, scores))

    async def test_more_than_a_request_holds(self, reranker: Reranker) -> None:
        candidates = [*OTHERS * 15, ANSWER]
        scores = await reranker.score(QUESTION, candidates)
        assert len(scores) == len(candidates)
        assert max(scores) == scores[-1] > max(scores[:-1])

    async def test_questions_at_once_get_their_own_scores(self, reranker: Reranker) -> None:
        candidates = [ANSWER, *OTHERS]
        questions = [QUESTION, "Which rock is dark and volcanic?", "At how many degrees does tungsten melt?"]
        scores = await asyncio.gather(*(reranker.score(question, candidates) for question in questions))
        assert [list(each).index(max(each)) for each in scores] == [0, 3, 2]

    async def test_is_called_something(self, reranker: Reranker) -> None:
        assert reranker.name
        assert reranker.name == reranker.name.strip()


class RerankServer:
    """Serves Cohere's, Jina's and TEI's shape on a free loopback port while the ``with`` block lasts.

    Scores are ``shared_words``; rows come best first, as the vendors send them. Scripted replies are used up first.
    ``requests``, ``paths`` and ``headers`` hold what came in. A request that a vendor would refuse is refused.
    """

    MOST_TEXTS: ClassVar = {"/v2/rerank": 1000, "/v1/rerank": 2048, "/rerank": 32}

    def __init__(self, *, api_key: str | None = None) -> None:
        self.api_key = api_key
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._script: deque[Reply] = deque()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("_Bound", (JsonHandler,), {"stand_in": self, "silent": _FAILURE})
        )
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def base_url(self, kind: str) -> str:
        """Return the address that a client of ``kind`` is given."""
        version = {"cohere": "/v2", "jina": "/v1", "tei": ""}[kind]
        return f"http://127.0.0.1:{self._server.server_address[1]}{version}"

    def script(self, *replies: Reply) -> None:
        """Say how the next requests are replied to."""
        self._script.extend(replies)

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
        """Return what to send, with its body filled in."""
        with self._lock:
            self.requests.append(request)
            self.paths.append(path)
            self.headers.append(headers)
            reply = self._script.popleft() if self._script else Reply()
        if reply.status != 200 or reply.body is not None:
            return reply
        if self.api_key is not None and headers.get("authorization") != f"Bearer {self.api_key}":
            return _error(401, f"wrong key: {headers.get('authorization')}")
        problem = self._problem(path, request)
        if problem is not None:
            return problem
        right = _ranked(path, request)
        body = json.dumps(reply.change(right) if reply.change else right).encode()
        return Reply(headers=reply.headers, wait=reply.wait, body=body)

    def _problem(self, path: str, request: dict[str, Any]) -> Reply | None:
        if path not in self.MOST_TEXTS:
            return _error(404, "no such path")
        wanted = {"query", "texts"} if path == "/rerank" else {"query", "documents", "model"}
        if not wanted <= request.keys():
            return _error(422, f"missing: {sorted(wanted - request.keys())}")
        texts = request.get("texts") or request.get("documents") or []
        if not texts or len(texts) > self.MOST_TEXTS[path] or not all(texts) or not request["query"]:
            return _error(422, f"{len(texts)} texts, or an empty one")
        return None


def _ranked(path: str, request: dict[str, Any]) -> Any:
    key, texts = ("score", request["texts"]) if path == "/rerank" else ("relevance_score", request["documents"])
    rows = [{"index": index, key: shared_words(request["query"], text)} for index, text in enumerate(texts)]
    rows.sort(key=lambda row: -row[key])
    return rows if path == "/rerank" else {"id": "stand-in", "results": rows[: request.get("top_n")], "meta": {}}


def _error(status: int, message: str) -> Reply:
    return Reply(status=status, body=json.dumps({"message": message}).encode())


async def left_at_once(reranker: Reranker, candidates: Sequence[Candidate], begun: Callable[[], object]) -> float:
    """Cancel a call once ``begun`` holds; return the seconds that it took to come back."""
    asking = asyncio.create_task(reranker.score(QUESTION, candidates))
    for _ in range(5000):
        if begun():
            break
        await asyncio.sleep(0.001)
    assert begun()
    assert not asking.done()
    started = time.monotonic()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    return time.monotonic() - started
