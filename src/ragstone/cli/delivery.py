"""What a ``sync`` sends: files and pages that the record lacks or has otherwise; then what is gone is deleted."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Literal, TypeAlias
from uuid import UUID

from ragstone.api.requests import DocumentChanges, DocumentForm
from ragstone.api.schemas import Accepted, Document
from ragstone.cli.batch import Batch, Describe
from ragstone.cli.client import Client, requested
from ragstone.cli.files import Finding, Item
from ragstone.cli.pages import page_at
from ragstone.cli.running import for_each
from ragstone.cli.summary import of_error
from ragstone.domain.documents import State
from ragstone.domain.errors import Conflict, NotFound, UnsupportedMediaType
from ragstone.ingest.sync import Plan, Wanted, check_not_emptied, may_mend
from ragstone.ports.fetcher import Gone

Outcome: TypeAlias = Literal["added", "changed", "unchanged"]

GONE = "address with nothing there"
_DELETED_AT_A_TIME = 4
_NOTHING = Accepted(document_id=UUID(int=0), job_id=UUID(int=0), created=False)
"""What is accepted where nothing was sent: there is no job to follow."""


class Delivery(Batch):
    """The documents of one sync.

    ``outcomes`` tells of the uris that the record holds as listed; ``deleted`` are the documents that went. Pages that
    are as they were are not sent. Where an address says that nothing is there, or what is there now is of a kind that
    is not read, the document is deleted with the rest.
    """

    def __init__(
        self,
        client: Client,
        finding: Finding,
        plan: Plan[Document],
        wanted: Wanted,
        *,
        renamed: Sequence[Document],
        allow_empty: bool,
    ) -> None:
        self._sent_again = frozenset(plan.relabelled)
        left = (*plan.unchanged, *(each for each in renamed if each.uri not in self._sent_again))
        self.followed = [each.job_id for each in left if each.state is not State.READY]
        super().__init__(client, finding, self.followed)
        self.outcomes: dict[str, Outcome] = {each.uri: "unchanged" for each in plan.unchanged}
        self.deleted: list[Document] = []
        self._plan = plan
        self._wanted = wanted
        self._gone: list[Document] = []
        self._renamed = {each.uri: each for each in renamed}
        self._known = {**plan.known, **self._renamed}
        self._allow_empty = allow_empty

    async def send(self, describe: Describe) -> None:
        """Send every document as a batch does, then delete what is gone. Raises ``Conflict`` if nothing were left."""
        await super().send(describe)
        doomed = [*self._plan.deleted, *self._gone]
        added = sum(outcome == "added" for outcome in self.outcomes.values())
        kept = len(self._known) - len(self._gone) + added
        if not self._allow_empty:
            check_not_emptied(self._wanted.source, deleted=len(doomed), kept=kept)
        await for_each(doomed, self._delete, at_a_time=_DELETED_AT_A_TIME)

    async def _delete(self, document: Document) -> None:
        """Delete a document, unless another sync has found it elsewhere, or changed, since this one looked."""
        with suppress(NotFound):  # another was quicker
            now = await self._client.document(document.id)
            if (now.uri, now.source, now.job_id) != (document.uri, document.source, document.job_id):
                return
            await self._client.delete_document(document.id)
        self.deleted.append(document)

    async def _send(self, item: Item, described: DocumentForm) -> Accepted:
        known = self._known.get(item.uri)
        if isinstance(item.source, str):
            return await self._send_page(item.source, known, described)
        accepted = await self._client.accept_file(item.source, described)
        if item.uri not in self._renamed:
            self.outcomes[item.uri] = outcome_of(known, same=item.uri in self._sent_again)
        return accepted

    async def _send_page(self, url: str, known: Document | None, described: DocumentForm) -> Accepted:
        try:
            async with page_at(self._client, url, known, self._wanted) as page:
                if known and page.file is None:
                    return await self._leave(known)
                accepted = await page.send(self._client, described)
                self.outcomes[url] = outcome_of(known, same=page.same)
                return accepted
        except Gone:
            if known and known.source == self._wanted.source:
                self._gone.append(known)
            else:
                self._skipped[GONE] += 1
            self._files -= 1
            return _NOTHING

    async def _leave(self, known: Document) -> Accepted:
        """Leave a document as it is; follow it where it is not at its end."""
        self.outcomes[known.uri] = "unchanged"
        await keep(self._client, known, self._wanted.source)
        if known.state is not State.READY:
            return Accepted(document_id=known.id, job_id=known.job_id, created=False)
        self._files -= 1
        return _NOTHING

    def _leave_out(self, item: Item, error: UnsupportedMediaType) -> None:
        """What a document held is not there any more: it goes. It fails where it is not this sync's, or as it was."""
        known = self._known.get(item.uri)
        if known and (known.source != self._wanted.source or item.uri in self._sent_again):
            self._refused.append(of_error(item.uri, error))
            return
        super()._leave_out(item, error)
        if known:
            self._gone.append(known)

    def _note(self, accepted: Accepted) -> None:
        if accepted is not _NOTHING:
            super()._note(accepted)


async def keep(client: Client, document: Document, source: str) -> None:
    """Let the sync keep a document that is as it should be, and begin again what failed for a passing cause."""
    with suppress(NotFound, Conflict):  # somebody deleted it, or began it again, in the meantime
        if document.source is None:
            await client.change_document(document.id, requested(DocumentChanges, source=source))
        if may_mend(document):
            await client.retry(document.job_id)


def outcome_of(known: Document | None, *, same: bool) -> Outcome:
    """Say what sending means for a document: ``same`` bytes, of which other things are said, change nothing."""
    if known is None:
        return "added"
    return "unchanged" if same else "changed"
