"""Collections: named sets of documents."""

from typing import Annotated

from fastapi import APIRouter, Path, Response, status

from ragstone.api.access import Reader, Writer
from ragstone.api.dependencies import OpenRecord
from ragstone.api.problems import documented
from ragstone.api.requests import NewCollection
from ragstone.api.schemas import Collection, CollectionPage
from ragstone.domain.documents import LONGEST_COLLECTION_NAME
from ragstone.ports.record import despite_others

router = APIRouter(prefix="/v1/collections", tags=["collections"])


@router.get("", responses=documented(401, 403, 503))
async def list_collections(principal: Reader, record: OpenRecord) -> CollectionPage:
    """List all collections by name, with counts of what the caller may read."""
    async with record.transaction() as transaction:
        found = await transaction.collections.list(principal)
    return CollectionPage(items=[Collection.from_domain(each) for each in found], next_cursor=None)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    responses={200: {"model": Collection, "description": "It was there."}, **documented(400, 401, 403, 413, 422, 503)},
)
async def create_collection(
    body: NewCollection, principal: Writer, record: OpenRecord, response: Response
) -> Collection:
    """Make a collection: 201. Where one of this name is there, return it: 200."""
    async with record.transaction() as transaction:
        created = await transaction.collections.create(principal, body.name)
        collection = await transaction.collections.get(principal, body.name)
    if not created:
        response.status_code = status.HTTP_200_OK
    return Collection.from_domain(collection)


@router.delete("/{name}", status_code=status.HTTP_204_NO_CONTENT, responses=documented(401, 403, 404, 409, 422, 503))
async def delete_collection(
    name: Annotated[str, Path(min_length=1, max_length=LONGEST_COLLECTION_NAME)], principal: Writer, record: OpenRecord
) -> None:
    """Remove a collection with all its documents and everything that was made from them."""
    await despite_others(record, lambda transaction: transaction.collections.remove(principal, name))
