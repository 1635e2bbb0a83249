"""From the body of a reply to unit vectors, or the reason why it holds none."""

import json
from typing import Any

import numpy as np

from ragstone.domain.errors import EmbedderUnavailable
from ragstone.ports.embedder import Vectors

_REMEDY = "Check that RAGSTONE_EMBEDDER_BASE_URL is an endpoint of OpenAI's embeddings protocol."


def unit_rows(body: bytes, texts: int, dimensions: int | None) -> Vectors:
    """Return float32 of shape ``(texts, dimensions)`` (as many as come, where ``None``), rows in the texts' order.

    Raises ``EmbedderUnavailable`` for a body that is not that many rows of finite numbers, none of them all zero.
    """
    rows = _in_order(_data(body), texts)
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


def _data(body: bytes) -> list[Any]:
    try:
        data = json.loads(body)["data"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _malformed("it is not JSON with `data`") from error
    if not isinstance(data, list):
        raise _malformed("its `data` is not a list")
    return data


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
