"""From the string that names a component to the adapter that is it, imported only when it is named.

A component is ``kind`` or ``kind:detail``; a new adapter is one line in the table of its port.
"""

import os
from collections.abc import Callable, Mapping

from pydantic import SecretStr

from ragstone.domain.errors import ConfigurationError
from ragstone.ports.chat_model import ChatModel
from ragstone.ports.embedder import Embedder
from ragstone.settings import Settings


def _minilm(settings: Settings, detail: str) -> Embedder:
    from ragstone.adapters.embedders.minilm import MiniLM

    if detail:
        raise ConfigurationError(f"The embedder minilm takes no {detail!r}.", remedy="Set RAGSTONE_EMBEDDER=minilm.")
    return MiniLM(data_dir=settings.data_dir, weights_path=settings.minilm_path, threads=settings.embedder_threads)


def _openai(settings: Settings, detail: str) -> Embedder:
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
    )


EMBEDDERS: Mapping[str, Callable[[Settings, str], Embedder]] = {"minilm": _minilm, "openai": _openai}


def make_embedder(settings: Settings) -> Embedder:
    """Return the embedder that the settings name. Raises ``ConfigurationError`` for an unknown kind."""
    kind, _, detail = settings.embedder.partition(":")
    if kind not in EMBEDDERS:
        raise ConfigurationError(
            f"There is no embedder {settings.embedder!r}.",
            remedy=f"RAGSTONE_EMBEDDER is one of: {', '.join(EMBEDDERS)}.",
        )
    return EMBEDDERS[kind](settings, detail)


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


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value else None
