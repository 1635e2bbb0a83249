"""One target mirrored into one collection: what differs is found out, then done, or only told."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from ragstone.api.requests import DocumentChanges, DocumentForm
from ragstone.api.schemas import Document
from ragstone.cli.client import Client, requested
from ragstone.cli.delivery import Delivery, keep
from ragstone.cli.files import UNREADABLE, Finding, Item
from ragstone.cli.listings import Digests, Listing, Target, list_target
from ragstone.cli.meter import Reading
from ragstone.cli.preview import Preview
from ragstone.cli.running import for_each
from ragstone.cli.summary import IngestFailure, of_error
from ragstone.cli.sync_summary import SyncSummary, summed
from ragstone.domain.documents import LONGEST_URI_BYTES
from ragstone.domain.errors import Conflict, InvalidRequest
from ragstone.ingest.sync import Listed, Plan, Wanted, check_not_emptied, draw_plan, to_digest

_PAGE_OF_DOCUMENTS = 200
_ASKED_AT_A_TIME = 4


class Mirror:
    """Mirrors ``target``; ``described`` is said of every document. May run again and again: it remembers digests.

    Without ``allow_empty``, a source of which nothing is left deletes nothing.
    """

    def __init__(self, client: Client, target: Target, described: DocumentForm, *, allow_empty: bool) -> None:
        self._client = client
        self._target = target
        self._described = described.model_copy(update={"source": target.source})
        self._wanted = Wanted(target.source, described.readers, described.metadata)
        self._allow_empty = allow_empty
        self._digests = Digests()

    async def look(self) -> Listing:
        """Return what the target lists now. Raises ``InvalidRequest`` and ``Unavailable``."""
        return await list_target(self._client, self._target)

    async def preview(self, listing: Listing) -> SyncSummary:
        """Return what ``run`` would do; pages are fetched for it, and nothing is changed."""
        begun = time.monotonic()
        plan = await self._plan(listing)
        looked = Preview(self._client, _finding(listing, plan), plan, self._wanted)
        await looked.look()
        if not self._allow_empty:
            looked.check()
        summary = summed(
            looked.outcomes,
            [*_unseen(listing), *looked.failures],
            looked.finding.skipped,
            renamed=len(plan.renamed),
            deleted=len(plan.deleted) + len(looked.gone),
            seconds=time.monotonic() - begun,
        )
        return summary.model_copy(update={"dry_run": True, "changes": looked.changes()})

    async def run(self, listing: Listing, show: Callable[[Reading], None], *, wait: bool) -> SyncSummary:
        """Rename, send and delete until the record holds what is listed; then wait until all are at their end.

        Broken off at any moment and run again, it ends the same: each run looks at what is there.
        """
        begun = time.monotonic()
        plan = await self._plan(listing)
        renamed, failures = await self._rename(plan)
        sent_again = set(plan.relabelled)
        for document in (*plan.unchanged, *(each for each in renamed if each.uri not in sent_again)):
            await keep(self._client, document, self._wanted.source)
        finding = _finding(listing, plan, but={each.uri for each in failures})
        delivery = Delivery(self._client, finding, plan, self._wanted, renamed=renamed, allow_empty=self._allow_empty)
        if finding.items:
            await self._client.create_collection(self._described.collection)
        if wait and (finding.items or delivery.followed):
            async with self._client.working():
                await delivery.complete(self._describe, show)
        else:
            await delivery.send(self._describe)
            await delivery.look()
        outcome = await delivery.summary(time.monotonic() - begun)
        summary = summed(
            delivery.outcomes,
            [*_unseen(listing), *failures, *outcome.failures],
            outcome.skipped_kinds,
            renamed=len(renamed),
            deleted=len(delivery.deleted),
            seconds=time.monotonic() - begun,
        )
        return summary.model_copy(update={"unknown": outcome.unknown if wait else 0})

    def _describe(self, item: Item) -> DocumentForm:
        return requested(DocumentForm, **{**self._described.model_dump(), "uri": item.uri})

    async def _plan(self, listing: Listing) -> Plan[Document]:
        """Return what differs. Raises ``Conflict`` where the listing is not to be trusted."""
        listed = listing.listed()
        documents = await self._documents(listed)
        digests = await self._digests.of(listing, to_digest(self._wanted, listed, documents))
        listed = [replace(each, sha256=digests.get(each.uri)) for each in listed]
        plan = draw_plan(self._wanted, listed, documents, whole=listing.whole, held=listing.held)
        if not self._allow_empty:
            check_not_emptied(listing.source, deleted=len(plan.deleted), kept=len(listing.items))
            if listing.page and plan.deleted:
                raise Conflict(
                    f"{listing.source} was a sitemap and is a page now.",
                    remedy="Try again later, or say --allow-empty to delete the sitemap's pages.",
                )
        return plan

    async def _documents(self, listed: Sequence[Listed]) -> list[Document]:
        """Return the documents of the source, and those of the listed uris that are not of the source (yet).

        Each comes once, as it was seen last: another sync may rename it in between.
        """
        collections = (await self._client.collections()).items
        held = next((each.documents for each in collections if each.name == self._described.collection), 0)
        if not held:
            return []
        documents = {each.id: each for each in await self._documents_of_source()}
        ours = {each.uri for each in documents.values()}

        async def look_up(each: Listed) -> None:
            page = await self._client.documents(
                collection=self._described.collection, state=None, cursor=None, limit=1, uri=each.uri
            )
            documents.update({each.id: each for each in page.items})

        unknown = [each for each in listed if each.uri not in ours and _can_be_asked(each.uri)]
        await for_each(unknown, look_up, at_a_time=_ASKED_AT_A_TIME)
        return list(documents.values())

    async def _documents_of_source(self) -> list[Document]:
        documents: list[Document] = []
        cursor: str | None = None
        while True:
            page = await self._client.documents(
                collection=self._described.collection,
                state=None,
                cursor=cursor,
                limit=_PAGE_OF_DOCUMENTS,
                source=self._wanted.source,
            )
            documents += page.items
            cursor = page.next_cursor
            if cursor is None:
                return documents

    async def _rename(self, plan: Plan[Document]) -> tuple[list[Document], list[IngestFailure]]:
        renamed: list[Document] = []
        failures: list[IngestFailure] = []
        for old, uri in plan.renamed:
            try:
                renamed.append(await self._client.change_document(old.id, requested(DocumentChanges, uri=uri)))
            except InvalidRequest as error:
                failures.append(of_error(uri, error))
        return renamed, failures


def _finding(listing: Listing, plan: Plan[Document], but: Collection[str] = ()) -> Finding:
    """Return what is to be sent, in the order of the listing."""
    uris = {*plan.added, *plan.changed, *plan.relabelled}.difference(but)
    return Finding([item for uri, item in listing.items.items() if uri in uris], Counter(listing.skipped))


def _unseen(listing: Listing) -> list[IngestFailure]:
    """Return the failure of a listing a part of which could not be seen."""
    if listing.whole:
        return []
    return [
        IngestFailure(
            uri=listing.source,
            stage="list",
            code="unreadable",
            message=f"{listing.skipped[UNREADABLE]:,} files or folders below cannot be seen; they stay as they are.",
            remedy="Check their permissions, or leave them out with --exclude.",
        )
    ]


def _can_be_asked(uri: str) -> bool:
    """Whether a document may have this uri; one that is too long is refused with the reason when it is sent."""
    return len(uri.encode()) <= LONGEST_URI_BYTES
