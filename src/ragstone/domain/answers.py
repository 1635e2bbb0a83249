"""An answer and its citations: one shape for every door, whole or streamed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from ragstone.domain.queries import Hit


class Support(StrEnum):
    """Whether a citation's quote bears out the sentence that carries its mark."""

    SUPPORTED = "supported"
    PARTLY = "partly"
    NOT_SUPPORTED = "not_supported"


@dataclass(frozen=True, slots=True)
class Citation:
    """A verbatim quote: ``content[start:end] == quote`` in the document's content.

    ``n`` is the number of the mark ``[n]`` in the answer; ``score`` is the passage's retrieval score.
    """

    n: int
    source: str
    document_id: UUID
    chunk_id: UUID
    title: str
    uri: str
    page: int | None
    page_label: str | None
    heading_path: tuple[str, ...]
    quote: str
    start: int
    end: int
    score: float
    support: Support


@dataclass(frozen=True, slots=True)
class Usage:
    """What a language model counted; zeros where none was asked."""

    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply: Markdown with ``[n]`` marks, one citation for each mark.

    ``refused``: the sources do not hold the answer. ``notice``: what the reader should know about how it
    was made (for instance that the language model failed and the answer is quoted instead).
    ``timings`` in milliseconds, by step.
    """

    question: str
    text: str
    citations: tuple[Citation, ...]
    refused: bool
    mode: str
    usage: Usage
    timings: Mapping[str, float]
    trace_id: UUID
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """First event of a stream: what was found."""

    hits: tuple[Hit, ...]
    trace_id: UUID


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of the answer's text, in order."""

    text: str


@dataclass(frozen=True, slots=True)
class Cited:
    """A citation, as soon as its mark is complete in the text sent so far."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class Restart:
    """Forget the deltas sent so far: the model failed, and the answer begins anew."""

    reason: str


@dataclass(frozen=True, slots=True)
class Done:
    """Last event of a stream: the whole answer, which stands over what was streamed."""

    answer: Answer


AnswerEvent = Retrieved | Delta | Cited | Restart | Done


@dataclass(frozen=True, slots=True)
class Passage:
    """A numbered piece of the context: one hit, as the model sees it. ``tokens`` as counted for the budget."""

    n: int
    hit: Hit
    tokens: int


@dataclass(frozen=True, slots=True)
class Context:
    """What was packed for the answer, in order, and the hits that were found but cut."""

    passages: tuple[Passage, ...]
    cut: tuple[Hit, ...] = field(default=())
