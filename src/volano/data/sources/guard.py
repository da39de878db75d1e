"""Which addresses of the network a source may ask: public ones, unless its owner says otherwise.

A URL in a recipe, a redirect or a sitemap must not reach the services of this
machine or its network (server-side request forgery). The name is resolved
once, all its addresses are looked at, and the connection goes to the one that
was looked at: a name that resolves otherwise the next time gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from volano.core.lazy import lazy

if TYPE_CHECKING:
    import httpx2
else:
    httpx2 = lazy("httpx2")


_GLOBAL, _NAT64 = ipaddress.IPv6Network("2000::/3"), ipaddress.IPv6Network("64:ff9b::/96")
"""Where IPv6 is public, and where a translator leads to IPv4 (RFC 6052).

Older forms that hold an IPv4 address, `::127.0.0.1` among them, lie outside of both.
"""
Resolve = Callable[[str, int], list[str]]


class RefusedAddressError(ValueError):
    """A URL that must not be asked."""


def resolved(host: str, port: int) -> list[str]:
    """Return the addresses of a host. Raises: OSError: it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]).partition("%")[0] for *_, address in found]


def address_of(url: httpx2.URL, *, allow_private: bool, resolve: Resolve = resolved) -> str:
    """Return the address to connect to.

    Raises:
        RefusedAddressError: not http, with a password, or not on the public network.
        OSError: the name has no address.
    """
    if url.scheme not in ("http", "https"):
        raise RefusedAddressError(f"`{url.scheme}` is not http")
    if url.userinfo:
        raise RefusedAddressError("a user or password stands in it")
    if not url.host:
        raise RefusedAddressError("it names no host")
    found = resolve(url.host, url.port or (443 if url.scheme == "https" else 80))
    if not found:
        raise OSError(f"{url.host} has no address")
    if not allow_private and (private := [one for one in found if not _public(one)]):
        where = url.host if url.host == private[0] else f"{url.host} is {private[0]}"
        raise RefusedAddressError(f"{where}; `allow_private: true` lets your own network in")
    return found[0]


def _public(address: str) -> bool:
    number = ipaddress.ip_address(address)
    if isinstance(number, ipaddress.IPv6Address):
        inner = number.ipv4_mapped or number.sixtofour
        if number in _NAT64:
            inner = ipaddress.IPv4Address(int(number) & 0xFFFF_FFFF)
        if inner is not None:
            return _public(str(inner))
        if number not in _GLOBAL:
            return False
    return number.is_global and not number.is_multicast
