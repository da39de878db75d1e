"""A request that came in, who answers it, and how: what server and application say to each other."""

from http import HTTPStatus
from typing import Any, Protocol

import msgspec

from volano.wire.heads import Head

STATUS = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in HTTPStatus}
QUEUE, BODY = 1, 2
"""Why a connection reads no more for a while."""


class Owner(Protocol):
    """Who answers a request. `streams` says whether the body comes in pieces.

    `endless` says that the answer ends only when somebody ends it.
    """

    streams: bool
    endless: bool

    def chunk(self, data: bytes) -> None:
        """A piece of the body (only when `streams`)."""
        ...

    def complete(self, body: bytes) -> None:
        """The request is complete; `body` is empty when it came in pieces."""
        ...

    def too_large(self) -> None:
        """The body passed `request.limit`. Answer now; the rest is dropped."""
        ...

    def left(self) -> None:
        """The client is gone before the answer was finished."""
        ...

    def stop(self) -> None:
        """The server ends: end the answer now, as one that is not complete."""
        ...

    def pause(self) -> None:
        """The client reads slowly: write no more until `resume`."""
        ...

    def resume(self) -> None:
        """The client has caught up."""
        ...


class App(Protocol):
    """What a server serves."""

    def begin(self, request: "Request") -> Owner | None:
        """Headers are there. Return the owner, or answer at once and return None."""
        ...

    def refuse(self, request: "Request", status: int, message: str) -> None:
        """Answer a request that HTTP itself forbids."""
        ...


class Request(msgspec.Struct, eq=False):
    """One request, and the only way to answer it: `respond`, or `start`, `write`, `finish`.

    `headers`, and `fields` by name, are without content-length: that is `length`, None where
    it is not told beforehand. `head` is what is known of requests that begin with the same bytes.
    A Struct because it is made faster than a class with slots.
    """

    connection: Any
    method: bytes = b""
    target: bytes = b""
    headers: list[tuple[bytes, bytes]] = []
    fields: dict[bytes, bytes] = {}
    http11: bool = True
    keep_alive: bool = True
    headed: bool = False
    has_body: bool = False
    complete: bool = False
    started: bool = False
    finished: bool = False
    chunked: bool = False
    limit: int = 0
    size: int = 0
    parts: list[bytes] = []
    owner: Any = None
    length: int | None = None
    head: Head | None = None

    @property
    def peer(self) -> str:
        """The client's address; empty on a Unix socket, or when the client is gone."""
        transport = self.connection.transport
        name = transport.get_extra_info("peername") if transport is not None else None
        return name[0] if isinstance(name, tuple) else ""

    def respond(self, status: int, headers: bytes, body: bytes) -> None:
        """Send a whole answer. `headers` are complete lines, without length and date."""
        connection = self.connection
        if self.finished or connection.transport is None:
            return
        self.started = self.finished = True
        server = connection.server
        if server.draining or (self.has_body and not self.complete):
            self.keep_alive = False
        close = b"" if self.keep_alive else b"connection: close\r\n"
        said = b"%b%b%bdate: %b\r\ncontent-length: %d\r\n\r\n%b" % (
            STATUS.get(status) or _status_line(status), headers, close, server.date, len(body),
            b"" if self.method == b"HEAD" else body,
        )  # fmt: skip
        connection.transport.write(said)
        connection.request_finished(self)

    def start(self, status: int, headers: bytes, *, length: int | None = None) -> None:
        """Begin an answer in pieces: chunked, or of this length, or until the close (HTTP/1.0)."""
        if self.started or self.connection.transport is None:
            return
        self.started = True
        bodiless = self.method == b"HEAD" or status in (204, 304)
        self.chunked = length is None and self.http11 and not bodiless
        if length is None and not self.http11 and not bodiless:
            self.keep_alive = False
        self._settle_keep_alive()
        lines = [STATUS.get(status) or _status_line(status), headers]
        if self.chunked:
            lines.append(b"transfer-encoding: chunked\r\n")
        elif length is not None:
            lines.append(b"content-length: %d\r\n" % length)
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        lines.append(b"date: %b\r\n\r\n" % self.connection.server.date)
        self.connection.transport.write(b"".join(lines))

    def write(self, data: bytes) -> None:
        """A piece of the answer."""
        transport = self.connection.transport
        if not data or self.finished or transport is None:
            return
        transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data)

    def finish(self, last: bytes = b"", *, close: bool = False) -> None:
        """End the answer, with a last piece in the same write. `close` ends the connection too."""
        transport = self.connection.transport
        if self.finished or transport is None:
            return
        self.finished = True
        if close:
            self.keep_alive = False
        if self.chunked:
            last = b"%x\r\n%b\r\n0\r\n\r\n" % (len(last), last) if last else b"0\r\n\r\n"
        if last:
            transport.write(last)
        self.connection.request_finished(self)

    def cut(self) -> None:
        """Break the answer off so that the client sees it is not complete."""
        self.finished = True
        if self.connection.transport is not None:
            self.connection.transport.abort()

    def hold_body(self) -> None:
        """Read no more of the body until `release_body` (backpressure towards the client)."""
        self.connection.hold(BODY)

    def release_body(self) -> None:
        """Go on reading the body."""
        self.connection.release(BODY)

    def _settle_keep_alive(self) -> None:
        if (self.has_body and not self.complete) or self.connection.server.draining:
            self.keep_alive = False


def _status_line(status: int) -> bytes:
    return b"HTTP/1.1 %d Unknown\r\n" % status
