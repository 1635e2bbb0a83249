"""The first step of the offline flow: take bytes in, and answer only when the record holds them."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from ragstone.domain.access import EVERYONE, Principal
from ragstone.domain.documents import DEFAULT_COLLECTION, LONGEST_URI_BYTES, Document, ParsedDocument
from ragstone.domain.errors import EmbedderUnavailable, InvalidRequest, RagstoneError, TooLarge, UnsupportedMediaType
from ragstone.ingest.importing import (
    SEPARATOR,
    GivenVectors,
    ReadyChunk,
    as_json,
    count_tokens,
    given_vectors,
    place_chunks,
)
from ragstone.ingest.renaming import index_renamed
from ragstone.ingest.spool import PART_BYTES
from ragstone.ports.documents import Accepted, NewDocument
from ragstone.ports.embedder import ActiveInput, EmbeddingModel, ModelInput, Vectors
from ragstone.ports.lexical_index import Entry, LexicalIndex
from ragstone.ports.parser import Parser
from ragstone.ports.record import Record, Transaction
from ragstone.ports.versions import BatchRefused, ReadyMade

__all__ = ["Intake", "Label", "ReadyChunk", "ReadyDocument"]

_HEAD_BYTES = 4096
_MOST_BLANK_BYTES = 4 << 20
_CHUNKS_MEDIA_TYPE = "application/vnd.ragstone.chunks+json"


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
class ReadyDocument:
    """A document that its sender has cut."""

    label: Label
    chunks: Sequence[ReadyChunk]


class Intake:
    """Accepts documents, each of at most ``max_bytes``."""

    def __init__(
        self,
        record: Record,
        parser: Parser,
        lexical: LexicalIndex,
        model_input: ActiveInput,
        *,
        max_bytes: int,
    ) -> None:
        self._record = record
        self._parser = parser
        self._lexical = lexical
        self._model_input = model_input
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
                remedy="Send PDF, Office, HTML, Markdown, EPUB, e-mail, CSV, JSON, plain text, pictures, or archives of"
                " these; docs/reference/formats.md lists them all.",
            )
        async with self._record.transaction() as transaction:
            await _ensure_default(transaction, principal, label)
            blob = await transaction.blobs.write(parts)
            document = _new_document(label, media_type, blob.sha256)
            accepted = await transaction.documents.accept(principal, document, blob)
            await index_renamed(transaction, self._lexical, [accepted.document_id])
            return accepted

    async def change(
        self, principal: Principal, document_id: UUID, *, uri: str | None = None, source: str | None = None
    ) -> Document:
        """Rename a document, or let a sync of ``source`` keep it. Nothing is parsed or embedded again.

        Raises ``NotFound``, and ``Conflict`` where the uri is taken in the collection.
        """
        async with self._record.transaction() as transaction:
            if uri is not None:
                await transaction.documents.rename(principal, document_id, uri)
                await index_renamed(transaction, self._lexical, [document_id])
            if source is not None:
                await transaction.documents.adopt(principal, document_id, source)
            return await transaction.documents.get(principal, document_id)

    async def accept_text(self, principal: Principal, label: Label, text: str) -> Accepted:
        """Store a text as ``accept`` stores bytes; Markdown unless the label says otherwise."""
        labelled = replace(label, media_type=label.media_type or "text/markdown")
        return await self.accept(principal, labelled, _in_parts(text.encode("utf-8", errors="replace")))

    async def accept_chunks(
        self, principal: Principal, label: Label, chunks: Sequence[ReadyChunk], given: GivenVectors | None = None
    ) -> Accepted:
        """Store ready-made chunks, searchable by words at once. With ``given`` vectors they are ready; without, their
        embedding is enqueued.

        The document's content is the chunks' texts, joined by an empty line. Raises ``InvalidRequest``
        for no chunks, an empty one, one over the embedding model's limit, or vectors that will not do.
        """
        try:
            (accepted,) = await self.accept_documents(principal, [ReadyDocument(label, chunks)], given)
        except BatchRefused as refused:
            raise refused.errors[0] from refused
        return accepted

    async def accept_documents(
        self, principal: Principal, documents: Sequence[ReadyDocument], given: GivenVectors | None = None
    ) -> Sequence[Accepted]:
        """Store documents of ready-made chunks in one transaction, each as ``accept_chunks`` does.

        Raises ``BatchRefused`` where some cannot be taken in; then nothing is stored.
        """
        read_by = await self._model_input()
        model = await given.model() if given else None
        batch = await asyncio.to_thread(self._make, documents, read_by, model)
        async with self._record.transaction() as transaction:
            for label in {each.label.collection: each.label for each in documents}.values():
                await _ensure_default(transaction, principal, label)
            if model and not await transaction.spaces.hold_active(model):
                raise EmbedderUnavailable(f"Another model took over from {model.name}.", retry_after=1)
            made = [each for each, _ in batch]
            accepted = await transaction.versions.store_ready_made(principal, made)
            fresh = [(*each, one.job_id) for each, one in zip(batch, accepted, strict=True) if one.created]
            entries = [Entry(version_id, _title(each.document), each.chunks) for each, _, version_id in fresh]
            await self._lexical.add(transaction, entries)
            await index_renamed(transaction, self._lexical, [one.document_id for one in accepted if not one.created])
            if given and model:
                embedded = [(each.chunks, vectors) for each, vectors, _ in fresh if vectors is not None]
                await given.store(transaction, model, embedded)
            return accepted

    async def _bounded(self, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        size = 0
        async for part in parts:
            size += len(part)
            if size > self._max_bytes:
                raise self._too_large()
            yield part

    def _make(
        self, documents: Sequence[ReadyDocument], read_by: ModelInput, model: EmbeddingModel | None
    ) -> list[tuple[ReadyMade, Vectors | None]]:
        """Return each document as the record takes it, with its vectors. Raise ``BatchRefused``. CPU-bound."""
        made: dict[tuple[str, str], tuple[ReadyMade, Vectors | None]] = {}
        errors: dict[int, RagstoneError] = {}
        for place, document in enumerate(documents):
            try:
                one, vectors = self._make_one(document, read_by, model)
            except InvalidRequest as error:
                errors[place] = error
                continue
            name = (one.document.collection, one.document.uri)
            if name in made:
                errors[place] = InvalidRequest(
                    f"The uri {one.document.uri!r} comes twice.", remedy="Send all chunks of a document together."
                )
            made[name] = one, vectors
        if errors:
            raise BatchRefused(errors)
        return list(made.values())

    def _make_one(
        self, document: ReadyDocument, read_by: ModelInput, model: EmbeddingModel | None
    ) -> tuple[ReadyMade, Vectors | None]:
        _check_uri(document.label)
        counts = count_tokens(read_by, document.chunks)
        vectors = given_vectors(model, document.chunks)
        sent = as_json(document.chunks, model, vectors)
        if len(sent) > self._max_bytes:
            raise self._too_large()
        sha256 = hashlib.sha256(sent).hexdigest()
        text = SEPARATOR.join(chunk.text for chunk in document.chunks)
        return ReadyMade(
            document=_new_document(document.label, _CHUNKS_MEDIA_TYPE, sha256),
            parsed=ParsedDocument(text, _CHUNKS_MEDIA_TYPE, document.label.title),
            chunks=place_chunks(document.chunks, counts),
            sha256=sha256,
            size=len(sent),
            embedded_by=None if vectors is None else model,
        ), vectors

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"The document is larger than {self._max_bytes >> 20} MiB.",
            remedy="Split it, or raise RAGSTONE_MAX_UPLOAD_MB.",
        )


def _check_uri(label: Label) -> None:
    if label.uri is not None and not 0 < len(label.uri.encode()) <= LONGEST_URI_BYTES:
        raise InvalidRequest(
            f"A uri has 1 to {LONGEST_URI_BYTES} bytes; this one has {len(label.uri.encode())}.",
            remedy="Use a shorter one.",
        )


def _title(document: NewDocument) -> str:
    return document.title or document.filename or document.uri


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


async def _peek(parts: AsyncIterator[bytes]) -> tuple[bytes, AsyncIterator[bytes]]:
    """Return the first part that is not white space alone (empty where there is none), and all the parts again.

    Of white space only so much is held; where more comes, whether there is text below is the parser's to find.
    """
    seen: list[bytes] = []
    head, blank = b"", 0
    async for part in parts:
        seen.append(part)
        blank += len(part)
        if part.strip() or blank > _MOST_BLANK_BYTES:
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
