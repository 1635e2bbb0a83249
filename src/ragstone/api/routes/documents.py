"""Documents: taken in, listed, read, deleted."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response, status

from ragstone.api.access import Reader, Writer
from ragstone.api.bodies import Upload, sent_chunks, sent_document
from ragstone.api.dependencies import OpenContainer, OpenFetcher, OpenIntake, OpenRecord
from ragstone.api.openapi import form_or_json, json_body
from ragstone.api.paging import Cursor, Limit, paged
from ragstone.api.problems import documented
from ragstone.api.requests import (
    CollectionName,
    DocumentChanges,
    DocumentChunks,
    DocumentForm,
    DocumentText,
    Source,
    Uri,
)
from ragstone.api.schemas import Accepted, Chunk, ChunkPage, Content, Document, DocumentPage
from ragstone.domain.documents import State
from ragstone.ingest.importing import GivenVectors
from ragstone.ingest.spool import spooled
from ragstone.ports import documents as ports
from ragstone.telemetry import DOCUMENTS

router = APIRouter(prefix="/v1/documents", tags=["documents"])

_REFUSALS = (400, 401, 403, 404, 409, 413, 415, 422, 429, 503)


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    responses=documented(*_REFUSALS),
    openapi_extra=form_or_json(DocumentForm, DocumentText),
)
async def add_document(
    sent: Annotated[Upload | DocumentText, Depends(sent_document)],
    principal: Writer,
    intake: OpenIntake,
    fetcher: OpenFetcher,
    response: Response,
) -> Accepted:
    """Take in a document: a file in a form, or JSON with its text or the uri to fetch.

    It is stored when the reply comes; its job, at the reply's Location, makes it searchable.
    """
    match sent:
        case Upload(label=label):
            accepted = await intake.accept(principal, label, sent.parts())
        case DocumentText(text=str(text), media_type=media_type):
            accepted = await intake.accept_text(principal, sent.label(media_type=media_type), text)
        case DocumentText():
            async with fetcher.open(sent.uri or "") as source, spooled(source.parts) as parts:
                media_type = sent.media_type or source.media_type
                label = sent.label(filename=source.filename, media_type=media_type, validators=source.validators)
                accepted = await intake.accept(principal, label, parts)
    return _accepted(accepted, response)


@router.post(
    "/chunks",
    status_code=status.HTTP_202_ACCEPTED,
    responses=documented(*_REFUSALS),
    openapi_extra=json_body(DocumentChunks),
)
async def add_chunks(
    sent: Annotated[DocumentChunks, Depends(sent_chunks)],
    principal: Writer,
    intake: OpenIntake,
    container: OpenContainer,
    response: Response,
) -> Accepted:
    """Take in a document as ready-made chunks. They answer at once by words, and with vectors by meaning too."""
    chunks = [chunk.to_domain() for chunk in sent.chunks]
    made_by = sent.vectors_of
    given = GivenVectors(container.vectors, container.embedders, made_by.model, made_by.version) if made_by else None
    return _accepted(await intake.accept_chunks(principal, sent.label(), chunks, given), response)


@router.get("", responses=documented(401, 403, 404, 422, 503))
async def list_documents(
    *,
    principal: Reader,
    record: OpenRecord,
    collection: Annotated[CollectionName | None, Query()] = None,
    state: State | None = None,
    source: Annotated[Source | None, Query()] = None,
    uri: Annotated[Uri | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> DocumentPage:
    """List documents, the oldest first."""
    async with record.transaction() as transaction:
        if collection is not None:
            await transaction.collections.id_of(principal, collection)
        found = await transaction.documents.list(
            principal, collection=collection, state=state, source=source, uri=uri, after=cursor, limit=limit + 1
        )
    items, next_cursor = paged(found, limit)
    return DocumentPage(items=[Document.from_domain(each) for each in items], next_cursor=next_cursor)


@router.get("/{document_id:uuid}", responses=documented(401, 403, 404, 422, 503))
async def get_document(document_id: UUID, principal: Reader, record: OpenRecord) -> Document:
    """Show one document, and how far its newest version has come."""
    async with record.transaction() as transaction:
        return Document.from_domain(await transaction.documents.get(principal, document_id))


@router.patch("/{document_id:uuid}", responses=documented(400, 401, 403, 404, 409, 413, 422, 503))
async def change_document(
    document_id: UUID, changes: DocumentChanges, principal: Writer, intake: OpenIntake
) -> Document:
    """Rename a document, or say what mirrors it. Nothing is parsed or embedded again."""
    changed = await intake.change(principal, document_id, uri=changes.uri, source=changes.source)
    return Document.from_domain(changed)


@router.delete(
    "/{document_id:uuid}", status_code=status.HTTP_204_NO_CONTENT, responses=documented(401, 403, 404, 422, 503)
)
async def delete_document(document_id: UUID, principal: Writer, record: OpenRecord) -> None:
    """Remove a document and everything that was made from it."""
    async with record.transaction() as transaction:
        await transaction.documents.delete(principal, document_id)


@router.get("/{document_id:uuid}/content", responses=documented(401, 403, 404, 409, 422, 503))
async def get_content(document_id: UUID, principal: Reader, record: OpenRecord) -> Content:
    """Return the text in which citations count: a citation's quote is ``content[start:end]``, in code points."""
    async with record.transaction() as transaction:
        return Content.from_domain(await transaction.documents.content(principal, document_id))


@router.get("/{document_id:uuid}/chunks", responses=documented(401, 403, 404, 422, 503))
async def list_chunks(
    document_id: UUID,
    principal: Reader,
    record: OpenRecord,
    cursor: Annotated[int, Query(ge=-1, lt=2**31, description="`next_cursor` of the page before.")] = -1,
    limit: Limit = 50,
) -> ChunkPage:
    """List the chunks of the version that answers questions, in order."""
    async with record.transaction() as transaction:
        found = await transaction.documents.chunks(principal, document_id, after=cursor, limit=limit + 1)
    more = str(found[limit - 1].ordinal) if len(found) > limit else None
    return ChunkPage(items=[Chunk.from_domain(each) for each in found[:limit]], next_cursor=more)


def _accepted(accepted: ports.Accepted, response: Response) -> Accepted:
    DOCUMENTS.labels("new" if accepted.created else "unchanged").inc()
    response.headers["Location"] = f"/v1/jobs/{accepted.job_id}"
    return Accepted.from_domain(accepted)
