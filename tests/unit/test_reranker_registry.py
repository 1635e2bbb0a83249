from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.unit.test_reranking import HITS, hit

from ragstone.adapters.rerankers.chat import ChatReranker
from ragstone.container import Container
from ragstone.domain.errors import ConfigurationError
from ragstone.registry import make_reranker
from ragstone.settings import Settings
from ragstone.testing.chat_models import ScriptedChatModel
from ragstone.testing.embedding_server import Reply
from ragstone.testing.rerankers import ANSWER, OTHERS, QUESTION, RerankServer


def settings(tmp_path: Path, **given: object) -> Settings:
    return Settings(data_dir=tmp_path, **given)  # type: ignore[arg-type]  # pydantic checks them


async def test_none_by_default(tmp_path: Path) -> None:
    container = Container(settings(tmp_path))
    assert container.reranker is None
    assert container.reranking.depth == 0


async def test_proximity_moves_what_is_nearly_equal_and_no_more(tmp_path: Path) -> None:
    near, far = "The swift may sleep in flight.", "Swift and other birds of the air never sleep for long."
    apart = [hit(1, far, score=0.50), hit(2, near, score=0.49), hit(3, "Terns.", score=0.3), hit(4, near, score=0.2)]
    container = Container(settings(tmp_path, reranker="proximity"))
    reranked = await container.reranking.rerank(QUESTION, apart)
    assert [each.chunk.id.int for each in reranked.hits] == [2, 1, 3, 4]
    alone = Container(settings(tmp_path, reranker="proximity", rerank_weight=1.0))
    assert [each.chunk.id.int for each in (await alone.reranking.rerank(QUESTION, apart)).hits] == [2, 4, 1, 3]


@pytest.mark.parametrize("kind", ["cohere", "jina", "tei"])
async def test_an_endpoint_is_asked_with_the_settings(tmp_path: Path, kind: str) -> None:
    name = kind if kind == "tei" else f"{kind}:stand-in"
    with RerankServer(api_key="sk-1") as server:
        container = Container(
            settings(
                tmp_path, reranker=name, reranker_base_url=server.base_url(kind), reranker_api_key=SecretStr("sk-1")
            )
        )
        assert container.reranker is not None
        assert container.reranker.name == name
        scores = await container.reranker.score(QUESTION, [OTHERS[0], ANSWER])
        assert scores[1] > scores[0]
        await container.close()


async def test_the_vendors_key_goes_to_the_vendor_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JINA_API_KEY", "sk-for-jina")
    with RerankServer() as server:
        container = Container(settings(tmp_path, reranker="jina:m", reranker_base_url=server.base_url("jina")))
        assert container.reranker is not None
        await container.reranker.score(QUESTION, [ANSWER])
        assert "authorization" not in server.headers[0]
        await container.close()


async def test_the_question_gives_up_before_the_endpoint_does(tmp_path: Path) -> None:
    with RerankServer() as server:
        server.script(Reply(wait=30.0))
        container = Container(
            settings(tmp_path, reranker="tei", reranker_base_url=server.base_url("tei"), rerank_timeout=0.2)
        )
        reranked = await container.reranking.rerank(QUESTION, HITS)
        assert (reranked.outcome, reranked.reranker) == ("late", "tei")
        await container.close()


async def test_the_language_model_chooses(tmp_path: Path) -> None:
    container = Container(settings(tmp_path, reranker="chat"))
    container.chat_model = ScriptedChatModel(*"2")
    assert isinstance(container.reranker, ChatReranker)
    assert await container.reranker.score(QUESTION, [OTHERS[0], ANSWER]) == [0.0, 1.0]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("bert", "none, or one of: proximity, fastembed, cohere, jina, tei, chat"),
        ("cohere", "RAGSTONE_RERANKER=cohere:MODEL"),
        ("tei", "RAGSTONE_RERANKER_BASE_URL"),
        ("chat", "RAGSTONE_CHAT_MODEL"),
        ("chat:gpt", "RAGSTONE_CHAT_MODEL"),
        ("proximity:x", "RAGSTONE_RERANKER=proximity"),
        ("none:x", "There is no reranker"),
    ],
)
def test_what_is_set_up_wrongly_says_how_to_mend_it(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        make_reranker(settings(tmp_path, reranker=name), lambda: None)
