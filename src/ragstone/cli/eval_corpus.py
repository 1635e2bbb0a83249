"""The documents of a judged set, brought into the record as any import and dropped from it again."""

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from uuid import UUID

from ragstone.cli import output
from ragstone.cli.display import progress_display
from ragstone.cli.local import LocalClient
from ragstone.cli.meter import Meter
from ragstone.container import Container
from ragstone.domain.access import LOCAL, Principal
from ragstone.domain.documents import State
from ragstone.domain.errors import Conflict, NotFound
from ragstone.ingest.intake import Intake, ReadyDocument
from ragstone.learn.judged_sets import Corpus
from ragstone.ports.embedder import ModelInput, Tokenizer
from ragstone.ports.record import despite_others

_LOOK_SECONDS = 0.5
_BATCH = 500


@dataclass(frozen=True, slots=True)
class _Head:
    """The tokens that a model reads of a text: the first ones."""

    tokenizer: Tokenizer
    most: int

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        """Return ``(start, end)`` of each."""
        return self.tokenizer.spans(text)[: self.most]


def collection_of(name: str, corpus: Corpus) -> str:
    """Return the collection that holds a corpus, and the only reader who finds its documents."""
    return f"eval-{re.sub(r'[^A-Za-z0-9._-]+', '-', name)[:60]}-{corpus.digest[:8]}"


async def ensure(container: Container, corpus: Corpus, collection: str) -> None:
    """Bring in the documents, unless they are all there and ready; embed what is to be embedded.

    Raises ``Conflict`` where some cannot be embedded.
    """
    documents = await asyncio.to_thread(lambda: list(corpus.documents(collection)))
    client = LocalClient(_of_whole_documents(container), [collection])
    if await _is_complete(container, client, collection, len(documents)):
        return
    output.note(f"{len(documents):,} documents are brought into the collection {collection}; once.")
    await client.create_collection(collection)
    async with client.working():
        job_ids: list[UUID] = []
        for batch in _batches(documents):
            job_ids += [each.job_id for each in await client.accept_documents(batch, None)]
        await _follow(client, job_ids)
    unfinished = await client.unfinished(job_ids)
    if unfinished:
        failure = unfinished[0].failure
        cause = failure.message if failure else "cancelled"
        raise Conflict(
            f"{len(unfinished):,} documents of {collection} are not ready. {unfinished[0].uri}: {cause}",
            remedy="`ragstone jobs list --state failed` shows them; --drop begins anew.",
        )


async def drop(container: Container, collection: str) -> int:
    """Remove a collection that ``ensure`` made, with its documents; return how many these were."""
    principal = _reader_of(collection)
    try:
        return await despite_others(
            container.record, lambda transaction: transaction.collections.remove(principal, collection)
        )
    except NotFound:
        return 0


def _reader_of(collection: str) -> Principal:
    return replace(LOCAL, readers=LOCAL.readers | {collection})


def _of_whole_documents(container: Container) -> Container:
    """Let a container take in chunks of any length. What the model reads of one, its head, stands for it by meaning."""

    async def head() -> ModelInput:
        whole = await container.embedders.input()
        return replace(whole, tokenizer=_Head(whole.tokenizer, whole.max_tokens))

    max_bytes = container.settings.max_upload_mb << 20
    container.intake = Intake(container.record, container.parser, container.lexical, head, max_bytes=max_bytes)
    return container


async def _is_complete(container: Container, client: LocalClient, collection: str, documents: int) -> bool:
    principal = _reader_of(collection)
    async with container.record.transaction() as transaction:
        try:
            found = await transaction.collections.get(principal, collection)
        except NotFound:
            return False
    for state in State:
        if state is not State.READY:
            page = await client.documents(collection=collection, state=state, cursor=None, limit=1)
            if page.items:
                return False
    return found.documents == documents


def _batches(documents: Sequence[ReadyDocument]) -> Iterator[list[ReadyDocument]]:
    waiting = iter(documents)
    while batch := list(islice(waiting, _BATCH)):
        yield batch


async def _follow(client: LocalClient, job_ids: Sequence[UUID]) -> None:
    """Show how far these jobs are until each is at its end."""
    meter = Meter()
    before = (await client.progress(job_ids)).embedded
    with progress_display() as show:
        while True:
            progress = await client.progress(job_ids)
            accepted = len(job_ids)
            show(
                meter.read(
                    time.monotonic(), files=accepted, accepted=accepted, refused=0, progress=progress, before=before
                )
            )
            if not progress.open:
                return
            await asyncio.sleep(_LOOK_SECONDS)
