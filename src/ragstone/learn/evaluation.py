"""How good a search by meaning is on questions whose answers are known."""

import math
from collections.abc import Sequence

from ragstone.domain.access import Principal
from ragstone.domain.queries import Scope
from ragstone.learn.questions import JudgedQuestion, read_questions
from ragstone.ports.embedder import Embedder
from ragstone.ports.record import Record
from ragstone.ports.vector_index import VectorIndex

__all__ = ["JudgedQuestion", "ndcg", "ndcg_by_meaning", "read_questions"]

_DEPTH = 10
_CHUNKS = 50
"""Chunks that are looked at to find ten documents."""


async def ndcg_by_meaning(
    record: Record, vectors: VectorIndex, embedder: Embedder, questions: Sequence[JudgedQuestion], principal: Principal
) -> float:
    """Return the mean nDCG@10 (0 to 1) of the documents that a search in the space of ``embedder`` finds.

    Binary relevance, discount ``1 / log2(rank + 1)`` (Järvelin and Kekäläinen 2002).
    """
    scope = Scope(principal)
    gains = []
    for judged in questions:
        vector = (await embedder.embed_questions([judged.question]))[0]
        found = await vectors.search(embedder.model, vector, scope, _CHUNKS)
        async with record.transaction() as transaction:
            chunks = await transaction.chunks.load(scope, [each.chunk_id for each in found])
        uris = list(dict.fromkeys(each.uri for each in chunks))[:_DEPTH]
        gains.append(ndcg(uris, judged.uris))
    return sum(gains) / len(gains)


def ndcg(ranked: Sequence[str], relevant: frozenset[str]) -> float:
    """Return the normalised discounted cumulative gain of one ranking of at most ten."""
    gain = sum(1 / math.log2(rank + 1) for rank, uri in enumerate(ranked, 1) if uri in relevant)
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(relevant), _DEPTH) + 1))
    return gain / best
