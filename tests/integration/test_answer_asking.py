"""Asking, from hits to the cited answer, with a language model's server over real HTTP and without."""

import asyncio
import gc
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from uuid import UUID

import pytest

from ragstone.adapters.chat_models.pydantic_ai import PydanticAIChatModel
from ragstone.answer.asking import EXTRACTIVE, GENERATED, Asking
from ragstone.domain.access import LOCAL
from ragstone.domain.answers import Answer, AnswerEvent, Cited, Delta, Done, Restart, Retrieved
from ragstone.domain.documents import Chunk
from ragstone.domain.errors import ChatModelUnavailable
from ragstone.domain.queries import Hit, LegRank, Mode, Scope
from ragstone.ports.chat_model import ChatModel
from ragstone.testing.chat_models import ScriptedChatModel
from ragstone.testing.chat_server import ChatServer, Ending, Reply, in_pieces
from ragstone.testing.word_vectors import WordVectors

EVERYWHERE = Scope(LOCAL)
BASALT = "Basalt is a dark volcanic rock. It formed 66 million years ago. It is not soluble in water."
GRANITE = "Granite is coarse. James Hutton saw granite veins at Glen Tilt in 1785. Quartz makes granite hard."
CONTENTS = {"basalt.md": BASALT, "granite.md": GRANITE}
QUESTION = "Who saw granite veins at Glen Tilt?"


def hits() -> list[Hit]:
    found = []
    for n, (uri, content) in enumerate(CONTENTS.items(), 1):
        chunk = Chunk(UUID(int=n), 0, content, 0, len(content), 0, heading_path=(uri[:-3].title(),))
        legs = {"meaning": LegRank(n, 0.6), "words": LegRank(n, 3.0)}
        found.append(Hit(chunk, UUID(int=10 + n), uri[:-3].title(), uri, "default", 1 / (60 + n), legs))
    return found


class Found:
    """A search that finds the same each time, and notes what it was asked."""

    def __init__(self, found: Sequence[Hit]) -> None:
        self.found = found
        self.asked: list[tuple[str, Mode, int]] = []

    async def __call__(self, question: str, scope: Scope, mode: Mode, limit: int) -> Sequence[Hit]:
        self.asked.append((question, mode, limit))
        return self.found


def asking(
    chat_model: ChatModel | None = None,
    *,
    found: Sequence[Hit] | None = None,
    fallback: bool = True,
    threshold: float = 0.0,
) -> Asking:
    return Asking(
        Found(hits() if found is None else found),
        WordVectors(),
        chat_model,
        context_tokens=3000,
        context_passages=8,
        answer_tokens=200,
        refusal_threshold=threshold,
        fallback=fallback,
    )


async def streamed(service: Asking, question: str = QUESTION) -> list[AnswerEvent]:
    return [event async for event in service.ask(question, EVERYWHERE)]


def done(events: Sequence[AnswerEvent]) -> Answer:
    assert isinstance(events[-1], Done)
    return events[-1].answer


def check(events: Sequence[AnswerEvent]) -> Answer:
    """Hold a stream to its contract: what was streamed is what stands in the end, quotes are verbatim, marks match."""
    answer = done(events)
    assert isinstance(events[0], Retrieved)
    assert events[0].trace_id == answer.trace_id
    begin = max((i for i, event in enumerate(events) if isinstance(event, Restart)), default=0)
    text = "".join(event.text for event in events[begin:] if isinstance(event, Delta))
    assert text == answer.text
    assert tuple(event.citation for event in events[begin:] if isinstance(event, Cited)) == answer.citations
    for n, cited in enumerate(answer.citations, 1):
        assert cited.n == n
        assert CONTENTS[cited.uri][cited.start : cited.end] == cited.quote
        assert answer.text.count(f"[{n}]") == 1
    return answer


async def test_without_a_model_the_answer_is_quoted() -> None:
    answer = check(await streamed(asking()))
    assert "James Hutton saw granite veins at Glen Tilt in 1785." in answer.citations[0].quote
    assert answer.citations[0].support == "supported"
    assert (answer.mode, answer.refused, answer.notice) == (EXTRACTIVE, False, "")
    assert {"retrieve", "pack", "extract", "total"} <= set(answer.timings)


async def test_below_the_threshold_it_refuses_in_the_language_of_the_question() -> None:
    service = asking(threshold=1.0)
    english = check(await streamed(service))
    german = check(await streamed(service, "Wer hat die Adern in dem Tal gesehen?"))
    assert english.refused
    assert english.citations == ()
    assert "do not answer" in english.text
    assert "beantworten diese Frage nicht" in german.text


async def test_nothing_found_is_refused_without_asking_the_model() -> None:
    model = ScriptedChatModel("Never asked [1].")
    answer = check(await streamed(asking(model, found=[])))
    assert answer.refused
    assert model.prompts == []


async def test_search_is_asked_as_the_caller_says() -> None:
    found = Found(hits())
    service = Asking(
        found,
        WordVectors(),
        None,
        context_tokens=3000,
        context_passages=8,
        answer_tokens=200,
        refusal_threshold=0.0,
        fallback=True,
    )
    await service.answer(QUESTION, EVERYWHERE, mode=Mode.WORDS, limit=7)
    assert found.asked == [(QUESTION, Mode.WORDS, 7)]


@pytest.fixture
async def server() -> AsyncGenerator[ChatServer, None]:
    async with ChatServer() as running:
        yield running


@pytest.fixture
async def served(server: ChatServer) -> AsyncGenerator[ChatModel, None]:
    model = PydanticAIChatModel("openai:stand-in", base_url=server.base_url, timeout=0.5)
    yield model
    await model.close()


