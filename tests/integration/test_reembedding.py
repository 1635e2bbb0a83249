"""Another embedding space on a real record: dropped under a worker's hands, stopped, hastened, refused."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

import pytest

from ragstone.adapters.embedders.openai import OpenAIEmbedder
from ragstone.container import Container
from ragstone.domain.access import EVERYONE, LOCAL, Principal
from ragstone.domain.documents import State
from ragstone.domain.errors import Conflict, EmbedderUnavailable, GaveWay, InvalidRequest, NotFound
from ragstone.domain.filter_text import parse_filter
from ragstone.domain.queries import Mode, Scope
from ragstone.ingest.embedding import DocumentEmbedder, Policy, Provider
from ragstone.ingest.intake import Label, ReadyChunk
from ragstone.ingest.reembedding import Reembedding
from ragstone.learn.evaluation import JudgedQuestion, ndcg_by_meaning, unknown_uris
from ragstone.ports.embedder import Embedder, EmbeddingModel, Vectors
from ragstone.ports.embedding_spaces import EmbeddingSpace, Role
from ragstone.ports.record import Transaction, despite_others
from ragstone.postgres.invariants import violations
from ragstone.postgres.vector_index import PgVectorIndex
from ragstone.testing.embedders import HashingEmbedder
from ragstone.testing.embedding_server import EmbeddingServer
from ragstone.testing.vector_indexes import unit_vectors
from ragstone.worker.run import work

BIRDS, CHUNKS = 5, 4
ALL = BIRDS * CHUNKS
BATCH = 8
SMALL = EmbeddingModel("test/small", "1", dimensions=8, max_tokens=100)
SCOPE = Scope(LOCAL)


class Other(HashingEmbedder):
    """Another model, which waits at a gate."""

    def __init__(self) -> None:
        super().__init__(dimensions=24)
        self.asked = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()

    async def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked.set()
        await self.open.wait()
        return await super().embed(texts)


@pytest.fixture
def other() -> Other:
    return Other()


@pytest.fixture
async def filled(container: Container) -> Container:
    """A record of birds, all of them embedded."""
    container.__dict__["embedder"] = HashingEmbedder()
    worker = asyncio.create_task(work(container))
    for number in range(BIRDS):
        chunks = [ReadyChunk(f"Bird {number} eats seed {each}.", id=f"{number}-{each}") for each in range(CHUNKS)]
        await container.intake.accept_chunks(LOCAL, Label(uri=f"bird-{number}", title=f"Bird {number}"), chunks)
    async with asyncio.timeout(30):
        while await states(container) != {State.READY: BIRDS}:
            await asyncio.sleep(0.05)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    return container


async def states(container: Container) -> dict[State, int]:
    async with container.database.connection() as connection:
        cursor = await connection.execute("select state, count(*) from versions group by state")
        return {State(state): count for state, count in await cursor.fetchall()}


async def broken(container: Container) -> object:
    async with container.database.connection() as connection:
        return await violations(connection, seconds=10)


async def begin(
    container: Container,
    model: EmbeddingModel,
    *,
    rate: float | None = None,
    swap: bool = True,
    skip_refused: bool = False,
) -> EmbeddingSpace:
    await container.vectors.ensure(model)
    async with container.record.transaction() as transaction:
        return await transaction.spaces.begin(
            model, {"embedder": "other"}, chunks_per_second=rate, swap_when_full=swap, skip_refused=skip_refused
        )


async def roles(container: Container) -> dict[str | None, str]:
    async with container.record.transaction() as transaction:
        return {each.role: each.model for each in await transaction.spaces.all()}


async def of_role(container: Container, role: Role) -> EmbeddingSpace:
    async with container.record.transaction() as transaction:
        space = await transaction.spaces.of_role(role)
    assert space
    return space


async def stop_and_drop(container: Container) -> None:
    async with container.record.transaction() as transaction:
        await transaction.spaces.stop()
    async with container.record.transaction() as transaction:
        await transaction.spaces.drop_unused()


def reembedding(container: Container, embedder: Embedder) -> Reembedding:
    async def of(_: EmbeddingSpace) -> Embedder:
        return embedder

    return Reembedding(container.record, container.vectors, of, batch=BATCH)


async def test_a_space_that_is_dropped_and_made_anew_is_another_one(filled: Container, other: Other) -> None:
    process = PgVectorIndex(filled.database)  # as another process has it
    for _ in range(2):
        await begin(filled, other.model)
        assert await reembedding(filled, other).fill() == 0.0
        for index in (filled.vectors, process):
            assert len(await index.search(other.model, unit_vectors(1, 24)[0], SCOPE, 100)) == ALL
        async with filled.record.transaction() as transaction:
            here = HashingEmbedder().model
            await transaction.spaces.begin(here, {}, chunks_per_second=None, swap_when_full=True)
        assert await reembedding(filled, HashingEmbedder()).fill() == 0.0
        await stop_and_drop(filled)
        assert list((await roles(filled)).values()) == [here.name]


async def test_a_dropped_space_is_no_embedder_and_not_made_again(filled: Container, other: Other) -> None:
    await begin(filled, other.model)
    await stop_and_drop(filled)
    async with filled.record.transaction() as transaction:
        with pytest.raises(EmbedderUnavailable, match="dropped"):
            await filled.vectors.reuse(transaction, other.model, {UUID(int=1): "text"})
        with pytest.raises(EmbedderUnavailable, match="dropped"):
            await filled.vectors.upsert(transaction, other.model, {UUID(int=1): "text"}, unit_vectors(1, 24))
    with pytest.raises(EmbedderUnavailable, match="dropped"):
        await filled.vectors.search(other.model, unit_vectors(1, 24)[0], SCOPE, 3)
    assert not await filled.vectors.tune(other.model.name, other.model.version)
    assert set(await roles(filled)) == {Role.ACTIVE}
    async with filled.record.transaction() as transaction:
        with pytest.raises(Conflict, match="dropped"):
            await transaction.spaces.begin(other.model, {}, chunks_per_second=None, swap_when_full=True)


async def test_where_nothing_is_embedded_at_all_nothing_is_found(container: Container) -> None:
    assert list(await container.vectors.search(SMALL, unit_vectors(1, 8)[0], SCOPE, 3)) == []


async def test_a_drop_under_a_batch_ends_the_filling_and_nothing_else(filled: Container, other: Other) -> None:
    await begin(filled, other.model)
    other.open.clear()
    filling = asyncio.create_task(reembedding(filled, other).fill())
    await other.asked.wait()
    await stop_and_drop(filled)
    other.open.set()
    await filling
    assert set(await roles(filled)) == {Role.ACTIVE}
    await begin(filled, other.model)
    assert await reembedding(filled, other).fill() == 0.0
    assert (await of_role(filled, Role.ACTIVE)).holds(other.model)
    assert await broken(filled) == {}


async def test_a_drop_and_those_who_store_wait_for_each_other(filled: Container) -> None:
    """One that has stored some vectors stores more; the space cannot go meanwhile, and goes after."""
    await filled.vectors.ensure(SMALL)
    async with filled.database.connection() as connection:
        chunk_ids = [row[0] for row in await (await connection.execute("select id from chunks")).fetchall()]

    async def drop() -> None:
        async with filled.record.transaction() as transaction:
            await transaction.spaces.drop_unused()

    async with filled.record.transaction() as transaction:
        await transaction.spaces.still_there(chunk_ids)
        await filled.vectors.upsert(transaction, SMALL, {chunk_ids[0]: "a"}, unit_vectors(1, 8))
        dropping = asyncio.create_task(drop())
        await asyncio.sleep(0.3)
        assert not dropping.done()
        await filled.vectors.upsert(transaction, SMALL, {chunk_ids[1]: "b"}, unit_vectors(1, 8))
    await dropping
    assert set(await roles(filled)) == {Role.ACTIVE}


async def test_a_search_that_meets_a_drop_says_so(filled: Container, other: Other) -> None:
    """Dropped and made time and again while questions come: none fails in another way than by the space's loss."""
    ended = asyncio.Event()
    outcomes: list[str] = []

    async def ask() -> None:
        while not ended.is_set():
            try:
                await filled.vectors.search(other.model, unit_vectors(1, 24)[0], SCOPE, 3)
                outcomes.append("found")
            except EmbedderUnavailable:
                outcomes.append("dropped")
            await asyncio.sleep(0)

    asking = [asyncio.create_task(ask()) for _ in range(3)]
    for _ in range(15):
        await filled.vectors.ensure(other.model)
        await stop_and_drop(filled)
    ended.set()
    await asyncio.gather(*asking)
    assert set(outcomes) <= {"found", "dropped"}
    assert "dropped" in outcomes


