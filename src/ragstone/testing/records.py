"""Short ways to put documents into a record, for suites that need some there."""

import hashlib
from collections.abc import Sequence
from uuid import UUID

from ragstone.domain.access import EVERYONE, LOCAL, Principal
from ragstone.domain.documents import Chunk, ParsedDocument
from ragstone.domain.ids import new_id
from ragstone.ports.documents import Accepted, NewDocument
from ragstone.ports.lexical_index import Entry, LexicalIndex
from ragstone.ports.record import Record
from ragstone.ports.versions import ReadyMade


async def store(
    record: Record,
    lexical: LexicalIndex,
    texts: Sequence[str],
    *,
    principal: Principal = LOCAL,
    collection: str = "default",
    uri: str | None = None,
    title: str = "",
    heading_path: tuple[str, ...] = (),
    readers: Sequence[str] = (EVERYONE,),
    metadata: dict[str, object] | None = None,
) -> tuple[Accepted, list[Chunk]]:
    """Store a document whose chunks are ``texts``, searchable by words; return it and its chunks."""
    chunks = place(texts, heading_path)
    content = "\n\n".join(texts)
    data = content.encode()
    document = NewDocument(
        collection=collection,
        uri=uri or f"test:{new_id()}",
        title=title,
        filename="",
        media_type="text/plain",
        metadata=metadata or {},
        readers=tuple(readers),
    )
    async with record.transaction() as transaction:
        await transaction.collections.create(principal, collection)
        made = ReadyMade(
            document, ParsedDocument(content, "text/plain"), chunks, hashlib.sha256(data).hexdigest(), len(data)
        )
        (accepted,) = await transaction.versions.store_ready_made(principal, [made])
        if accepted.created:
            await lexical.add(transaction, [Entry(accepted.job_id, title, chunks)])
    return accepted, chunks


def place(texts: Sequence[str], heading_path: tuple[str, ...] = ()) -> list[Chunk]:
    """Make chunks of texts that follow each other, joined by an empty line, below the same headings."""
    chunks, start = [], 0
    for ordinal, text in enumerate(texts):
        end = start + len(text)
        tokens = len(text.split())
        chunks.append(Chunk(new_id(), ordinal, text, start, end, token_count=tokens, heading_path=heading_path))
        start = end + 2
    return chunks


def ids(chunks: Sequence[Chunk]) -> list[UUID]:
    """Return the ids of chunks, in order."""
    return [chunk.id for chunk in chunks]
