"""What is counted of the embedding model, and how its provider is treated by the settings."""

from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from tests.unit.scripted_embedder import DOWN, FAST, Scripted, documents

from ragstone.domain.errors import ConfigurationError, EmbedderUnavailable
from ragstone.ingest.embedding import Circuit
from ragstone.registry import embedding_policy
from ragstone.settings import Settings
from ragstone.telemetry import EmbedderMeter


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"ragstone_embedder_{name}", labels) or 0.0


async def test_requests_retries_texts_and_the_circuit_are_counted() -> None:
    before = {
        "ok": value("requests_total", outcome="ok"),
        "failed": value("requests_total", outcome="failed"),
        "retries": value("retries_total"),
        "texts": value("texts_total"),
        "seconds": value("request_seconds_count"),
    }
    embedder = Scripted(DOWN, DOWN)
    service = documents(embedder, FAST, EmbedderMeter(0.0))
    await service.embed(["a", "b", "c"])
    assert value("requests_total", outcome="ok") - before["ok"] == 1
    assert value("requests_total", outcome="failed") - before["failed"] == 2
    assert value("retries_total") - before["retries"] == 2
    assert value("texts_total") - before["texts"] == 3
    assert value("request_seconds_count") - before["seconds"] == 3
    embedder.fault = lambda _: DOWN
    with pytest.raises(EmbedderUnavailable):
        await service.embed(["a"])
    assert value("circuit") == 2


def test_tokens_cost_what_the_price_says() -> None:
    tokens, cost = value("tokens_total"), value("cost_total")
    EmbedderMeter(0.02).tokens(500_000)
    assert value("tokens_total") - tokens == 500_000
    assert value("cost_total") - cost == pytest.approx(0.01)


def test_every_state_of_the_circuit_has_its_number() -> None:
    shown = []
    for state in Circuit:
        EmbedderMeter(0.0).circuit(state)
        shown.append(value("circuit"))
    assert shown == [0, 1, 2]


@pytest.mark.parametrize(("embedder", "set_to", "lanes"), [("minilm", 0, 2), ("openai:m", 0, 4), ("openai:m", 7, 7)])
def test_lanes_are_those_set_or_the_kinds_own(tmp_path: Path, embedder: str, set_to: int, lanes: int) -> None:
    policy = embedding_policy(Settings(data_dir=tmp_path, embedder=embedder, embedder_concurrency=set_to))
    assert policy.concurrency == lanes


def test_limits_per_minute_are_the_settings(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path, embedder="openai:m", embedder_requests_per_minute=30, embedder_tokens_per_minute=50_000
    )
    policy = embedding_policy(settings)
    assert (policy.requests, policy.tokens, policy.window, policy.most_tokens) == (30, 50_000, 60.0, 50_000)


def test_an_unknown_kind_has_no_policy(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no embedder 'nothing'"):
        embedding_policy(Settings(data_dir=tmp_path, embedder="nothing"))