@pytest.mark.parametrize("swap", [False, True])
async def test_whether_to_swap_is_read_when_it_is_full(filled: Container, other: Other, swap: bool) -> None:
    await begin(filled, other.model, swap=not swap)
    other.open.clear()
    filling = asyncio.create_task(reembedding(filled, other).fill())
    await other.asked.wait()
    await begin(filled, other.model, swap=swap)
    other.open.set()
    await filling
    assert (await of_role(filled, Role.ACTIVE)).holds(other.model) is swap


async def test_another_rate_takes_effect_at_once(filled: Container, other: Other) -> None:
    await begin(filled, other.model, rate=0.1)
    filling = asyncio.create_task(reembedding(filled, other).fill())
    await asyncio.sleep(0.5)
    space = await of_role(filled, Role.FILLING)
    async with filled.record.transaction() as transaction:
        assert await transaction.spaces.fill_state(space) == (BATCH, ALL)
    await begin(filled, other.model, rate=None)
    async with asyncio.timeout(5):
        assert await filling == 0.0
    assert (await of_role(filled, Role.ACTIVE)).holds(other.model)


async def test_a_space_that_answers_is_not_swapped_again(filled: Container, other: Other) -> None:
    await begin(filled, other.model)
    await reembedding(filled, other).fill()
    before = await roles(filled)
    assert set(before) == {Role.ACTIVE, Role.PREVIOUS}
    space = await begin(filled, other.model, swap=False)
    assert space.role is Role.ACTIVE
    async with filled.record.transaction() as transaction:
        assert await transaction.spaces.swap(space)
    assert await roles(filled) == before


