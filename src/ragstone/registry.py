"""From the string that names a component to the adapter that is it, imported only when it is named.

A component is ``kind`` or ``kind:detail``; a new adapter is one line in the table of its port.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from ragstone.domain.errors import ConfigurationError
from ragstone.domain.filters import FilterError
from ragstone.ingest.embedding import Policy
from ragstone.ports.chat_model import ChatModel
from ragstone.ports.embedder import Embedder
from ragstone.ports.reranker import Reranker
from ragstone.retrieve.boosting import Boosts, parse_boosts, parse_recency
from ragstone.retrieve.rewriting import Rewriting
from ragstone.retrieve.rewriting_prompts import Kind
from ragstone.retrieve.shaping import Shape
from ragstone.settings import Settings

_SPEC = ("embedder", "embedder_base_url", "embedder_dimensions")

OnTokens = Callable[[int], None]
"""Hears how many tokens an endpoint says it has read."""


def _minilm(settings: Settings, detail: str, on_tokens: OnTokens | None) -> Embedder:  # noqa: ARG001 (it says nothing)
    from ragstone.adapters.embedders.minilm import MiniLM

    if detail:
        raise ConfigurationError(f"The embedder minilm takes no {detail!r}.", remedy="Set RAGSTONE_EMBEDDER=minilm.")
    return MiniLM(data_dir=settings.data_dir, weights_path=settings.minilm_path, threads=settings.embedder_threads)


def _openai(settings: Settings, detail: str, on_tokens: OnTokens | None) -> Embedder:
    from ragstone.adapters.embedders.openai import OpenAIEmbedder

    api_key = _secret(settings.embedder_api_key)
    if api_key is None and settings.embedder_base_url is None:
        # Only for OpenAI itself: the key must not travel to another server.
        api_key = os.environ.get("OPENAI_API_KEY")
    return OpenAIEmbedder(
        detail,
        base_url=settings.embedder_base_url,
        api_key=api_key,
        dimensions=settings.embedder_dimensions,
        timeout=settings.embedder_timeout,
        on_tokens=on_tokens,
    )


@dataclass(frozen=True, slots=True)
class EmbedderKind:
    """How an embedder is made, and how many batches at a time are best for it where nothing is set.

    ``batch_tokens`` bounds one request; 0 where the embedder runs here and takes any.
    """

    make: Callable[[Settings, str, OnTokens | None], Embedder]
    concurrency: int
    batch_tokens: int


EMBEDDERS: Mapping[str, EmbedderKind] = {
    "minilm": EmbedderKind(_minilm, concurrency=2, batch_tokens=0),
    "openai": EmbedderKind(_openai, concurrency=4, batch_tokens=100_000),
}


def make_embedder(settings: Settings, on_tokens: OnTokens | None = None) -> Embedder:
    """Return the embedder that the settings name. Raises ``ConfigurationError`` for an unknown kind."""
    return _embedder_kind(settings).make(settings, settings.embedder.partition(":")[2], on_tokens)


def embedder_spec(settings: Settings) -> Mapping[str, Any]:
    """Return the settings that say which embedder it is, without secrets."""
    return {name: value for name in _SPEC if (value := getattr(settings, name)) is not None}


def settings_of_spec(settings: Settings, spec: Mapping[str, Any]) -> Settings:
    """Return ``settings`` for the embedder of another spec. Their API key goes to their own server only."""
    changed: dict[str, Any] = {name: spec.get(name) for name in _SPEC}
    if changed["embedder_base_url"] != settings.embedder_base_url:
        changed["embedder_api_key"] = None
    return settings.model_copy(update=changed)


def embedding_policy(settings: Settings) -> Policy:
    """Return how the provider of that embedder is treated. Raises ``ConfigurationError`` for an unknown kind."""
    kind = _embedder_kind(settings)
    return Policy(
        concurrency=settings.embedder_concurrency or kind.concurrency,
        batch_tokens=kind.batch_tokens,
        requests=settings.embedder_requests_per_minute,
        tokens=settings.embedder_tokens_per_minute,
    )


def _embedder_kind(settings: Settings) -> EmbedderKind:
    kind = settings.embedder.partition(":")[0]
    if kind not in EMBEDDERS:
        raise ConfigurationError(
            f"There is no embedder {settings.embedder!r}.",
            remedy=f"RAGSTONE_EMBEDDER is one of: {', '.join(EMBEDDERS)}.",
        )
    return EMBEDDERS[kind]


def make_chat_model(settings: Settings) -> ChatModel | None:
    """Return the language model that the settings name, or ``None`` where answers are quoted."""
    if settings.chat_model is None:
        return None
    from ragstone.adapters.chat_models.pydantic_ai import PydanticAIChatModel

    return PydanticAIChatModel(
        settings.chat_model,
        base_url=settings.chat_base_url,
        api_key=_secret(settings.chat_api_key),
        timeout=settings.chat_timeout,
    )


MakeChatModel = Callable[[], ChatModel | None]
"""Makes the language model, or returns the one that is there."""


def _proximity(_: Settings, detail: str, __: MakeChatModel) -> Reranker:
    from ragstone.adapters.rerankers.proximity import ProximityReranker

    if detail:
        raise ConfigurationError(
            f"The reranker proximity takes no {detail!r}.", remedy="Set RAGSTONE_RERANKER=proximity."
        )
    return ProximityReranker()


def _fastembed(settings: Settings, detail: str, _: MakeChatModel) -> Reranker:
    from ragstone.adapters.rerankers.fastembed import FastembedReranker

    cache_dir = settings.data_dir / "models" / "fastembed"
    return FastembedReranker(detail, cache_dir=cache_dir, threads=settings.embedder_threads)


def _rerank_endpoint(kind: str) -> Callable[[Settings, str, MakeChatModel], Reranker]:
    def make(settings: Settings, detail: str, _: MakeChatModel) -> Reranker:
        from ragstone.adapters.rerankers.http import COHERE, JINA, TEI, HttpReranker

        (shape,) = (shape for shape in (COHERE, JINA, TEI) if shape.kind == kind)
        api_key = _secret(settings.reranker_api_key)
        if api_key is None and settings.reranker_base_url is None:
            # Only for the vendor itself: the key must not travel to another server.
            api_key = os.environ.get(f"{kind.upper()}_API_KEY")
        # A little more than the question waits, so that who waits for it is the one to say that it is late.
        timeout = settings.rerank_timeout + 1.0
        return HttpReranker(shape, detail, base_url=settings.reranker_base_url, api_key=api_key, timeout=timeout)

    return make


def _chat(_: Settings, detail: str, chat_model: MakeChatModel) -> Reranker:
    from ragstone.adapters.rerankers.chat import ChatReranker

    if detail:
        raise ConfigurationError(
            f"The reranker chat takes no {detail!r}.", remedy="It is RAGSTONE_CHAT_MODEL: set RAGSTONE_RERANKER=chat."
        )
    return ChatReranker(chat_model())


@dataclass(frozen=True, slots=True)
class RerankerKind:
    """How a reranker is made, and what share in the order its score has where nothing is set.

    A model's order stands alone. What is no model adds a little to the fused one: 0.09 is a tenth of the fused
    score's share, which raised nDCG@10 by 0.0018 over twelve public sets and lost at most 0.002 on any.
    """

    make: Callable[[Settings, str, MakeChatModel], Reranker]
    weight: float = 1.0


RERANKERS: Mapping[str, RerankerKind] = {
    "proximity": RerankerKind(_proximity, weight=0.09),
    "fastembed": RerankerKind(_fastembed),
    "cohere": RerankerKind(_rerank_endpoint("cohere")),
    "jina": RerankerKind(_rerank_endpoint("jina")),
    "tei": RerankerKind(_rerank_endpoint("tei")),
    "chat": RerankerKind(_chat),
}


def make_reranker(settings: Settings, chat_model: MakeChatModel) -> Reranker | None:
    """Return the reranker that the settings name, or ``None`` for ``none``. Raises ``ConfigurationError``."""
    kind = _reranker_kind(settings)
    return kind.make(settings, settings.reranker.partition(":")[2], chat_model) if kind else None


def rerank_weight(settings: Settings) -> float:
    """Return the share of the reranker's score in the order. Raises as ``make_reranker`` does."""
    kind = _reranker_kind(settings)
    return settings.rerank_weight if settings.rerank_weight is not None else kind.weight if kind else 1.0


