"""Ready-made chunks: checked, and placed in the text of their document; with the vectors that their sender made."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ragstone.domain.documents import Chunk
from ragstone.domain.errors import InvalidRequest, RagstoneError
from ragstone.domain.ids import new_id
from ragstone.ingest.space_embedders import SpaceEmbedders
from ragstone.ports.embedder import EmbeddingModel, ModelInput, Vectors
from ragstone.ports.record import Transaction
from ragstone.ports.vector_index import VectorIndex

SEPARATOR = "\n\n"
_OWN_VECTOR = "\0own\0"
_CHARACTERS_OF_A_TOKEN = 16
"""More than most tokens have: a text that is longer for its tokens is counted in parts first."""
"""Precedes the text under which a given vector is kept, so that it is never taken for one that was made here: what its
sender embedded may be another text. A NUL stands in no text that is stored."""


@dataclass(frozen=True, slots=True)
class ReadyChunk:
    """A chunk that the sender has cut. ``id`` is the sender's own name for it, ``vector`` what it means, in float32."""

    text: str
    id: str | None = None
    heading_path: tuple[str, ...] = ()
    page: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    vector: Vectors | None = field(default=None, compare=False)


class ChunkRefused(InvalidRequest):
    """A chunk cannot be indexed. ``place``: which of its document's, from 0."""

    def __init__(self, place: int, message: str, *, remedy: str) -> None:
        super().__init__(f"Chunk {place} {message}", remedy=remedy)
        self.place = place


_REFUSED = re.compile(r"Chunk (\d+) ")


def refused_place(error: RagstoneError) -> int | None:
    """Return which chunk an error is about, from 0, if about one: of an error that came by HTTP its words tell."""
    if isinstance(error, ChunkRefused):
        return error.place
    told = _REFUSED.match(error.message)
    return int(told[1]) if told else None


class GivenVectors:
    """Vectors that come with chunks. They are of the model ``name`` in ``version``, which must be the active one."""

    def __init__(self, index: VectorIndex, embedders: SpaceEmbedders, name: str, version: str) -> None:
        self._index = index
        self._embedders = embedders
        self._name = name
        self._version = version

    async def model(self) -> EmbeddingModel:
        """Return the model. Raise ``InvalidRequest`` where another one answers questions."""
        await self._embedders.prepare()
        model = (await self._embedders.active()).model
        if (model.name, model.version) != (self._name, self._version):
            raise InvalidRequest(
                f"The vectors are of {self._name}@{self._version}; here {model.name}@{model.version} is in use.",
                remedy="Leave the vectors out, and they are made here; or let that model take over first:"
                " `ragstone reembed`.",
            )
        return model

    async def store(
        self, transaction: Transaction, model: EmbeddingModel, documents: Sequence[tuple[Sequence[Chunk], Vectors]]
    ) -> None:
        """Store the vectors of each document's chunks; ``model`` must have been held active in this transaction."""
        if documents:
            texts = {chunk.id: f"{_OWN_VECTOR}{chunk.text}" for chunks, _ in documents for chunk in chunks}
            await self._index.upsert(transaction, model, texts, np.concatenate([each for _, each in documents]))


def count_tokens(read_by: ModelInput, chunks: Sequence[ReadyChunk]) -> list[int]:
    """Return the tokens of each chunk. Raise ``InvalidRequest`` for chunks that cannot be indexed. CPU-bound."""
    if not chunks:
        raise InvalidRequest("There are no chunks.", remedy="Send at least one.")
    limit, counts = read_by.max_tokens, []
    places: dict[str, int] = {}
    for place, chunk in enumerate(chunks):
        if not chunk.text.strip():
            raise ChunkRefused(place, "has no text.", remedy="Leave it out.")
        if chunk.id is not None and (first := places.setdefault(chunk.id, place)) != place:
            raise ChunkRefused(
                place,
                f"has the id {chunk.id!r}, as chunk {first} has.",
                remedy="Give each chunk of a document an id of its own, or none.",
            )
        beginning, tokens = chunk.text, 0
        for beginning in _beginnings(chunk.text, _CHARACTERS_OF_A_TOKEN * limit):
            tokens = len(read_by.tokenizer.spans(beginning))
            if tokens > limit:
                break
        if tokens > limit:
            more = "more than " if len(beginning) < len(chunk.text) else ""
            raise ChunkRefused(
                place,
                f"has {more}{tokens} tokens; the embedding model takes {limit}.",
                remedy="Cut it smaller, or send the document whole and let Ragstone cut it.",
            )
        counts.append(tokens)
    return counts


