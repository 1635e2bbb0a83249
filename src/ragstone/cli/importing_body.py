"""The body of ``POST /v1/documents/chunks`` for a document of ready-made chunks."""

import json
from collections.abc import Sequence
from typing import Any

from ragstone.api.requests import VectorsOf
from ragstone.ingest.importing import ReadyChunk
from ragstone.ingest.intake import ReadyDocument

_DIGITS = 9
"""Significant digits that tell any two float32 from each other."""


def chunks_body(document: ReadyDocument, vectors_of: VectorsOf | None) -> bytes:
    """Return the request as JSON. CPU-bound."""
    label = document.label
    body: dict[str, Any] = {
        "collection": label.collection,
        "uri": label.uri,
        "title": label.title,
        "metadata": dict(label.metadata),
        "readers": list(label.readers),
        "chunks": [_chunk(chunk) for chunk in document.chunks],
        "vectors_of": vectors_of and vectors_of.model_dump(),
    }
    return json.dumps(body, ensure_ascii=False).encode()


def _chunk(chunk: ReadyChunk) -> dict[str, Any]:
    fields: dict[str, Any] = {"text": chunk.text, "heading_path": chunk.heading_path, "metadata": dict(chunk.metadata)}
    if chunk.id is not None:
        fields["id"] = chunk.id
    if chunk.page is not None:
        fields["page"] = chunk.page
    if chunk.vector is not None:
        fields["vector"] = _numbers(chunk.vector.tolist())
    return fields


def _numbers(vector: Sequence[float]) -> list[float]:
    return [float(f"{number:.{_DIGITS}g}") for number in vector]
