"""Addresses that a key may be used from: ranges in CIDR notation (RFC 4632, RFC 4291), v4 and v6."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from volano.access.errors import BadRangeError

Range = IPv4Network | IPv6Network


def check_range(text: str) -> str:
    """Return the range in its shortest spelling; a single address is a range of one.

    Raises:
        BadRangeError: not an address, or bits are set behind the prefix.
    """
    try:
        found = ip_network(text.strip())
    except ValueError as error:
        raise BadRangeError(text=ascii(text)[1:-1][:80], why=_why(text)) from error
    return str(found)


def check_ranges(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the ranges, each once; `any` or nothing means from everywhere: no ranges.

    Raises:
        BadRangeError: one of them is none.
    """
    given = [text.strip() for text in texts if text.strip()]
    return () if given == ["any"] else tuple(dict.fromkeys(map(check_range, given)))


@lru_cache(maxsize=4096)
def within(ranges: tuple[str, ...], address: str) -> bool:
    """Whether the address lies in one of the ranges. No ranges: from everywhere.

    What is no address (an empty one, from a Unix socket) lies in no range. A v4
    address that a v6 socket shows as `::ffff:192.0.2.1` is the v4 address.
    """
    if not ranges:
        return True
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in _network(text) for text in ranges)


@lru_cache(maxsize=4096)
def _network(text: str) -> Range:
    return ip_network(text)


def _why(text: str) -> str:
    try:
        meant = ip_network(text.strip(), strict=False)
    except ValueError:
        return ""
    return f" (did you mean `{meant}`?)"