def _beginnings(text: str, characters: int) -> Iterator[str]:
    """Yield longer and longer beginnings of a text, up to white space, and at last the text.

    What stands before white space has the same tokens in the whole text, so that one with too many says enough: the
    tokens of millions of characters would take hundreds of MiB.
    """
    while characters < len(text):
        space = max(text.rfind(" ", 0, characters), text.rfind("\n", 0, characters))
        if space > 0:
            yield text[:space]
        characters *= 4
    yield text


def given_vectors(model: EmbeddingModel | None, chunks: Sequence[ReadyChunk]) -> Vectors | None:
    """Return float32 of shape ``(len(chunks), dimensions)``, each row of length 1; ``None`` where no chunk has one.

    Raise ``ChunkRefused`` for a vector that does not belong into the space of ``model``, or of which no model is known.
    """
    if all(chunk.vector is None for chunk in chunks):
        return None
    if model is None:
        place = next(place for place, chunk in enumerate(chunks) if chunk.vector is not None)
        raise ChunkRefused(
            place, "has a vector, but of which model is not said.", remedy="Say it, or leave the vectors out."
        )
    rows = [_direction(place, chunk.vector, model) for place, chunk in enumerate(chunks)]
    return np.stack(rows).astype(np.float32)


def _direction(place: int, vector: Vectors | None, model: EmbeddingModel) -> Vectors:
    """Return the vector at length 1."""
    if vector is None:
        raise ChunkRefused(
            place, "has no vector, and others of its document do.", remedy="Give all of a document, or none."
        )
    if vector.shape != (model.dimensions,):
        raise ChunkRefused(
            place,
            f"has a vector of {vector.size} dimensions; {model.name} has {model.dimensions}.",
            remedy="Send what that model made, whole.",
        )
    wide = vector.astype(np.float64)
    if not np.isfinite(wide).all():
        raise ChunkRefused(place, "has a vector that is not finite.", remedy="Make it again, or leave it out.")
    length = np.linalg.norm(wide)
    if not length:
        raise ChunkRefused(place, "has a vector of length 0.", remedy="Make it again, or leave it out.")
    return np.asarray(wide / length, dtype=np.float32)


def place_chunks(chunks: Sequence[ReadyChunk], token_counts: Sequence[int]) -> list[Chunk]:
    """Give each chunk its place in the joined content."""
    placed, start = [], 0
    for ordinal, (chunk, token_count) in enumerate(zip(chunks, token_counts, strict=True)):
        end = start + len(chunk.text)
        placed.append(
            Chunk(
                id=new_id(),
                ordinal=ordinal,
                text=chunk.text,
                start=start,
                end=end,
                token_count=token_count,
                heading_path=chunk.heading_path,
                page=chunk.page,
                metadata=chunk.metadata,
                external_id=chunk.id,
            )
        )
        start = end + len(SEPARATOR)
    return placed


def as_json(chunks: Sequence[ReadyChunk], model: EmbeddingModel | None, vectors: Vectors | None) -> bytes:
    """Return what was sent in one form: the same again is the same bytes. Vectors count by their digest."""
    sent: list[dict[str, Any]] = [
        {
            "text": chunk.text,
            "id": chunk.id,
            "heading_path": chunk.heading_path,
            "page": chunk.page,
            "metadata": chunk.metadata,
        }
        for chunk in chunks
    ]
    if model is not None and vectors is not None:
        for each, vector in zip(sent, vectors, strict=True):
            each["vector"] = [model.name, model.version, hashlib.sha256(vector.tobytes()).hexdigest()]
    return json.dumps(sent, ensure_ascii=False, sort_keys=True).encode(errors="surrogatepass")
