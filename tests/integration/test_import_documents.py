"""Documents of ready-made chunks on a real record: with vectors and without, all of a batch or nothing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.integration.leftovers import rows_of_documents

from ragstone.container import Container
from ragstone.domain.access import LOCAL
from ragstone.domain.documents import Document, State
from ragstone.domain.errors import Conflict, InvalidRequest, NotFound, TooLarge
from ragstone.domain.queries import Mode, Scope
from ragstone.ingest.importing import ChunkRefused, GivenVectors
from ragstone.ingest.intake import Label, ReadyChunk, ReadyDocument
from ragstone.ports.documents import Accepted
from ragstone.ports.embedder import Vectors
from ragstone.ports.versions import BatchRefused
from ragstone.postgres.invariants import violations
from ragstone.testing.embedders import HashingEmbedder
from ragstone.worker.run import work

DIMENSIONS = 64


class CountingEmbedder(HashingEmbedder):
    """Counts the texts that it embeds."""

    def __init__(self) -> None:
        super().__init__(dimensions=DIMENSIONS)
        self.texts: list[str] = []

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        return await super().embed(texts)


@pytest.fixture
def embedder(container: Container) -> CountingEmbedder:
    container.__dict__["embedder"] = CountingEmbedder()
    return container.__dict__["embedder"]  # type: ignore[no-any-return]


@pytest.fixture
async def given(container: Container, embedder: CountingEmbedder) -> AsyncIterator[GivenVectors]:
    """Vectors of the active model. In the end the record must be whole."""
    yield GivenVectors(container.vectors, container.embedders, embedder.model.name, embedder.model.version)
    async with container.database.connection() as connection:
        assert await violations(connection, seconds=30) == {}


def axis(place: int, length: float = 1.0) -> Vectors:
    """Return a vector that points along one axis."""
    vector = np.zeros(DIMENSIONS, dtype=np.float32)
    vector[place] = length
    return vector


def made(uri: str, *texts: str, vectors: Sequence[Vectors] = (), **label: Any) -> ReadyDocument:
    chunks = [
        ReadyChunk(text, id=f"{uri}-{place}", page=place + 1, vector=vectors[place] if vectors else None)
        for place, text in enumerate(texts)
    ]
    return ReadyDocument(Label(uri=uri, **label), chunks)


async def documents(container: Container) -> dict[str, Document]:
    async with container.record.transaction() as transaction:
        found = await transaction.documents.list(LOCAL, collection=None, state=None, after=None, limit=100)
    return {each.uri: each for each in found}


async def nearest(container: Container, embedder: HashingEmbedder, vector: Vectors) -> list[tuple[str | None, float]]:
    """Return the sender's ids of the chunks nearest to ``vector``, with their similarity."""
    found = await container.vectors.search(embedder.model, vector, Scope(LOCAL), 10)
    async with container.record.transaction() as transaction:
        chunks = await transaction.chunks.load(Scope(LOCAL), [each.chunk_id for each in found])
    return [(chunk.chunk.external_id, round(each.score, 2)) for chunk, each in zip(chunks, found, strict=True)]


async def work_off(container: Container) -> None:
    """Let a worker do all that waits."""
    worker = asyncio.create_task(work(container))
    async with asyncio.timeout(20):
        while any(not each.state.final for each in (await documents(container)).values()):
            await asyncio.sleep(0.02)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)


