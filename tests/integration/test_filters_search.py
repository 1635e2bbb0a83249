"""Searches and reads see what a filter leaves, whether chunks have metadata of their own or not."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from ragstone.container import Container
from ragstone.domain.access import EVERYONE, LOCAL, Principal
from ragstone.domain.documents import Chunk, ParsedDocument
from ragstone.domain.filter_matching import matches, overlaid
from ragstone.domain.filter_text import parse_filter
from ragstone.domain.queries import Scope
from ragstone.ports.documents import NewDocument
from ragstone.ports.lexical_index import Entry
from ragstone.ports.versions import ReadyMade
from ragstone.postgres.visibility import visible
from ragstone.testing.records import place
from ragstone.testing.vector_indexes import SMALL, texts_of, unit_vectors

Document = tuple[str, Mapping[str, Any], Sequence[Mapping[str, Any]]]

DOCUMENTS: Sequence[Document] = (
    ("plain", {"year": 2020, "lang": "de", "tags": ["urgent", "hr"]}, [{}, {}]),
    ("bare", {}, [{}, {}]),
    ("split", {"year": 2019, "lang": "de"}, [{}, {"lang": "en"}, {"year": 2021, "page": {"side": "left"}}]),
    ("whole", {"lang": "en", "year": "2020"}, [{"year": 2020}, {"year": None}]),
    ("dated", {"published": "2024-02-29T23:30:00+01:00", "draft": True}, [{}, {"published": "no date"}]),
)
"""Uri and metadata of each document, and the metadata of each of its chunks."""

FILTERS = (
    "year = 2020",
    "year >= 2020",
    "not year >= 2020",
    "2019 <= year < 2020.5",
    "lang = 'de'",
    "lang != 'de'",
    "lang ^= 'd'",
    "lang ^= 'D' ignoring case",
    "lang in ['en', 'fr']",
    "tags has 'urgent' and tags has all ['hr', 'urgent']",
    "year exists",
    "not year exists or draft = true",
    "page.side = 'left'",
    "published = 2024-02-29",
    "published < 2024-02-29T22:30:00Z",
    "not published exists",
    "@uri = 'split'",
    "@uri ^= 's' and lang = 'en'",
    "@title exists and (year = 2021 or @uri = 'bare')",
    "@created_at > 2020-01-01 and @updated_at < 2020-01-01",
    "@media_type = 'text/plain' and not @collection = 'default'",
    f"lang in [{', '.join(map(str, range(30)))}, 'de']",
)


async def store(container: Container, principal: Principal, readers: Sequence[str]) -> dict[UUID, tuple[str, Any]]:
    """Store the documents; return of each chunk its document's uri and the metadata that a filter sees."""
    stored: dict[UUID, tuple[str, Any]] = {}
    chunks: list[Chunk] = []
    async with container.record.transaction() as transaction:
        await transaction.collections.create(principal, "default")
        for uri, metadata, own in DOCUMENTS:
            content = [f"word {uri} {n}" for n in range(len(own))]
            cut = [replace(chunk, metadata=each) for chunk, each in zip(place(content), own, strict=True)]
            document = NewDocument("default", uri, None, "", "text/plain", metadata, tuple(readers))
            text = "\n\n".join(content)
            made = ReadyMade(
                document, ParsedDocument(text, "text/plain"), cut, hashlib.sha256(text.encode()).hexdigest(), 1
            )
            (accepted,) = await transaction.versions.store_ready_made(principal, [made])
            await container.lexical.add(transaction, [Entry(accepted.job_id, "", cut)])
            stored |= {chunk.id: (uri, overlaid(metadata, chunk.metadata)) for chunk in cut}
            chunks += cut
        vectors = unit_vectors(len(chunks), SMALL.dimensions)
        await container.vectors.upsert(transaction, SMALL, texts_of(chunks), vectors)
    return stored


@pytest.fixture
async def stored(container: Container) -> dict[UUID, tuple[str, Any]]:
    """What the principal of the tests may see; others have the same."""
    await container.vectors.ensure(SMALL)
    await store(container, Principal(tenant="other"), [EVERYONE])
    await store(container, Principal(readers=frozenset({"board"})), ["board"])
    async with container.database.connection() as connection:
        await connection.execute("update documents set uri = 'board/' || uri where tenant = %s", (LOCAL.tenant,))
    return await store(container, LOCAL, [EVERYONE])


async def holding(container: Container, stored: Mapping[UUID, tuple[str, Any]], text: str) -> set[UUID]:
    """Return the chunks of which a filter holds, as Python sees it."""
    condition = parse_filter(text)
    found = set()
    async with container.record.transaction() as transaction:
        documents = await transaction.documents.list(LOCAL, collection=None, state=None, after=None, limit=100)
    built_in: dict[str, dict[str, str | datetime]] = {
        each.uri: {
            "uri": each.uri,
            "title": each.title,
            "collection": each.collection,
            "media_type": each.media_type,
            "created_at": each.created_at,
            "updated_at": each.updated_at,
        }
        for each in documents
    }
    for chunk_id, (uri, metadata) in stored.items():
        if matches(condition, metadata, built_in[uri]):
            found.add(chunk_id)
    return found


@pytest.mark.parametrize("text", FILTERS)
async def test_every_way_to_a_chunk_sees_the_filter(
    container: Container, stored: dict[UUID, tuple[str, Any]], text: str
) -> None:
    scope = Scope(LOCAL, filter=parse_filter(text))
    expected = await holding(container, stored, text)
    async with container.record.transaction() as transaction:
        loaded = await transaction.chunks.load(scope, [*stored])
    assert {each.chunk.id for each in loaded} == expected
    near = await container.vectors.search(SMALL, unit_vectors(1, SMALL.dimensions, seed=1)[0], scope, 100)
    assert {each.chunk_id for each in near} == expected
    by_words = (await container.lexical.search("word", scope, 100)).ranked
    assert {each.chunk_id for each in by_words} == expected


async def test_keys_that_must_equal_are_short_for_a_filter(
    container: Container, stored: dict[UUID, tuple[str, Any]]
) -> None:
    scope = Scope(LOCAL, (), {"year": 2020, "tags": "urgent"}, parse_filter("lang = 'de'"))
    async with container.record.transaction() as transaction:
        loaded = await transaction.chunks.load(scope, [*stored])
    assert {each.uri for each in loaded} == {"plain"}
    assert len(loaded) == 2


async def test_only_versions_whose_chunks_differ_are_asked_by_chunk(
    container: Container, stored: dict[UUID, tuple[str, Any]]
) -> None:
    seen = visible(Scope(LOCAL, filter=parse_filter("lang = 'de'")))
    async with container.database.connection() as connection:
        cursor = await connection.execute(f"select uri, by_chunk from ({seen.versions}) as seen", seen.parameters)
        rows = await cursor.fetchall()
    assert sorted(rows) == [("dated", True), ("plain", False), ("split", True), ("whole", True)]
