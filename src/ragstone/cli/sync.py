"""``ragstone sync``: keep a collection as a folder, a list of addresses or a sitemap is; once, or for ever."""

import asyncio
import time
from typing import TYPE_CHECKING, Annotated

import typer

from ragstone.cli import output
from ragstone.cli.options import AsJson, Exclude, IntoCollection, Key, MetadataPairs, Readers, Url, Wait
from ragstone.cli.running import Stopped, run
from ragstone.domain.documents import DEFAULT_COLLECTION
from ragstone.domain.errors import ConfigurationError, Forbidden, InvalidRequest, RagstoneError, Unauthenticated

if TYPE_CHECKING:
    from ragstone.api.requests import DocumentForm
    from ragstone.cli.batch import Show
    from ragstone.cli.client import Client
    from ragstone.cli.listings import Listing, Target
    from ragstone.cli.mirror import Mirror
    from ragstone.cli.sync_summary import SyncSummary

_SETTLE_SECONDS = 0.5
_SETTLE_ROUNDS = 20
_FOR_GOOD = (Unauthenticated, Forbidden, ConfigurationError)
"""Errors that another look would end in, too."""


def sync(
    *,
    target: Annotated[
        str,
        typer.Argument(metavar="TARGET", help="A folder, a text file of web addresses, a sitemap, or a web address."),
    ],
    collection: IntoCollection = DEFAULT_COLLECTION,
    reader: Readers = None,
    metadata: MetadataPairs = None,
    glob: Annotated[
        list[str] | None,
        typer.Option("--glob", metavar="PATTERN", help="Only files that match, as *.md. Repeatable."),
    ] = None,
    exclude: Exclude = None,
    watch: Annotated[
        float | None,
        typer.Option("--watch", metavar="SECONDS", min=0.1, help="Look again every so many seconds, until stopped."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="Delete all documents if nothing is left of the target.")
    ] = False,
    wait: Wait = True,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Make a collection hold what a target holds: additions, changes, renames and deletions.

    Only what a sync of the same target brought in, or found as it is, is ever deleted.

    Exit code 1 if some failed.
    """
    from ragstone.cli.listings import find_target

    found = find_target(target, glob or [], exclude or [])
    described = _described(collection, reader, metadata)
    looks = _Looks(
        found,
        described,
        dry_run=dry_run,
        allow_empty=allow_empty,
        wait=wait,
        as_json=as_json,
        once=watch is None,
    )
    try:
        outcome = run(looks.once(url, key) if watch is None else looks.again_and_again(watch, url, key))
    except Stopped:
        if watch is None:
            output.note("Stopped. What was done is kept; the next `ragstone sync` goes on with it.")
            raise
        output.note("Stopped.")
        return
    if outcome and (outcome.failed or outcome.unknown):
        raise typer.Exit(1)


def _described(collection: str, readers: list[str] | None, metadata: list[str] | None) -> "DocumentForm":
    """Return what is said of each document. Raise ``InvalidRequest`` for what cannot be."""
    from ragstone.api.requests import DocumentForm
    from ragstone.cli.client import requested

    pairs = [pair.partition("=") for pair in metadata or ()]
    if not all(name and equals for name, equals, _ in pairs):
        raise InvalidRequest("--metadata reads KEY=VALUE.", remedy="As in: --metadata year=2026")
    said = {"collection": collection, "metadata": {name: value for name, _, value in pairs}}
    return requested(DocumentForm, **said, **({"readers": readers} if readers else {}))


def _if_accepted(show: "Show") -> "Show":
    """Return what shows readings of some documents only: who watches sees nothing while nothing happens."""
    return lambda reading: show(reading) if reading.accepted else None


class _Looks:
    """Looks at the target, and what is done after each."""

    def __init__(
        self,
        target: "Target",
        described: "DocumentForm",
        *,
        dry_run: bool,
        allow_empty: bool,
        wait: bool,
        as_json: bool,
        once: bool,
    ) -> None:
        self._once = once
        self._target = target
        self._described = described
        self._dry_run = dry_run
        self._allow_empty = allow_empty
        self._wait = wait
        self._as_json = as_json

    async def once(self, url: str | None, key: str | None) -> "SyncSummary | None":
        """Mirror the target and return the outcome."""
        from ragstone.cli.client import open_client

        async with open_client(url, key, readers=self._described.readers) as client:
            mirror = self._mirror(client)
            outcome = await self._mirrored(mirror, await mirror.look())
        self._show(outcome)
        return outcome

    async def again_and_again(self, seconds: float, url: str | None, key: str | None) -> None:
        """Mirror the target whenever it changed, until cancelled. What is out of reach now may not be later."""
        from ragstone.cli.client import open_client

        async with open_client(url, key, readers=self._described.readers) as client:
            mirror = self._mirror(client)
            done: Listing | None = None
            complaint = ""
            while True:
                begun = time.monotonic()
                try:
                    done = await self._look(mirror, done)
                    complaint = ""
                except _FOR_GOOD:
                    raise
                except RagstoneError as error:
                    if str(error) != complaint:
                        complaint = str(error)
                        output.note(f"{complaint} Looking again every {seconds:g} s ...")
                await asyncio.sleep(max(seconds - (time.monotonic() - begun), 0.0))

    async def _look(self, mirror: "Mirror", done: "Listing | None") -> "Listing | None":
        """Mirror what changed since ``done``; return the listing that the record now holds, if it holds it all."""
        listing = await self._settled(mirror, done)
        if done and listing.signatures and listing == done:
            return done
        outcome = await self._mirrored(mirror, listing)
        if done is None or not outcome.idle:
            self._show(outcome)
        return None if outcome.failed else listing

    async def _settled(self, mirror: "Mirror", done: "Listing | None") -> "Listing":
        """Return the listing once its files keep still: an editor, or a copy, is at work in between."""
        listing = await mirror.look()
        for _ in range(_SETTLE_ROUNDS):
            if not listing.signatures or listing == done:
                break
            await asyncio.sleep(_SETTLE_SECONDS)
            before, listing = listing, await mirror.look()
            if listing == before:
                break
        return listing

    async def _mirrored(self, mirror: "Mirror", listing: "Listing") -> "SyncSummary":
        from ragstone.cli.display import progress_display

        if self._dry_run:
            return await mirror.preview(listing)
        with progress_display() as show:
            return await mirror.run(listing, show if self._once else _if_accepted(show), wait=self._wait)

    def _mirror(self, client: "Client") -> "Mirror":
        from ragstone.cli.mirror import Mirror

        return Mirror(client, self._target, self._described, allow_empty=self._allow_empty)

    def _show(self, outcome: "SyncSummary") -> None:
        from ragstone.cli import sync_summary

        if self._as_json:
            output.print_json(outcome)
        else:
            sync_summary.show(outcome)