async def test_with_vectors_a_document_is_ready_and_nothing_is_embedded(
    container: Container, given: GivenVectors, embedder: CountingEmbedder
) -> None:
    batch = [
        made("slate", "Slate splits.", "Slate roofs.", vectors=[axis(0, 3.0), axis(1, 1e-3)], title="Slate"),
        made("shale", "Shale crumbles.", vectors=[axis(2, 1e30)]),
        made("chalk", "Chalk writes."),
    ]
    accepted = await container.intake.accept_documents(LOCAL, batch, given)
    assert [each.created for each in accepted] == [True] * 3
    found = await documents(container)
    assert {uri: each.state for uri, each in found.items()} == {
        "slate": State.READY,
        "shale": State.READY,
        "chalk": State.SEARCHABLE,
    }
    assert found["slate"].title == "Slate"
    assert [found[uri].job_id for uri in ("slate", "shale", "chalk")] == [each.job_id for each in accepted]
    hits = (await container.search.retrieve("chalk", Scope(LOCAL), mode=Mode.WORDS)).hits
    assert [(hit.chunk.external_id, hit.chunk.page) for hit in hits] == [("chalk-0", 1)]
    for place, name in enumerate(("slate-0", "slate-1", "shale-0")):
        assert (await nearest(container, embedder, axis(place)))[0] == (name, 1.0)
    await work_off(container)
    assert embedder.texts == ["chalk\nChalk writes."]
    assert (await documents(container))["chalk"].state is State.READY


async def test_the_same_again_is_no_work_and_other_vectors_are_a_new_version(
    container: Container, given: GivenVectors, embedder: CountingEmbedder
) -> None:
    async def send(vector: Vectors, **label: Any) -> Accepted:
        (accepted,) = await container.intake.accept_documents(
            LOCAL, [made("slate", "Slate splits.", vectors=[vector], **label)], given
        )
        return accepted

    first = await send(axis(0))
    again = await send(axis(0), metadata={"year": 2026}, title="Slate")
    assert again == Accepted(first.document_id, first.job_id, created=False)
    assert (await documents(container))["slate"].metadata == {"year": 2026}
    assert (await documents(container))["slate"].title == "Slate"
    other = await send(axis(1))
    assert (other.document_id, other.created) == (first.document_id, True)
    assert await nearest(container, embedder, axis(1)) == [("slate-0", 1.0)]
    await container.intake.accept_documents(LOCAL, [made("slate", "Slate splits.")], given)
    assert await nearest(container, embedder, axis(1)) == [("slate-0", 1.0)]  # until the new one is embedded
    await work_off(container)
    assert embedder.texts == ["slate\nSlate splits."]
    assert (await documents(container))["slate"].state is State.READY
    assert (await documents(container))["slate"].job_id != other.job_id


async def test_a_given_vector_is_not_taken_for_one_that_was_made_here(
    container: Container, given: GivenVectors, embedder: CountingEmbedder
) -> None:
    await container.intake.accept_documents(LOCAL, [made("a", "Slate.", title="T", vectors=[axis(0)])], given)
    await container.intake.accept_documents(LOCAL, [made("b", "Slate.", title="T")])
    await work_off(container)
    assert embedder.texts == ["T\nSlate."]


