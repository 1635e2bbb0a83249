"""The client over HTTP: errors, streams and jobs, against replies made by hand."""

import json
from collections.abc import Callable
from uuid import UUID

import httpx
import pytest

from ragstone.api.answers import Answer, Delta
from ragstone.api.requests import Ask
from ragstone.cli.client import BrokenOff, ServerUnavailable
from ragstone.cli.remote import HttpClient, open_server
from ragstone.domain import errors
from ragstone.domain.documents import State
from ragstone.domain.errors import InvalidRequest, RagstoneError

NOW = "2026-01-01T00:00:00Z"
ID = UUID(int=1)
ASKED = Ask.model_validate({"question": "q"})


def client(handler: Callable[[httpx.Request], httpx.Response]) -> HttpClient:
    return HttpClient(httpx.AsyncClient(transport=httpx.MockTransport(handler), base_url="http://ragstone.test/"))


def problem(status: int, code: str) -> httpx.Response:
    body = {"type": "x", "title": "x", "status": status, "detail": "It is wrong.", "code": code, "remedy": "Mend it."}
    return httpx.Response(status, json=body)


def job(job_id: str, state: State) -> dict[str, object]:
    return {
        "id": job_id, "document_id": str(ID), "collection": "default", "uri": "u", "state": state, "attempts": 1,
        "chunk_count": 3, "embedded_count": 2, "stage_seconds": {}, "failure": None, "created_at": NOW,
        "updated_at": NOW,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "not_found", errors.NotFound),
        (409, "conflict", errors.Conflict),
        (401, "unauthenticated", errors.Unauthenticated),
        (503, "database_unavailable", errors.DatabaseUnavailable),
        (422, "something_new", errors.InvalidRequest),
        (500, "internal_error", errors.Unavailable),
    ],
)
async def test_errors_are_of_the_kind_that_they_were_there(status: int, code: str, kind: type[RagstoneError]) -> None:
    with pytest.raises(kind) as raised:
        await client(lambda _: problem(status, code)).document(ID)
    assert str(raised.value) == "It is wrong. Mend it."


@pytest.mark.parametrize("reply", [httpx.Response(200, text="<html>"), httpx.Response(502, text="Bad gateway")])
async def test_what_is_not_ragstone_is_said_not_to_be(reply: httpx.Response) -> None:
    with pytest.raises(ServerUnavailable, match="not this Ragstone"):
        await client(lambda _: reply).collections()


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://host", "http://", "http://[::1"])
async def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest, match="--url"):
        async with open_server(url, None):
            pass


async def test_a_key_that_is_none_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidRequest) as raised:
        async with open_server("http://ragstone.test", "käse"):
            pass
    assert "käse" not in str(raised.value)


def stream(*frames: str) -> httpx.Response:
    return httpx.Response(200, text="".join(frames), headers={"Content-Type": "text/event-stream"})


def frame(name: str, data: object) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


ANSWER = {
    "question": "q", "answer": "Yes.", "citations": [], "refused": False, "mode": "generated", "notice": "",
    "usage": {"model": "", "input_tokens": 0, "output_tokens": 0}, "timings": {}, "trace_id": str(ID),
}  # fmt: skip


async def test_an_answer_comes_event_by_event() -> None:
    reply = stream(frame("delta", {"text": "Ye"}), ": still here\n\n", frame("news", {}), frame("done", ANSWER))
    events = [event async for event in client(lambda _: reply).ask(ASKED)]
    assert events == [Delta(text="Ye"), Answer.model_validate(ANSWER)]


async def test_an_error_within_a_stream_is_raised() -> None:
    wrong = json.loads(problem(503, "chat_model_unavailable").content)
    reply = stream(frame("delta", {"text": "Ye"}), frame("error", wrong))
    with pytest.raises(errors.ChatModelUnavailable, match="It is wrong"):
        async for _ in client(lambda _: reply).ask(ASKED):
            pass


async def test_an_error_before_a_stream_is_raised() -> None:
    with pytest.raises(errors.NotFound):
        async for _ in client(lambda _: problem(404, "not_found")).ask(ASKED):
            pass


class Jobs:
    """A server's jobs: those of ours, every hundredth of which is gone, among those of others."""

    def __init__(self, count: int) -> None:
        self.ours = [UUID(int=10 * number) for number in range(1, count + 1)]
        self.rows = {UUID(int=number): State.READY for number in range(5, 10 * count, 10)}  # of others
        self.rows |= {each: State.SEARCHABLE for number, each in enumerate(self.ours) if number % 100}
        self.requests = 0

    def reply(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        after, limit = UUID(request.url.params["cursor"]), int(request.url.params["limit"])
        found = sorted(each for each in self.rows if each > after)
        items = [job(str(each), self.rows[each]) for each in found[:limit]]
        more = str(found[limit - 1]) if len(found) > limit else None
        return httpx.Response(200, json={"items": items, "next_cursor": more})


async def test_jobs_are_looked_at_in_turns_until_they_end_and_no_longer() -> None:
    jobs = Jobs(3000)
    remote = client(jobs.reply)
    first = await remote.progress(jobs.ours)
    assert jobs.requests == 8
    assert 0 < first.states[State.SEARCHABLE] <= 8 * 200
    assert 3000 - 30 <= first.open < 3000  # what was not looked at is taken to be as it was accepted
    for _ in range(3):
        last = await remote.progress(jobs.ours)
    assert last.states == {State.SEARCHABLE: 2970, State.ACCEPTED: 0}
    jobs.rows = dict.fromkeys(jobs.rows, State.READY)
    for _ in range(5):
        last = await remote.progress(jobs.ours)
    assert (last.states[State.READY], last.open) == (2970, 0)
    assert (last.chunks, last.embedded) == (2970 * 3, 2970 * 2)
    asked = jobs.requests
    await remote.progress(jobs.ours)
    assert jobs.requests == asked


async def test_an_old_job_far_from_the_others_costs_one_page() -> None:
    jobs = Jobs(1000)
    remote = client(jobs.reply)
    assert (await remote.progress([jobs.ours[1], jobs.ours[-1]])).states[State.SEARCHABLE] == 2
    assert jobs.requests == 2


async def test_a_look_that_fails_is_made_up_for() -> None:
    jobs = Jobs(10)
    replies = iter([problem(503, "unavailable")])
    remote = client(lambda request: next(replies, None) or jobs.reply(request))
    with pytest.raises(errors.Unavailable):
        await remote.progress(jobs.ours)
    assert (await remote.progress(jobs.ours)).states[State.SEARCHABLE] == 9


async def test_a_server_that_is_away_is_told_from_one_that_breaks_off() -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    def broken_off(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("", request=request)

    with pytest.raises(ServerUnavailable, match="does not answer: refused"):
        await client(away).collections()
    with pytest.raises(BrokenOff, match="broke off: ReadError"):
        await client(broken_off).collections()
