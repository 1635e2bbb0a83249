"""Misspelt words on a real record: what is told, what is searched for, and that nothing unseen has a part in it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import psycopg
import pytest

from ragstone.container import Container, open_container
from ragstone.domain.access import EVERYONE, LOCAL, Principal
from ragstone.domain.queries import Correction, Scope
from ragstone.ports.lexical_index import Entry
from ragstone.postgres.lexical import index as index_module
from ragstone.postgres.lexical import upkeep
from ragstone.postgres.lexical.index import SegmentedLexicalIndex
from ragstone.postgres.lexical.spelling import Spelling
from ragstone.retrieve.lexical.vocabulary import Vocabulary
from ragstone.settings import Settings
from ragstone.testing.records import ids, store

EVERYWHERE = Scope(LOCAL)
BOARD = Scope(Principal(readers=frozenset({EVERYONE, "board"})))
TEXTS = ("the granite cliff", "a granite wall", "marble floors", "the marble bust", "a slate roof", "slate and granite")
QUESTION = "where is the grnaite cliff?"
MEANT = Correction("grnaite", "granite", 3)


@pytest.fixture
def searched(container: Container) -> SegmentedLexicalIndex:
    return SegmentedLexicalIndex(container.database, spelling=Spelling.SEARCHED)


async def put(container: Container, *texts: str, readers: Sequence[str] = (EVERYONE,)) -> None:
    """Store documents, and wait until no transaction is under way: while one is, a look is followed by another."""
    await store(container.record, container.lexical, texts, readers=readers)
    under_way = "select pg_snapshot_xmin(now) < pg_snapshot_xmax(now) from pg_current_snapshot() now"
    async with asyncio.timeout(20), container.database.connection() as connection:
        while (await (await connection.execute(under_way)).fetchone()) == (True,):
            await connection.commit()
            await asyncio.sleep(0.01)


async def told(container: Container, question: str, scope: Scope = EVERYWHERE) -> list[Correction]:
    return list(await container.lexical.spelling(question, scope))


async def test_searched_for_told_or_neither(container: Container, searched: SegmentedLexicalIndex) -> None:
    _, chunks = await store(container.record, container.lexical, TEXTS)
    question = "which grnaite"
    both = await searched.search(question, EVERYWHERE, 10)
    assert list(both.corrections) == [MEANT]
    assert {each.chunk_id for each in both.ranked} == {ids(chunks)[place] for place in (0, 1, 5)}
    right = await container.lexical.search("which granite", EVERYWHERE, 10)
    assert [each.chunk_id for each in both.ranked] == [each.chunk_id for each in right.ranked]
    assert all(0 < ours.score < theirs.score for ours, theirs in zip(both.ranked, right.ranked, strict=True))
    only_told = SegmentedLexicalIndex(container.database, spelling=Spelling.TOLD)
    found = await only_told.search(question, EVERYWHERE, 10)
    assert (list(found.corrections), list(found.ranked)) == ([MEANT], [])
    neither = SegmentedLexicalIndex(container.database)
    assert list((await neither.search(question, EVERYWHERE, 10)).corrections) == []


async def test_a_word_that_is_there_is_searched_as_it_is(container: Container, searched: SegmentedLexicalIndex) -> None:
    await put(container, *TEXTS, "a grnaite of its own")
    assert list((await searched.search("which grnaite", EVERYWHERE, 10)).corrections) == []


@pytest.mark.parametrize(
    ("hidden", "question"),
    [
        (["grnaite itself", "grnaite again"], QUESTION),  # the word as it is misspelt
        (["gruaite gnnaite"] * 60, QUESTION),  # rivals, far more frequent
        (["prnaite grnaites"] * 60, QUESTION),
        (["porphyry"] * 9, "where is the prophyry cliff"),  # stands nowhere else
        (["grenaite cliff granite"] * 9, "where is the grenite cliff"),
    ],
)
async def test_what_is_hidden_gives_no_hint_changes_none_and_costs_no_statement(
    container: Container, monkeypatch: pytest.MonkeyPatch, hidden: Sequence[str], question: str
) -> None:
    await put(container, *TEXTS)
    await put(container, "filler words", readers=["board"])
    await told(container, question)  # what is new is read once, whatever is in it
    before = await _traced(monkeypatch, lambda: told(container, question))
    await put(container, *hidden, readers=["board"])
    await told(container, question)
    after = await _traced(monkeypatch, lambda: told(container, question))
    assert after == before


async def test_the_first_look_at_what_is_hidden_is_the_same_whatever_it_is(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(container, *TEXTS)
    looks = []
    for secret in ("granite grnaite", "nothing alike"):
        await told(container, QUESTION)
        await put(container, secret, readers=["board"])
        looks.append(await _traced(monkeypatch, lambda: told(container, QUESTION)))
    assert looks[0] == looks[1]
    assert looks[0][0] == [MEANT]


async def test_within_a_segment_too(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one segment some chunks are seen and others are not: the counts are those of the ones that are."""
    monkeypatch.setattr(upkeep, "_QUIET_SECONDS", 0.0)
    await put(container, *TEXTS)
    await put(container, *["grnaite gruaite granite"] * 5, readers=["board"])
    while await container.upkeep.tend():
        pass
    async with container.database.connection() as connection:
        cursor = await connection.execute("select count(*) from lexical_segments")
        assert (await cursor.fetchall())[0][0] == 1
    assert await told(container, QUESTION) == [MEANT]
    assert await told(container, QUESTION, BOARD) == []