async def test_a_stopped_space_is_not_swapped_to(filled: Container, other: Other) -> None:
    space = await begin(filled, other.model, swap=False)
    await reembedding(filled, other).fill()
    async with filled.record.transaction() as transaction:
        await transaction.spaces.stop()
    async with filled.record.transaction() as transaction:
        with pytest.raises(Conflict, match="stopped"):
            await transaction.spaces.swap(space)


async def test_a_rollback_that_is_stopped_can_be_begun_again(filled: Container, other: Other) -> None:
    here = HashingEmbedder()
    await begin(filled, other.model)
    await reembedding(filled, other).fill()
    before = await roles(filled)
    for _ in range(2):  # begun twice, it is the previous one still
        assert (await begin(filled, here.model)).was_previous
    async with filled.record.transaction() as transaction:
        await transaction.spaces.stop()
    assert await roles(filled) == before
    assert not (await of_role(filled, Role.PREVIOUS)).was_previous


@asynccontextmanager
async def served(**misbehaviour: str) -> AsyncIterator[tuple[EmbeddingServer, Embedder]]:
    with EmbeddingServer(dimensions=24, **misbehaviour) as server:  # type: ignore[arg-type]
        provider = Provider(OpenAIEmbedder("stand-in", base_url=server.base_url), Policy())
        embedder = DocumentEmbedder(provider, batch_texts=BATCH)
        await embedder.warm()
        yield server, embedder
        await embedder.close()


async def test_what_a_model_refuses_is_told_and_asked_once(filled: Container) -> None:
    async with served(refused="Bird 2 eats seed 1") as (server, embedder):
        await begin(filled, embedder.model)
        filling = reembedding(filled, embedder)
        assert await filling.fill() > 0
        space = await of_role(filled, Role.FILLING)
        async with filled.record.transaction() as transaction:
            assert await transaction.spaces.fill_state(space) == (ALL - 1, ALL)
        assert space.trouble
        assert space.trouble.code == "embedding_refused"
        assert "1 of the chunks, in bird-2: " in space.trouble.message
        assert "--skip-refused" in space.trouble.remedy
        taken = [text for request in server.requests for text in request["input"]]
        asked = len(server.requests)
        assert sum("Bird 2 eats seed 1" in text for text in taken) <= 5  # its batch and the halves of it
        assert await filling.fill() > 0
        assert len(server.requests) == asked
        assert set(await states(filled)) == {State.READY}