def make_rewriting(settings: Settings, chat_model: ChatModel | None) -> Rewriting:
    """Return what makes variants of questions. Raises ``ConfigurationError`` where it would need a language model."""
    if settings.rewrite and chat_model is None:
        raise ConfigurationError(
            "Questions are to be rewritten, but there is no language model.",
            remedy="Set RAGSTONE_CHAT_MODEL, or leave RAGSTONE_REWRITE empty.",
        )
    kinds = [Kind(each) for each in settings.rewrite]
    return Rewriting(chat_model, kinds, settings.rewrite_variants, settings.rewrite_timeout)


def make_boosts(settings: Settings) -> Boosts:
    """Return what weighs hits by age and by filters. Raises ``ConfigurationError`` for one that makes no sense."""
    try:
        recency = parse_recency(settings.recency_half_life_days, settings.recency_weight, settings.recency_field)
        return Boosts(recency, parse_boosts(settings.boosts))
    except FilterError as error:
        raise ConfigurationError(
            f"RAGSTONE_BOOSTS or RAGSTONE_RECENCY_FIELD: {error}.",
            remedy="docs/reference/settings.md shows what they look like.",
        ) from error


def shape_of(settings: Settings) -> Shape:
    """Return the shape of hits where a question asks for no other."""
    return Shape(
        fold=settings.fold_duplicates,
        per_document=settings.max_per_document,
        join=settings.join_neighbours,
        parents=settings.parent_chars,
    )


def _reranker_kind(settings: Settings) -> RerankerKind | None:
    if settings.reranker == "none":
        return None
    kind = settings.reranker.partition(":")[0]
    if kind not in RERANKERS:
        raise ConfigurationError(
            f"There is no reranker {settings.reranker!r}.",
            remedy=f"RAGSTONE_RERANKER is none, or one of: {', '.join(RERANKERS)}.",
        )
    return RERANKERS[kind]


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value else None
