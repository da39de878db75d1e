"""An HTTP/1.1 client for a data plane: pooled keep-alive connections to one origin.

An Origin is an address (`unix:/path`, `http://host:port`, `https://host:port`)
with a last-in-first-out pool: the warmest connection is used first and the
others may die of age. `send` writes a request that is already bytes; the answer
comes to a Receiver by plain calls. The client never retries by itself: it says
what happened (a `Failure`), and whether any byte of the answer had come.
"""

import asyncio
import logging
import ssl
from collections import deque
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import httptools

from volano.wire.heads import PlainAnswers
from volano.wire.timers import GONE, NEVER, Wheel

IDLE_KEEP_S = 55.0
"""An unused connection is closed after this long."""
MAX_HEAD = 256 << 10
"""Headers of an answer, interim ones included, are not longer."""
DRAIN_S = 1.0
"""How long the tail of an answer nobody waits for may take before its connection is dropped."""

_log = logging.getLogger("volano.wire")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to connect, to the first byte, between bytes, and in all."""

    connect_s: float = 5.0
    first_byte_s: float = 600.0
    idle_s: float = 120.0
    total_s: float = 3600.0


class Failure(NamedTuple):
    """Why there is no (complete) answer.

    `kind`: connect, certificate, closed, timeout, malformed, busy.
    """

    kind: str
    text: str
    untouched: bool
    """No byte of an answer had come."""
    reused: bool = False
    """It happened on a kept connection, which the other side may just have closed."""


class Receiver(Protocol):
    """Who gets an answer. After `ended`, `whole` or `failed` nothing more comes."""

    plain: bool
    """It has no use for headers: an answer of status 200 may come by `whole`."""

    def whole(self, body: bytes) -> None:
        """The complete body of an answer of status 200 (only when `plain`)."""
        ...

    def connected(self, upstream: "Upstream") -> None:
        """A connection was made or taken; the request is being sent on it."""
        ...

    def head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Status and headers (names in lower case)."""
        ...

    def data(self, chunk: bytes) -> None:
        """A piece of the body."""
        ...

    def ended(self) -> None:
        """The answer is complete."""
        ...

    def failed(self, failure: Failure) -> None:
        """There will be no complete answer."""
        ...

    def full(self) -> None:
        """The upstream reads slowly: send no more of the request's body until `ready`."""
        ...

    def ready(self) -> None:
        """The upstream has caught up."""
        ...


class _Nobody:
    """Receives what is left of an answer nobody waits for."""

    plain = False

    def whole(self, body: bytes) -> None: ...
    def connected(self, upstream: "Upstream") -> None: ...
    def head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None: ...
    def data(self, chunk: bytes) -> None: ...
    def ended(self) -> None: ...
    def failed(self, failure: Failure) -> None: ...
    def full(self) -> None: ...
    def ready(self) -> None: ...


_NOBODY = _Nobody()


