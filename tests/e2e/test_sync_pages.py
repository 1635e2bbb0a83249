"""Web pages kept up with, by the client over the record and over a server, from a real server on this machine."""

import gzip
import ipaddress
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from tests.e2e.conftest import LiveServer

from ragstone.adapters.fetchers.http import Address, HttpFetcher
from ragstone.api.requests import DocumentForm
from ragstone.cli.client import Client, requested
from ragstone.cli.listings import Listing, find_target
from ragstone.cli.local import LocalClient
from ragstone.cli.mirror import Mirror
from ragstone.cli.remote import HttpClient
from ragstone.cli.sync_summary import SyncSummary
from ragstone.container import Container
from ragstone.domain.errors import Conflict, InvalidRequest, Unavailable

_HERE = ipaddress.ip_address("127.0.0.1")


class Site:
    """A site whose pages a test changes. ``sent`` counts the bodies that went out, by path."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.pages: dict[str, bytes] = {}
        self.statuses: dict[str, int] = {}
        self.sent: Counter[str] = Counter()
        self.with_validators = True

    def write(self, name: str, text: str) -> str:
        """Put a page there, and return its address."""
        self.pages[f"/{name}"] = f"# {name}\n\n{text}\n".encode()
        return f"{self.url}/{name}"

    def map(self, *names: str, at: str = "sitemap.xml", packed: bool = False) -> str:
        """Write a sitemap of these pages, and return its address."""
        locations = "".join(f"<url><loc>{self.url}/{name}</loc></url>" for name in names)
        data = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{locations}</urlset>'.encode()
        self.pages[f"/{at}"] = gzip.compress(data) if packed else data
        return f"{self.url}/{at}"

    def index(self, *sitemaps: str) -> str:
        """Write an index of these sitemaps, and return its address."""
        locations = "".join(f"<sitemap><loc>{self.url}/{name}</loc></sitemap>" for name in sitemaps)
        self.pages["/sitemap_index.xml"] = f"<sitemapindex>{locations}</sitemapindex>".encode()
        return f"{self.url}/sitemap_index.xml"


@contextmanager
def running() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status = opened.statuses.get(self.path, 200 if self.path in opened.pages else 404)
            content = opened.pages.get(self.path, b"") if status == 200 else b""
            tag = f'"{hash(content)}"'
            if content and opened.with_validators and self.headers.get("If-None-Match") == tag:
                status, content = 304, b""
            opened.sent[self.path] += bool(content)
            self.send_response(status)
            if opened.with_validators:
                self.send_header("ETag", tag)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (named by the base class)
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        opened = Site(f"http://docs.test:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield opened
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def site() -> Iterator[Site]:
    with running() as opened:
        yield opened


def local_fetcher() -> HttpFetcher:
    async def here(host: str, port: int) -> Sequence[Address]:
        return [_HERE]

    return HttpFetcher(max_bytes=1 << 20, resolve_host=here, allowed=lambda address: address == _HERE)


@pytest.fixture
def client(container: Container) -> LocalClient:
    """Return the client over a record whose fetcher takes every name for this machine."""
    container.fetcher = local_fetcher()
    return LocalClient(container)


@pytest.fixture
async def far(server: LiveServer) -> AsyncIterator[HttpClient]:
    """Return the client over a server, which fetches as the other does."""
    async with httpx.AsyncClient(base_url=f"{server.url}/", timeout=60, trust_env=False) as http:
        opened = HttpClient(http)
        opened.fetcher = local_fetcher()
        yield opened


def a_mirror(client: Client, target: str, collection: str = "pages", *, allow_empty: bool = False) -> Mirror:
    described = requested(DocumentForm, collection=collection)
    return Mirror(client, find_target(target, (), ()), described, allow_empty=allow_empty)


def counted(summary: SyncSummary) -> dict[str, int]:
    names = ("added", "changed", "renamed", "deleted", "unchanged", "failed", "skipped")
    return {name: getattr(summary, name) for name in names if getattr(summary, name)}


async def synced(
    client: Client, target: str, collection: str = "pages", *, allow_empty: bool = False
) -> dict[str, int]:
    """Sync without waiting for the embedding, and check that the dry run said the same."""
    mirror = a_mirror(client, target, collection, allow_empty=allow_empty)
    listing = await mirror.look()
    before = await uris(client, collection)
    told = counted(await mirror.preview(listing))
    assert await uris(client, collection) == before
    done = counted(await mirror.run(listing, lambda reading: None, wait=False))
    assert told == done
    return done


async def uris(client: Client, collection: str = "pages") -> list[str]:
    if collection not in [each.name for each in (await client.collections()).items]:
        return []
    page = await client.documents(collection=collection, state=None, cursor=None, limit=100)
    return sorted(each.uri for each in page.items)


async def follow_a_sitemap(client: Client, site: Site, collection: str) -> None:
    target = site.map("a", "b", "c")
    pages = [site.write(name, "The first text.") for name in "abc"]
    assert await synced(client, target, collection) == {"added": 3}
    assert await uris(client, collection) == pages

    site.sent.clear()
    assert await synced(client, target, collection) == {"unchanged": 3}
    assert not [path for path in ("/a", "/b", "/c") if site.sent[path]]

    site.write("a", "The second text.")
    del site.pages["/b"]
    site.map("a", "b", "d")
    site.write("d", "A new text.")
    assert await synced(client, target, collection) == {"added": 1, "changed": 1, "deleted": 2}
    assert await uris(client, collection) == [pages[0], f"{site.url}/d"]
    assert await synced(client, target, collection) == {"unchanged": 2, "skipped": 1}


async def test_a_sitemap_is_followed(client: LocalClient, site: Site) -> None:
    await follow_a_sitemap(client, site, "pages")


async def test_a_sitemap_is_followed_through_a_server(far: HttpClient, site: Site) -> None:
    await follow_a_sitemap(far, site, "pages-far")


async def test_an_index_of_sitemaps(client: LocalClient, site: Site) -> None:
    site.map("a", "b", at="one.xml.gz", packed=True)
    site.map("b", "c", at="two.xml")
    target = site.index("one.xml.gz", "two.xml")
    for name in "abc":
        site.write(name, "A text.")
    assert await synced(client, target) == {"added": 3}
    del site.pages["/two.xml"]
    with pytest.raises(InvalidRequest, match=r"two\.xml, which the index names: .*404"):
        await a_mirror(client, target).look()
    site.statuses["/two.xml"] = 503
    with pytest.raises(Unavailable, match=r"two\.xml, which the index names: .*503"):
        await a_mirror(client, target).look()
    del site.statuses["/two.xml"]
    site.pages["/two.xml"] = b"<html>Down for maintenance</html>"
    with pytest.raises(InvalidRequest, match=r"two\.xml is no sitemap"):
        await a_mirror(client, target).look()
    assert len(await uris(client)) == 3


async def test_a_site_that_fails_loses_nothing(client: LocalClient, site: Site) -> None:
    target = site.map("a", "b")
    for name in "ab":
        site.write(name, "A text.")
    await synced(client, target)
    site.statuses["/a"] = 503
    site.statuses["/b"] = 403
    assert await synced(client, target) == {"failed": 2}
    site.statuses["/sitemap.xml"] = 500
    with pytest.raises(Unavailable):
        await a_mirror(client, target).look()
    site.statuses.clear()
    site.pages["/sitemap.xml"] = b"<!doctype html><p>Down for maintenance"
    with pytest.raises(InvalidRequest, match="no sitemap"):
        await a_mirror(client, target).look()
    site.map()
    with pytest.raises(Conflict, match="2 documents would be deleted"):
        await synced(client, target)
    site.map("a", "b")
    site.statuses |= {"/a": 404, "/b": 410}
    mirror = a_mirror(client, target)
    for doing in (mirror.preview(await mirror.look()), mirror.run(await mirror.look(), lambda _: None, wait=False)):
        with pytest.raises(Conflict, match="2 documents would be deleted"):
            await doing
    assert len(await uris(client)) == 2
    assert await synced(client, target, allow_empty=True) == {"deleted": 2}


async def test_a_list_of_addresses(client: LocalClient, site: Site, tmp_path: Path) -> None:
    pages = [site.write(name, "A text.") for name in "ab"]
    file = tmp_path / "list.txt"
    file.write_text(f"# My pages\n\n{pages[0]}\n  {pages[1]}\n{pages[0]}\n")
    assert await synced(client, str(file)) == {"added": 2}
    file.write_text(f"{pages[1]}\n")
    assert await synced(client, str(file)) == {"unchanged": 1, "deleted": 1}
    assert await uris(client) == [pages[1]]


async def test_a_sitemap_in_a_file(client: LocalClient, site: Site, tmp_path: Path) -> None:
    site.map("a", at="sitemap.xml", packed=True)
    site.write("a", "A text.")
    (tmp_path / "map.xml.gz").write_bytes(site.pages["/sitemap.xml"])
    assert await synced(client, str(tmp_path / "map.xml.gz")) == {"added": 1}


async def test_one_page(client: LocalClient, site: Site) -> None:
    page = site.write("a", "A text.")
    assert await synced(client, page) == {"added": 1}
    site.write("a", "Another text.")
    assert await synced(client, page) == {"changed": 1}
    del site.pages["/a"]
    with pytest.raises(Conflict, match="1 documents would be deleted"):
        await synced(client, page)


async def test_a_sitemap_that_became_a_page_deletes_nothing(client: LocalClient, site: Site) -> None:
    target = site.map("a", at="pages")
    site.write("a", "A text.")
    await synced(client, target)
    site.write("pages", "Welcome to the new site.")
    with pytest.raises(Conflict, match="was a sitemap and is a page now"):
        await synced(client, target)
    assert await uris(client) == [f"{site.url}/a"]


async def test_a_server_without_validators_is_compared_by_bytes(client: LocalClient, site: Site) -> None:
    site.with_validators = False
    target = site.map("a")
    site.write("a", "A text.")
    await synced(client, target)
    (before,) = (await client.documents(collection="pages", state=None, cursor=None, limit=9)).items
    assert await synced(client, target) == {"unchanged": 1}
    (after,) = (await client.documents(collection="pages", state=None, cursor=None, limit=9)).items
    assert after == before
    site.with_validators = True
    assert await synced(client, target) == {"unchanged": 1}
    (now,) = (await client.documents(collection="pages", state=None, cursor=None, limit=9)).items
    assert (now.job_id, before.etag) == (before.job_id, None)
    assert now.etag
    site.sent.clear()
    assert await synced(client, target) == {"unchanged": 1}
    assert not site.sent["/a"]


async def test_a_page_that_was_ingested_is_adopted(client: LocalClient, site: Site) -> None:
    page = site.write("a", "A text.")
    accepted = await client.accept_url(page, requested(DocumentForm))
    site.sent.clear()
    target = site.map("a")
    assert await synced(client, target, "default") == {"unchanged": 1}
    assert not site.sent["/a"]
    document = await client.document(accepted.document_id)
    assert (document.source, document.job_id) == (target, accepted.job_id)


async def test_what_else_a_sitemap_names_is_skipped(client: LocalClient, site: Site) -> None:
    site.write("a", "A text.")
    site.pages["/film"] = b"\0\0\0\x20ftypisom" + bytes(100)
    site.pages["/sitemap.xml"] = (
        f"<urlset><url><loc>{site.url}/a</loc></url><url><loc>ftp://docs.test/b</loc></url>"
        f"<url><loc>{site.url}/film</loc></url></urlset>"
    ).encode()
    mirror = a_mirror(client, f"{site.url}/sitemap.xml")
    outcome = await mirror.run(await mirror.look(), lambda reading: None, wait=False)
    assert counted(outcome) == {"added": 1, "skipped": 2}
    locations = [f"{site.url}/a", site.url.replace("://", "://me:secret@") + "/b"]
    site.pages["/sitemap.xml"] = (
        f"<urlset>{''.join(f'<url><loc>{each}</loc></url>' for each in locations)}</urlset>".encode()
    )
    listing = await mirror.look()
    assert listing.skipped == {"link that carries credentials": 1}
    assert counted(await mirror.run(listing, lambda reading: None, wait=False)) == {"unchanged": 1, "skipped": 1}
    site.pages["/index.xml"] = f"<sitemapindex><sitemap><loc>{locations[1]}</loc></sitemap></sitemapindex>".encode()
    with pytest.raises(InvalidRequest, match="with credentials") as raised:
        await a_mirror(client, f"{site.url}/index.xml").look()
    assert "secret" not in str(raised.value)


async def test_private_addresses_are_not_read(container: Container, site: Site) -> None:
    guarded = LocalClient(container)
    target = site.map("a").replace("docs.test", "127.0.0.1")
    with pytest.raises(InvalidRequest, match="blocked"):
        await a_mirror(guarded, target).look()


def test_an_address_with_credentials_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="credentials"):
        find_target("https://user:secret@docs.test/sitemap.xml", (), ())


async def test_half_a_folder_deletes_nothing(client: LocalClient, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "page.md").write_text(f"# {name}\n\nA text.\n")
    await synced(client, str(tmp_path))
    mirror = a_mirror(client, str(tmp_path))
    (tmp_path / "b" / "page.md").unlink()
    listing: Listing = await mirror.look()
    listing.whole = False
    outcome = await mirror.run(listing, lambda reading: None, wait=False)
    assert counted(outcome) == {"unchanged": 1, "failed": 1}
    assert len(await uris(client)) == 2
    assert counted(await mirror.run(await mirror.look(), lambda reading: None, wait=False)) == {
        "unchanged": 1,
        "deleted": 1,
    }


async def test_a_file_that_grows_while_it_is_sent_is_taken_at_the_next_run(client: LocalClient, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n\nThe first line.\n")
    mirror = a_mirror(client, str(tmp_path))
    listing = await mirror.look()
    page.write_text("# Page\n\nThe first line. The second line.\n")
    assert counted(await mirror.run(listing, lambda reading: None, wait=False)) == {"added": 1}
    page.write_text("# Page\n\nThe first line. The second line. The third.\n")
    assert counted(await mirror.run(await mirror.look(), lambda _: None, wait=False)) == {"changed": 1}
    assert counted(await mirror.run(await mirror.look(), lambda _: None, wait=False)) == {"unchanged": 1}
