"""How good a search by meaning is on questions whose answers are known."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ragstone.domain.access import Principal
from ragstone.domain.errors import InvalidRequest
from ragstone.domain.queries import Scope
from ragstone.ports.embedder import Embedder
from ragstone.ports.record import Record
from ragstone.ports.vector_index import VectorIndex

_DEPTH = 10
_CHUNKS = 50
"""Chunks that are looked at to find ten documents."""


@dataclass(frozen=True, slots=True)
class JudgedQuestion:
    """A question, and the uris of the documents that answer it."""

    question: str
    uris: frozenset[str]


def read_questions(path: Path) -> list[JudgedQuestion]:
    """Read a set of questions, a JSON object with ``question`` and ``uris`` on each line. Raises ``InvalidRequest``."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{path} cannot be read: {error}.") from error
    questions = [_to_question(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not questions:
        raise InvalidRequest(f"{path} holds no questions.")
    return questions


def _to_question(path: Path, number: int, line: str) -> JudgedQuestion:
    try:
        read = json.loads(line)
    except (ValueError, RecursionError):
        read = None
    match read:
        case {"question": str(question), "uris": [_, *_] as uris}:
            return JudgedQuestion(question, frozenset(str(uri) for uri in uris))
    raise InvalidRequest(
        f"Line {number} of {path} is no judged question.",
        remedy='Each line reads {"question": "...", "uris": ["..."]}.',
    )


async def ndcg_by_meaning(
    record: Record, vectors: VectorIndex, embedder: Embedder, questions: Sequence[JudgedQuestion], principal: Principal
) -> float:
    """Return the mean nDCG@10 (0 to 1) of the documents that a search in the space of ``embedder`` finds.

    Binary relevance, discount ``1 / log2(rank + 1)`` (Järvelin and Kekäläinen 2002).
    """
    scope = Scope(principal)
    gains = []
    for judged in questions:
        vector = (await embedder.embed([judged.question]))[0]
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