class Upstream(asyncio.Protocol):
    """One connection to an origin; carries one exchange at a time."""

    __slots__ = (
        "_bodiless", "_done", "_extra", "_framed", "_got", "_head_bytes", "_headers", "_interim",
        "_keep_alive",
        "_limit", "_origin", "_parser", "_paused", "_receiver", "_reused", "_status", "deadline",
        "transport",
    )  # fmt: skip

    def __init__(self, origin: "Origin"):
        self._origin = origin
        self._parser: Any = httptools.HttpResponseParser(self)
        self._receiver: Receiver | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._got = self._done = self._extra = self._interim = False
        self._framed = self._bodiless = self._reused = self._paused = False
        self._status = self._head_bytes = 0
        self._keep_alive = False
        self._limit = NEVER
        self.transport: Any = None
        self.deadline = NEVER

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.deadline = self._origin.wheel.now + self._origin.timeouts.connect_s
        self._origin.wheel.watch(self)

    def eof_received(self) -> None:
        """The other side closed: never choose this connection again."""
        self._origin.forget(self)

    def begin(self, receiver: Receiver, request: bytes, *, bodiless: bool, reused: bool) -> None:
        """Send a request; the answer goes to `receiver`."""
        origin = self._origin
        self._receiver = receiver
        self._got = self._done = self._extra = self._framed = False
        self._status = self._head_bytes = 0
        self._bodiless = bodiless
        self._reused = reused
        now = origin.wheel.now
        self._limit = now + origin.timeouts.total_s
        self.deadline = now + origin.timeouts.first_byte_s
        receiver.connected(self)
        self.transport.write(request)

    def write(self, data: bytes) -> None:
        """Send a further piece of the request's body (already framed)."""
        if self.transport is not None:
            self.transport.write(data)

    def pause(self) -> None:
        """Take no more of the answer until `resume`."""
        if self.transport is not None and not self._paused:
            self._paused = True
            self.deadline = NEVER
            self.transport.pause_reading()

    def resume(self) -> None:
        """Take the answer again."""
        if self.transport is not None and self._paused:
            self._paused = False
            self.deadline = min(self._origin.wheel.now + self._origin.timeouts.idle_s, self._limit)
            self.transport.resume_reading()

    def cancel(self) -> None:
        """Nobody wants the answer: close the connection so that the upstream stops working."""
        self._receiver = None
        self._origin.forget(self)
        if self.transport is not None:
            self.transport.abort()

    def leave(self) -> None:
        """All that matters has come; keep the connection if the tail follows at once."""
        if self._receiver is not None:
            self._receiver = _NOBODY
            self.resume()
            self.deadline = self._origin.wheel.now + DRAIN_S

    def expired(self) -> None:
        """A deadline passed."""
        receiver = self._receiver
        if receiver is None or receiver is _NOBODY:
            self.cancel()
            return
        what = "did not go on" if self._got else "did not begin to answer"
        self._fail(Failure("timeout", f"the upstream {what} in time", not self._got))

    def connection_lost(self, exc: Exception | None) -> None:
        self.deadline = GONE
        self.transport = None
        self._parser = None
        self._origin.lost(self)
        receiver, self._receiver = self._receiver, None
        if receiver is None:
            return
        if self._status and not self._framed and exc is None:
            receiver.ended()
            return
        text = "the upstream closed the connection"
        receiver.failed(Failure("closed", text, not self._got, self._reused and not self._got))

    def data_received(self, data: bytes) -> None:
        if self._receiver is None:
            self.cancel()
            return
        if not self._got:
            self._got = True
            if self._receiver.plain and self._whole(data, self._receiver):
                return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            _log.error("an answer's handler failed", exc_info=error.__context__ or error)
            self._fail(Failure("malformed", "the gateway failed on the answer", False))
            return
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._extra = True
            if not self._done:
                self._fail(
                    Failure("malformed", f"the upstream's answer is not HTTP: {error}", False)
                )
                return
        if not self._status:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD and not self._done:
                text = f"the upstream's headers are larger than {MAX_HEAD} bytes"
                self._fail(Failure("malformed", text, False))
                return
        if self._done:
            self._finish()
        elif not self._paused and self._receiver is not _NOBODY:
            self.deadline = min(self._origin.wheel.now + self._origin.timeouts.idle_s, self._limit)

    def _whole(self, data: bytes, receiver: Receiver) -> bool:
        """Take an answer that came whole in one read, by far the commonest, without the parser.

        Only where there is nothing to interpret (`heads.PlainAnswers`), and where the content-length ends exactly where the bytes
        do. Everything else goes to the parser.
        """
        origin = self._origin
        begins = origin.answers.begins(data)
        if begins is None:
            return False
        start, digits = begins
        if start + int(digits) != len(data):
            return False
        self._receiver = None
        origin.keep(self)
        receiver.whole(data[start:])
        return True

    def pause_writing(self) -> None:
        if self._receiver is not None:
            self._receiver.full()

    def resume_writing(self) -> None:
        if self._receiver is not None:
            self._receiver.ready()

    # the parser calls

    def on_message_begin(self) -> None:
        self._extra = self._extra or self._done
        self._headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self._extra:
            return
        status = self._parser.get_status_code()
        self._interim = 100 <= status < 200
        if self._interim or self._receiver is None:
            return
        self._status = status
        self._keep_alive = self._parser.should_keep_alive()
        headers = self._headers
        self._framed = any(n in _FRAMING for n, _ in headers) or status in (204, 304)
        self._receiver.head(status, headers)
        if self._bodiless:
            self._done = self._extra = True

    def on_body(self, body: bytes) -> None:
        if self._receiver is not None and not self._extra:
            self._receiver.data(body)

    def on_message_complete(self) -> None:
        if not self._interim:
            self._done = True

    def _finish(self) -> None:
        receiver, self._receiver = self._receiver, None
        if self._extra or self.transport is None or not self._keep_alive:
            self.cancel()
        else:
            self._origin.keep(self)
        if receiver is not None:
            receiver.ended()

    def _fail(self, failure: Failure) -> None:
        receiver = self._receiver
        self.cancel()
        if receiver is not None:
            receiver.failed(failure)


_FRAMING = frozenset((b"content-length", b"transfer-encoding"))


