"""Is this request meant for this machine, and does it come from our own pages?

A page on any site can make a browser call 127.0.0.1, and by *DNS rebinding*
can read the answer: its own name is made to point to loopback. The browser
still sends that name as Host, and the page's origin as Origin. So the console
answers to loopback's names only, written exactly so, with its own port.
"""

from volano.access.errors import ForbiddenHostError, ForbiddenOriginError

NAMES = ("127.0.0.1", "localhost", "[::1]")
_HTTP_PORT = 80


def check_host(host: str | None, port: int) -> None:
    """Let a Host header (or HTTP/2 `:authority`) pass, or say no. Missing is no.

    Raises:
        ForbiddenHostError: not a name of loopback with this port.
    """
    if host is None or host.lower() not in _authorities(port):
        raise ForbiddenHostError(host=ascii(host or "")[1:-1][:100], port=port)


def check_origin(origin: str | None, port: int) -> None:
    """Let an Origin header pass, or say no. Missing passes: only browsers send it.

    Raises:
        ForbiddenOriginError: another site, another port, or `null`.
    """
    if origin is None:
        return
    scheme, _, authority = origin.lower().partition("://")
    if scheme != "http" or authority not in _authorities(port):
        raise ForbiddenOriginError(origin=ascii(origin)[1:-1][:100], port=port)


def _authorities(port: int) -> set[str]:
    """All ways to write this machine and port; HTTP's own port may be left out."""
    full = {f"{name}:{port}" for name in NAMES}
    return full | set(NAMES) if port == _HTTP_PORT else full
