"""Relays what is not the data plane's own to the control process, bodies and streams both ways.

The client's Host stays, hop-by-hop headers (RFC 9110 §7.6.1) go, and
`x-volano-relayed: 1` tells control that a worker stands between, `x-volano-client`
the address of who asks: a client's own word for it goes.
"""

import msgspec

from volano.wire.http_client import Dial, Failure, Origin, Upstream
from volano.wire.request import Request

_HOP = frozenset(
    (
        b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate",
        b"proxy-authorization", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"expect",
        b"x-volano-relayed", b"x-volano-client", b"content-length",
    )
)  # fmt: skip
_HOP_BACK = frozenset(
    (b"connection", b"keep-alive", b"transfer-encoding", b"trailer", b"upgrade", b"date",
     b"content-length")
)  # fmt: skip
_PLAIN = b"content-type: text/plain; charset=utf-8\r\n"
_JSON = b"content-type: application/json\r\n"
_WHAT = "The control process is away; it is started again by itself."
_NEXT = "Try again in a moment, or see `volano status`."
_AWAY = f"{_WHAT} {_NEXT}\n".encode()
_AWAY_JSON = msgspec.json.encode(
    {"error": {"code": "control_away", "message": _WHAT, "hint": _NEXT}}
)


class Relay:
    """Owner of the client's request and receiver of control's answer."""

    __slots__ = ("_chunked", "_early", "_request", "_sent_all", "_upstream", "endless")
    streams = True
    plain = False

    def __init__(self, request: Request, origin: Origin):
        self._request = request
        self.endless = False
        self._chunked = b"transfer-encoding" in request.fields
        has_body = self._chunked or bool(request.length)
        self._sent_all = not has_body
        self._early: list[bytes] | None = []
        self._upstream: Upstream | Dial | None = None
        if has_body:
            request.hold_body()
        self._upstream = origin.send(
            _head(request, chunked=self._chunked),
            self,
            bodiless=request.method == b"HEAD",
            fresh=request.method not in (b"GET", b"HEAD"),
        )

    # the client's side

    def chunk(self, data: bytes) -> None:
        self._send(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def complete(self, body: bytes) -> None:  # noqa: ARG002 - it came in pieces
        if self._chunked:
            self._send(b"0\r\n\r\n")
        self._sent_all = True

    def _send(self, data: bytes) -> None:
        if self._early is not None:
            self._early.append(data)
        elif isinstance(self._upstream, Upstream):
            self._upstream.write(data)

    def too_large(self) -> None:
        """There is no limit here; control has its own."""

    def left(self) -> None:
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            upstream.cancel()

    def stop(self) -> None:
        """The worker ends. An event stream ends as such; the browser comes back by itself."""
        self.left()
        if not self._request.started:
            self._away()
        elif self.endless:
            self._request.finish(close=True)
        else:
            self._request.cut()

    def pause(self) -> None:
        if isinstance(self._upstream, Upstream):
            self._upstream.pause()

    def resume(self) -> None:
        if isinstance(self._upstream, Upstream):
            self._upstream.resume()

    # control's side

    def connected(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._request.connection.server.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        """The head is sent; now the body, as far as it has come, and what follows."""
        early, self._early = self._early, None
        if early and isinstance(self._upstream, Upstream):
            self._upstream.write(b"".join(early))
        self._request.release_body()

    def head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        fields = dict(headers)
        length = fields.get(b"content-length")
        self.endless = fields.get(b"content-type", b"").startswith(b"text/event-stream")
        lines = [b"%b: %b\r\n" % header for header in headers if header[0] not in _HOP_BACK]
        self._request.start(
            status, b"".join(lines), length=int(length) if length is not None else None
        )

    def data(self, chunk: bytes) -> None:
        self._request.write(chunk)

    def whole(self, body: bytes) -> None:
        """Never called: headers matter here."""

    def ended(self) -> None:
        upstream, self._upstream = self._upstream, None
        if upstream is not None and (not self._sent_all or self._early):
            upstream.cancel()  # control waits for the body: it would take the next request for it
        self._request.finish()

    def failed(self, failure: Failure) -> None:  # noqa: ARG002 - all are told alike
        self._upstream = None
        if self._request.started:
            self._request.cut()
        else:
            self._away()

    def _away(self) -> None:
        api = self._request.target.startswith(b"/api/")
        kind, body = (_JSON, _AWAY_JSON) if api else (_PLAIN, _AWAY)
        self._request.respond(503, kind + b"retry-after: 1\r\n", body)

    def full(self) -> None:
        self._request.hold_body()

    def ready(self) -> None:
        self._request.release_body()


def _head(request: Request, *, chunked: bool) -> bytes:
    lines = [b"%b %b HTTP/1.1\r\n" % (request.method, request.target)]
    lines += [b"%b: %b\r\n" % header for header in request.headers if header[0] not in _HOP]
    if chunked:
        lines.append(b"transfer-encoding: chunked\r\n")
    elif request.length is not None:
        lines.append(b"content-length: %d\r\n" % request.length)
    if b"host" not in request.fields:
        lines.append(b"host: localhost\r\n")
    if request.peer:
        lines.append(b"x-volano-client: %b\r\n" % request.peer.encode())
    lines.append(b"x-volano-relayed: 1\r\n\r\n")
    return b"".join(lines)
