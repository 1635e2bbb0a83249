"""Asking: from a question to the cited answer, step by step, as a stream of events.

    retrieve ─▶ pack ─▶ generate (a language model is set) ─▶ cite ─▶ done
                     └▶ extract  (none is, or it failed)   ─▶ done

``Answer.mode`` says how the text was made: ``generated`` by a language model or ``extractive``, quoted
from the documents. Whether the question was refused is said by ``Answer.refused``, in either mode.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import Final, Protocol
from uuid import UUID

from ragstone.answer.extract import NOTHING, Extractor, rendered
from ragstone.answer.generate import Written, generate
from ragstone.answer.refusal import refusal, refuses
from ragstone.domain.answers import (
    Answer,
    AnswerEvent,
    Citation,
    Cited,
    Context,
    Delta,
    Done,
    Restart,
    Retrieved,
    Support,
    Usage,
)
from ragstone.domain.errors import ChatModelUnavailable
from ragstone.domain.ids import new_id
from ragstone.domain.queries import Hit, Mode, Scope
from ragstone.ports.chat_model import ChatModel
from ragstone.ports.embedder import Embedder
from ragstone.retrieve.packing import pack

EXTRACTIVE: Final = "extractive"
GENERATED: Final = "generated"
DEFAULT_LIMIT: Final = 20

_MODEL_FAILED: Final = "The language model failed, so the answer is quoted from the documents."
_MODEL_CITED_NOTHING: Final = "The language model named no source, so the answer is quoted from the documents."
_UNCHECKED: Final = "The language model named no source: nothing in this answer was checked against the documents."
_MODEL_UNSUPPORTED: Final = (
    "The sources that the language model named do not support its answer, so the answer is quoted from the documents."
)
_UNSUPPORTED: Final = "The sources that the language model named do not support its answer."
_UNMARKED: Final = "Some sentences name no source: those were not checked against the documents."
_PARTIAL: Final = "The documents answer only a part of the question."


class Search(Protocol):
    """Finds what bears on a question."""

    async def __call__(self, question: str, scope: Scope, mode: Mode, limit: int) -> Sequence[Hit]:
        """Return at most ``limit`` hits that ``scope`` may see, best first."""
        ...


class Asking:
    """Answers questions from what ``search`` finds, with a language model or without."""

    def __init__(
        self,
        search: Search,
        embedder: Embedder,
        chat_model: ChatModel | None,
        *,
        context_tokens: int,
        context_passages: int,
        answer_tokens: int,
        refusal_threshold: float,
        fallback: bool,
    ) -> None:
        self._search = search
        self._embedder = embedder
        self._extractor = Extractor(embedder)
        self._chat_model = chat_model
        self._context_tokens = context_tokens
        self._context_passages = context_passages
        self._answer_tokens = answer_tokens
        self._refusal_threshold = refusal_threshold
        self._fallback = fallback

    async def ask(
        self, question: str, scope: Scope, *, mode: Mode = Mode.HYBRID, limit: int | None = None
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Yield what is found, then the answer piece by piece, and last the whole of it.

        Closing the iterator ends the language model's request. Raises what ``search`` raises,
        ``EmbedderUnavailable``, and, where no fallback is set, ``ChatModelUnavailable``.
        """
        run = _Run(question)
        with run.timed("retrieve"):
            hits = await self._search(question, scope, mode, limit or DEFAULT_LIMIT)
        yield Retrieved(tuple(hits), run.trace_id)
        with run.timed("pack"):
            context = await asyncio.to_thread(self._packed, hits)
        if self._chat_model is None or not context.passages:
            steps = self._quoted(run, context)
        else:
            steps = self._generated(run, context, self._chat_model)
        async with aclosing(steps) as events:
            async for event in events:
                yield event

    async def answer(
        self, question: str, scope: Scope, *, mode: Mode = Mode.HYBRID, limit: int | None = None
    ) -> Answer:
        """Return the whole answer. Raises as ``ask`` does."""
        async with aclosing(self.ask(question, scope, mode=mode, limit=limit)) as events:
            async for event in events:
                if isinstance(event, Done):
                    return event.answer
        raise AssertionError("a stream of answer events ends with Done")

    def _packed(self, hits: Sequence[Hit]) -> Context:
        spans = self._embedder.tokenizer.spans
        return pack(
            hits,
            budget_tokens=self._context_tokens,
            max_passages=self._context_passages,
            count_tokens=lambda text: len(spans(text)),
        )

    async def _quoted(self, run: "_Run", context: Context, notice: str = "") -> AsyncGenerator[AnswerEvent, None]:
        """Answer with quotes, or refuse."""
        with run.timed("extract"):
            found = await self._extractor.extract(run.question, context) if context.passages else NOTHING
        if not found.quotes or found.confidence < self._refusal_threshold:
            text = refusal(run.question)
            yield Delta(text)
            yield Done(run.answer(text, (), refused=True, mode=EXTRACTIVE, notice=notice))
            return
        paragraphs: list[str] = []
        citations: list[Citation] = []
        for paragraph, citation in rendered(found.quotes):
            yield Delta(f"\n\n{paragraph}" if paragraphs else paragraph)
            yield Cited(citation)
            paragraphs.append(paragraph)
            citations.append(citation)
        text = "\n\n".join(paragraphs)
        yield Done(run.answer(text, citations, refused=False, mode=EXTRACTIVE, notice=notice))

    async def _generated(
        self, run: "_Run", context: Context, chat_model: ChatModel
    ) -> AsyncGenerator[AnswerEvent, None]:
        """Answer with the model's text; with quotes where it fails or cites nothing, if that is allowed."""
        sent = False
        written: Written | None = None
        try:
            with run.timed("generate"):
                async with aclosing(
                    generate(run.question, context.passages, chat_model, self._embedder, max_tokens=self._answer_tokens)
                ) as events:
                    async for event in events:
                        if isinstance(event, Written):
                            written = event
                        else:
                            sent = True
                            yield event
        except ChatModelUnavailable:
            if not self._fallback:
                raise
        instead = _instead(written, self._fallback)
        if written is not None and not instead:
            yield Done(run.written(written))
            return
        if written is not None:
            run.count(written.usage)
        if sent:
            yield Restart(instead)
        async with aclosing(self._quoted(run, context, notice=instead)) as steps:
            async for step in steps:
                yield step


