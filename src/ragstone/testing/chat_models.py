"""What every ``ChatModel`` must do, and one that plays back a script without a network."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from ragstone.domain.answers import Usage
from ragstone.domain.errors import ChatModelUnavailable
from ragstone.ports.chat_model import ChatModel, Prompt
from ragstone.testing.chat_server import ChatServer, Ending, Reply

PROMPT = Prompt(instructions="Say little.", content="Question: what is basalt?")


class ScriptedChatModel:
    """Plays back pieces; fails after them where ``fails`` is set. ``prompts`` and ``closed`` tell what was done."""

    def __init__(self, *pieces: str, fails: bool = False, pause: float = 0.0) -> None:
        self._pieces = pieces
        self._fails = fails
        self._pause = pause
        self.prompts: list[Prompt] = []
        self.closed = 0

    @property
    def name(self) -> str:
        """A name like those in the settings."""
        return "scripted:model"

    async def stream(self, prompt: Prompt, *, max_tokens: int) -> AsyncGenerator[str | Usage, None]:
        """Yield the script, at most ``max_tokens`` pieces of it."""
        self.prompts.append(prompt)
        try:
            for piece in self._pieces[:max_tokens]:
                await asyncio.sleep(self._pause)
                yield piece
            if self._fails:
                raise ChatModelUnavailable("The scripted model failed.")
            yield Usage(self.name, input_tokens=len(prompt.content.split()), output_tokens=len(self._pieces))
        finally:
            self.closed += 1

    async def close(self) -> None:
        """Nothing to release."""


class ChatModelConformance:
    """Inherit, and override ``chat_model`` with a model that is connected to ``server`` and waits half a second."""

    @pytest.fixture
    async def server(self) -> AsyncGenerator[ChatServer, None]:
        async with ChatServer() as server:
            yield server

    @pytest.fixture
    def chat_model(self, server: ChatServer) -> ChatModel:
        raise NotImplementedError

    async def test_pieces_come_in_order_and_usage_last(self, server: ChatServer, chat_model: ChatModel) -> None:
        server.script(Reply(("Basalt ", "is [", "1", "] a", " rock."), input_tokens=42))
        pieces, usage = await drained(chat_model)
        assert "".join(pieces) == "Basalt is [1] a rock."
        assert usage == Usage(chat_model.name, input_tokens=42, output_tokens=5)

    async def test_the_first_piece_does_not_wait_for_the_last(self, server: ChatServer, chat_model: ChatModel) -> None:
        server.script(Reply(("first", "second"), ending=Ending.STALLED))
        stream = chat_model.stream(PROMPT, max_tokens=50)
        assert await anext(stream) == "first"

    async def test_the_prompt_and_the_limit_are_sent(self, server: ChatServer, chat_model: ChatModel) -> None:
        await drained(chat_model, max_tokens=77)
        request = server.requests[-1]
        said = {message["role"]: message["content"] for message in request["messages"]}
        assert said["user"] == PROMPT.content
        assert PROMPT.instructions in (said.get("system"), said.get("developer"))
        assert 77 in (request.get("max_tokens"), request.get("max_completion_tokens"))
        assert request["temperature"] <= 0.2

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(status=500),
            Reply(status=401),
            Reply(status=404),
            Reply(status=400),
            Reply(("half an ", "answer"), ending=Ending.DROPPED),
            Reply(("half an ", "answer"), ending=Ending.ERROR),
            Reply(("half an ", "answer"), ending=Ending.STALLED),
            Reply(("half an ", "answer"), ending=Ending.GARBAGE),
            Reply(("half an ", "answer"), ending=Ending.CUT),
            Reply(("late",), first=30.0),
        ],
        ids=lambda reply: f"{reply.status}-{reply.ending}-{reply.first:g}",
    )
    async def test_failures_are_unavailable(self, server: ChatServer, chat_model: ChatModel, reply: Reply) -> None:
        server.script(reply)
        with pytest.raises(ChatModelUnavailable) as caught:
            await drained(chat_model)
        assert chat_model.name in caught.value.message
        assert caught.value.remedy

    async def test_nothing_listening_is_unavailable(self, server: ChatServer, chat_model: ChatModel) -> None:
        await server.__aexit__()
        with pytest.raises(ChatModelUnavailable):
            await drained(chat_model)

    async def test_a_failure_before_the_first_piece_is_tried_again(
        self, server: ChatServer, chat_model: ChatModel
    ) -> None:
        server.script(Reply(status=503, headers={"retry-after-ms": "10"}), Reply(("Basalt.",)))
        pieces, _ = await drained(chat_model)
        assert pieces == ["Basalt."]
        assert len(server.requests) == 2

    async def test_a_failure_after_the_first_piece_is_not(self, server: ChatServer, chat_model: ChatModel) -> None:
        server.script(Reply(("half",), ending=Ending.DROPPED), Reply(("whole",)))
        with pytest.raises(ChatModelUnavailable):
            await drained(chat_model)
        assert len(server.requests) == 1

    async def test_slow_but_steady_is_no_time_out(self, server: ChatServer, chat_model: ChatModel) -> None:
        server.script(Reply(("a", "b", "c", "d"), pause=0.2))
        pieces, _ = await drained(chat_model)
        assert pieces == ["a", "b", "c", "d"]

    async def test_closing_ends_the_request(self, server: ChatServer, chat_model: ChatModel) -> None:
        server.script(Reply(("first", "second"), ending=Ending.STALLED))
        stream = chat_model.stream(PROMPT, max_tokens=50)
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]  # the port promises closing
        async with asyncio.timeout(1.0):
            await server.gone.wait()
        assert server.left == 1


async def drained(chat_model: ChatModel, max_tokens: int = 50) -> tuple[list[str], Usage]:
    """Return all the pieces of a reply to ``PROMPT``, and the usage, which must come last and once."""
    parts = [part async for part in chat_model.stream(PROMPT, max_tokens=max_tokens)]
    *pieces, usage = parts
    assert isinstance(usage, Usage)
    texts = [piece for piece in pieces if isinstance(piece, str)]
    assert len(texts) == len(pieces)
    return texts, usage
