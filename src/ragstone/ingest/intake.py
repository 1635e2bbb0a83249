"""The first step of the offline flow: take bytes in, and answer only when the record holds them."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ragstone.domain.access import EVERYONE, Principal
from ragstone.domain.documents import DEFAULT_COLLECTION, LONGEST_URI_BYTES, Chunk, ParsedDocument
from ragstone.domain.errors import InvalidRequest, TooLarge, UnsupportedMediaType
from ragstone.domain.ids import new_id
from ragstone.ingest.spool import PART_BYTES
from ragstone.ports.embedder import Embedder
from ragstone.ports.lexical_index import LexicalIndex
from ragstone.ports.parser import Parser
from ragstone.ports.record import Accepted, NewDocument, Record, Transaction

_HEAD_BYTES = 4096
_CHUNKS_MEDIA_TYPE = "application/vnd.ragstone.chunks+json"
_SEPARATOR = "\n\n"


@dataclass(frozen=True, slots=True)
class Label:
    """What the sender says of a document. Without a ``uri`` its bytes name it; without ``readers`` it is for all."""

    collection: str = DEFAULT_COLLECTION
    uri: str | None = None
    title: str | None = None
    filename: str = ""
    media_type: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    readers: tuple[str, ...] = (EVERYONE,)
    source: str | None = None
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class ReadyChunk:
    """A chunk that the sender has cut. ``id`` is the sender's own name for it."""

    text: str
    id: str | None = None
    heading_path: tuple[str, ...] = ()
    page: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


