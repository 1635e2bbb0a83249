"""What every ``LexicalIndex`` must do, and the formula it must agree with."""

import math
from collections import defaultdict
from collections.abc import Mapping
from uuid import UUID

import pytest

from ragstone.domain.access import LOCAL, Principal
from ragstone.domain.queries import Correction, Scope
from ragstone.ports.lexical_index import Entry, LexicalIndex
from ragstone.ports.record import Record
from ragstone.retrieve.analysis import count_terms, question_terms
from ragstone.testing.records import ids, store

EVERYWHERE = Scope(LOCAL)


def bm25(
    question: str, texts: Mapping[UUID, str], *, language: str = "en", k1: float = 1.2, b: float = 0.75
) -> dict[UUID, float]:
    """Return the score of every text with a word of the question, straight from the formula of the port.

    A text scores a word of the question by the best of the terms that it may be.
    """
    counted = {key: count_terms(text, language) for key, text in texts.items()}
    average = sum(counts.total() for counts in counted.values()) / len(counted)
    asked = question_terms(question, [language])
    scores: defaultdict[UUID, float] = defaultdict(float)
    for group, weight in zip(asked.groups, asked.weights, strict=True):
        best: defaultdict[UUID, float] = defaultdict(float)
        for term in group:
            holders = [key for key, counts in counted.items() if term in counts]
            idf = math.log(1 + (len(counted) - len(holders) + 0.5) / (len(holders) + 0.5))
            for key in holders:
                frequency, length = counted[key][term], counted[key].total()
                gain = idf * frequency * (k1 + 1) / (frequency + k1 * (1 - b + b * length / average))
                best[key] = max(best[key], weight * gain)
        for key, gain in best.items():
            scores[key] += gain
    return dict(scores)


