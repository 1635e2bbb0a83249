"""The fetcher: each hop's host is resolved once, its addresses are judged, and one of just those is connected to."""

import asyncio
import email.message
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import PurePosixPath
from ssl import SSLContext
from urllib.parse import unquote

import httpx

from ragstone import __version__
from ragstone.adapters.fetchers.http.addresses import Address, is_public, resolve
from ragstone.adapters.fetchers.http.bodies import body
from ragstone.domain.errors import InvalidRequest, Unavailable
from ragstone.ports.fetcher import Fetched, Gone, Validators

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]

_PORTS = {"http": 80, "https": 443}
_MOST_REDIRECTS = 5
_MOST_ADDRESSES = 4
_LONGEST_URL = 4096
_LONGEST_VALIDATOR = 1000
_SILENCE_SECONDS = 10.0
_HOST = re.compile(r"[^\s%/\\]{1,253}")
_NOT_A_WEB_ADDRESS = "Give a web address: http://… or https://…"
_HEADERS = {
    "User-Agent": f"ragstone/{__version__}",
    "Accept": "*/*",
    # What is packed may be a bomb; what is not is counted as it comes.
    "Accept-Encoding": "identity",
}


class HttpFetcher:
    """Fetches by GET: no cookies, no credentials, no proxies, at most ``max_bytes`` in ``seconds`` for it all.

    ``resolve_host`` and ``allowed`` stand for the domain name system and the judgement on addresses.
    """

    def __init__(
        self,
        *,
        max_bytes: int,
        seconds: float = 120.0,
        resolve_host: Resolve = resolve,
        allowed: Callable[[Address], bool] = is_public,
    ) -> None:
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._resolve_host = resolve_host
        self._allowed = allowed

    @asynccontextmanager
    async def open(self, url: str, known: Validators = Validators()) -> AsyncIterator[Fetched]:
        """Begin to fetch ``url``, following its redirects, unless what is ``known`` of it still stands.

        Raises ``InvalidRequest`` (``Gone`` among them) and ``Unavailable``.
        """
        deadline = asyncio.get_running_loop().time() + self._seconds
        target = _parsed(url)
        async with self._client(_conditions(known)) as client:
            for _ in range(_MOST_REDIRECTS + 1):
                response = await self._reply(client, target, deadline)
                try:
                    if not response.has_redirect_location:
                        yield self._fetched(response, target, deadline, known)
                        return
                    target = _parsed(str(_next(target, response)))
                finally:
                    await response.aclose()
        raise InvalidRequest(
            f"The address redirects more than {_MOST_REDIRECTS} times.", remedy="Give the address where it ends."
        )

    def _client(self, conditions: Mapping[str, str]) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            verify=self._certificates,
            trust_env=False,
            follow_redirects=False,
            timeout=_SILENCE_SECONDS,
            headers={**_HEADERS, **conditions},
        )

    @cached_property
    def _certificates(self) -> SSLContext:
        return httpx.create_ssl_context()

    async def _reply(self, client: httpx.AsyncClient, target: httpx.URL, deadline: float) -> httpx.Response:
        """Return the reply's head, from the first of the host's addresses that answers."""
        try:
            async with asyncio.timeout_at(deadline):
                addresses = await self._addresses(target)
                for address in addresses[:-1]:
                    try:
                        return await client.send(_request(client, target, address), stream=True)
                    except (httpx.ConnectError, httpx.ConnectTimeout):
                        continue
                return await client.send(_request(client, target, addresses[-1]), stream=True)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise Unavailable(f"{target.host} does not answer in time.", remedy="Try again later.") from error
        except httpx.HTTPError as error:
            raise Unavailable(f"{target.host} cannot be read: {error}.", remedy="Check the URL.") from error

    async def _addresses(self, target: httpx.URL) -> Sequence[Address]:
        """Resolve the host. Every address must be allowed: one that is not means that somebody tries something."""
        host = target.raw_host.decode("ascii")
        addresses = await self._resolve_host(host, target.port or _PORTS[target.scheme])
        if not addresses or not all(self._allowed(address) for address in addresses):
            raise InvalidRequest(
                f"The address of {target.host} is blocked: only public addresses are fetched.",
                remedy="Download the document and send the file, or name its network in RAGSTONE_FETCH_NETWORKS.",
            )
        return addresses[:_MOST_ADDRESSES]

    def _fetched(self, response: httpx.Response, target: httpx.URL, deadline: float, known: Validators) -> Fetched:
        unchanged = bool(known) and response.status_code == httpx.codes.NOT_MODIFIED
        if not unchanged:
            _check_status(response, target)
        return Fetched(
            url=str(target),
            filename=_filename(response, target),
            media_type=_media_type(response),
            parts=body(response, max_bytes=self._max_bytes, deadline=deadline),
            validators=known if unchanged else _validators(response),
            unchanged=unchanged,
        )


