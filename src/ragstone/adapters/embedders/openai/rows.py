"""From the body of a reply to unit vectors, or the reason why it holds none."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from ragstone.domain.errors import EmbedderUnavailable
from ragstone.ports.embedder import Vectors

_REMEDY = "Check that RAGSTONE_EMBEDDER_BASE_URL is an endpoint of OpenAI's embeddings protocol."


@dataclass(frozen=True, slots=True)
class Reply:
    """What an endpoint made of some texts, and how many tokens it says that it has read (0 where it does not say)."""

    vectors: Vectors
    tokens: int


def read_reply(body: bytes, texts: int, dimensions: int | None) -> Reply:
    """Return vectors of shape ``(texts, dimensions)`` (as many as come, where ``None``), rows in the texts' order.

    Raises ``EmbedderUnavailable`` for a body that is not that many rows of finite numbers, none of them all zero.
    """
    parsed = _parsed(body)
    return Reply(_unit_rows(_in_order(parsed["data"], texts), dimensions), _tokens(parsed.get("usage")))


def _unit_rows(rows: list[Any], dimensions: int | None) -> Vectors:
    try:
        vectors = np.array(rows, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise _malformed("its rows are not numbers, or not equally many") from error
    if vectors.ndim != 2 or vectors.shape[1] == 0:
        raise _malformed("its rows are not lists of numbers")
    if dimensions is not None and vectors.shape[1] != dimensions:
        raise _malformed(f"its rows have {vectors.shape[1]} dimensions instead of {dimensions}")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and lengths.all()):
        raise _malformed("a row is not finite, or all zero")
    return np.asarray(vectors / lengths, dtype=np.float32)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _malformed("it is not JSON") from error
    if not isinstance(parsed, dict) or not isinstance(parsed.get("data"), list):
        raise _malformed("its `data` is not a list")
    return parsed


def _tokens(usage: object) -> int:
    tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return tokens if isinstance(tokens, int) and tokens > 0 else 0


def _in_order(data: list[Any], texts: int) -> list[Any]:
    try:
        rows = {row["index"]: row["embedding"] for row in data}
        ordered = [rows[index] for index in range(texts)]
    except (KeyError, TypeError) as error:
        raise _malformed(f"it has no row for each of {texts} texts") from error
    if len(data) != texts:
        raise _malformed(f"it has {len(data)} rows for {texts} texts")
    return ordered


def _malformed(why: str) -> EmbedderUnavailable:
    return EmbedderUnavailable(f"The embedding endpoint's reply cannot be used: {why}.", remedy=_REMEDY)
