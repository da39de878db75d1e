"""Is this request meant for this machine, and does it come from our own pages?

A page on any site can make a browser call 127.0.0.1, and by *DNS rebinding*
can read the answer: its own name is made to point to loopback. The browser
still sends that name as Host, and the page's origin as Origin. So the console
answers to loopback's names only, written exactly so, with its own port.
"""

from volano.access.errors import ForbiddenHostError, ForbiddenOriginError

NAMES = ("127.0.0.1", "localhost", "[::1]")
_HTTP_PORT, _HTTPS_PORT = 80, 443


def check_host(host: str | None, port: int, *, tls: bool = False) -> None:
    """Let a Host header (or HTTP/2 `:authority`) pass, or say no. Missing is no.

    Raises:
        ForbiddenHostError: not a name of loopback with this port.
    """
    if host is None or host.lower() not in _authorities(port, tls=tls):
        shown = ascii(host or "")[1:-1][:100]
        raise ForbiddenHostError(host=shown, port=port, scheme=_scheme(tls=tls))


def check_origin(origin: str | None, port: int, *, tls: bool = False) -> None:
    """Let an Origin header pass, or say no. Missing passes: only browsers send it.

    Raises:
        ForbiddenOriginError: another site, another port, or `null`.
    """
    if origin is None:
        return
    scheme, _, authority = origin.lower().partition("://")
    ours = _scheme(tls=tls)
    if scheme != ours or authority not in _authorities(port, tls=tls):
        raise ForbiddenOriginError(origin=ascii(origin)[1:-1][:100], port=port, scheme=ours)


def _scheme(*, tls: bool) -> str:
    return "https" if tls else "http"


def _authorities(port: int, *, tls: bool) -> set[str]:
    """All ways to write this machine and port; the scheme's own port may be left out."""
    full = {f"{name}:{port}" for name in NAMES}
    return full | set(NAMES) if port == (_HTTPS_PORT if tls else _HTTP_PORT) else full
