"""What the target of a ``sync`` lists right now: the files of a folder, or the pages of a list or a sitemap."""

import asyncio
import hashlib
import os
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from ragstone.cli.client import Client
from ragstone.cli.errand import Errand, in_thread
from ragstone.cli.files import (
    UNREADABLE,
    YOUNG_SECONDS,
    Item,
    carries_secret,
    check_kind,
    existing,
    find,
    leads_nowhere,
)
from ragstone.cli.sitemap import LARGEST, Sitemap, read_sitemap
from ragstone.domain.errors import InvalidRequest, Unavailable
from ragstone.ingest.sync import Listed
from ragstone.ports.fetcher import Gone, Validators

Signature: TypeAlias = tuple[int, int, int]
"""A file's size, when it was changed, and when anything about it was, in nanoseconds: of two files that a link leads to
one after the other, the first two may be the same."""

_WEB = ("http://", "https://")
_MOST_SITEMAPS = 1000
_MOST_PAGES = 200_000
_YOUNG_SECONDS = YOUNG_SECONDS  # a file may change once more within the tick of its file system's clock
_NOT_A_LINK = "link that is no web address"
_WITH_CREDENTIALS = "link that carries credentials"
_PART_BYTES = 1 << 20


@dataclass(slots=True)
class Listing:
    """What a ``source`` lists, by uri. ``whole`` is false where a part of it could not be seen.

    ``page``: the target is a single page, not a list of them. ``skipped`` counts by kind. ``held`` are uris of which
    nothing is known at this moment.
    """

    source: str
    items: dict[str, Item] = field(default_factory=dict)
    signatures: dict[str, Signature] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    whole: bool = True
    page: bool = False
    held: frozenset[str] = frozenset()

    def listed(self) -> list[Listed]:
        """Return the listing as a plan takes it."""
        return [Listed(uri, self.signatures[uri][0] if uri in self.signatures else None) for uri in self.items]


@dataclass(frozen=True, slots=True)
class Target:
    """What the user named: a folder, a file that lists pages, or a web address. ``source`` is its lasting name.

    Links on the way to a folder or file are followed at each look: they may lead elsewhere by then.
    """

    place: Path | str
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()

    @property
    def source(self) -> str:
        """The folder's or file's URI, or the address."""
        return self.place if isinstance(self.place, str) else self.place.as_uri()


def find_target(named: str, include: Sequence[str], exclude: Sequence[str]) -> Target:
    """Return the target of this name. Raise ``InvalidRequest`` for one that is not there."""
    if named.lower().startswith(_WEB):
        (item,) = find([named], (), ()).items
        return Target(item.uri)
    return Target(existing(named), include, exclude)


async def list_target(client: Client, target: Target) -> Listing:
    """Return what the target lists. Raises ``InvalidRequest`` and ``Unavailable`` where that cannot be told."""
    if isinstance(target.place, str):
        return await _list_address(client, target.place)
    if await asyncio.to_thread(_is_folder, target.place):
        return await in_thread(_list_folder, target.place, target)
    data = await asyncio.to_thread(_content, target.place)
    sitemap = await asyncio.to_thread(read_sitemap, data)
    if sitemap:
        return await _list_sitemap(client, target.source, sitemap)
    return Listing(target.source, _pages(_addresses(data), named=True))


def _list_folder(errand: Errand, root: Path, target: Target) -> Listing:
    try:
        with os.scandir(root):
            pass
    except OSError as error:
        raise InvalidRequest(f"{root} cannot be read: {error.strerror}.", remedy="Check its permissions.") from error
    finding = find([str(root)], target.include, target.exclude, errand)
    held = frozenset(each.as_uri() for each in finding.held)
    listing = Listing(root.as_uri(), skipped=finding.skipped, held=held)
    for item in finding.items:
        errand.check()
        try:
            status = os.stat(item.source)
        except OSError as error:
            if not leads_nowhere(error):  # else it went away since: it is not listed
                listing.skipped[UNREADABLE] += 1
            continue
        listing.items[item.uri] = item
        listing.signatures[item.uri] = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    listing.whole = not listing.skipped[UNREADABLE]
    return listing


async def _list_address(client: Client, url: str) -> Listing:
    """Fetch the address to see whether it is a sitemap; one that is called so must be."""
    called_so = "sitemap" in urlsplit(url).path.rpartition("/")[2].lower()
    try:
        data = await _fetched(client, url)
    except Gone:
        if called_so:
            raise
        data = None
    sitemap = await asyncio.to_thread(read_sitemap, data) if data is not None else None
    if sitemap:
        return await _list_sitemap(client, url, sitemap)
    if called_so:
        raise InvalidRequest(f"{url} is no sitemap.", remedy="Try again later, or check the address.")
    return Listing(url, _pages([url], named=True), page=True)


