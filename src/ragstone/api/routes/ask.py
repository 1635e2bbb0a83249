"""Asking: the answer to a question with its citations, whole or as a stream of events."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi import APIRouter, Request
from starlette.responses import Response

from ragstone.api.access import Reader
from ragstone.api.answers import EVENTS, Answer, answer_frame
from ragstone.api.dependencies import OpenAsking, OpenSettings, Stopping
from ragstone.api.problems import documented
from ragstone.api.questions import check_length
from ragstone.api.requests import Ask
from ragstone.api.stream import EventStream, begun, described, unless_gone
from ragstone.domain import answers
from ragstone.domain.answers import AnswerEvent, Done
from ragstone.telemetry import ANSWER_SECONDS, MODEL_TOKENS, QUESTIONS

_STREAM = described(
    "The answer; as server-sent events `retrieval`, `delta`, `citation`, `restart`, `done` and `error`"
    " where `stream` is true or the header Accept asks for text/event-stream.",
    [*EVENTS.values(), "error"],
)

router = APIRouter(prefix="/v1", tags=["questions"])


@router.post("/ask", response_model=Answer, responses={200: _STREAM, **documented(400, 401, 403, 404, 413, 422, 503)})
async def ask(
    *, request: Request, body: Ask, principal: Reader, asking: OpenAsking, settings: OpenSettings, stopping: Stopping
) -> Answer | Response:
    """Answer a question from the documents. Every sentence is cited; what they do not hold is refused."""
    check_length(body.question, settings.max_question_chars)
    events = _counted(asking.ask(body.question, body.scope(principal), mode=body.mode, limit=body.top_k))
    if body.stream or EventStream.media_type in request.headers.get("accept", ""):
        return EventStream(await begun(events), answer_frame, stopping)
    return Answer.from_domain(await unless_gone(request, _whole(events)))


async def _whole(events: AsyncGenerator[AnswerEvent, None]) -> answers.Answer:
    """Return the answer that the last event carries."""
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Done):
                return event.answer
    raise AssertionError("a stream of answer events ends with Done")


async def _counted(events: AsyncGenerator[AnswerEvent, None]) -> AsyncGenerator[AnswerEvent, None]:
    """Pass the events on, and count the answer that they end with."""
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Done):
                _count(event.answer)
            yield event


def _count(answer: answers.Answer) -> None:
    QUESTIONS.labels("refused" if answer.refused else answer.mode).inc()
    for step, milliseconds in answer.timings.items():
        ANSWER_SECONDS.labels(step).observe(milliseconds / 1000)
    MODEL_TOKENS.labels("input").inc(answer.usage.input_tokens)
    MODEL_TOKENS.labels("output").inc(answer.usage.output_tokens)