async def test_rights_that_change_take_effect_at_once(container: Container) -> None:
    accepted, _ = await store(container.record, container.lexical, ["porphyry one", "porphyry two"], readers=["board"])
    await put(container, *TEXTS)
    question = "where is the prophyry cliff"
    assert [each.instead for each in await told(container, question, BOARD)] == ["porphyry"]
    assert await told(container, question) == []
    async with container.record.transaction() as transaction:
        await transaction.documents.delete(BOARD.principal, accepted.document_id)
    assert await told(container, question, BOARD) == []


async def test_a_filter_is_no_matter_of_spelling(container: Container) -> None:
    await put(container, *TEXTS)
    assert await told(container, QUESTION, Scope(LOCAL, (), {"year": 1999})) == [MEANT]


async def test_a_question_whose_words_are_there_costs_nothing_more(
    container: Container, searched: SegmentedLexicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(container, *TEXTS)
    question = "where is the granite cliff"
    await searched.search(question, EVERYWHERE, 10)
    await container.lexical.search(question, EVERYWHERE, 10)
    plain = await _traced(monkeypatch, lambda: container.lexical.search(question, EVERYWHERE, 10))
    assert await _traced(monkeypatch, lambda: searched.search(question, EVERYWHERE, 10)) == plain


@pytest.mark.parametrize(
    "question",
    [
        "wo ist die Grnaite Klippe und warum",  # in a language that no document has
        "grnaite clif marbel",  # most of it is unknown
        "who saw Grnaite first",
        "grnaite-9 grnaite.py",
    ],
)
async def test_no_hint(container: Container, question: str) -> None:
    await put(container, *TEXTS)
    assert await told(container, question) == []


async def test_a_hint_stands_in_a_text_and_is_not_a_stem(container: Container) -> None:
    await put(container, "a percent of it", "ten percent of it", "organised well", "organises it", "an organiser")
    assert await told(container, "what percentage of it") == []
    assert [each.instead for each in await told(container, "orgnaised well of it")] == ["organised"]


async def test_of_two_words_as_likely_neither(container: Container) -> None:
    await put(container, "a plaster", "the plaster", "a planter", "the planter")
    assert await told(container, "the plamter wall") == []
    await put(container, *["another plaster"] * 10)
    assert [each.instead for each in await told(container, "the plamter")] == ["plaster"]


async def test_a_title_alone_has_words_too(container: Container) -> None:
    accepted, chunks = await store(container.record, container.lexical, ["one two", "three four"])
    async with container.record.transaction() as transaction:
        await container.lexical.add(transaction, [Entry(accepted.job_id, "Porphyry", chunks)])
    assert [each.instead for each in await told(container, "prophyry")] == ["porphyry"]


async def test_a_search_does_not_wait_for_a_vocabulary(
    container: Container, searched: SegmentedLexicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(container, *TEXTS)
    monkeypatch.setattr(index_module, "PATIENCE", 0.0)
    assert list((await searched.search(QUESTION, EVERYWHERE, 10)).corrections) == []
    assert list(await searched.spelling(QUESTION, EVERYWHERE)) == [MEANT]
    assert list((await searched.search(QUESTION, EVERYWHERE, 10)).corrections) == [MEANT]


async def test_many_ask_at_once_and_the_vocabulary_is_read_once(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(container, *TEXTS)
    read: list[object] = []
    real = container.lexical._vocabularies._read

    async def noted(number: int) -> Vocabulary:
        read.append(number)
        return await real(number)

    monkeypatch.setattr(container.lexical._vocabularies, "_read", noted)
    answers = await asyncio.gather(*(told(container, QUESTION) for _ in range(10)))
    assert answers == [[MEANT]] * 10
    assert len(read) == 1


async def test_merged_segments_say_the_same(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in TEXTS:
        await put(container, text)
    assert await told(container, QUESTION) == [MEANT]
    monkeypatch.setattr(upkeep, "_QUIET_SECONDS", 0.0)
    while await container.upkeep.tend():
        pass
    assert await told(container, QUESTION) == [MEANT]


@pytest.fixture
async def other(settings: Settings, container: Container) -> AsyncIterator[Container]:
    """Another process on the same record."""
    async with open_container(settings) as opened:
        yield opened


async def test_a_damaged_segment_gives_no_hint_until_it_is_made_anew(container: Container, other: Container) -> None:
    await put(container, *TEXTS)
    async with container.database.connection() as connection:
        await connection.execute("update lexical_blocks set data = overlay(data placing '\\xff'::bytea from 20)")
    assert await told(other, QUESTION) == []
    await container.upkeep.mend()
    while await container.upkeep.tend():
        pass
    assert await told(other, QUESTION) == [MEANT]


async def _traced(
    monkeypatch: pytest.MonkeyPatch, ask: Callable[[], Awaitable[Any]]
) -> tuple[Any, list[str], list[int]]:
    """Return what ``ask`` returns, the statements it sent, and how many guesses it looked up at a time."""
    statements: list[str] = []
    looked_up: list[int] = []
    execute, frequencies = psycopg.AsyncConnection.execute, Vocabulary.frequencies
    ours = threading.get_ident()

    async def noted(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        # A connection that was lent for another purpose before is told so; and a server that other tests have left
        # running in a thread of this process keeps its words.
        if "statement_timeout" not in str(query) and threading.get_ident() == ours:
            statements.append(str(query))
        return await execute(self, query, *args, **kwargs)

    def counted(self: Vocabulary, keys: Any, mask: Any) -> Any:
        looked_up.append(len(keys))
        return frequencies(self, keys, mask)

    with monkeypatch.context() as patched:
        patched.setattr(psycopg.AsyncConnection, "execute", noted)
        patched.setattr(Vocabulary, "frequencies", counted)
        answer = await ask()
    return answer, statements, looked_up