async def _list_sitemap(client: Client, source: str, first: Sitemap) -> Listing:
    """Gather the pages of a sitemap and of all those it leads to. One that cannot be read ends it all."""
    waiting, seen, pages = deque([first]), set[str](), dict[str, None]()
    while waiting:
        sitemap = waiting.popleft()
        for location in sitemap.locations:
            if not sitemap.index:
                pages[location] = None
            elif location not in seen:
                seen.add(location)
                _check_count(len(seen), _MOST_SITEMAPS, "sitemaps")
                waiting.append(await _further(client, location))
        _check_count(len(pages), _MOST_PAGES, "pages")
    skipped = Counter(kind for each in pages if (kind := _no_page(each)))
    return Listing(source, _pages((each for each in pages if not _no_page(each)), named=False), skipped=skipped)


def _no_page(location: str) -> str | None:
    """Return as what a location of a sitemap is skipped, or ``None`` for one that is looked at."""
    if not location.lower().startswith(_WEB):
        return _NOT_A_LINK
    return _WITH_CREDENTIALS if carries_secret(location) else None


async def _further(client: Client, url: str) -> Sitemap:
    if carries_secret(url):
        raise InvalidRequest("The index names a sitemap with credentials.", remedy="Sync its sitemaps one by one.")
    try:
        data = await _fetched(client, url)
    except (InvalidRequest, Unavailable) as error:
        kind = Unavailable if isinstance(error, Unavailable) else InvalidRequest
        raise kind(f"Of {url}, which the index names: {error.message}", remedy=error.remedy) from error
    sitemap = await asyncio.to_thread(read_sitemap, data) if data is not None else None
    if sitemap is None:
        raise InvalidRequest(f"{url} is no sitemap.", remedy="Try again later, or check the index that names it.")
    return sitemap


def _check_count(count: int, most: int, what: str) -> None:
    if count > most:
        raise InvalidRequest(f"There are more than {most:,} {what}.", remedy="Sync its parts one by one.")


async def _fetched(client: Client, url: str) -> bytes | None:
    """Return what is at the address, or ``None`` where that is too much for a sitemap."""
    parts, size = [], 0
    async with client.fetch(url, Validators()) as fetched:
        async for part in fetched.parts:
            size += len(part)
            if size > LARGEST:
                return None
            parts.append(part)
    return b"".join(parts)


def _is_folder(place: Path) -> bool:
    try:
        return place.is_dir()
    except OSError as error:
        raise InvalidRequest(f"{place} cannot be seen: {error.strerror}.", remedy="Check the path.") from error


def _content(file: Path) -> bytes:
    check_kind(file)
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST + 1)
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read: {error.strerror}.", remedy="Check the path.") from error
    if len(data) > LARGEST:
        raise InvalidRequest(f"{file} is larger than {LARGEST >> 20} MiB.", remedy="Sync its parts one by one.")
    return data


def _addresses(data: bytes) -> list[str]:
    """Return the addresses of a list, one a line, without empty lines and comments."""
    addresses = []
    for number, line in enumerate(data.decode("utf-8-sig", errors="replace").splitlines(), 1):
        address = line.strip()
        if not address or address.startswith("#"):
            continue
        if not address.lower().startswith(_WEB) or "\N{REPLACEMENT CHARACTER}" in address or " " in address:
            raise InvalidRequest(
                f"Line {number} is no web address: {address[:80]!r}.",
                remedy="Sync a folder, a sitemap, or a text file with one http(s) address a line.",
            )
        addresses.append(address)
    return addresses


def _pages(addresses: Iterable[str], *, named: bool) -> dict[str, Item]:
    """Return the pages by address. Raise ``InvalidRequest`` where one carries credentials."""
    return {item.uri: Item(item.source, named=named) for item in find(list(addresses), (), ()).items}


class Digests:
    """The SHA-256 of files, computed again only when size or time say that they may have changed."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Signature, str]] = {}

    async def of(self, listing: Listing, uris: Iterable[str]) -> dict[str, str]:
        """Return the digests (hex) of these files of a listing; one that cannot be read has none."""
        return await in_thread(self._of, listing, list(uris))

    def _of(self, errand: Errand, listing: Listing, uris: Sequence[str]) -> dict[str, str]:
        found = {}
        for uri in uris:
            signature = listing.signatures[uri]
            before, digest = self._known.get(uri, (None, ""))
            if before != signature:
                try:
                    digest = _digest(errand, Path(listing.items[uri].source))
                except OSError:
                    continue  # sending it will fail with the reason
                if time.time_ns() - max(signature[1:]) > _YOUNG_SECONDS * 1e9:
                    self._known[uri] = (signature, digest)
            found[uri] = digest
        return found


def _digest(errand: Errand, path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(_PART_BYTES):
            errand.check()
            digest.update(part)
    return digest.hexdigest()
