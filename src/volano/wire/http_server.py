"""An HTTP/1.1 server for a data plane: one Protocol on uvloop, llhttp parses.

A Connection turns bytes into Requests and hands each, once its headers are
there, to the app, which answers with an *owner*: whoever takes the body and
writes the answer. Requests of one connection are answered in order; while one
is under way a pipelined next one waits and reading pauses. There is no task and
no future for a request: owner and connection call each other.

Refused strictly (llhttp's strict mode, RFC 9112): content-length beside
transfer-encoding, repeated lengths, bare LF, folded headers, chunked in
HTTP/1.0, repeated Host or Authorization, a target that is no path. Trailers are dropped.
"""

import asyncio
import logging
from collections import deque
from email.utils import formatdate
from typing import Any

import httptools

from volano.wire.heads import Head, Heads
from volano.wire.lawful import offence, size_of_head
from volano.wire.request import BODY, QUEUE, App, Request
from volano.wire.timers import GONE, NEVER, Wheel

HEADER_S = 10.0
"""A request's headers must be complete this long after its first byte."""
BODY_S = 30.0
"""Longest silence in the middle of a body; what comes more slowly than `BODY_RATE` counts as silence."""
BODY_RATE = 500.0
"""Bytes a second that a body must bring, measured over `BODY_S`."""
KEEP_ALIVE_S = 75.0
"""How long a connection may stay open between requests."""
STALL_S = 60.0
"""How long a client may take nothing of an answer that waits."""
LINGER_S = 10.0
"""How long a refused body is still read (and dropped), so that the client sees the answer."""
FLUSH_S = 1.0
"""How long the last words of a server that ends may take to reach their clients."""
MAX_HEAD = 64 << 10
LONGEST_METHOD = 16
MAX_LINGER = 256 << 20
FRAMING = 16
"""So many bytes of framing a byte of a chunked body may have, and `MAX_HEAD` more."""

