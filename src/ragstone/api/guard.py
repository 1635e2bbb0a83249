"""What protects a server without keys from the browser of the person who runs it.

Any page that a browser has open can send requests to a loopback address. Two checks keep it from the record:
a request must be addressed to a loopback name, which a page under another name that resolves to this machine
(DNS rebinding) cannot do; and one that another site's page sends is refused. A request with a key needs
neither: a page that is not ours does not have the key.
"""

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ragstone.api.problems import respond
from ragstone.domain.errors import Forbidden

_OWN_PAGES = ("same-origin", "none")


def is_loopback(host: str) -> bool:
    """Say whether ``host`` (a name or an address) can be reached from this machine only."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Guard:
    """Refuses requests by their ``Host``, ``Origin`` and ``Sec-Fetch-Site``. ``open_to_local``: no key is needed."""

    def __init__(self, app: ASGIApp, *, open_to_local: bool, allowed_hosts: Sequence[str]) -> None:
        self._app = app
        self._open_to_local = open_to_local
        self._allowed = frozenset(host.lower() for host in allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        refusal = self._refusal(scope["path"], Headers(scope=scope)) if scope["type"] == "http" else None
        if refusal:
            await respond(refusal)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, path: str, headers: Headers) -> Forbidden | None:
        keyless = self._open_to_local and "authorization" not in headers and "x-api-key" not in headers
        if not self._is_ours(headers.get("host", ""), keyless=keyless):
            return Forbidden(
                "Ragstone does not answer under this host name.",
                remedy="Use 127.0.0.1 or localhost, or add the name to RAGSTONE_ALLOWED_HOSTS.",
            )
        if keyless and path.startswith("/v1/") and _from_another_site(headers):
            return Forbidden(
                "A page of another site may not use Ragstone without a key.",
                remedy="Send a key as `Authorization: Bearer rs_...`; `ragstone keys create` makes one.",
            )
        return None

    def _is_ours(self, host: str, *, keyless: bool) -> bool:
        name = urlsplit(f"//{host}").hostname if _is_authority(host) else None
        if name and (is_loopback(name) or name in self._allowed):
            return True
        return not self._allowed and not keyless


def _from_another_site(headers: Headers) -> bool:
    if headers.get("sec-fetch-site", "none") not in _OWN_PAGES:
        return True
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2].lower() != headers.get("host", "").lower()


def _is_authority(host: str) -> bool:
    """Say whether ``urlsplit`` can read ``host``; a ``[`` without its ``]`` makes it raise."""
    return host.count("[") == host.count("]") and not set(host) & set("/?#@\\")
