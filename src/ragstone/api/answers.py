"""Answers, whole and event by event, as JSON."""

from collections.abc import Mapping
from uuid import UUID

from pydantic import AliasChoices, Field

from ragstone.api.found import Hit
from ragstone.api.schemas import Reply
from ragstone.domain import answers
from ragstone.domain.answers import Support


class Citation(Reply):
    """A verbatim quote: the document's ``content[start:end]``. ``n`` is the number of its mark in the answer."""

    n: int
    source: str
    document_id: UUID
    chunk_id: UUID
    title: str
    uri: str
    page: int | None
    page_label: str | None = None
    heading_path: list[str]
    quote: str
    start: int
    end: int
    score: float
    support: Support = Field(description="Whether the quote bears out the sentence that carries its mark.")


class Usage(Reply):
    """Tokens that the language model counted; zeros where none was asked."""

    model: str
    input_tokens: int
    output_tokens: int


class Answer(Reply):
    """An answer: Markdown with ``[n]`` marks, and one citation for each mark."""

    question: str
    answer: str = Field(validation_alias=AliasChoices("answer", "text"))
    citations: list[Citation]
    refused: bool = Field(description="True where the documents do not hold the answer.")
    mode: str = Field(description="`generated` by a language model, or `extractive`: quoted from the documents.")
    notice: str = Field(description="What to know about how the answer was made; empty as a rule.")
    usage: Usage
    timings: dict[str, float] = Field(description="Milliseconds by step.")
    trace_id: UUID


class Retrieval(Reply):
    """First event of a stream, ``retrieval``: what was found."""

    trace_id: UUID
    hits: list[Hit]


class Delta(Reply):
    """Event ``delta``: a piece of the answer's text."""

    text: str


class Restart(Reply):
    """Event ``restart``: forget the deltas so far, the answer begins anew."""

    reason: str


EVENTS: Mapping[type[answers.AnswerEvent], str] = {
    answers.Retrieved: "retrieval",
    answers.Delta: "delta",
    answers.Cited: "citation",
    answers.Restart: "restart",
    answers.Done: "done",
}
"""The name of each event in a stream of server-sent events."""


def answer_frame(event: answers.AnswerEvent) -> tuple[str, Reply]:
    """Return an event's name in the stream, and its data."""
    return EVENTS[type(event)], event_reply(event)


def event_reply(event: answers.AnswerEvent) -> Reply:
    """Return the data of an event of the stream."""
    match event:
        case answers.Retrieved(hits, trace_id):
            return Retrieval(trace_id=trace_id, hits=[Hit.from_domain(hit) for hit in hits])
        case answers.Delta():
            return Delta.from_domain(event)
        case answers.Cited(citation):
            return Citation.from_domain(citation)
        case answers.Restart():
            return Restart.from_domain(event)
        case answers.Done(answer):
            return Answer.from_domain(answer)
