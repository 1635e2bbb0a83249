"""``Reranker`` by a cross-encoder of fastembed's, on this machine.

fastembed takes a second to import, and downloads a model from the Hugging Face hub when it is first used, which can
take minutes and cannot be broken off: that happens on a thread for which no process stays alive.
"""

import asyncio
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Protocol

from ragstone.domain.errors import ConfigurationError, RagstoneError, RerankerUnavailable
from ragstone.ports.reranker import Candidate

BATCH: Final = 4
"""Pairs that are scored in one go, which cannot be broken off: some tens of milliseconds with the small models."""

_CHARACTERS: Final = 4000
"""More than the 512 tokens that most of the models read; the rest need not be tokenised."""

_INSTALL: Final = "Install it with `pip install 'ragstone[rerank]'`."


class _Encoder(Protocol):
    """What is used of fastembed's ``TextCrossEncoder`` (0.9)."""

    def rerank(self, query: str, documents: Iterable[str], batch_size: int = 64) -> Iterable[float]: ...


class FastembedReranker:
    """The cross-encoder ``name``, as fastembed lists it, whole or after the slash, in any case.

    ``cache_dir`` keeps what is downloaded; ``threads`` run one batch (0: as many as there are cores). ``options`` go
    to fastembed as they are. Raises ``ConfigurationError`` where fastembed is not installed.
    """

    def __init__(self, name: str, *, cache_dir: Path, threads: int = 0, **options: Any) -> None:
        if find_spec("fastembed") is None:
            raise ConfigurationError("The reranker fastembed is not installed.", remedy=_INSTALL)
        self._model_name = name
        self._cache_dir = cache_dir
        self._options = {"threads": threads or None, **options}
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="cross-encoder")
        self._loading: Future[_Encoder] | None = None
        self._encoder: _Encoder | None = None
        self._closed = False

    @property
    def name(self) -> str:
        """The kind and the model."""
        return f"fastembed:{self._model_name}"

    async def warm(self) -> None:
        """Download the model if need be, and load it. Raises ``RerankerUnavailable``, ``ConfigurationError``."""
        await self._loaded()

    async def score(self, question: str, candidates: Sequence[Candidate]) -> Sequence[float]:
        """Return the model's logit for each candidate. Raises ``RerankerUnavailable``, ``ConfigurationError``."""
        scores: list[float] = []
        for start in range(0, len(candidates), BATCH):
            encoder = await self._loaded()
            texts = [candidate.whole[:_CHARACTERS] for candidate in candidates[start : start + BATCH]]
            work = partial(self._score, encoder, question[:_CHARACTERS], texts)
            scores += await asyncio.get_running_loop().run_in_executor(self._executor, work)
        return scores

    async def close(self) -> None:
        """Wait for the batches that were begun, and release thread and memory."""
        self._closed = True
        await asyncio.to_thread(self._executor.shutdown)
        self._encoder = None

    def _score(self, encoder: _Encoder, question: str, texts: list[str]) -> list[float]:
        # It takes a tenth of a second to import, and is there once fastembed is.
        from onnxruntime.capi import onnxruntime_pybind11_state as errors

        sendable = [_encodable(text) for text in texts]
        try:
            return [float(score) for score in encoder.rerank(_encodable(question), sendable, batch_size=BATCH)]
        except (errors.Fail, errors.RuntimeException, errors.InvalidArgument) as error:
            raise self._unavailable("failed in ONNX Runtime", "Check the free memory.") from error

    async def _loaded(self) -> _Encoder:
        """Return the model; whoever leaves meanwhile leaves the loading to go on."""
        if self._closed:
            raise self._unavailable("is closed", "Open a new one.")
        if self._encoder is None:
            loading = self._loading = self._loading or self._begin_loading()
            try:
                self._encoder = await asyncio.wrap_future(loading)
            finally:
                if loading.done():
                    self._loading = None
        return self._encoder

    def _begin_loading(self) -> Future[_Encoder]:
        loading: Future[_Encoder] = Future()
        loading.set_running_or_notify_cancel()  # from now on it cannot be cancelled

        def load() -> None:
            try:
                loading.set_result(self._load())
            except BaseException as error:
                loading.set_exception(error)
                if not isinstance(error, RagstoneError):
                    raise

        threading.Thread(target=load, name="cross-encoder-loading", daemon=True).start()
        return loading

    def _load(self) -> _Encoder:
        try:
            encoders: Any = import_module("fastembed.rerank.cross_encoder").TextCrossEncoder
        except (ImportError, AttributeError) as error:
            raise ConfigurationError(f"fastembed cannot be imported: {error}.", remedy=_INSTALL) from error
        from onnxruntime.capi import onnxruntime_pybind11_state as errors

        listed = [str(each["model"]) for each in encoders.list_supported_models()]
        full = _full_name(self._model_name, listed)
        try:
            encoder: _Encoder = encoders(full, cache_dir=str(self._cache_dir), **self._options)
        except (ValueError, OSError, errors.Fail, errors.NoSuchFile, errors.InvalidProtobuf) as error:
            raise self._unavailable(
                f"cannot be loaded ({type(error).__name__})",
                "Let this machine reach the Hugging Face hub once, or copy the model into the folder models/fastembed"
                " of RAGSTONE_DATA_DIR from one that can.",
            ) from error
        return encoder

    def _unavailable(self, what: str, remedy: str) -> RerankerUnavailable:
        return RerankerUnavailable(f"The reranker {self._model_name} {what}.", remedy=remedy)


def _full_name(name: str, listed: Sequence[str]) -> str:
    """Return the name that fastembed lists for ``name``. Raises ``ConfigurationError``."""
    wanted = name.lower()
    for full in listed:
        if wanted in (full.lower(), full.lower().rpartition("/")[2]):
            return full
    raise ConfigurationError(
        f"fastembed has no reranker {name!r}.",
        remedy=f"RAGSTONE_RERANKER is fastembed: and one of {', '.join(listed)}.",
    )


def _encodable(text: str) -> str:
    """Replace halves of surrogate pairs, which no UTF-8 has."""
    return text.encode("utf-8", "replace").decode("utf-8")