_log = logging.getLogger("volano.wire")
_TOO_LARGE = f"The request's headers are larger than {MAX_HEAD} bytes."
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(asyncio.Protocol):
    """One client connection."""

    __slots__ = (
        "_advancing", "_between", "_closing", "_current", "_ended", "_head_bytes", "_held",
        "_incoming", "_inside", "_left", "_lingering", "_parser", "_queue", "_room", "_stalled",
        "_upgrading", "_usual", "deadline", "server", "transport",
    )  # fmt: skip

    def __init__(self, server: "Server"):
        self.server = server
        self.transport: Any = None
        self.deadline = NEVER
        self._parser: Any = httptools.HttpRequestParser(self)
        self._current: Request | None = None
        self._incoming: Request | None = None
        self._queue: deque[Request] = deque()
        self._head_bytes = 0
        self._inside = False
        self._ended = False
        self._held = 0
        self._left = 0
        self._room = 0
        self._between = True
        self._lingering = 0
        self._closing = False
        self._stalled = False
        self._advancing = False
        self._upgrading = False
        self._usual: Head | None = None

    # the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.server.connections.add(self)
        self.deadline = self.server.wheel.now + HEADER_S
        self.server.wheel.watch(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.deadline = GONE
        self.transport = None
        self._closing = True
        self._parser = self._incoming = None
        self._queue.clear()
        self.server.connections.discard(self)
        current, self._current = self._current, None
        if current is not None and not current.finished:
            current.finished = True
            owner, current.owner = current.owner, None
            if owner is not None:
                owner.left()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            self._drop(data)
            return
        if self._left or (self._between and self._current is None):
            data = self._known(data)
            if not data:
                return
        if self._head_bytes + len(data) > MAX_HEAD:
            self._parse_in_pieces(data)
        else:
            self._parse(data)

    def _parse_in_pieces(self, data: bytes) -> None:
        """Let no head be complete before its limit is looked at: a read can be larger than it."""
        while data and not self._closing:
            room = MAX_HEAD - self._head_bytes
            if not room:
                self._give_up(431, _TOO_LARGE)
                return
            if not self._parse(data[:room]):
                return
            data = data[room:]
        if data:
            self._drop(data)

    def _parse(self, data: bytes) -> bool:
        """Feed the parser. Returns whether it can go on."""
        begins, self._ended = self._between, False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as stop:
            self._without_upgrade(data[stop.args[0] :])
        except httptools.HttpParserCallbackError as error:
            self._handler_failed(error.__context__ or error)
            return False
        except httptools.HttpParserError as error:
            self._give_up(400, f"This is not a well-formed HTTP request: {error}.")
            return False
        else:
            if begins:
                self.server.heads.learn(data)
        incoming = self._incoming
        if incoming is None:
            if not self._between:  # a method, or its beginning, without its target yet
                self._head_bytes += min(len(data), LONGEST_METHOD)
            return True
        if incoming.headed:
            self._room -= len(data)
            if self._room < 0 and b"transfer-encoding" in incoming.fields:
                self._give_up(
                    400, "The body has far more framing (chunk sizes, trailers) than content."
                )
                return False
            if self._current is incoming and not self._held:
                self._more_body(len(data))
        elif self._head_bytes or (begins and not self._ended):
            self._head_bytes += len(data)
        else:
            self._inside = True  # it began behind another message: where, the parser does not say
            self._head_bytes = min(size_of_head(incoming), MAX_HEAD)
        return True

    def _more_body(self, size: int) -> None:
        """Each byte of a body gives a little more time for the next, never more than `BODY_S`."""
        now = self.server.wheel.now
        began = now if self.deadline == NEVER else self.deadline
        self.deadline = min(began + size / BODY_RATE, now + BODY_S)

    def pause_writing(self) -> None:
        self._stalled = True
        self.deadline = self.server.wheel.now + STALL_S
        if self._current is not None and self._current.owner is not None:
            self._current.owner.pause()

    def resume_writing(self) -> None:
        self._stalled = False
        if self._current is not None:
            self.deadline = NEVER
            if self._current.owner is not None:
                self._current.owner.resume()
        else:
            self.deadline = self.server.wheel.now + KEEP_ALIVE_S

    # known heads go round the parser, which stays between two messages meanwhile

    def _known(self, data: bytes) -> bytes:
        """Take a request whose head is known, or more of its body. Returns what is to be parsed."""
        start = 0
        try:
            if not self._left:
                head = self._usual
                begins = None if head is None else head.shape.begins(data)
                if head is None or begins is None:
                    found = self.server.heads.find(data)
                    if found is None:
                        return data
                    self._usual, *_ = head, start, digits = found
                else:
                    start, digits = begins
                length = int(digits)
                if length and len(data) == start + length:
                    self._whole(head, data[start:], length)
                    return b""
                self._begin_known(head, length)
            return self._count(data, start)
        except Exception as error:  # noqa: BLE001 - as the parser does with its callbacks
            self._handler_failed(error)
            return b""

    def _whole(self, head: Head, body: bytes, length: int) -> None:
        """Take a request that came in one read, by far the commonest."""
        self._current = request = Request(
            self, head.method, head.target, head.headers, head.fields,
            headed=True, has_body=True, length=length, head=head,
        )  # fmt: skip
        self.deadline = NEVER
        owner = self.server.app.begin(request)
        if owner is None or request.finished:
            return
        request.owner = owner
        if owner.streams:
            owner.chunk(body)
            body = b""
        elif length > request.limit:
            owner.too_large()
            return
        request.complete = True
        if not request.finished:
            owner.complete(body)

    def _begin_known(self, head: Head, length: int) -> None:
        self._left = length
        self._incoming = request = Request(
            self, head.method, head.target, head.headers, head.fields,
            headed=True, has_body=True, length=length, head=head,
        )  # fmt: skip
        self._activate(request)

    def _count(self, data: bytes, start: int) -> bytes:
        """Take the body from here on, by its length. Returns what follows it."""
        end = start + self._left
        body = data[start:end]
        self._left -= len(body)
        if body:
            self.on_body(body)
        if not self._left:
            self.on_message_complete()
        elif self._incoming is not None and not self._held:
            self._more_body(len(body))
        return b"" if self._closing else data[end:]

    # the parser calls

    def on_message_begin(self) -> None:
        self._between = False

    def on_url(self, url: bytes) -> None:
        request = self._incoming
        if request is not None:
            request.target += url
        elif not self._closing:
            self._incoming = Request(self, target=url)
            if self._current is None:
                self.deadline = self.server.wheel.now + HEADER_S

    def on_header(self, name: bytes, value: bytes) -> None:
        request = self._incoming
        if request is not None and not request.headed:
            request.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        request = self._incoming
        self._head_bytes = 0
        if request is None:
            return
        parser = self._parser
        request.method = parser.get_method()
        if parser.should_upgrade() and request.method != b"CONNECT":
            self._upgrading = True
            return
        request.headed = True
        self._room = 2 * MAX_HEAD
        request.fields = fields = dict(request.headers)
        length = fields.get(b"content-length")
        request.length = None if length is None else int(length)
        request.has_body = length is not None or b"transfer-encoding" in fields
        version = parser.get_http_version()
        request.http11 = version == "1.1"
        request.keep_alive = parser.should_keep_alive()
        problem = offence(request, version)
        if self._inside:
            self._inside = False
            if size_of_head(request) > MAX_HEAD:
                problem = 431, _TOO_LARGE
        if fields.pop(b"content-length", None) is not None:
            request.headers = [h for h in request.headers if h[0] != b"content-length"]
        if problem:
            self._refuse(request, *problem)
        elif self._current is None and not self._queue:
            self._activate(request)
            if b"expect" in fields and not request.finished:
                self._expect(request)
        else:
            self._queue.append(request)
            self.hold(QUEUE)

    def on_body(self, body: bytes) -> None:
        self._room += FRAMING * len(body)
        request = self._incoming
        if request is None or request.finished:
            return
        owner = request.owner
        if owner is None:
            request.parts.append(body)
        elif owner.streams:
            owner.chunk(body)
        else:
            request.size += len(body)
            request.parts.append(body)
            if request.size > request.limit:
                request.parts.clear()
                owner.too_large()

    def on_message_complete(self) -> None:
        self._between = self._ended = True
        request = self._incoming
        if request is None or self._upgrading:
            return
        self._incoming = None
        request.complete = True
        if request is self._current and not request.finished:
            self._deliver(request)

    # requests, in order

    def _activate(self, request: Request) -> None:
        self._current = request
        if not request.complete:
            self.deadline = self.server.wheel.now + BODY_S
        owner = self.server.app.begin(request)
        if owner is None or request.finished:
            return
        request.owner = owner
        if request.parts:
            parts, request.parts = request.parts, []
            incoming, self._incoming = self._incoming, request
            for part in parts:
                self.on_body(part)
            self._incoming = incoming
        if request.complete and not request.finished:
            self._deliver(request)

    def _deliver(self, request: Request) -> None:
        self.deadline = NEVER
        parts = request.parts
        request.parts = []
        owner = request.owner
        if owner is not None:
            owner.complete(parts[0] if len(parts) == 1 else b"".join(parts))

    def request_finished(self, request: Request) -> None:
        """The answer is written; go on with the next request, or close."""
        if request is not self._current:
            return
        self._current = None
        request.owner = None
        if not request.headed or (request.has_body and not request.complete):
            self._linger()
        elif not request.keep_alive:
            self._close()
        else:
            self.deadline = self.server.wheel.now + (STALL_S if self._stalled else KEEP_ALIVE_S)
            if self._held:
                self.release(BODY)
                self._advance()

    def _advance(self) -> None:
        if self._advancing:
            return
        self._advancing = True
        while self._queue and self._current is None and not self._closing:
            self._activate(self._queue.popleft())
        self._advancing = False
        if not self._queue:
            self.release(QUEUE)

    def hold(self, why: int) -> None:
        """Stop reading for this reason (a bit)."""
        if not self._held and self.transport is not None and not self._closing:
            self.transport.pause_reading()
        self._held |= why
        if why == BODY:
            self.deadline = NEVER

    def release(self, why: int) -> None:
        """This reason is over; read again when it was the last one."""
        if not self._held:
            return
        self._held &= ~why
        if not self._held and self.transport is not None:
            self.transport.resume_reading()
            current = self._current
            if why == BODY and current is not None and not current.complete:
                self.deadline = self.server.wheel.now + BODY_S

    # the ways out

    def expired(self) -> None:
        """A deadline passed: headers, body, idle, stalled answer or lingering."""
        current = self._current
        if self._lingering or self._stalled or self.transport is None:
            self._abort()
        elif current is not None and not current.complete and not current.started:
            self._give_up(408, "The request's body did not arrive in time.")
        elif current is None and self._incoming is not None:
            self._give_up(408, "The request's headers did not arrive in time.")
        else:
            self._abort()

    def close_if_idle(self) -> None:
        """Close when nothing is under way that would end by itself (used to drain)."""
        if self._current is None:
            if not self._lingering:
                self._close()
        elif self._current.owner is not None and self._current.owner.endless:
            self.stop()

    def stop(self) -> None:
        """End what is under way, so that its client learns of it, and close."""
        current = self._current
        owner = current.owner if current is not None else None
        if owner is None:
            self._abort()
            return
        owner.stop()
        if self._current is current and self.transport is not None:
            self._close()

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        self._abort()

    def _expect(self, request: Request) -> None:
        if request.fields[b"expect"].lower() != b"100-continue":
            self._refuse(request, 417, "Only `Expect: 100-continue` is understood.")
        elif request.http11 and self.transport is not None:
            self.transport.write(_CONTINUE)

    def _refuse(self, request: Request, status: int, message: str) -> None:
        """Answer now or, behind others, close in silence once they are answered."""
        request.keep_alive = False
        if self._current is None or self._current is request:
            self._current = request
            self.server.app.refuse(request, status, message)
        else:
            self._end_after(self._current)

    def _end_after(self, current: Request) -> None:
        """Answer what is under way, then close; hear nothing more."""
        self._incoming = None
        self._queue.clear()
        self._closing = True
        current.keep_alive = False

    def _give_up(self, status: int, message: str) -> None:
        """The bytes make no sense any more (or never came): answer and end the connection."""
        if self._closing or self.transport is None:
            return
        current = self._current
        if current is not None and current.complete:  # an earlier request is still being answered
            self._end_after(current)
            return
        request = current or self._incoming or Request(self)
        if request.started:
            owner = request.owner
            request.cut()
            if owner is not None:
                owner.left()
            return
        owner, request.owner = request.owner, None
        self._refuse(request, status, message)
        if owner is not None:
            owner.left()

    def _handler_failed(self, error: BaseException) -> None:
        _log.error("a request's handler failed", exc_info=error)
        current = self._current
        owner = current.owner if current is not None else None
        if current is None or current.started:
            self._abort()
            return
        current.owner = None
        self._refuse(current, 500, "The gateway failed on this request.")
        if owner is not None:
            owner.left()

    def _linger(self) -> None:
        """The answer is sent but the client still talks: drop what comes, so it can read."""
        self._closing = True
        self._lingering = 1
        self._incoming = None
        self.release(QUEUE | BODY)
        self.deadline = self.server.wheel.now + LINGER_S
        if self.transport is not None and self.transport.can_write_eof():
            self.transport.write_eof()

    def _drop(self, data: bytes) -> None:
        self._lingering += len(data)
        if self._lingering > MAX_LINGER:
            self._abort()

    def _close(self) -> None:
        self._closing = True
        self.deadline = self.server.wheel.now + LINGER_S
        if self.transport is not None:
            self.transport.close()

    def _abort(self) -> None:
        self._closing = True
        self.deadline = GONE
        if self.transport is not None:
            self.transport.abort()

    def _without_upgrade(self, rest: bytes) -> None:
        """Ignore an offer to upgrade (h2c): read the request anew without it (RFC 9110 §7.8)."""
        request = self._incoming
        if not self._upgrading or request is None:
            return
        self._upgrading = False
        self._incoming = None
        self._between = True
        self._parser = httptools.HttpRequestParser(self)
        lines = [b"%b: %b\r\n" % h for h in request.headers if h[0] not in _UPGRADE]
        head = b"%b %b HTTP/1.1\r\n%b\r\n" % (request.method, request.target, b"".join(lines))
        self.data_received(head + rest)


_UPGRADE = frozenset((b"upgrade", b"connection", b"http2-settings"))


class Server:
    """A listening socket's connections, all served by one app."""

    def __init__(self, app: App, wheel: Wheel, loop: asyncio.AbstractEventLoop):
        self.app = app
        self.wheel = wheel
        self.loop = loop
        self.connections: set[Connection] = set()
        self.draining = False
        self.heads = Heads()
        self.date = b""
        self.deadline = 0.0
        self.expired()
        wheel.watch(self)

    def __call__(self) -> Connection:
        """Make the protocol of a new connection."""
        return Connection(self)

    def expired(self) -> None:
        """A second passed: renew the Date header."""
        self.date = formatdate(usegmt=True).encode()
        self.deadline = self.wheel.now + 0.5

    async def drain(self, within_s: float) -> None:
        """Close idle connections, let the rest finish, end what is left after `within_s`."""
        self.draining = True
        await self._dwindle(within_s)
        for connection in list(self.connections):
            connection.stop()
        await self._dwindle(FLUSH_S)
        for connection in list(self.connections):
            connection.abort()
        await asyncio.sleep(0)

    async def _dwindle(self, within_s: float) -> None:
        """Wait until no connection is left, but no longer."""
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        while self.connections and loop.time() < until:
            for connection in list(self.connections):
                connection.close_if_idle()
            await asyncio.sleep(0.02)
