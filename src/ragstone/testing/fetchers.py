"""What every ``Fetcher`` must do, tried against a real server on this machine."""

import gzip
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ragstone.domain.errors import InvalidRequest, TooLarge, Unavailable
from ragstone.ports.fetcher import Fetched, Fetcher, Gone, Validators

MAX_BYTES = 1 << 20
PAGE = b"# A page\n\n" + b"It has a line of text.\n" * 4000
VALIDATORS = Validators('"v1"', "Sat, 21 Nov 2026 08:00:00 GMT")

_PAGES: Mapping[str, tuple[int, bytes, Mapping[str, str]]] = {
    "/page.md": (200, PAGE, {}),
    "/guide/page%20one.md": (200, PAGE, {"Content-Type": "text/markdown; charset=utf-8"}),
    "/named": (200, PAGE, {"Content-Disposition": 'attachment; filename="../../the report.md"'}),
    "/zipped": (200, gzip.compress(PAGE), {"Content-Encoding": "gzip"}),
    "/zipped-twice": (200, gzip.compress(PAGE[:1000]) + gzip.compress(PAGE[1000:]), {"Content-Encoding": "gzip"}),
    "/more": (200, gzip.compress(PAGE) + b"and on it goes", {"Content-Encoding": "gzip"}),
    "/nothing": (200, gzip.compress(b"") * (MAX_BYTES // 16), {"Content-Encoding": "gzip"}),
    "/torn": (200, gzip.compress(PAGE)[:-20], {"Content-Encoding": "gzip"}),
    "/bomb": (200, gzip.compress(bytes(16 << 20), 9), {"Content-Encoding": "gzip"}),
    "/large": (200, bytes(MAX_BYTES + 1), {}),
    "/away": (302, b"", {"Location": "http://elsewhere.test:1/page.md"}),
    "/up": (302, b"", {"Location": "file:///etc/passwd"}),
    **{f"/hop/{n}": (302, b"", {"Location": f"/hop/{n - 1}" if n > 1 else "/page.md"}) for n in range(1, 7)},
    "/dated/away": (302, b"", {"Location": "/dated/page.md"}),
    "/strange": (200, PAGE, {"ETag": '"' + "x" * 5000 + '"', "Last-Modified": "caf\xe9"}),
    **{f"/status/{status}": (status, b"no", {"Retry-After": "7"}) for status in (304, 401, 404, 410, 429, 500, 503)},
}


class _Site(BaseHTTPRequestHandler):
    """A few pages, some of them hostile."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/endless":
            self._endless()
        elif path == "/short":
            self._short()
        elif path == "/dated/page.md":
            self._dated()
        else:
            self._reply(*_PAGES[path])

    def _reply(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _dated(self) -> None:
        """Send the page, unless the client has it by what it says; the ETag goes before the date."""
        said = {"ETag": VALIDATORS.etag or "", "Last-Modified": VALIDATORS.last_modified or ""}
        tag, date = self.headers.get("If-None-Match"), self.headers.get("If-Modified-Since")
        if tag == said["ETag"] or (tag is None and date == said["Last-Modified"]):
            self._reply(304, b"", said)
        else:
            self._reply(200, PAGE, said)

    def _endless(self) -> None:
        """Send more and more, without saying how much."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        for _ in range(64):
            self.wfile.write(bytes(1 << 18))

    def _short(self) -> None:
        """Promise more than comes."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE[:100])
        self.close_connection = True

    def handle(self) -> None:
        """Serve a connection; a client that hangs up in the middle is what some tests are about."""
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (named by the base class)
        """Keep the tests' output clean."""


@contextmanager
def running_site() -> Iterator[int]:
    """Serve the pages on 127.0.0.1 while the block runs; yield the port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Site) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


async def content_of(fetched: Fetched) -> bytes:
    """Return all the parts, joined."""
    return b"".join([part async for part in fetched.parts])


class FetcherConformance:
    """Inherit, and override ``fetcher`` (of at most ``MAX_BYTES``, which resolves names of ``.test`` to 127.0.0.1
    and may fetch from there, save from ``elsewhere.test``) and ``guarded`` (as users have it)."""

    @pytest.fixture
    def fetcher(self) -> Fetcher:
        raise NotImplementedError

    @pytest.fixture
    def guarded(self) -> Fetcher:
        raise NotImplementedError

    @pytest.fixture
    def site(self) -> Iterator[str]:
        with running_site() as port:
            yield f"http://docs.test:{port}"

    async def test_fetches_the_bytes_and_says_what_they_are(self, fetcher: Fetcher, site: str) -> None:
        async with fetcher.open(f"{site}/guide/page%20one.md?v=2#top") as fetched:
            assert await content_of(fetched) == PAGE
        assert fetched.filename == "page one.md"
        assert fetched.media_type == "text/markdown"

    async def test_follows_redirects_to_where_they_end(self, fetcher: Fetcher, site: str) -> None:
        async with fetcher.open(f"{site}/hop/5") as fetched:
            assert await content_of(fetched) == PAGE
        assert fetched.url == f"{site}/page.md"

    async def test_takes_the_servers_name_without_its_folders(self, fetcher: Fetcher, site: str) -> None:
        async with fetcher.open(f"{site}/named") as fetched:
            assert fetched.filename == "the report.md"

    @pytest.mark.parametrize("path", ["dated/page.md", "dated/away"])
    @pytest.mark.parametrize(
        "known",
        [VALIDATORS, Validators(etag=VALIDATORS.etag), Validators(last_modified=VALIDATORS.last_modified)],
        ids=["both", "etag", "date"],
    )
    async def test_what_the_caller_has_is_not_sent_again(
        self, fetcher: Fetcher, site: str, path: str, known: Validators
    ) -> None:
        async with fetcher.open(f"{site}/{path}", known) as fetched:
            assert fetched.unchanged
            assert await content_of(fetched) == b""
        assert fetched.validators == known

    @pytest.mark.parametrize("known", [Validators(), Validators('"v0"', VALIDATORS.last_modified)])
    async def test_what_the_caller_lacks_comes_with_its_validators(
        self, fetcher: Fetcher, site: str, known: Validators
    ) -> None:
        async with fetcher.open(f"{site}/dated/page.md", known) as fetched:
            assert await content_of(fetched) == PAGE
        assert (fetched.unchanged, fetched.validators) == (False, VALIDATORS)

    async def test_validators_that_no_header_should_hold_are_left_out(self, fetcher: Fetcher, site: str) -> None:
        async with fetcher.open(f"{site}/strange") as fetched:
            assert fetched.validators == Validators()
        async with fetcher.open(f"{site}/dated/page.md", Validators('"v1"\r\nX-Evil: 1')) as fetched:
            assert await content_of(fetched) == PAGE

    @pytest.mark.parametrize("status", [404, 410])
    async def test_says_that_nothing_is_there(self, fetcher: Fetcher, site: str, status: int) -> None:
        with pytest.raises(Gone, match=str(status)):
            async with fetcher.open(f"{site}/status/{status}", VALIDATORS):
                pass

    @pytest.mark.parametrize("path", ["zipped", "zipped-twice"])
    async def test_unpacks_what_comes_packed(self, fetcher: Fetcher, site: str, path: str) -> None:
        async with fetcher.open(f"{site}/{path}") as fetched:
            assert await content_of(fetched) == PAGE

    @pytest.mark.parametrize("path", ["large", "bomb", "nothing", "endless"])
    async def test_stops_at_the_size_that_is_allowed(self, fetcher: Fetcher, site: str, path: str) -> None:
        async with fetcher.open(f"{site}/{path}") as fetched:
            with pytest.raises(TooLarge):
                await content_of(fetched)

    @pytest.mark.parametrize("path", ["short", "torn", "more"])
    async def test_half_a_document_is_none(self, fetcher: Fetcher, site: str, path: str) -> None:
        async with fetcher.open(f"{site}/{path}") as fetched:
            with pytest.raises(Unavailable, match="broke off"):
                await content_of(fetched)

    @pytest.mark.parametrize(
        ("path", "says"),
        [
            ("hop/6", "more than 5 times"),
            ("away", "blocked"),
            ("up", "file"),
            ("status/404", "404"),
            ("status/401", "401"),
            ("status/304", "304"),
        ],
    )
    async def test_refuses_with_the_reason(self, fetcher: Fetcher, site: str, path: str, says: str) -> None:
        with pytest.raises(InvalidRequest, match=says):
            async with fetcher.open(f"{site}/{path}"):
                pass

    @pytest.mark.parametrize("status", [429, 500, 503])
    async def test_a_failing_server_is_unavailable(self, fetcher: Fetcher, site: str, status: int) -> None:
        with pytest.raises(Unavailable, match=str(status)) as raised:
            async with fetcher.open(f"{site}/status/{status}"):
                pass
        assert raised.value.retry_after == 7

    @pytest.mark.parametrize(
        "url",
        [
            "ftp://docs.test/page.md",
            "file:///etc/passwd",
            "docs.test/page.md",
            "http://",
            "http://user:secret@docs.test/page.md",
            "http://[::1",
            "https://docs.test/" + "a" * 5000,
        ],
    )
    async def test_refuses_what_is_no_plain_web_address(self, fetcher: Fetcher, url: str) -> None:
        with pytest.raises(InvalidRequest) as raised:
            async with fetcher.open(url):
                pass
        assert raised.value.remedy
        assert "secret" not in str(raised.value)

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"])
    async def test_never_reaches_this_machine(self, guarded: Fetcher, site: str, host: str) -> None:
        port = site.rpartition(":")[2]
        with pytest.raises(InvalidRequest, match="blocked"):
            async with guarded.open(f"http://{host}:{port}/page.md"):
                pass