WRONG: dict[str, tuple[Sequence[Vectors | None], str]] = {
    "too few dimensions": ([axis(0), axis(1)[:-1]], "Chunk 1 has a vector of 63 dimensions; ragstone/hashing has 64"),
    "a matrix": ([axis(0), np.stack([axis(0), axis(1)])], "Chunk 1 has a vector of 128 dimensions"),
    "not a number": ([axis(0), axis(1, np.nan)], "Chunk 1 has a vector that is not finite"),
    "infinite": ([axis(0, np.inf), axis(1)], "Chunk 0 has a vector that is not finite"),
    "no direction": ([axis(0), axis(1, 0.0)], "Chunk 1 has a vector of length 0"),
    "one without": ([axis(0), None], "Chunk 1 has no vector, and others"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_vectors_that_will_not_do(container: Container, given: GivenVectors, case: str) -> None:
    vectors, told = WRONG[case]
    chunks = [ReadyChunk(f"Stone {place}.", vector=vector) for place, vector in enumerate(vectors)]
    with pytest.raises(ChunkRefused, match=told) as caught:
        await container.intake.accept_chunks(LOCAL, Label(uri="stone"), chunks, given)
    assert caught.value.remedy
    assert await documents(container) == {}


async def test_vectors_of_another_model_are_refused(
    container: Container, given: GivenVectors, embedder: CountingEmbedder
) -> None:
    name, version = embedder.model.name, embedder.model.version
    for wrong in ((name, "2"), ("other", version)):
        other = GivenVectors(container.vectors, container.embedders, *wrong)
        with pytest.raises(InvalidRequest, match=f"here {name}@{version} is in use") as caught:
            await container.intake.accept_documents(LOCAL, [made("a", "Slate.", vectors=[axis(0)])], other)
        assert "reembed" in caught.value.remedy
    with pytest.raises(InvalidRequest, match="of which model is not said"):
        await container.intake.accept_chunks(LOCAL, Label(uri="a"), [ReadyChunk("Slate.", vector=axis(0))])
    assert await documents(container) == {}


async def test_of_a_batch_with_something_wrong_nothing_is_stored(container: Container, given: GivenVectors) -> None:
    batch = [
        made("a", "Slate."),
        made("b"),
        made("c", "word " * 300),
        made("d", "Shale.", "   "),
        made("a", "Slate again."),
        made("x" * 2001, "Chalk."),
    ]
    with pytest.raises(BatchRefused) as caught:
        await container.intake.accept_documents(LOCAL, batch, given)
    told = {place: error.message for place, error in caught.value.errors.items()}
    assert set(told) == {1, 2, 3, 4, 5}
    assert [told[1], told[3]] == ["There are no chunks.", "Chunk 1 has no text."]
    assert "300 tokens" in told[2]
    assert "comes twice" in told[4]
    assert await documents(container) == {}


async def test_a_uri_that_is_taken_out_of_sight_refuses_the_batch(container: Container, given: GivenVectors) -> None:
    other = replace(LOCAL, readers=frozenset({"else"}))
    await container.intake.accept_documents(other, [made("hidden", "Slate.", readers=("else",))])
    with pytest.raises(BatchRefused) as caught:
        await container.intake.accept_documents(LOCAL, [made("seen", "Shale."), made("hidden", "Chalk.")])
    assert {place: type(error) for place, error in caught.value.errors.items()} == {1: Conflict}
    assert await documents(container) == {}
    (accepted,) = await container.intake.accept_documents(other, [made("hidden", "Chalk.", readers=("else",))])
    assert accepted.created


async def test_an_unknown_collection_and_a_large_document(container: Container, given: GivenVectors) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        await container.intake.accept_documents(LOCAL, [made("a", "Slate.", collection="nowhere")])
    container.intake._max_bytes = 1000
    with pytest.raises(TooLarge):
        await container.intake.accept_chunks(LOCAL, Label(uri="a"), [ReadyChunk("word " * 100)] * 3)


async def test_what_failed_is_begun_anew(container: Container, given: GivenVectors) -> None:
    batch = [made("a", "Slate.")]
    (first,) = await container.intake.accept_documents(LOCAL, batch)
    async with container.record.transaction() as transaction:
        await transaction.jobs.cancel(LOCAL, first.job_id)
    (again,) = await container.intake.accept_documents(LOCAL, batch)
    assert (again.document_id, again.created) == (first.document_id, True)
    await work_off(container)
    assert (await documents(container))["a"].state is State.READY
    async with container.record.transaction() as transaction:
        await transaction.documents.delete(LOCAL, first.document_id)
    async with container.database.connection() as connection:
        assert await rows_of_documents(connection) == {}


async def test_two_batches_with_the_same_documents_in_another_order(container: Container, given: GivenVectors) -> None:
    one = [made(f"d{place}", f"Stone {place}.", vectors=[axis(place)]) for place in range(20)]
    outcomes = await asyncio.gather(
        *(container.intake.accept_documents(LOCAL, batch, given) for batch in (one, one[::-1], one, one[::-1]))
    )
    created = [each for accepted in outcomes for each in accepted if each.created]
    assert len(created) == len({each.document_id for each in created}) == len(await documents(container)) == 20
