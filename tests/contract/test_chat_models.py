from collections.abc import AsyncGenerator
from importlib.util import find_spec

import pytest

from ragstone.adapters.chat_models.pydantic_ai import PydanticAIChatModel
from ragstone.domain.errors import ChatModelUnavailable, ConfigurationError
from ragstone.ports.chat_model import ChatModel
from ragstone.testing.chat_models import PROMPT, ChatModelConformance, drained
from ragstone.testing.chat_server import ChatServer, Reply

SECRET = "sk-very-secret"


class TestPydanticAI(ChatModelConformance):
    @pytest.fixture
    async def chat_model(self, server: ChatServer) -> AsyncGenerator[ChatModel, None]:
        model = PydanticAIChatModel("openai:stand-in", base_url=server.base_url, api_key=SECRET, timeout=0.5)
        yield model
        await model.close()

    async def test_the_key_is_sent_and_never_shown(self, server: ChatServer, chat_model: ChatModel) -> None:
        server.script(Reply(status=401))
        with pytest.raises(ChatModelUnavailable) as caught:
            await drained(chat_model)
        assert server.headers[-1]["authorization"] == f"Bearer {SECRET}"
        assert SECRET not in str(caught.value)

    async def test_no_key_of_openais_goes_to_another_server(
        self, server: ChatServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", SECRET)
        model = PydanticAIChatModel("openai:stand-in", base_url=server.base_url, timeout=5.0)
        await drained(model)
        await model.close()
        assert SECRET not in server.headers[-1]["authorization"]

    async def test_retry_after_is_passed_on(self, server: ChatServer, chat_model: ChatModel) -> None:
        server.script(Reply(status=429, headers={"retry-after-ms": "10"}))
        with pytest.raises(ChatModelUnavailable) as caught:
            await drained(chat_model)
        assert caught.value.retry_after == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("nonsense", "provider:model"),
        ("nobody:model", "provider:model"),
        ("openai:", "provider:model"),
        ("openai:gpt-4o-mini", "OPENAI_API_KEY"),
    ],
)
async def test_what_cannot_be_used_says_why(name: str, hint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    model = PydanticAIChatModel(name, timeout=1.0)
    with pytest.raises(ConfigurationError, match=hint):
        async for _ in model.stream(PROMPT, max_tokens=10):
            pass


async def test_a_missing_package_is_named() -> None:
    if find_spec("anthropic") is not None:
        pytest.skip("the package is installed")
    model = PydanticAIChatModel("anthropic:claude-haiku-4-5", api_key=SECRET, timeout=1.0)
    with pytest.raises(ConfigurationError, match=r"pydantic-ai-slim\[anthropic\]"):
        async for _ in model.stream(PROMPT, max_tokens=10):
            pass
