"""What one may not read changes nothing of what one is told: replies with and without it are the same.

The same documents are put into two records; one of them also holds another tenant's documents, and documents of the
same tenant for other readers, full of the same words, of words of their own, and of another language.
"""

import dataclasses
import statistics
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from ragstone.container import Container, open_container
from ragstone.domain.access import EVERYONE, LOCAL, Principal
from ragstone.domain.filter_text import parse_filter
from ragstone.domain.filters import Filter
from ragstone.domain.found import Found
from ragstone.domain.queries import Mode, Scope
from ragstone.postgres.lexical import index
from ragstone.settings import Settings
from ragstone.testing.records import store

READER = LOCAL
BOARD = Principal(readers=frozenset({EVERYONE, "board"}))
STRANGER = Principal(tenant="another")

OPEN = [
    ["The granite quarry opened in 1911 and closed twice.", "Its stones were shipped to the harbour by rail."],
    ["A rail line of nine miles was laid to the harbour.", "The quarry paid for it, and for the two engines."],
    ["Slate is split by hand.", "Granite is sawn, and polished with water.", "Both are sold by weight at the quarry."],
    ["ERR_42 is what the sawing machine says when its blade is worn.", "The blade is changed every nine days."],
]
HIDDEN = [
    ["The takeover of the quarry by Zarkonium Holdings is planned for March.", "Zarkonium pays nine million."],
    ["Granite granite granite granite quarry quarry harbour rail.", "quarry quarry quarry stones stones"],
    ["Die Übernahme des Steinbruchs wird im März vollzogen.", "Der Steinbruch und seine Häuser gehen an Zarkonium."],
    ["Graniet wordt gezaagd en gepolijst met water.", "De steengroeve betaalde de spoorlijn naar de haven."],
]
QUESTIONS = (
    "granite quarry",
    "Which line goes to the harbour?",
    "ERR_42",
    '"polished with water"',
    "zarkonium",
    "zarkonum takeover",  # near a word that only hidden documents have
    "granit quary",  # near words that both have
    "Steinbruch",
    "What does Zarkonium pay?",
    "run",
    "Haus",
    "houses",
    '"running house"',
)
SHORT = ("Häuser Verträge", "running houses")
"""Too short to tell their language: it is the one that most documents have."""


GERMAN = "Der Steinbruch wurde geschlossen, und die Häuser der Arbeiter wurden an die Gemeinde verkauft, Haus für Haus."


async def filled(container: Container, *, hidden: bool) -> None:
    """Put the documents into a record, in one order, so that what is hidden lies between."""
    for number in range(12 if hidden else 0):
        await put(container, [f"{GERMAN} {number}"], f"german:{number}", (BOARD, "board"), {})
    for number, texts in enumerate(OPEN):
        if hidden:
            secret = HIDDEN[number]
            await put(container, secret, f"hidden:{number}", (BOARD, "board"), {"secret": True, "year": 2026})
            await put(container, secret, f"else:{number}", (STRANGER, EVERYONE), {"secret": True, "year": 2026})
        await put(container, texts, f"open:{number}", (READER, EVERYONE), {"year": 2020 + number})
    for text in SHORT:
        await put(container, [text], f"short:{text}", (READER, EVERYONE), {"year": 2026})