async def test_a_refused_document_that_is_deleted_is_in_nobodys_way(filled: Container) -> None:
    async with served(refused="Bird 2 eats seed 1") as (_, embedder):
        await begin(filled, embedder.model)
        await reembedding(filled, embedder).fill()
        async with filled.record.transaction() as transaction:
            listed = await transaction.documents.list(LOCAL, collection=None, state=None, after=None, limit=100)
            (document,) = [each for each in listed if each.uri == "bird-2"]
            await transaction.documents.delete(LOCAL, document.id)
        assert await reembedding(filled, embedder).fill() == 0.0
        assert (await of_role(filled, Role.ACTIVE)).trouble is None


async def test_what_is_refused_is_skipped_on_request_and_whole_after_a_rollback(filled: Container) -> None:
    async with served(refused="Bird 2 eats seed 1") as (_, embedder):
        await begin(filled, embedder.model)
        await reembedding(filled, embedder).fill()
        await begin(filled, embedder.model, skip_refused=True)
        assert await reembedding(filled, embedder).fill() == 0.0
    assert (await of_role(filled, Role.ACTIVE)).holds(embedder.model)
    assert await states(filled) == {State.READY: BIRDS - 1, State.FAILED: 1}
    async with filled.database.connection() as connection:
        cursor = await connection.execute(
            "select failure ->> 'code', failure ->> 'message' from versions where state = 'failed'"
        )
        code, message = (await cursor.fetchall())[0]
    assert code == "embedding_refused"
    assert "not allowed" in message
    found = await filled.search.retrieve("Bird 2 eats seed 1", SCOPE, mode=Mode.WORDS)
    assert "Bird 2 eats seed 1." in [hit.chunk.text for hit in found.hits]
    assert len(await filled.vectors.search(embedder.model, unit_vectors(1, 24)[0], SCOPE, 100)) == ALL - 1
    assert await broken(filled) == {}
    await begin(filled, HashingEmbedder().model)
    assert await reembedding(filled, HashingEmbedder()).fill() == 0.0
    assert await states(filled) == {State.READY: BIRDS}
    assert await broken(filled) == {}


async def test_the_failed_document_of_a_skip_is_embedded_by_the_next_model(filled: Container, other: Other) -> None:
    async with served(refused="Bird 2 eats seed 1") as (_, embedder):
        await begin(filled, embedder.model, skip_refused=True)
        await reembedding(filled, embedder).fill()
    assert await states(filled) == {State.READY: BIRDS - 1, State.FAILED: 1}
    await begin(filled, other.model)
    assert await reembedding(filled, other).fill() == 0.0
    assert await states(filled) == {State.READY: BIRDS}
    assert await broken(filled) == {}


async def test_what_was_embedded_before_a_failure_is_kept(filled: Container) -> None:
    class Half(HashingEmbedder):
        async def embed(self, texts: Sequence[str]) -> Vectors:
            if any("seed 3" in text for text in texts):
                raise EmbedderUnavailable("The endpoint does not answer.", retry_after=9)
            return await super().embed(texts)

    embedder = Half(dimensions=24)
    space = await begin(filled, embedder.model)
    assert await reembedding(filled, embedder).fill() == 9
    async with filled.record.transaction() as transaction:
        filled_chunks, _ = await transaction.spaces.fill_state(space)
    assert filled_chunks == BATCH - BATCH // CHUNKS