def _instead(written: Written | None, fallback: bool) -> str:
    """Say why the model's answer must give way to quotes, or nothing where it stands."""
    if written is None:
        return _MODEL_FAILED
    if not fallback or written.says_no_answer or refuses(written.text):
        return ""
    if not written.citations:
        return _MODEL_CITED_NOTHING
    return "" if _supported(written) else _MODEL_UNSUPPORTED


def _supported(written: Written) -> bool:
    """Whether at least one quote bears out, in part at least, the sentence that names it."""
    return any(citation.support is not Support.NOT_SUPPORTED for citation in written.citations)


class _Run:
    """One question on its way: its trace id and how long each step took."""

    def __init__(self, question: str) -> None:
        self.question = question
        self.trace_id: UUID = new_id()
        self._began = time.perf_counter()
        self._timings: dict[str, float] = {}
        self._usage = Usage()

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Note how many milliseconds the block took."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._timings[step] = (time.perf_counter() - began) * 1000

    def count(self, usage: Usage) -> None:
        """Note what the model counted, also where its text gave way to quotes."""
        self._usage = usage

    def written(self, written: Written) -> Answer:
        """Return the model's answer."""
        self._timings["cite"] = written.cite_ms
        self.count(written.usage)
        refused = not written.citations and (written.says_no_answer or refuses(written.text))
        text = written.text or refusal(self.question)
        notice = ""
        if not written.citations and not refused:
            notice = _UNCHECKED
        elif written.citations and written.says_no_answer:
            notice = _PARTIAL
        elif written.citations and not _supported(written):
            notice = _UNSUPPORTED
        elif written.unmarked and not refused:
            notice = _UNMARKED
        return self.answer(text, written.citations, refused=refused, mode=GENERATED, notice=notice)

    def answer(self, text: str, citations: Sequence[Citation], *, refused: bool, mode: str, notice: str) -> Answer:
        """Return the whole answer, timed up to now."""
        timings = {**self._timings, "total": (time.perf_counter() - self._began) * 1000}
        return Answer(
            question=self.question,
            text=text,
            citations=tuple(citations),
            refused=refused,
            mode=mode,
            usage=self._usage,
            timings=timings,
            trace_id=self.trace_id,
            notice=notice,
        )
