"""Web pages that a ``sync`` looks at: fetched only if they may have changed, told apart by their bytes."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from ragstone.api.requests import DocumentForm
from ragstone.api.schemas import Accepted, Document
from ragstone.cli.client import Client
from ragstone.ingest.sync import Wanted, as_wanted
from ragstone.ports.fetcher import Fetched, Validators


@dataclass(frozen=True, slots=True)
class Page:
    """What is at an address now. ``file`` holds the bytes where they are to be sent: others are to be known of them,
    or said of them, than the record has. ``same``: the record has these bytes."""

    same: bool
    name: str = ""
    media_type: str | None = None
    validators: Validators = field(default_factory=Validators)
    file: Path | None = None

    async def send(self, client: Client, described: DocumentForm) -> Accepted:
        """Send the bytes. Raises as ``Client.accept_file``."""
        if self.file is None:
            raise ValueError("There is nothing to send.")
        said = {"etag": self.validators.etag, "last_modified": self.validators.last_modified}
        described = described.model_copy(update=said)
        return await client.accept_file(self.file, described, name=self.name, media_type=self.media_type)


@asynccontextmanager
async def page_at(client: Client, url: str, known: Document | None, wanted: Wanted) -> AsyncIterator[Page]:
    """Fetch the page, unless what the record knows of it still stands; its bytes are there while the block lasts.

    Raises as ``Fetcher.open``: ``Gone`` where nothing is there.
    """
    current = known if known and as_wanted(known, wanted) else None
    asked = Validators(current.etag, current.last_modified) if current else Validators()
    with TemporaryDirectory(prefix="ragstone-sync-") as folder:
        async with client.fetch(url, asked) as fetched:
            if fetched.unchanged:
                page = Page(same=True)
            else:
                page = await _read(fetched, Path(folder) / "page", known, settled=asked if current else None)
        yield page


async def _read(fetched: Fetched, file: Path, known: Document | None, settled: Validators | None) -> Page:
    """Put the bytes aside. ``settled``: the validators with which the record needs nothing more, given these bytes."""
    digest = hashlib.sha256()
    opened = await asyncio.to_thread(file.open, "wb")
    with opened:
        async for part in fetched.parts:
            digest.update(part)
            await asyncio.to_thread(opened.write, part)
    same = known is not None and known.sha256 == digest.hexdigest()
    needed = not same or settled != fetched.validators
    return Page(same, fetched.filename, fetched.media_type, fetched.validators, file if needed else None)