async def test_the_rest_after_a_filling_ends_when_another_space_is_to_be_filled(filled: Container) -> None:
    class Absent(HashingEmbedder):
        async def embed(self, texts: Sequence[str]) -> Vectors:
            raise EmbedderUnavailable("The endpoint does not answer.", retry_after=500)

    absent, other = Absent(dimensions=24), HashingEmbedder(dimensions=8)
    embedders: dict[str, Embedder] = {SMALL.name: other}

    async def embedder_of(space: EmbeddingSpace) -> Embedder:
        return embedders.get(space.model, absent)

    reembedding = Reembedding(filled.record, filled.vectors, embedder_of, batch=BATCH)
    await begin(filled, absent.model)
    seconds = await reembedding.fill()
    assert seconds == 500
    resting = asyncio.create_task(reembedding.rest(seconds))
    await asyncio.sleep(0.1)
    assert not resting.done()
    async with filled.record.transaction() as transaction:
        await transaction.spaces.stop()
    await begin(filled, SMALL)
    async with asyncio.timeout(5):
        await resting


async def test_the_gate_asks_where_its_questions_look(filled: Container) -> None:
    """Two documents say the same; which of them is found is for the question's collection and filter to say."""
    async with filled.record.transaction() as transaction:
        await transaction.collections.create(LOCAL, "other")
    worker = asyncio.create_task(work(filled))
    same = [ReadyChunk("Bird 3 eats seed 2.")]
    label = Label(uri="copy", title="Bird 3", collection="other", metadata={"kind": "copy"})
    await filled.intake.accept_chunks(LOCAL, label, same)
    async with asyncio.timeout(30):
        while await states(filled) != {State.READY: BIRDS + 1}:
            await asyncio.sleep(0.05)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    asked = "Bird 3 eats seed 2."
    narrow = [
        JudgedQuestion(asked, frozenset({"copy"}), collections=("other",)),
        JudgedQuestion(asked, frozenset({"copy"}), metadata={"kind": "copy"}),
        JudgedQuestion(asked, frozenset({"copy"}), filter=parse_filter('kind = "copy"')),
    ]
    for question in narrow:
        found = await ndcg_by_meaning(filled.record, filled.vectors, filled.embedder, [question], LOCAL)
        assert found == 1.0, question


async def test_a_gate_that_could_judge_nothing_is_refused(filled: Container) -> None:
    known, unknown = (JudgedQuestion("Which?", frozenset({uri})) for uri in ("bird-1", "bird 1"))
    assert await unknown_uris(filled.record, [known, unknown], LOCAL) == ["bird 1"]
    with pytest.raises(InvalidRequest, match="bird 1"):
        await unknown_uris(filled.record, [unknown], LOCAL)
    with pytest.raises(NotFound, match="nowhere"):
        await unknown_uris(filled.record, [replace(known, collections=("nowhere",))], LOCAL)
    stranger = Principal(name="stranger", tenant="another", readers=frozenset({EVERYONE}))
    with pytest.raises(InvalidRequest, match="bird-1"):
        await unknown_uris(filled.record, [known], stranger)


async def test_a_drop_that_gave_way_is_made_again(filled: Container) -> None:
    """Somebody holds a version that the drop has to change, and then wants the spaces, which the drop holds."""
    await filled.vectors.ensure(SMALL)
    tries = 0

    async def drop(transaction: Transaction) -> Sequence[EmbeddingSpace]:
        nonlocal tries
        tries += 1
        return await transaction.spaces.drop_unused()

    async with filled.database.connection() as other:
        await other.execute("update versions set space_id = (select id from embedding_spaces where role is null)")
    async with filled.database.connect() as other, other.transaction():
        await other.execute("select from versions for update")
        dropping = asyncio.create_task(despite_others(filled.record, drop))
        await asyncio.sleep(0.3)  # PostgreSQL looks for a ring a second after the first began to wait
        await other.execute("update embedding_spaces set trouble = null")
    async with asyncio.timeout(20):
        assert [each.model for each in await dropping] == [SMALL.name]
    assert tries == 2
    async with filled.database.connection() as other:
        await other.execute("update versions set space_id = (select id from embedding_spaces)")


async def test_who_always_gives_way_is_told(filled: Container) -> None:
    async def change(_: Transaction) -> None:
        raise GaveWay("Two changes met.")

    with pytest.raises(GaveWay):
        await despite_others(filled.record, change)