def _parsed(url: str) -> httpx.URL:
    """Return the URL, or raise ``InvalidRequest`` that says what is wrong with it."""
    if len(url) > _LONGEST_URL:
        raise InvalidRequest(f"The URL is longer than {_LONGEST_URL} characters.", remedy="Give a shorter one.")
    try:
        target = httpx.URL(url)
        host, port = target.host, target.port  # decoded when they are read
    except (httpx.InvalidURL, UnicodeError) as error:
        raise InvalidRequest(f"The URL cannot be read: {error}.", remedy=_NOT_A_WEB_ADDRESS) from error
    if target.scheme not in _PORTS or not host:
        raise InvalidRequest(f"Ragstone does not fetch {target.scheme or 'such'} URLs.", remedy=_NOT_A_WEB_ADDRESS)
    if not _HOST.fullmatch(host) or not 0 < (port or 80) < 65536:
        raise InvalidRequest("The URL names no host and port that there can be.", remedy=_NOT_A_WEB_ADDRESS)
    if target.userinfo:
        raise InvalidRequest("The URL carries credentials.", remedy="Download the document and send the file.")
    return target


def _request(client: httpx.AsyncClient, target: httpx.URL, address: Address) -> httpx.Request:
    """Ask ``address`` itself, by the host's name: what was judged is what is connected to.

    The certificate is checked against the name, too.
    """
    return client.build_request(
        "GET",
        target.copy_with(host=str(address), fragment=None),
        headers={"Host": target.netloc.decode("ascii")},
        extensions={"sni_hostname": target.raw_host.decode("ascii")},
    )


def _next(target: httpx.URL, response: httpx.Response) -> httpx.URL:
    try:
        return target.join(response.headers["location"])
    except httpx.InvalidURL as error:
        raise Unavailable(f"{target.host} redirects to what is no URL.", remedy="Check the URL.") from error


def _check_status(response: httpx.Response, target: httpx.URL) -> None:
    status = response.status_code
    if status == httpx.codes.OK:
        return
    if status in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
        raise Gone(f"{target.host} replies with status {status}: nothing is there.", remedy="Check the URL.")
    if status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        wait = response.headers.get("retry-after", "")
        raise Unavailable(
            f"{target.host} replies with status {status}.",
            remedy="Try again later.",
            retry_after=float(wait) if wait.isdecimal() else None,
        )
    raise InvalidRequest(
        f"{target.host} replies with status {status}.", remedy="Check that the URL opens without signing in."
    )


def _conditions(known: Validators) -> dict[str, str]:
    """Return the headers that ask for the bytes only if they are others than those known (RFC 9110, 13.1)."""
    conditions = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in conditions.items() if value and _sendable(value)}


def _validators(response: httpx.Response) -> Validators:
    said = (response.headers.get(name) for name in ("etag", "last-modified"))
    return Validators(*(value if value and _sendable(value) else None for value in said))


def _sendable(value: str) -> bool:
    """Whether a header may hold ``value``: what a server or a record says is not trusted to be one."""
    return len(value) <= _LONGEST_VALIDATOR and value.isascii() and value.isprintable()


def _filename(response: httpx.Response, target: httpx.URL) -> str:
    """Return what the server calls the file, else the last part of the URL's path, else nothing."""
    message = email.message.Message()
    message["Content-Disposition"] = response.headers.get("content-disposition", "")
    named = message.get_filename() or unquote(target.path)
    name = PurePosixPath(named.replace("\\", "/")).name
    return "".join(letter for letter in name if letter.isprintable())


def _media_type(response: httpx.Response) -> str | None:
    """Return what the server says the document is, where that says anything."""
    declared: str = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return declared if declared not in ("", "application/octet-stream", "binary/octet-stream") else None
