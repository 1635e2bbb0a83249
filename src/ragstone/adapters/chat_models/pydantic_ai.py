"""``ChatModel`` by pydantic-ai: OpenAI, Anthropic, Google, Ollama and any endpoint of OpenAI's protocol.

pydantic-ai takes a second and some 70 MB to import, so it is imported when the first answer is asked for.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ragstone.domain.answers import Usage
from ragstone.domain.errors import ChatModelUnavailable, ConfigurationError
from ragstone.ports.chat_model import Prompt

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponseStreamEvent
    from pydantic_ai.models import Model, StreamedResponse
    from pydantic_ai.providers import Provider

T = TypeVar("T")

TEMPERATURE: Final = 0.1
RETRIES: Final = 2
"""Further attempts at a request that has brought nothing yet; a stream that broke off is never begun again."""

_EXTRAS: Final = {"anthropic": "anthropic", "google": "google", "google-cloud": "google"}
_HOW_TO_NAME: Final = "Set RAGSTONE_CHAT_MODEL to `provider:model`, such as `openai:gpt-4o-mini`."
_TRY_LATER: Final = "Try again later, or unset RAGSTONE_CHAT_MODEL to have answers quoted from the documents."


class PydanticAIChatModel:
    """A language model named ``provider:model``, as pydantic-ai spells it.

    ``base_url`` takes the place of the provider's own address; ``openai:NAME`` with a ``base_url`` is any
    server of OpenAI's chat completions protocol, which needs no key unless it says so. ``api_key`` falls
    back to the provider's own environment variable, but no key of OpenAI's is sent to another server.
    ``timeout``: seconds that the next piece may take, the first one with all attempts at it included.
    """

    def __init__(self, name: str, *, base_url: str | None = None, api_key: str | None = None, timeout: float) -> None:
        self._name = name
        self._base_url = base_url
        self._api_key = api_key
        self._timeout = timeout
        self._opening = asyncio.Lock()
        self._model: Model[Any] | None = None
        self._resources = AsyncExitStack()

    @property
    def name(self) -> str:
        """The name as the settings give it."""
        return self._name

    async def stream(self, prompt: Prompt, *, max_tokens: int) -> AsyncGenerator[str | Usage, None]:
        """Yield pieces of text as they come and, last, the tokens counted.

        Closing the generator ends the request. Raises ``ChatModelUnavailable`` where the model does not answer
        in time, refuses or breaks off, and ``ConfigurationError`` where it cannot be used as it is set up.
        """
        model = await self._opened()
        with self._translated():
            async with AsyncExitStack() as stack:
                opening = _open(model, prompt, max_tokens, self._timeout)
                response = await self._in_time(stack.enter_async_context(opening))
                events = aiter(response)
                while (event := await self._in_time(anext(events, None))) is not None:
                    if text := _text(event):
                        yield text
                counted = response.usage
        yield Usage(model=self._name, input_tokens=counted.input_tokens, output_tokens=counted.output_tokens)

    async def close(self) -> None:
        """Release connections."""
        await self._resources.aclose()
        self._model = None

    async def _opened(self) -> "Model[Any]":
        """Return the model, made on first use. Raises ``ConfigurationError``."""
        async with self._opening:
            if self._model is None:
                model = await asyncio.to_thread(_make, self._name, self._base_url, self._api_key)
                self._model = await self._resources.enter_async_context(model)
            return self._model

    async def _in_time(self, coming: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._timeout):
                return await coming
        except TimeoutError as error:
            raise ChatModelUnavailable(
                f"The language model {self._name} sent nothing for {self._timeout:g} seconds.", remedy=_TRY_LATER
            ) from error

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise Ragstone's errors for the vendor's, without the vendor's text: it may hold keys."""
        import httpx2
        from pydantic_ai.exceptions import AgentRunError, ModelAPIError, UserError

        try:
            yield
        except ModelAPIError as error:
            raise self._unavailable(*_reason(error), retry_after=error.retry_after) from error
        except (AgentRunError, httpx2.HTTPError, httpx2.StreamError, ValueError) as error:
            raise self._unavailable("sent what cannot be read", _TRY_LATER) from error
        except UserError as error:
            raise _unusable(self._name, "it does not take this request") from error

    def _unavailable(self, what: str, remedy: str, retry_after: float | None = None) -> ChatModelUnavailable:
        return ChatModelUnavailable(f"The language model {self._name} {what}.", remedy=remedy, retry_after=retry_after)


def _open(
    model: "Model[Any]", prompt: Prompt, max_tokens: int, timeout: float
) -> "AbstractAsyncContextManager[StreamedResponse]":
    from pydantic_ai.direct import model_request_stream
    from pydantic_ai.messages import ModelRequest, UserPromptPart
    from pydantic_ai.settings import ModelSettings

    request = ModelRequest(parts=[UserPromptPart(prompt.content)], instructions=prompt.instructions)
    settings = ModelSettings(temperature=TEMPERATURE, max_tokens=max_tokens, timeout=timeout, max_retries=RETRIES)
    return model_request_stream(model, [request], model_settings=settings)


