"""What the endpoints call things: the request that each takes, and where the scores lie in its reply."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ragstone.domain.errors import RerankerUnavailable

Request = Callable[[str, str, Sequence[str]], dict[str, Any]]
"""From the model's name, the question and the texts to the body of a request."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One vendor's protocol: POST to ``base_url``/rerank.

    ``base_url`` is the vendor's own, where there is one. The reply is a list of rows, under ``rows`` where that is
    given; a row has ``index`` and, under ``score``, a number. A request takes at most ``most_texts`` texts.
    """

    kind: str
    base_url: str | None
    request: Request
    rows: str | None
    score: str
    most_texts: int


def _documents(model: str, question: str, texts: Sequence[str]) -> dict[str, Any]:
    return {"model": model, "query": question, "documents": list(texts), "top_n": len(texts)}


def _jina(model: str, question: str, texts: Sequence[str]) -> dict[str, Any]:
    # Others that speak it send the texts back unless they are told not to.
    return {**_documents(model, question, texts), "return_documents": False}


def _tei(_: str, question: str, texts: Sequence[str]) -> dict[str, Any]:
    # Raw scores, because a sigmoid makes the best of them all alike. Unless it may cut, it refuses long texts.
    return {"query": question, "texts": list(texts), "raw_scores": True, "return_text": False, "truncate": True}


COHERE = Shape("cohere", "https://api.cohere.com/v2", _documents, "results", "relevance_score", 1000)
JINA = Shape("jina", "https://api.jina.ai/v1", _jina, "results", "relevance_score", 1000)
TEI = Shape("tei", None, _tei, None, "score", 32)
"""Text Embeddings Inference takes 32 texts at a time unless it was started otherwise."""


def read_scores(body: bytes, shape: Shape, texts: int) -> list[float]:
    """Return a score for each of ``texts`` texts, in their order; the rows may come in any.

    Raises ``RerankerUnavailable`` for a body that is not one finite number for each.
    """
    rows = _rows(body, shape)
    try:
        found = {row["index"]: float(row[shape.score]) for row in rows}
        scores = [found[index] for index in range(texts)]
    except (KeyError, TypeError, ValueError) as error:
        raise _malformed(f"it has no score for each of {texts} texts") from error
    if len(rows) != texts:
        raise _malformed(f"it has {len(rows)} scores for {texts} texts")
    if not all(map(math.isfinite, scores)):
        raise _malformed("a score is not finite")
    return scores


def _rows(body: bytes, shape: Shape) -> list[Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _malformed("it is not JSON") from error
    if shape.rows is not None:
        parsed = parsed.get(shape.rows) if isinstance(parsed, dict) else None
    if not isinstance(parsed, list):
        raise _malformed(f"its `{shape.rows}` is not a list" if shape.rows else "it is not a list")
    return parsed


def _malformed(why: str) -> RerankerUnavailable:
    return RerankerUnavailable(
        f"The rerank endpoint's reply cannot be used: {why}.",
        remedy="Check that RAGSTONE_RERANKER names the protocol that RAGSTONE_RERANKER_BASE_URL speaks.",
    )