class Dial:
    """A connection being made for one request. `cancel` when the client left."""

    __slots__ = ("_bodiless", "_origin", "_receiver", "_request", "deadline", "task")

    def __init__(self, origin: "Origin", request: bytes, receiver: Receiver, *, bodiless: bool):
        self._origin = origin
        self._request = request
        self._receiver: Receiver | None = receiver
        self._bodiless = bodiless
        self.task: asyncio.Task[None] | None = None
        self.deadline = origin.wheel.now + origin.timeouts.connect_s
        origin.wheel.watch(self)

    def cancel(self) -> None:
        """Nobody wants it any more."""
        self.deadline = GONE
        self._receiver = None

    def expired(self) -> None:
        """It took too long to connect, or to wait for a place in the pool."""
        receiver = self._receiver
        waited = self.task is None
        self.cancel()
        if receiver is not None:
            kind, text = ("busy", "all connections are taken") if waited else (
                "connect", "the upstream could not be reached in time")  # fmt: skip
            receiver.failed(Failure(kind, text, True))

    def use(self, upstream: Upstream, *, reused: bool) -> bool:
        """Send on this connection; False when the request was cancelled."""
        receiver, self._receiver = self._receiver, None
        self.deadline = GONE
        if receiver is None:
            return False
        upstream.begin(receiver, self._request, bodiless=self._bodiless, reused=reused)
        return True

    async def run(self) -> None:
        """Connect, then send."""
        origin = self._origin
        try:
            upstream = await origin.open()
        except (OSError, ssl.SSLError) as error:
            receiver, self._receiver = self._receiver, None
            self.deadline = GONE
            origin.gave_up()
            if receiver is not None:
                receiver.failed(_unreached(error))
            return
        if not self.use(upstream, reused=False):
            origin.keep(upstream)


def _unreached(error: OSError) -> Failure:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = f"the upstream's certificate is not trusted: {error.verify_message}"
        return Failure("certificate", why, True)
    reason = error.strerror or type(error).__name__
    return Failure("connect", f"the upstream cannot be reached: {reason}", True)


class Origin:
    """One upstream address and its connections.

    At most `max_open` connections; further requests wait their turn (first come,
    first served) for `connect_s`, then fail as "busy".
    """

    def __init__(
        self,
        url: str,
        wheel: Wheel,
        loop: asyncio.AbstractEventLoop,
        *,
        timeouts: Timeouts = Timeouts(),
        max_open: int = 8192,
        ca_file: str = "",
    ):
        self.url = url
        self.wheel = wheel
        self.timeouts = timeouts
        self._loop = loop
        self._max_open = max_open
        self._open = 0
        self._idle: list[Upstream] = []
        self.answers = PlainAnswers()
        self._waiting: deque[Dial] = deque()
        self._closed = False
        self._unix, self._host, self._port, self._tls = _parse(url, ca_file)

    @property
    def host(self) -> str:
        """What the Host header of requests to it says."""
        return "localhost" if self._unix else urlsplit(self.url).netloc

    def send(
        self, request: bytes, receiver: Receiver, *, bodiless: bool = False, fresh: bool = False
    ) -> Upstream | Dial:
        """Send a request. `bodiless`: the answer has no body (HEAD). `fresh`: on a new connection.

        Returns what can be cancelled; `receiver.connected` tells when that changes.
        """
        if self._idle and not fresh:
            upstream = self._idle.pop()
            upstream.begin(receiver, request, bodiless=bodiless, reused=True)
            return upstream
        dial = Dial(self, request, receiver, bodiless=bodiless)
        if self._open < self._max_open:
            self._connect(dial)
        else:
            self._waiting.append(dial)
        return dial

    def close(self) -> None:
        """Close unused connections now and used ones when their exchange is over."""
        self._closed = True
        for upstream in [*self._idle]:  # each forgets itself
            upstream.cancel()
        self._idle.clear()

    # its connections call

    def keep(self, upstream: Upstream) -> None:
        """An exchange is over and the connection is good."""
        while self._waiting:
            if self._waiting.popleft().use(upstream, reused=True):
                return
        if self._closed:
            upstream.cancel()
            return
        upstream.deadline = self.wheel.now + IDLE_KEEP_S
        self._idle.append(upstream)

    def lost(self, upstream: Upstream) -> None:
        """A connection is gone."""
        self.forget(upstream)
        self.gave_up()

    def forget(self, upstream: Upstream) -> None:
        """A connection is about to close: do not choose it again."""
        if upstream in self._idle:
            self._idle.remove(upstream)

    def gave_up(self) -> None:
        """A place is free: let the next one in."""
        self._open -= 1
        while self._waiting and self._open < self._max_open:
            dial = self._waiting.popleft()
            if dial.deadline != GONE:
                self._connect(dial)

    def _connect(self, dial: Dial) -> None:
        self._open += 1
        dial.task = self._loop.create_task(dial.run())

    async def open(self) -> Upstream:
        """Make a connection. Raises: OSError when that fails."""
        make: Any
        if self._unix:
            make = self._loop.create_unix_connection(lambda: Upstream(self), self._unix)
        else:
            make = self._loop.create_connection(
                lambda: Upstream(self), self._host, self._port, ssl=self._tls
            )
        _, upstream = await make
        return upstream


def _parse(url: str, ca_file: str) -> tuple[str, str, int, ssl.SSLContext | None]:
    if url.startswith("unix:"):
        return url[5:], "", 0, None
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"not an upstream address: {url}")
    tls = _context(ca_file) if parts.scheme == "https" else None
    return "", parts.hostname, parts.port or (443 if tls else 80), tls


def _context(ca_file: str) -> ssl.SSLContext:
    """Names and chains are checked: by the machine's authorities (or SSL_CERT_FILE's), or by these.

    A file that is gone vouches for nobody: calls then fail and say so.
    """
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