class LexicalIndexConformance:
    """Inherit, and override ``index`` (and ``record``, where the index does not share it).

    ``title_weight``: how often a word of a title counts.
    """

    title_weight = 1

    @pytest.fixture
    def record(self) -> Record:
        raise NotImplementedError

    @pytest.fixture
    def index(self) -> LexicalIndex:
        raise NotImplementedError

    async def test_scores_are_bm25(self, record: Record, index: LexicalIndex) -> None:
        first = ["the cat sat on the mat", "a dog chased the cat, the cat ran", "birds sing"]
        second = ["dogs and cats living together", "nothing of the kind", "cat cat cat"]
        texts: dict[UUID, str] = {}
        for batch in (first, second):
            _, chunks = await store(record, index, batch)
            texts |= {chunk.id: chunk.text for chunk in chunks}
        for question in ("cat", "cats and dogs", "which bird sings to the cat cat?"):
            found = (await index.search(question, EVERYWHERE, 10)).ranked
            expected = bm25(question, texts)
            assert {each.chunk_id: each.score for each in found} == pytest.approx(expected, rel=1e-6)
            assert [each.score for each in found] == pytest.approx(sorted(expected.values(), reverse=True), rel=1e-6)

    async def test_scores_after_a_deletion_are_those_of_what_is_left(self, record: Record, index: LexicalIndex) -> None:
        _, kept = await store(record, index, ["alpha beta", "beta gamma gamma"])
        gone, _ = await store(record, index, ["beta beta delta", "alpha"])
        async with record.transaction() as transaction:
            await transaction.documents.delete(LOCAL, gone.document_id)
        found = (await index.search("alpha beta", EVERYWHERE, 10)).ranked
        expected = bm25("alpha beta", {chunk.id: chunk.text for chunk in kept})
        assert {each.chunk_id: each.score for each in found} == pytest.approx(expected, rel=1e-6)

    async def test_a_deletion_that_is_not_committed_changes_nothing(self, record: Record, index: LexicalIndex) -> None:
        accepted, chunks = await store(record, index, ["zebra"])

        async def delete_and_fail() -> None:
            async with record.transaction() as transaction:
                await transaction.documents.delete(LOCAL, accepted.document_id)
                raise LookupError

        with pytest.raises(LookupError):
            await delete_and_fail()
        assert [each.chunk_id for each in (await index.search("zebra", EVERYWHERE, 10)).ranked] == ids(chunks)

    async def test_what_is_indexed_anew_takes_the_place_of_what_was(self, record: Record, index: LexicalIndex) -> None:
        accepted, chunks = await store(record, index, ["alpha beta", "beta gamma gamma"])
        async with record.transaction() as transaction:
            await index.add(transaction, [Entry(accepted.job_id, "Wombat", chunks)])
        found = (await index.search("alpha beta wombat", EVERYWHERE, 10)).ranked
        title = "Wombat " * self.title_weight
        expected = bm25("alpha beta wombat", {each.id: f"{title}{each.text}" for each in chunks})
        assert {each.chunk_id: each.score for each in found} == pytest.approx(expected, rel=1e-6)

    async def test_readers_and_tenants(self, record: Record, index: LexicalIndex) -> None:
        open_, open_chunks = await store(record, index, ["quarterly salary report"])
        await store(record, index, ["salary of the board", "salary salary"], readers=["board"])
        stranger = Principal(tenant="other")
        await store(record, index, ["salary elsewhere"], principal=stranger)
        found = (await index.search("salary", EVERYWHERE, 10)).ranked
        assert [each.chunk_id for each in found] == ids(open_chunks)
        alone = bm25("salary", {chunk.id: chunk.text for chunk in open_chunks})
        assert {each.chunk_id: each.score for each in found} == pytest.approx(alone, rel=1e-6)
        board = Principal(readers=frozenset({"everyone", "board"}))
        assert len((await index.search("salary", Scope(board), 10)).ranked) == 3
        assert open_.created

    async def test_collections_and_metadata(self, record: Record, index: LexicalIndex) -> None:
        await store(record, index, ["tea in china"], collection="a", metadata={"year": 2019, "tags": ["x"]})
        _, chunks = await store(record, index, ["tea in japan"], collection="b", metadata={"year": 2020})
        for scope in (Scope(LOCAL, ("b",)), Scope(LOCAL, (), {"year": 2020})):
            assert [each.chunk_id for each in (await index.search("tea", scope, 10)).ranked] == ids(chunks)
        assert (await index.search("tea", Scope(LOCAL, ("b",), {"year": 2019}), 10)).ranked == []

    @pytest.mark.parametrize("question", ["", "  ", "the of and", "?!", "nowheretobefound", "'; drop table chunks; --"])
    async def test_questions_that_find_nothing(self, record: Record, index: LexicalIndex, question: str) -> None:
        await store(record, index, ["some text"])
        assert list((await index.search(question, EVERYWHERE, 10)).ranked) == []

    async def test_limit(self, record: Record, index: LexicalIndex) -> None:
        await store(record, index, [f"word {'word ' * n}" for n in range(5)])
        assert len((await index.search("word", EVERYWHERE, 3)).ranked) == 3

    async def test_a_misspelt_word_is_told_by_what_is_indexed(self, record: Record, index: LexicalIndex) -> None:
        await store(record, index, ["a protein folds", "many proteins bind", "this Protein is large", "nothing else"])
        told = await index.spelling("which protien folds?", EVERYWHERE)
        assert list(told) == [Correction("protien", told[0].instead, 3)]
        assert told[0].instead in {"protein", "proteins"}

    @pytest.mark.parametrize(
        "question",
        [
            *("", "which protein folds?", "what is Protien", 'a "protien folds" quoted', "protien_9 in x.protien"),
            *("protiin7", "prtn", "zqxwvkj", "ab cd"),
        ],
    )
    async def test_what_is_there_a_name_quoted_or_unlike_anything_is_left_alone(
        self, record: Record, index: LexicalIndex, question: str
    ) -> None:
        await store(record, index, ["a protein folds", "many proteins bind", "this Protein is large", "part part"])
        assert list(await index.spelling(question, EVERYWHERE)) == []

    async def test_what_a_reader_may_not_see_gives_no_hint(self, record: Record, index: LexicalIndex) -> None:
        await store(record, index, ["protein folds", "protein binds"], readers=["board"])
        await store(record, index, ["protein folds", "protein binds"], principal=Principal(tenant="other"))
        gone, _ = await store(record, index, ["protein folds", "protein binds"])
        await store(record, index, ["something folds", "something binds"], collection="else")
        board = Scope(Principal(readers=frozenset({"everyone", "board"})))
        assert [each.chunks for each in await index.spelling("a protien folds", board)] == [4]
        async with record.transaction() as transaction:
            await transaction.documents.delete(LOCAL, gone.document_id)
        assert list(await index.spelling("a protien folds", EVERYWHERE)) == []
        assert [each.chunks for each in await index.spelling("a protien folds", board)] == [2]
        assert list(await index.spelling("a protien folds", Scope(board.principal, ("else",)))) == []
