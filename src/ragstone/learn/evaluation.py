"""How good a search by meaning is on questions whose answers are known."""

import math
from collections.abc import Sequence

from ragstone.domain.access import Principal
from ragstone.domain.errors import InvalidRequest
from ragstone.domain.queries import Scope
from ragstone.learn.questions import JudgedQuestion, read_questions
from ragstone.ports.embedder import Embedder
from ragstone.ports.record import Record
from ragstone.ports.vector_index import VectorIndex

__all__ = ["JudgedQuestion", "ndcg", "ndcg_by_meaning", "read_questions", "unknown_uris"]

_DEPTH = 10
_CHUNKS = 50
"""Chunks that are looked at to find ten documents."""


async def unknown_uris(record: Record, questions: Sequence[JudgedQuestion], principal: Principal) -> Sequence[str]:
    """Return the uris to be found that are not in the record, or not for the principal, in order.

    Raises ``InvalidRequest`` where that is all of them: every search would score 0, and none be worse than another. And
    ``NotFound`` where a question is asked of a collection that is not there.
    """
    wanted = {uri for question in questions for uri in question.uris}
    async with record.transaction() as transaction:
        for collection in sorted({name for question in questions for name in question.collections}):
            await transaction.collections.id_of(principal, collection)
        known = await transaction.documents.known(principal, wanted)
    if not known:
        raise InvalidRequest(
            f"None of the {len(wanted):,} documents to be found is in the record, or none is for you to read:"
            f" {min(wanted)}.",
            remedy="`ragstone documents list` shows the uris that there are; the questions must spell them alike.",
        )
    return sorted(wanted - known)


async def ndcg_by_meaning(
    record: Record, vectors: VectorIndex, embedder: Embedder, questions: Sequence[JudgedQuestion], principal: Principal
) -> float:
    """Return the mean nDCG@10 (0 to 1) of the documents that a search in the space of ``embedder`` finds.

    Each question is asked of its own collections, and of what its metadata and filter hold of.
    Binary relevance, discount ``1 / log2(rank + 1)`` (Järvelin and Kekäläinen 2002).
    """
    gains = []
    for judged in questions:
        scope = Scope(principal, judged.collections, judged.metadata, judged.filter)
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
