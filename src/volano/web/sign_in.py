"""Who is at the door: the person at this machine, the console's session, or a gateway key.

Control listens on two Unix sockets. `control.sock` lies in a folder that only
the owner can enter: whoever speaks there is the owner. `relay.sock` carries
what gateway workers pass on from port 7070, where any web page and any local
user can knock: there a request needs the console's session cookie or a key,
and its Host and Origin must be names of this machine (DNS rebinding).
"""

from dataclasses import dataclass

from starlette.requests import Request

from volano.access.hosts import check_host, check_origin
from volano.access.session import check_token, local_principal
from volano.core.errors import ForbiddenError, UnauthenticatedError
from volano.core.principal import Principal

COOKIE = "volano_session"
CLIENT = "x-volano-client"
"""The client's address, as the gateway worker that relays the request says it."""


class NoSessionError(UnauthenticatedError):
    """This page wants the console's session."""

    hint = "Open the link that `volano up` printed, or print it again with `volano status`."


class CrossSiteError(ForbiddenError):
    """The request came from another site."""

    hint = "Open the console itself at its own address."


@dataclass(frozen=True)
class Visitor:
    """A principal with what the door lets it do; `local` is the owner on the Unix socket."""

    principal: Principal
    local: bool = False
    scopes: frozenset[str] = frozenset()

    def may(self, scope: str) -> bool:
        """Whether a verb of this scope may be said. Owners may say all."""
        return "owner" in self.principal.roles or scope in self.scopes


def visitor(request: Request) -> Visitor:
    """Return who is there.

    Raises:
        UnauthenticatedError: neither session nor key.
        ForbiddenError: a foreign Host, or another site's page.
    """
    state = request.app.state
    if state.door == "local":
        return Visitor(local_principal(), local=True)
    port, tls = state.app.settings.port, state.app.settings.tls
    check_host(request.headers.get("host"), port, tls=tls)
    check_origin(request.headers.get("origin"), port, tls=tls)
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and text:
        key = state.app.keys.verify(text.strip(), request.headers.get(CLIENT, ""))
        principal = Principal("service", f"key/{key.name}", key.group)
        return Visitor(principal, scopes=frozenset(key.scopes))
    if check_token(request.cookies.get(COOKIE), state.app.session_token):
        _same_site(request)
        return Visitor(local_principal())
    raise NoSessionError()


def _same_site(request: Request) -> None:
    """Cookies travel by themselves, so a change must come from our own pages."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    if request.method not in {"GET", "HEAD"} and site not in {"same-origin", "none"}:
        raise CrossSiteError()