class Intake:
    """Accepts documents, each of at most ``max_bytes``."""

    def __init__(
        self,
        record: Record,
        parser: Parser,
        lexical: LexicalIndex,
        embedder: Embedder,
        *,
        max_bytes: int,
    ) -> None:
        self._record = record
        self._parser = parser
        self._lexical = lexical
        self._embedder = embedder
        self._max_bytes = max_bytes

    async def accept(self, principal: Principal, label: Label, parts: AsyncIterator[bytes]) -> Accepted:
        """Store a document's bytes and enqueue its ingestion, in one transaction.

        Raises ``InvalidRequest`` for an empty document, ``TooLarge``, ``UnsupportedMediaType``, ``NotFound``
        for an unknown collection; then nothing is stored.
        """
        _check_uri(label)
        head, parts = await _peek(self._bounded(parts))
        if not head:
            raise InvalidRequest("The document is empty.", remedy="Send a file that has content.")
        media_type = self._parser.media_type(label.filename, head[:_HEAD_BYTES], label.media_type)
        if media_type is None:
            raise UnsupportedMediaType(
                f"No parser reads {label.filename or 'this document'}.",
                remedy="Send PDF, Office, HTML, Markdown, EPUB, e-mail, CSV, JSON or plain text;"
                " docs/reference/formats.md lists them all.",
            )
        async with self._record.transaction() as transaction:
            await _ensure_default(transaction, principal, label)
            blob = await transaction.blobs.write(parts)
            document = _new_document(label, media_type, blob.sha256)
            return await transaction.documents.accept(principal, document, blob)

    async def accept_text(self, principal: Principal, label: Label, text: str) -> Accepted:
        """Store a text as ``accept`` stores bytes; Markdown unless the label says otherwise."""
        labelled = replace(label, media_type=label.media_type or "text/markdown")
        return await self.accept(principal, labelled, _in_parts(text.encode("utf-8", errors="replace")))

    async def accept_chunks(self, principal: Principal, label: Label, chunks: Sequence[ReadyChunk]) -> Accepted:
        """Store ready-made chunks, searchable by words at once; their embedding is enqueued.

        The document's content is the chunks' texts, joined by an empty line. Raises ``InvalidRequest``
        for no chunks, an empty one, or one over the embedding model's limit.
        """
        _check_uri(label)
        await self._embedder.warm()
        counts = await asyncio.to_thread(self._count_tokens, chunks)
        sent = await asyncio.to_thread(_as_json, chunks)
        parsed = ParsedDocument(_SEPARATOR.join(chunk.text for chunk in chunks), _CHUNKS_MEDIA_TYPE, label.title)
        made = _place(chunks, counts)
        async with self._record.transaction() as transaction:
            await _ensure_default(transaction, principal, label)
            blob = await transaction.blobs.write(self._bounded(_in_parts(sent)))
            document = _new_document(label, _CHUNKS_MEDIA_TYPE, blob.sha256)
            accepted = await transaction.documents.accept(principal, document, blob, parsed=True)
            if accepted.created:
                await transaction.versions.store_parsed(accepted.job_id, None, parsed, made, {})
                title = label.title or label.filename or document.uri
                await self._lexical.add(transaction, accepted.job_id, title, made)
            return accepted

    async def _bounded(self, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        size = 0
        async for part in parts:
            size += len(part)
            if size > self._max_bytes:
                raise TooLarge(
                    f"The document is larger than {self._max_bytes >> 20} MiB.",
                    remedy="Split it, or raise RAGSTONE_MAX_UPLOAD_MB.",
                )
            yield part

    def _count_tokens(self, chunks: Sequence[ReadyChunk]) -> list[int]:
        """Return the tokens of each chunk. Raise ``InvalidRequest`` for chunks that cannot be indexed."""
        if not chunks:
            raise InvalidRequest("There are no chunks.", remedy="Send at least one.")
        limit, counts = self._embedder.model.max_tokens, []
        for place, chunk in enumerate(chunks):
            if not chunk.text.strip():
                raise InvalidRequest(f"Chunk {place} has no text.", remedy="Leave it out.")
            counts.append(len(self._embedder.tokenizer.spans(chunk.text)))
            if counts[-1] > limit:
                raise InvalidRequest(
                    f"Chunk {place} has {counts[-1]} tokens; the embedding model takes {limit}.",
                    remedy="Cut it smaller, or send the document whole and let Ragstone cut it.",
                )
        return counts


def _place(chunks: Sequence[ReadyChunk], token_counts: Sequence[int]) -> list[Chunk]:
    """Give each chunk its place in the joined content."""
    placed, start = [], 0
    for ordinal, (chunk, token_count) in enumerate(zip(chunks, token_counts, strict=True)):
        end = start + len(chunk.text)
        placed.append(
            Chunk(
                id=new_id(),
                ordinal=ordinal,
                text=chunk.text,
                start=start,
                end=end,
                token_count=token_count,
                heading_path=chunk.heading_path,
                page=chunk.page,
                metadata=chunk.metadata,
                external_id=chunk.id,
            )
        )
        start = end + len(_SEPARATOR)
    return placed


def _check_uri(label: Label) -> None:
    if label.uri is not None and not 0 < len(label.uri.encode()) <= LONGEST_URI_BYTES:
        raise InvalidRequest(
            f"A uri has 1 to {LONGEST_URI_BYTES} bytes; this one has {len(label.uri.encode())}.",
            remedy="Use a shorter one.",
        )


async def _ensure_default(transaction: Transaction, principal: Principal, label: Label) -> None:
    """The default collection comes into being with its first document; any other is made on purpose."""
    if label.collection == DEFAULT_COLLECTION:
        await transaction.collections.create(principal, DEFAULT_COLLECTION)


def _new_document(label: Label, media_type: str, sha256: str) -> NewDocument:
    return NewDocument(
        collection=label.collection,
        uri=label.uri or f"sha256:{sha256}",
        title=label.title,
        filename=label.filename,
        media_type=media_type,
        metadata=label.metadata,
        readers=label.readers,
        source=label.source,
        etag=label.etag,
        last_modified=label.last_modified,
    )


def _as_json(chunks: Sequence[ReadyChunk]) -> bytes:
    return json.dumps([asdict(chunk) for chunk in chunks], ensure_ascii=False, sort_keys=True).encode()


async def _peek(parts: AsyncIterator[bytes]) -> tuple[bytes, AsyncIterator[bytes]]:
    """Return the first part that is not white space alone (empty where there is none), and all the parts again."""
    seen: list[bytes] = []
    head = b""
    async for part in parts:
        seen.append(part)
        if part.strip():
            head = part
            break

    async def whole() -> AsyncIterator[bytes]:
        for part in seen:
            yield part
        async for part in parts:
            yield part

    return head, whole()


async def _in_parts(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), PART_BYTES):
        yield data[start : start + PART_BYTES]