def _text(event: "ModelResponseStreamEvent") -> str:
    """Return the text that an event brings; what a model thinks aloud is not part of its answer."""
    from pydantic_ai.messages import PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta

    if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
        return event.part.content
    if isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
        return event.delta.content_delta
    return ""


def _make(name: str, base_url: str | None, api_key: str | None) -> "Model[Any]":
    """Import pydantic-ai and what the provider needs, and make the model. Raises ``ConfigurationError``."""
    from pydantic_ai.exceptions import UserError
    from pydantic_ai.models import infer_model

    provider, _, model_name = name.partition(":")
    if not model_name:
        raise _unusable(name, "its name says no provider", _HOW_TO_NAME)
    speaks_openai = provider in ("openai", "openai-chat") and base_url is not None
    spelled = f"openai-chat:{model_name}" if speaks_openai else name
    try:
        return infer_model(spelled, lambda kind: _provider(kind, base_url, api_key))
    except ImportError as error:
        extra = _EXTRAS.get(provider, provider)
        raise _unusable(
            name, "its package is not installed", f"Install it with `pip install 'pydantic-ai-slim[{extra}]'`."
        ) from error
    except UserError as error:
        raise _unusable(name, _first_sentence(error), _HOW_TO_NAME) from error
    except ValueError as error:
        raise _unusable(name, "there is no such provider", _HOW_TO_NAME) from error
    except TypeError as error:
        raise _unusable(
            name,
            "this provider takes no base URL or key from the settings",
            "Unset RAGSTONE_CHAT_BASE_URL and RAGSTONE_CHAT_API_KEY, and set the provider's own variables.",
        ) from error


def _provider(kind: str, base_url: str | None, api_key: str | None) -> "Provider[Any]":
    if kind == "openai-chat" and base_url is not None:
        return _openai_protocol(base_url, api_key)
    from pydantic_ai.providers import infer_provider_class

    given = {"base_url": base_url, "api_key": api_key}
    return infer_provider_class(kind)(**{name: value for name, value in given.items() if value is not None})


def _openai_protocol(base_url: str, api_key: str | None) -> "Provider[Any]":
    """Return the provider for a server that speaks OpenAI's protocol, as Ollama, vLLM and llama.cpp do.

    Those servers know ``max_tokens``, and not all of them ``max_completion_tokens``, its newer name.
    """
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    profile = OpenAIModelProfile(
        openai_chat_supports_max_completion_tokens=False,
        # Without it half an answer, cut off by a proxy, would pass for a whole one.
        openai_chat_streaming_requires_finish_reason=True,
    )
    return OpenAICompatibleProvider("openai-protocol", base_url=base_url, api_key=api_key, profile=profile)


def _reason(error: Exception) -> tuple[str, str]:
    """Say what went wrong with a request, and how to mend it."""
    from pydantic_ai import exceptions as vendor

    status = f" (HTTP {error.status_code})" if isinstance(error, vendor.ModelHTTPError) else ""
    reasons: tuple[tuple[type[Exception], str, str], ...] = (
        (vendor.ModelAuthenticationError, "rejects the API key", "Check RAGSTONE_CHAT_API_KEY."),
        (vendor.ModelNotFoundError, "is not known there", "Check RAGSTONE_CHAT_MODEL and RAGSTONE_CHAT_BASE_URL."),
        (vendor.ModelQuotaExceededError, "has no quota left", "Check the provider's account."),
        (vendor.ModelRateLimitError, "takes no more requests for now", _TRY_LATER),
        (
            vendor.ModelContextWindowExceededError,
            "cannot take so long a context",
            "Lower RAGSTONE_CONTEXT_TOKENS.",
        ),
        (
            vendor.ModelRequestRejectedError,
            "rejects the request",
            "Check RAGSTONE_CHAT_MODEL and RAGSTONE_CHAT_BASE_URL.",
        ),
        (vendor.ModelConnectionError, "cannot be reached, or broke off", "Check RAGSTONE_CHAT_BASE_URL."),
    )
    for kind, what, remedy in reasons:
        if isinstance(error, kind):
            return f"{what}{status}", remedy
    return f"failed{status}", _TRY_LATER


def _first_sentence(error: Exception) -> str:
    """Return the first sentence of a message of pydantic-ai's own, which names variables and never their values."""
    return str(error).partition(". ")[0].rstrip(".")


def _unusable(name: str, why: str, remedy: str = _HOW_TO_NAME) -> ConfigurationError:
    return ConfigurationError(f"The language model {name} cannot be used: {why}.", remedy=remedy)
