"""The fetcher by HTTP against its port's suite, and what only it can show."""

import asyncio
import ipaddress
import socket
import time
from collections.abc import Iterator, Sequence

import pytest

from ragstone.adapters.fetchers.http import Address, HttpFetcher, is_public, public_or_in
from ragstone.domain.errors import InvalidRequest, Unavailable
from ragstone.ports.fetcher import Fetcher
from ragstone.testing.fetchers import MAX_BYTES, PAGE, FetcherConformance, content_of, running_site

_HERE = ipaddress.ip_address("127.0.0.1")
_ELSEWHERE = ipaddress.ip_address("127.0.0.2")


async def to_this_machine(host: str, port: int) -> Sequence[Address]:
    """Resolve every name to this machine, one of them to an address that is not allowed as well."""
    return [_HERE, _ELSEWHERE] if host == "elsewhere.test" else [_HERE]


def local_fetcher(*, seconds: float = 10.0) -> HttpFetcher:
    return HttpFetcher(
        max_bytes=MAX_BYTES, seconds=seconds, resolve_host=to_this_machine, allowed=lambda address: address == _HERE
    )


class TestHttpFetcher(FetcherConformance):
    @pytest.fixture
    def fetcher(self) -> Fetcher:
        return local_fetcher()

    @pytest.fixture
    def guarded(self) -> Fetcher:
        return HttpFetcher(max_bytes=MAX_BYTES)

    async def test_resolves_once_and_keeps_to_it(self, site: str) -> None:
        """A name that changes its address between the check and the connection (DNS rebinding) gains nothing."""
        answers = [_HERE, ipaddress.ip_address("192.0.2.1")]
        asked: list[str] = []

        async def rebinding(host: str, port: int) -> Sequence[Address]:
            asked.append(host)
            return [answers.pop(0)]

        fetcher = HttpFetcher(max_bytes=MAX_BYTES, resolve_host=rebinding, allowed=lambda address: address == _HERE)
        async with fetcher.open(f"{site}/page.md") as fetched:
            assert await content_of(fetched) == PAGE
        assert asked == ["docs.test"]

    async def test_goes_on_to_the_next_address(self, site: str) -> None:
        async def two(host: str, port: int) -> Sequence[Address]:
            return [ipaddress.ip_address("127.0.0.3"), _HERE]

        fetcher = HttpFetcher(max_bytes=MAX_BYTES, resolve_host=two, allowed=lambda address: address.is_loopback)
        async with fetcher.open(f"{site}/page.md") as fetched:
            assert await content_of(fetched) == PAGE

    async def test_ignores_proxies(self, site: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        async with local_fetcher().open(f"{site}/page.md") as fetched:
            assert await content_of(fetched) == PAGE

    async def test_a_network_of_one_s_own_is_let_in_and_no_other(self, site: str) -> None:
        async def here(host: str, port: int) -> Sequence[Address]:
            return [_HERE]

        own = public_or_in([ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("fd00::/8")])
        async with HttpFetcher(max_bytes=MAX_BYTES, resolve_host=here, allowed=own).open(f"{site}/page.md") as fetched:
            assert await content_of(fetched) == PAGE
        for address in ("10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "fe80::1"):
            assert not own(ipaddress.ip_address(address))
        assert own(ipaddress.ip_address("fd12::1"))

    async def test_a_name_without_an_address(self) -> None:
        with pytest.raises(Unavailable, match="no address"):
            async with HttpFetcher(max_bytes=MAX_BYTES).open("http://nothing.invalid/"):
                pass

    async def test_nobody_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        with pytest.raises(Unavailable, match="cannot be read"):
            async with local_fetcher().open(f"http://docs.test:{port}/"):
                pass

    async def test_gives_up_on_a_server_that_dribbles(self) -> None:
        left = asyncio.Event()

        async def dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while not (reader.at_eof() or writer.is_closing()):
                writer.write(b"x")
                await asyncio.sleep(0.02)
            writer.close()
            left.set()

        async with await asyncio.start_server(dribble, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            begun = time.monotonic()
            async with local_fetcher(seconds=0.5).open(f"http://docs.test:{port}/") as fetched:
                with pytest.raises(Unavailable, match="too long"):
                    await content_of(fetched)
            assert time.monotonic() - begun < 3
            await left.wait()


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::1",
        "2002:7f00:0001::1",
        "2001:0:4136:e378:8000:63bf:f5ff:fffe",
        "2001:db8::1",
        "fc00::1",
        "fe80::1%1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"]
)
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.fixture
def port() -> Iterator[int]:
    with running_site() as port:
        yield port


async def test_the_default_judgement_is_on_what_names_resolve_to(port: int) -> None:
    fetcher = HttpFetcher(max_bytes=MAX_BYTES, resolve_host=to_this_machine)
    with pytest.raises(InvalidRequest, match="blocked"):
        async with fetcher.open(f"http://docs.test:{port}/page.md"):
            pass


@pytest.mark.parametrize(
    "url",
    [
        "http://a..b/",
        "http://.a/",
        f"http://{'a' * 64}.example/",
        "http://xn--/",
        "http://example.com:99999/",
        "http://ex ample.com/",
        "http://[fe80::1%25eth0]/",
    ],
)
async def test_a_host_that_there_cannot_be_is_the_senders_fault(url: str) -> None:
    with pytest.raises(InvalidRequest):
        async with HttpFetcher(max_bytes=1000).open(url):
            pytest.fail("nothing to fetch there")
