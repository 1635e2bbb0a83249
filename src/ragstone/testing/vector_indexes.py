"""What every ``VectorIndex`` must do."""

from collections.abc import Sequence
from uuid import UUID

import numpy as np
import pytest

from ragstone.domain.access import LOCAL, Principal
from ragstone.domain.documents import Chunk
from ragstone.domain.queries import Scope
from ragstone.ports.embedder import EmbeddingModel, Vectors
from ragstone.ports.lexical_index import LexicalIndex
from ragstone.ports.record import Record
from ragstone.ports.vector_index import VectorIndex
from ragstone.testing.records import ids, store

EVERYWHERE = Scope(LOCAL)
SMALL = EmbeddingModel("test/small", "1", dimensions=8, max_tokens=100)
OTHER = EmbeddingModel("test/other", "1", dimensions=8, max_tokens=100)


def unit_vectors(count: int, dimensions: int, *, seed: int = 0) -> Vectors:
    """Return ``count`` random unit vectors."""
    drawn = np.random.default_rng(seed).normal(size=(count, dimensions)).astype(np.float32)
    lengths = np.linalg.norm(drawn, axis=1, keepdims=True)
    return np.asarray(drawn / lengths, dtype=np.float32)


def texts_of(chunks: Sequence[Chunk]) -> dict[UUID, str]:
    """Return the text of each chunk by its id."""
    return {chunk.id: chunk.text for chunk in chunks}


