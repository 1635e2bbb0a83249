"""Whatever is damaged in a record by hand, its invariants say so, and name the document."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import numpy as np
import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from ragstone.container import Container, open_container
from ragstone.domain.access import LOCAL
from ragstone.domain.documents import ParsedDocument
from ragstone.ingest.importing import GivenVectors
from ragstone.ingest.intake import Label, ReadyChunk
from ragstone.postgres.invariants import CONTENTS, STRUCTURE, VIOLATIONS
from ragstone.settings import Settings
from ragstone.testing.embedders import HashingEmbedder

DIMENSIONS = 64
SHORT, LONG, GIVEN, FRESH = "short", "long", "given", "fresh"

TEXT = "# Birds\n\nThe swift sleeps while it flies.\n\n## Food\n\nIt eats insects in the air: 日本語 and café.\n"
BOOK = "\n\n".join(
    f"## Größe {number}\n\n" + " ".join(f"Vogel {number * 31 + word} 🐦 sings tune {word}." for word in range(40))
    for number in range(130)
)
"""Of more than two blocks of characters, whose bytes are more than its characters."""

ONE = "(select c.id from chunks c join versions v on v.id = c.version_id order by v.content desc, c.ordinal limit 1)"
TWO = "(select id from chunks order by length(text) desc, id limit 2)"
BIRDS = "(select v.id from versions v join documents d on d.id = v.document_id where d.uri = 'short')"

# What somebody, or a disk, does to the record; and what must be said of it.
DAMAGE = {
    "vectors all the same": (
        "update vectors set embedding = (select embedding from vectors limit 1)",
        "vectors that more than 10 different texts have",
    ),
    "vectors empty": (
        f"update vectors set embedding = array_fill(0, array[{DIMENSIONS}])::vector::halfvec where chunk_id = {ONE}",
        "vectors of length 0, or of another size than their space has",
    ),
    "vectors cut": (
        f"update vectors set embedding = '[1,2,3]' where chunk_id = {ONE}",
        "vectors of length 0, or of another size than their space has",
    ),
    "vectors swapped": (
        f"""update vectors x set embedding = y.embedding, text_hash = y.text_hash from vectors y
        where x.chunk_id in {TWO} and y.chunk_id in {TWO} and x.chunk_id <> y.chunk_id""",
        "vectors of another text than that of their chunk",
    ),
    "one digest": (
        """update vectors x set text_hash = sha256('x') from chunks c
        where c.id = x.chunk_id and c.ordinal = 5""",
        "vectors of another text than that of their chunk",
    ),
    "digests all the same": (
        "update vectors set text_hash = sha256('x')",
        "vectors of another text than that of their chunk",
    ),
    "vectors deleted": (
        f"delete from vectors where chunk_id = {ONE}",
        "versions whose vectors are not all there",
    ),
    "text of chunks": (
        "update chunks set text = replace(text, 'sings', 'sinks')",
        "chunks whose text is not that of their place in the document",
    ),
    "text of one chunk": (
        f"update chunks set text = text || '!' where id = {ONE}",
        "chunks whose text is not that of their place in the document",
    ),
    "content empty": (
        "update versions set content = ''",
        "chunks whose text is not that of their place in the document",
    ),
    "content gone": (
        "update versions set content = null",
        "chunks whose text is not that of their place in the document",
    ),
    "content changed far inside": (
        "update versions set content = replace(content, 'Vogel 2790 ', 'Vogel 2791 ')",
        "chunks whose text is not that of their place in the document",
    ),
    "places shifted": (
        "update chunks set start_char = start_char + 3, end_char = end_char + 3",
        "chunks whose text is not that of their place in the document",
    ),
    "beginnings shifted": (
        f"update chunks set start_char = start_char + 1 where id = {ONE}",
        "chunks whose text is not that of their place in the document",
    ),
    "places out of all bounds": (
        f"update chunks set start_char = -2147483648, end_char = 2147483647 where id = {ONE}",
        "chunks whose text is not that of their place in the document",
    ),
    "ordinals shifted": (
        "update chunks set ordinal = ordinal + 100000",
        "versions whose chunks are not all there, numbered from 0",
    ),
    "ordinals with a gap": (
        f"update chunks set ordinal = 9999 where id = {ONE}",
        "versions whose chunks are not all there, numbered from 0",
    ),
    "chunks deleted": (
        f"delete from chunks where id = {ONE}",
        "versions whose chunks are not all there, numbered from 0",
    ),
    "counts of chunks": (
        "update versions set chunk_count = chunk_count + 1",
        "versions whose chunks are not all there, numbered from 0",
    ),
    "counts of embedded chunks": (
        "update versions set embedded_count = 0",
        "versions that have another count of embedded chunks than they can have",
    ),
    "segments of words deleted": ("delete from lexical_segments", "versions whose words are not indexed"),
    "a part of a segment of words deleted": (
        "delete from lexical_blocks where first = (select max(first) from lexical_blocks)",
        "segments of words that lack a part",
    ),
    "another space": (
        "update versions set space_id = null where state = 'ready'",
        "ready versions whose vectors are not of the space that answers",
    ),
    "all parts of bytes deleted": ("delete from blob_parts", "versions whose original bytes are not all there"),
    "the first parts deleted": (
        "delete from blob_parts where ordinal = 0",
        "versions whose original bytes are not all there",
    ),
    "a part renumbered": (
        "update blob_parts set ordinal = 7 where ordinal = 1",
        "versions whose original bytes are not all there",
    ),
    "sizes": ("update blobs set size = 1", "versions whose original bytes are not all there"),
    "sizes that versions tell": ("update versions set size = 1", "versions whose bytes are not those that were sent"),
    "bytes changed, not their number": (
        "update blob_parts set data = overlay(data placing '\\x00'::bytea from 1)",
        "versions whose original bytes are damaged",
    ),
    "bytes taken from what is to be read": (
        "update versions set blob_id = null where state = 'accepted'",
        "versions to be read that have no bytes",
    ),
    "out of sight": (
        "update documents set current_version = null",
        "ready documents that do not answer from their newest version",
    ),
    "out of sight on the way": (
        """update documents set current_version = null where current_version in (
            select id from versions where state = 'searchable')""",
        "searchable documents that answer from no version",
    ),
}


class PlainParser:
    """Takes bytes for the text that they are."""

    def media_type(self, filename: str, head: bytes, declared: str | None = None) -> str:
        return declared or "text/markdown"

    async def parse(self, data: bytes, media_type: str, filename: str) -> ParsedDocument:
        return ParsedDocument(data.decode(), media_type, "Birds")

    async def close(self) -> None:
        pass


async def parts_of(text: str) -> AsyncIterator[bytes]:
    data = text.encode()
    for start in range(0, len(data), 40_000):
        yield data[start : start + 40_000]


async def fill(container: Container) -> None:
    """Store what an ordinary record has: cut here and by others, embedded here and by others, and on its way."""
    embedder = HashingEmbedder(dimensions=DIMENSIONS)
    container.__dict__.update(parser=PlainParser(), embedder=embedder)
    pipeline = container.pipeline(owner=1)
    for uri, text in ((SHORT, TEXT), (LONG, BOOK)):
        accepted = await container.intake.accept(LOCAL, Label(uri=uri), parts_of(text))
        await pipeline.parse(accepted.job_id)
        await pipeline.embed(accepted.job_id)
    given = GivenVectors(container.vectors, container.embedders, embedder.model.name, embedder.model.version)
    one = np.ones(DIMENSIONS, dtype=np.float32)
    made = [ReadyChunk(f"Stone {number} is of granite.", vector=one) for number in range(20)]
    await container.intake.accept_chunks(LOCAL, Label(uri=GIVEN), made, given)
    await container.intake.accept_chunks(LOCAL, Label(uri="on its way"), [ReadyChunk("Slate splits.")])
    await container.intake.accept_text(LOCAL, Label(uri=FRESH), "# Fresh\n\nIt is not read yet.")


@pytest.fixture(scope="module")
def record(postgres_url: str, data_dir: Path) -> Iterator[psycopg.Connection]:
    """A record that is sound."""
    schema = f"test_{uuid.uuid4().hex[:12]}"
    settings = Settings(
        database_url=SecretStr(postgres_url), database_schema=schema, data_dir=data_dir, port=0, log_level="warning"
    )

    async def make() -> None:
        async with open_container(settings) as container:
            await fill(container)

    asyncio.run(make())
    with psycopg.connect(postgres_url, options=f"-c search_path={schema},public") as connection:
        yield connection
        connection.rollback()
        connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(schema)))


def violations(record: psycopg.Connection) -> dict[str, list[UUID]]:
    """Return what does not hold, with some of the documents."""
    return {row[0]: row[2] or [] for row in record.execute(VIOLATIONS).fetchall() if row[1]}


def test_it_is_sound_before(record: psycopg.Connection) -> None:
    rows = record.execute(VIOLATIONS).fetchall()
    assert [(each[0], each[1]) for each in rows] == [(each.what, 0) for each in (*STRUCTURE, *CONTENTS)]
    states = record.execute("select state, count(*) from versions group by state").fetchall()
    assert dict(states) == {"ready": 3, "searchable": 1, "accepted": 1}
    parts = record.execute("select max(ordinal) from blob_parts").fetchone()
    lengths = record.execute("select length(content), octet_length(content) from versions order by 1 desc nulls last")
    characters, size = lengths.fetchall()[0]
    assert parts == (size // 40_000,)
    assert 2 * 65_536 < characters < size


@pytest.mark.parametrize(("statement", "said"), DAMAGE.values(), ids=DAMAGE)
def test_damage_is_seen(record: psycopg.Connection, statement: str, said: str) -> None:
    with record.transaction(force_rollback=True):
        assert record.execute(statement).rowcount
        found = violations(record)
        assert said in found
        if said != "segments of words that lack a part":
            known = {row[0] for row in record.execute("select id from documents").fetchall()}
            assert found[said]
            assert known.issuperset(found[said])
    assert violations(record) == {}


def test_renaming_is_no_damage(record: psycopg.Connection) -> None:
    """Vectors keep the digest of the text under the old title; the words are indexed anew."""
    with record.transaction(force_rollback=True):
        record.execute("update versions set given_title = 'Another', indexed_title = 'Another'")
        assert violations(record) == {}
        # Renamed when part of it was embedded: the first chunks have the old title's digests.
        record.execute(
            "update vectors x set text_hash = sha256(convert_to(E'Older\\n' || c.text, 'UTF8')) from chunks c"
            " where c.id = x.chunk_id and c.ordinal < 5"
        )
        assert violations(record) == {}
