"""Which addresses a URL from outside may lead to: public ones, however they are written."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import TypeAlias

from ragstone.domain.errors import InvalidRequest, Unavailable

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_UNICAST = ipaddress.ip_network("2000::/3")  # the only global unicast space that is allocated (RFC 4291)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
_IPV4_COMPATIBLE = ipaddress.ip_network("::/96")  # RFC 4291, deprecated
_LOW_32_BITS = 0xFFFF_FFFF


async def resolve(host: str, port: int) -> Sequence[Address]:
    """Return every address of ``host``, in the order in which to try them. Raises ``Unavailable`` for none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise InvalidRequest(f"{host!r} is no name of a host.", remedy="Check the URL.") from error
    except OSError as error:
        raise Unavailable(f"The host {host!r} has no address.", remedy="Check the URL.") from error
    return [ipaddress.ip_address(sockaddr[0]) for _, _, _, _, sockaddr in found]


def is_public(address: Address) -> bool:
    """Whether packets to ``address`` leave for the public internet, also from within a tunnel or a translation."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast
    within = _ipv4_within(address)
    if within is not None:
        return is_public(within)
    return address in _UNICAST and address.is_global


def public_or_in(networks: Sequence[Network]) -> Callable[[Address], bool]:
    """Return the judgement that lets public addresses pass, and those of ``networks``, as the address is written."""
    return lambda address: is_public(address) or any(address in network for network in networks)


def _ipv4_within(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that packets to ``address`` end at, where it stands for one."""
    if address in _NAT64 or address in _IPV4_COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & _LOW_32_BITS)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