class VectorIndexConformance:
    """Inherit, and override the fixtures."""

    @pytest.fixture
    def record(self) -> Record:
        raise NotImplementedError

    @pytest.fixture
    def lexical(self) -> LexicalIndex:
        raise NotImplementedError

    @pytest.fixture
    def index(self) -> VectorIndex:
        raise NotImplementedError

    async def add(
        self, record: Record, lexical: LexicalIndex, index: VectorIndex, vectors: Vectors, readers: Sequence[str]
    ) -> list[object]:
        """Store a document with one chunk per vector."""
        _, chunks = await store(record, lexical, [f"text {n}" for n in range(len(vectors))], readers=readers)
        await index.ensure(SMALL)
        async with record.transaction() as transaction:
            await index.upsert(transaction, SMALL, texts_of(chunks), vectors)
        return [*ids(chunks)]

    async def test_nearest_first_with_cosine(self, record: Record, lexical: LexicalIndex, index: VectorIndex) -> None:
        vectors = unit_vectors(50, SMALL.dimensions)
        chunk_ids = await self.add(record, lexical, index, vectors, ["everyone"])
        question = unit_vectors(1, SMALL.dimensions, seed=1)[0]
        found = await index.search(SMALL, question, EVERYWHERE, 10)
        cosines = vectors @ question
        order = np.argsort(-cosines)[:10]
        assert [each.chunk_id for each in found] == [chunk_ids[i] for i in order]
        assert [each.score for each in found] == pytest.approx(cosines[order].tolist(), abs=2e-3)

    async def test_spaces_never_meet(self, record: Record, lexical: LexicalIndex, index: VectorIndex) -> None:
        vectors = unit_vectors(5, SMALL.dimensions)
        await self.add(record, lexical, index, vectors, ["everyone"])
        await index.ensure(OTHER)
        assert list(await index.search(OTHER, vectors[0], EVERYWHERE, 10)) == []

    async def test_the_unreadable_never_shows(self, record: Record, lexical: LexicalIndex, index: VectorIndex) -> None:
        vectors = unit_vectors(40, SMALL.dimensions)
        await self.add(record, lexical, index, vectors, ["board"])
        seen = await self.add(record, lexical, index, vectors[:3], ["everyone"])
        assert {each.chunk_id for each in await index.search(SMALL, vectors[0], EVERYWHERE, 10)} == set(seen)
        assert list(await index.search(SMALL, vectors[0], Scope(Principal(tenant="other")), 10)) == []

    async def test_as_many_are_found_as_there_are_however_far_away(
        self, record: Record, lexical: LexicalIndex, index: VectorIndex
    ) -> None:
        vectors = unit_vectors(320, SMALL.dimensions)
        question = vectors[0]
        order = np.argsort(-(vectors @ question))
        await self.add(record, lexical, index, vectors[order[:300]], ["board"])
        far = await self.add(record, lexical, index, vectors[order[300:]], ["everyone"])
        for limit in (1, 10, 20, 50):
            found = await index.search(SMALL, question, EVERYWHERE, limit)
            assert [each.chunk_id for each in found] == far[:limit]

    @pytest.mark.parametrize("kept", [150, 30, 3, 0])
    async def test_the_nearest_that_a_filter_leaves(
        self, record: Record, lexical: LexicalIndex, index: VectorIndex, kept: int
    ) -> None:
        vectors = unit_vectors(300, SMALL.dimensions)
        question = unit_vectors(1, SMALL.dimensions, seed=1)[0]
        await index.ensure(SMALL)
        inside: list[UUID] = []
        for mark, part in (("in", vectors[:kept]), ("out", vectors[kept:])):
            _, chunks = await store(record, lexical, [f"{mark} {n}" for n in range(len(part))], metadata={"mark": mark})
            async with record.transaction() as transaction:
                await index.upsert(transaction, SMALL, texts_of(chunks), part)
            inside += ids(chunks) if mark == "in" else []
        nearest = [inside[row] for row in np.argsort(-(vectors[:kept] @ question))]
        # Asked again and again, for an index may learn what a filter leaves.
        for limit in (10, 10, 10, 100):
            found = await index.search(SMALL, question, Scope(LOCAL, metadata={"mark": "in"}), limit)
            assert len(found) == min(limit, kept)
            assert {each.chunk_id for each in found} == set(nearest[:limit])

    async def test_upsert_again_replaces(self, record: Record, lexical: LexicalIndex, index: VectorIndex) -> None:
        vectors = unit_vectors(3, SMALL.dimensions)
        _, chunks = await store(record, lexical, ["a", "b", "c"])
        await index.ensure(SMALL)
        for order in (vectors, vectors[::-1]):
            async with record.transaction() as transaction:
                await index.upsert(transaction, SMALL, texts_of(chunks), np.ascontiguousarray(order))
        found = await index.search(SMALL, vectors[0], EVERYWHERE, 10)
        assert len(found) == 3
        assert found[0].chunk_id == chunks[2].id

    async def test_deleted_documents_are_gone(self, record: Record, lexical: LexicalIndex, index: VectorIndex) -> None:
        accepted, chunks = await store(record, lexical, ["a", "b"])
        vectors = unit_vectors(2, SMALL.dimensions)
        await index.ensure(SMALL)
        async with record.transaction() as transaction:
            await index.upsert(transaction, SMALL, texts_of(chunks), vectors)
        async with record.transaction() as transaction:
            await transaction.documents.delete(LOCAL, accepted.document_id)
        assert list(await index.search(SMALL, vectors[0], EVERYWHERE, 10)) == []

    async def test_the_same_text_of_the_same_tenant_has_its_vector(
        self, record: Record, lexical: LexicalIndex, index: VectorIndex
    ) -> None:
        vectors = unit_vectors(2, SMALL.dimensions)
        _, first = await store(record, lexical, ["a", "b"])
        _, second = await store(record, lexical, ["b", "c"])
        _, foreign = await store(record, lexical, ["a"], principal=Principal(tenant="other"))
        for model in (SMALL, OTHER):
            await index.ensure(model)
        async with record.transaction() as transaction:
            await index.upsert(transaction, SMALL, texts_of(first), vectors)
        async with record.transaction() as transaction:
            assert await index.reuse(transaction, SMALL, texts_of(first)) == set(ids(first))
            assert await index.reuse(transaction, SMALL, texts_of(second)) == {second[0].id}
            assert await index.reuse(transaction, SMALL, texts_of(foreign)) == set()
            assert await index.reuse(transaction, OTHER, texts_of(second)) == set()
        found = await index.search(SMALL, vectors[1], EVERYWHERE, 2)
        assert {each.chunk_id for each in found} == {first[1].id, second[0].id}
        assert [each.score for each in found] == pytest.approx([1.0, 1.0], abs=2e-3)