async def put(
    container: Container, texts: list[str], uri: str, reader: tuple[Principal, str], metadata: dict[str, object]
) -> None:
    principal, name = reader
    _, chunks = await store(
        container.record,
        container.lexical,
        texts,
        uri=uri,
        principal=principal,
        readers=(name,),
        metadata=metadata,
    )
    embedder = await container.document_embedder()
    vectors = await embedder.embed(texts)
    await container.vectors.ensure(embedder.model)
    async with container.record.transaction() as transaction:
        told = {chunk.id: chunk.text for chunk in chunks}
        await container.vectors.upsert(transaction, embedder.model, told, vectors)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine reads vocabularies late, of either record: that is no difference."""
    monkeypatch.setattr("ragstone.postgres.lexical.index.PATIENCE", 30.0)


@pytest.fixture
async def records(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Container, Container]]:
    """A record with the open documents alone, and one with the hidden ones, too.

    A search waits for the words of either, however busy the machine is.
    """
    monkeypatch.setattr(index, "PATIENCE", 60.0)
    second = settings.model_copy(update={"database_schema": f"test_{uuid4().hex[:12]}"})
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(open_container(each)) for each in (settings, second)]
        await filled(opened[0], hidden=False)
        await filled(opened[1], hidden=True)
        for each in opened:
            # Segments are merged: what is hidden stands beside what is not.
            await each.upkeep.tend()
        yield opened[0], opened[1]
    assert settings.database_url
    with psycopg.connect(settings.database_url.get_secret_value(), autocommit=True) as connection:
        connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(second.database_schema)))


def told(found: Found) -> object:
    """Return all that a reply says, with what is drawn by lot (ids) and what the machine does (times) taken out."""
    names: dict[UUID, str] = {}

    def plain(value: object) -> object:
        if isinstance(value, UUID):
            return names.setdefault(value, f"id {len(names)}")
        if isinstance(value, float):
            return round(value, 5)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {
                field.name: plain(getattr(value, field.name))
                for field in dataclasses.fields(value)
                if field.name not in ("milliseconds", "created_at", "updated_at")
            }
        if isinstance(value, dict):
            return {str(key): plain(each) for key, each in value.items()}
        return [plain(each) for each in value] if isinstance(value, tuple | list) else value

    return plain(found)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("condition", [None, "year >= 2021", "secret = true"])
async def test_replies_are_the_same_with_and_without_what_is_hidden(
    records: tuple[Container, Container], mode: Mode, condition: str | None
) -> None:
    where: Filter | None = parse_filter(condition) if condition else None
    scope = Scope(READER, filter=where)
    for question in QUESTIONS:
        without, beside = [
            told(await each.search.retrieve(question, scope, mode=mode, limit=20, explain=True)) for each in records
        ]
        assert without == beside, question


async def test_lost_words_of_what_is_hidden_are_not_missed(records: tuple[Container, Container]) -> None:
    for question in QUESTIONS:
        for each in records:
            await each.lexical.spelling(question, Scope(READER))  # vocabularies are read: none is late
    hidden = "select v.id from versions v join documents d on d.id = v.document_id where d.uri like any(%s)"
    async with records[1].database.connection() as connection:
        gone = await connection.execute(
            f"delete from lexical_members where version_id in ({hidden})",
            (["german:%", "hidden:%", "else:%"],),
        )
        assert gone.rowcount > 12
    for mode in Mode:
        for question in QUESTIONS:
            without, beside = [
                told(await each.search.retrieve(question, Scope(READER), mode=mode, limit=20, explain=True))
                for each in records
            ]
            assert without == beside, question
    async with records[1].database.connection() as connection:
        called = await connection.execute("select calls from lexical_calls")
        assert await called.fetchall() == [(0,)]
    for principal in (BOARD, STRANGER):
        found = await records[1].search.retrieve("zarkonium takeover", Scope(principal), mode=Mode.WORDS)
        assert list(found.missing) == ["words"]


async def test_what_is_hidden_is_found_by_those_who_may_read_it(records: tuple[Container, Container]) -> None:
    for principal, uri in ((BOARD, "hidden:0"), (STRANGER, "else:0")):
        found = await records[1].search.retrieve("zarkonium takeover", Scope(principal), mode=Mode.WORDS)
        assert found.hits[0].uri == uri


async def test_hints_of_spelling_are_the_same(records: tuple[Container, Container]) -> None:
    for question in QUESTIONS:
        without, beside = [
            [(each.word, each.instead, each.chunks) for each in await one.lexical.spelling(question, Scope(READER))]
            for one in records
        ]
        assert without == beside, question


async def test_counts_are_the_same(records: tuple[Container, Container]) -> None:
    counted = []
    for each in records:
        async with each.record.transaction() as transaction:
            listed = await transaction.collections.list(READER)
            documents = await transaction.documents.list(READER, collection=None, state=None, after=None, limit=100)
            counted.append(([(one.name, one.documents, one.chunks) for one in listed], len(documents)))
    assert counted[0] == counted[1]


async def test_the_time_of_a_search_does_not_tell_a_hidden_word_from_none(container: Container) -> None:
    """Thousands of hidden chunks have the one word, none has the other: both take as long, but for the noise."""
    texts = [f"Zarkonium pays {number} for granite." for number in range(4000)]
    await store(container.record, container.lexical, texts, readers=("board",), principal=BOARD)
    await store(container.record, container.lexical, [f"granite {number}" for number in range(500)])
    scope, took = Scope(READER), defaultdict[str, list[float]](list)
    for _ in range(60):
        for word in ("zarkonium granite", "qwortheimer granite"):
            started = time.perf_counter()
            await container.lexical.search(word, scope, 10)
            took[word].append(time.perf_counter() - started)
    hidden, absent = (statistics.median(each[5:]) for each in took.values())
    spread = statistics.quantiles(took["qwortheimer granite"][5:], n=4)
    assert abs(hidden - absent) < max(spread[2] - spread[0], 0.0005), (hidden, absent, spread)