async def test_a_model_writes_and_its_marks_become_citations(server: ChatServer, served: ChatModel) -> None:
    server.script(Reply(in_pieces("Hutton saw granite veins there in 1785 [2]. Basalt is dark [1, 2].", 2)))
    answer = check(await streamed(asking(served)))
    assert answer.text == "Hutton saw granite veins there in 1785 [1]. Basalt is dark [2][3]."
    assert answer.citations[0].uri == "granite.md"
    assert (answer.mode, answer.refused, answer.notice) == (GENERATED, False, "")
    assert answer.usage.model == "openai:stand-in"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (100, 33)
    assert {"retrieve", "pack", "generate", "cite", "total"} <= set(answer.timings)


async def test_the_reader_sees_tokens_before_the_model_is_done(server: ChatServer, served: ChatModel) -> None:
    server.script(Reply(("Basalt ", "is"), ending=Ending.STALLED))
    async with aclosing(asking(served).ask(QUESTION, EVERYWHERE)) as events:
        assert isinstance(await anext(events), Retrieved)
        assert await anext(events) == Delta("Basalt")


async def test_a_reader_who_leaves_ends_the_models_request(server: ChatServer, served: ChatModel) -> None:
    server.script(Reply(("Basalt is", " dark"), ending=Ending.STALLED))
    async with aclosing(asking(served).ask(QUESTION, EVERYWHERE)) as events:
        async for event in events:
            if isinstance(event, Delta):
                break
    async with asyncio.timeout(1.0):
        await server.gone.wait()


async def test_marks_out_of_range_are_removed(server: ChatServer, served: ChatModel) -> None:
    server.script(Reply(in_pieces("Basalt is dark [1]. Lava is hot [17]. Granite is coarse [2][99].")))
    answer = check(await streamed(asking(served)))
    assert answer.text == "Basalt is dark [1]. Lava is hot. Granite is coarse [2]."


async def test_what_the_quote_does_not_say_is_marked_as_such(server: ChatServer, served: ChatModel) -> None:
    server.script(Reply(("Basalt is dark [1]. Hutton saw granite veins at Glen Tilt in 1875 [2].",)))
    cited = check(await streamed(asking(served))).citations
    assert [each.support for each in cited] == ["supported", "not_supported"]


@pytest.mark.parametrize(
    "text", ["[0] The sources do not say.", "Las fuentes no lo dicen [0].", "I don't know the answer."]
)
async def test_a_model_that_does_not_know_refuses(server: ChatServer, served: ChatModel, text: str) -> None:
    server.script(Reply(in_pieces(text)))
    answer = check(await streamed(asking(served)))
    assert answer.refused
    assert answer.citations == ()
    assert "[0]" not in answer.text
    assert answer.mode == GENERATED


async def test_a_partial_answer_says_so(server: ChatServer, served: ChatModel) -> None:
    server.script(Reply(("Basalt is dark [1]. The sources do not say how heavy it is [0].",)))
    answer = check(await streamed(asking(served)))
    assert not answer.refused
    assert "part" in answer.notice


async def test_an_answer_without_marks_gives_way_to_quotes(server: ChatServer, served: ChatModel) -> None:
    server.script(Reply(("Granite veins were seen by somebody famous.",)))
    events = await streamed(asking(served))
    answer = check(events)
    assert any(isinstance(event, Restart) for event in events)
    assert answer.mode == EXTRACTIVE
    assert "named no source" in answer.notice
    kept = check(await streamed(asking(served, fallback=False)))
    assert kept.text == "Granite veins were seen by somebody famous."
    assert "checked" in kept.notice


FAILURES = [
    Reply(status=500),
    Reply(first=30.0),
    Reply(("Half an ", "answer [1]"), ending=Ending.DROPPED),
    Reply(("Half an ", "answer [1]"), ending=Ending.STALLED),
    Reply(("Half an ", "answer [1]"), ending=Ending.ERROR),
]


@pytest.mark.parametrize("reply", FAILURES, ids=lambda reply: f"{reply.status}-{reply.ending}-{len(reply.pieces)}")
async def test_when_the_model_fails_the_answer_is_quoted(server: ChatServer, served: ChatModel, reply: Reply) -> None:
    server.script(reply)
    events = await streamed(asking(served))
    answer = check(events)
    restarts = [event for event in events if isinstance(event, Restart)]
    assert len(restarts) == (1 if reply.pieces else 0)
    assert answer.mode == EXTRACTIVE
    assert "model failed" in answer.notice
    assert answer.citations[0].uri == "granite.md"


@pytest.mark.parametrize("reply", FAILURES, ids=lambda reply: f"{reply.status}-{reply.ending}-{len(reply.pieces)}")
async def test_without_fallback_its_failure_is_the_callers(server: ChatServer, served: ChatModel, reply: Reply) -> None:
    server.script(reply)
    with pytest.raises(ChatModelUnavailable):
        await streamed(asking(served, fallback=False))


async def test_two_hundred_streams_left_alone_leave_nothing_behind() -> None:
    model = ScriptedChatModel("Basalt is dark [1]. ", "More of it. ", pause=0.01)
    service = asking(model)
    before = len(asyncio.all_tasks())

    async def look_and_leave() -> None:
        async with aclosing(service.ask(QUESTION, EVERYWHERE)) as events:
            async for event in events:
                if isinstance(event, Delta):
                    return

    await asyncio.gather(*(look_and_leave() for _ in range(200)))
    assert model.closed == 200
    gc.collect()
    assert len(asyncio.all_tasks()) == before
