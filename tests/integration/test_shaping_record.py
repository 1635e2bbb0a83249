"""Shaping asks the record for what stands around a hit: verbatim, within bounds, and nothing that may not be seen."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from ragstone.container import Container
from ragstone.domain.access import EVERYONE, LOCAL, Principal
from ragstone.domain.documents import Chunk, PageSpan, ParsedDocument
from ragstone.domain.filter_text import parse_filter
from ragstone.domain.ids import new_id
from ragstone.domain.queries import Hit, Scope
from ragstone.ports.chunks import Parent, StoredChunk
from ragstone.ports.documents import NewDocument
from ragstone.ports.versions import ReadyMade
from ragstone.retrieve.shaping import Reason, Shape, Shaped, Shaping

ALICE = Principal(name="alice", readers=frozenset({EVERYONE, "alice"}))
SENDER = Principal(name="sender", readers=frozenset({EVERYONE, "alice"}))
ANYONE = Scope(LOCAL)
CONTENT = "Preamble.\n\n# Réd\n\nThe first part. The second part.\n \nThe third part 🙂.\n\n# Blue\n\nAlone."
PARTS = (
    ("Preamble.", ()),
    ("# Réd\n\nThe first part.", ("Réd",)),
    ("The first part. The second part.", ("Réd",)),
    ("The third part 🙂.", ("Réd",)),
    ("# Blue\n\nAlone.", ("Blue",)),
)
RED = CONTENT[CONTENT.index("# Réd") : CONTENT.index("\n\n# Blue")]


def cut(content: str = CONTENT, parts: Sequence[tuple[str, tuple[str, ...]]] = PARTS) -> list[Chunk]:
    chunks: list[Chunk] = []
    for ordinal, (text, path) in enumerate(parts):
        start = content.index(text)
        page = 1 if start < 40 else 2
        pages = (PageSpan(1, start, 40), PageSpan(2, 40, start + len(text))) if start < 40 < start + len(text) else ()
        chunks.append(
            Chunk(new_id(), ordinal, text, start, start + len(text), len(text.split()), path, page=page, pages=pages)
        )
    return chunks


async def stored(
    container: Container,
    chunks: Sequence[Chunk],
    content: str = CONTENT,
    *,
    readers: tuple[str, ...] = (EVERYONE,),
    uri: str = "test:a",
    metadata: dict[str, object] | None = None,
) -> UUID:
    document = NewDocument("default", uri, "Title", "", "text/markdown", metadata or {}, readers)
    made = ReadyMade(document, ParsedDocument(content, "text/markdown"), chunks, new_id().hex * 2, len(content))
    async with container.record.transaction() as transaction:
        await transaction.collections.create(SENDER, "default")
        (accepted,) = await transaction.versions.store_ready_made(SENDER, [made])
    return accepted.document_id


async def parents(
    container: Container, chunks: Sequence[Chunk], longest: int, scope: Scope = ANYONE
) -> Sequence[Parent]:
    async with container.record.transaction() as transaction:
        return await transaction.chunks.parents(scope, [chunk.id for chunk in chunks], longest)


async def hits_of(container: Container, chunks: Sequence[Chunk], scope: Scope = ANYONE) -> list[Hit]:
    async with container.record.transaction() as transaction:
        loaded = await transaction.chunks.load(scope, [chunk.id for chunk in chunks])
    return [
        Hit(each.chunk, each.document_id, each.title, each.uri, each.collection, 1 - place / 10, {})
        for place, each in enumerate(loaded)
    ]


async def shaped(container: Container, chunks: Sequence[Chunk], shape: Shape, scope: Scope = ANYONE) -> Shaped:
    hits = await hits_of(container, chunks, scope)
    return await Shaping(most_tokens=1000).shape(container.record, scope, hits, shape, 10)


async def test_a_chunk_comes_with_what_boosts_ask_of_its_document(container: Container) -> None:
    chunks = cut()
    await stored(container, chunks, metadata={"type": "faq", "tags": ["a"]})
    async with container.record.transaction() as transaction:
        (found,) = await transaction.chunks.load(ANYONE, [chunks[1].id])
        document = await transaction.documents.get(LOCAL, found.document_id)
    assert isinstance(found, StoredChunk)
    assert (found.metadata, found.media_type) == ({"type": "faq", "tags": ["a"]}, "text/markdown")
    assert found.created_at == document.created_at
    assert found.updated_at == document.updated_at
    assert timedelta() <= datetime.now(UTC) - found.updated_at < timedelta(minutes=5)


async def test_the_section_around_a_chunk_is_given_where_it_is_short_enough(container: Container) -> None:
    chunks = cut()
    document_id = await stored(container, chunks)
    for found in (chunks[1:2], chunks[2:3], chunks[3:4], chunks[1:4]):
        (parent,) = await parents(container, found, len(RED))
        assert (parent.document_id, parent.text) == (document_id, RED)
        assert list(parent.chunks) == chunks[1:4]
    assert await parents(container, chunks, len(RED) - 1) == []
    # A section that is one chunk has nothing more to give.
    assert await parents(container, [chunks[0], chunks[4]], len(RED)) == []


async def test_the_document_is_given_where_all_of_it_is_short_enough(container: Container) -> None:
    chunks = cut()
    await stored(container, chunks)
    (parent,) = await parents(container, [chunks[0], chunks[2]], len(CONTENT))
    assert parent.text == CONTENT
    assert list(parent.chunks) == chunks
    (section,) = await parents(container, [chunks[2]], len(CONTENT) - 1)
    assert section.text == RED


async def test_a_heading_that_comes_again_is_another_section(container: Container) -> None:
    content = "One. Two. Three. Four. Five."
    paths = (("A",), ("A",), ("B",), ("A",), ("A",))
    chunks = cut(content, list(zip(content.replace(". ", ".|").split("|"), paths, strict=True)))
    await stored(container, chunks, content)
    found = await parents(container, chunks, 12)
    assert sorted(each.text for each in found) == ["Four. Five.", "One. Two."]


async def test_parents_are_of_what_the_scope_may_see(container: Container) -> None:
    chunks = cut()
    await stored(container, chunks, readers=("alice",), metadata={"team": "red"})
    assert await parents(container, chunks, 1000) == []
    assert len(await parents(container, chunks, 1000, Scope(ALICE))) == 1
    assert await parents(container, chunks, 1000, Scope(ALICE, metadata={"team": "blue"})) == []
    assert await parents(container, chunks, 1000, Scope(replace(ALICE, tenant="other"))) == []
    async with container.record.transaction() as transaction:
        pair = (chunks[2].id, chunks[3].id)
        assert await transaction.chunks.between(ANYONE, [pair]) == {}
        assert await transaction.chunks.between(Scope(ALICE), [pair]) == {pair: "\n \n"}


async def test_no_parent_holds_a_chunk_that_a_filter_leaves_out_or_that_is_described_otherwise(
    container: Container,
) -> None:
    chunks = [replace(chunk, metadata={"lang": "fr" if chunk.ordinal == 3 else "en"}) for chunk in cut()]
    await stored(container, chunks)
    scope = Scope(LOCAL, filter=parse_filter('lang = "en"'))
    assert await parents(container, chunks, 1000, scope) == []
    alike = [replace(chunk, id=new_id(), metadata={"lang": "en"}) for chunk in chunks]
    await stored(container, alike, uri="test:b")
    assert len(await parents(container, alike, 1000, scope)) == 1


async def test_only_what_follows_has_something_between(container: Container) -> None:
    chunks = cut()
    await stored(container, chunks)
    follow, overlap, far = ((chunks[i].id, chunks[j].id) for i, j in ((2, 3), (1, 2), (1, 3)))
    async with container.record.transaction() as transaction:
        assert await transaction.chunks.between(ANYONE, [follow, overlap, far, follow[::-1]]) == {follow: "\n \n"}


async def test_neighbours_are_joined_word_for_word(container: Container) -> None:
    chunks = cut()
    await stored(container, chunks)
    result = await shaped(container, [chunks[3], chunks[4], chunks[1], chunks[2]], Shape(join=True))
    joined, other = result.hits
    assert (joined.chunk.id, joined.chunk.text) == (chunks[3].id, RED)
    assert CONTENT[joined.chunk.start : joined.chunk.end] == RED
    assert joined.chunk_ids == tuple(chunk.id for chunk in chunks[1:4])
    assert [joined.chunk.page_at(place)[0] for place in (11, 39, 40, 60)] == [1, 1, 2, 2]
    assert other.chunk == chunks[4]


async def test_hits_of_one_parent_become_one(container: Container) -> None:
    chunks = cut()
    await stored(container, chunks)
    result = await shaped(container, [chunks[2], chunks[4], chunks[1]], Shape(parents=len(RED)))
    assert [hit.chunk.text for hit in result.hits] == [RED, chunks[4].text]
    assert {reason.reason for reason in result.cuts.values()} == {Reason.PARENT}


async def test_only_what_the_reader_may_see_is_named_as_folded(container: Container) -> None:
    open_chunks, closed = cut(), cut()
    await stored(container, open_chunks)
    await stored(container, closed, readers=("alice",), uri="test:secret")
    both = [open_chunks[2], closed[2]]
    assert (await shaped(container, both, Shape())).hits[0].folded == ()
    (named,) = (await shaped(container, both, Shape(), Scope(ALICE))).hits[0].folded
    assert (named.chunk_id, named.uri) == (closed[2].id, "test:secret")


async def test_one_section_of_very_many_chunks_costs_no_more_than_a_parent_is_long(container: Container) -> None:
    words = [f"word{n:05d}" for n in range(20_000)]
    content = " ".join(words)
    chunks = [Chunk(new_id(), n, word, n * 10, n * 10 + 9, 1, ("One section",)) for n, word in enumerate(words)]
    await stored(container, chunks, content)
    async with asyncio.timeout(10):
        assert await parents(container, chunks[::1000], 500) == []
