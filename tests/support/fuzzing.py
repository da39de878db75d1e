"""What must hold for any bytes at all. Each target takes bytes, and raises when it does not hold.

    http      a connection of the server: never a broken answer, never a request that
              two parsers could read in two ways, the same however the bytes are cut
    readers   what clients and providers say in JSON: read, or refused by name
    streams   SSE and AWS event streams: read, or refused; nothing lost on the way

`tests/unit/wire/test_fuzz.py` tries some thousand inputs at each run, and
`tests/fuzz/fuzz_http.py` searches further, led by coverage.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httptools

from volano.gateway.door import DOORS
from volano.wire import sse
from volano.wire.dialect import BadAnswerError
from volano.wire.dialects.all import SERVED, SERVED_EMBEDDINGS, SPOKEN, SPOKEN_EMBEDDINGS
from volano.wire.eventstream import BrokenMessageError, Reader
from volano.wire.exchange import Ask, CannotSayError
from volano.wire.http_server import Server
from volano.wire.openai import FieldError, MalformedError
from volano.wire.sse import Framer

MOST = 16 << 10
"""Longer inputs find no more than shorter ones, more slowly."""


# a connection


class _Wheel:
    now = 0.0

    def watch(self, thing: Any) -> None: ...


class _Transport:
    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    def can_write_eof(self) -> bool:
        return False

    def get_extra_info(self, name: str) -> None: ...
    def close(self) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...

    abort = close


class _App:
    """Answers all; notes what it was asked."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []

    def begin(self, request: Any) -> "_Owner":
        request.limit = 1000
        return _Owner(self, request)

    def refuse(self, request: Any, status: int, message: str) -> None:
        assert status != 500, message
        assert message.isprintable()
        self.seen.append((status,))
        request.respond(status, b"", b"no")


class _Owner:
    endless = False

    def __init__(self, app: _App, request: Any):
        self.app, self.request, self.body = app, request, b""
        self.streams = request.target.startswith(b"/s")

    def chunk(self, data: bytes) -> None:
        self.body += data

    def complete(self, body: bytes) -> None:
        request = self.request
        said = self.body + body
        _check(request, said)
        self.app.seen.append((request.method, request.target, tuple(request.headers), said))
        request.respond(200, b"", b"yes")

    def too_large(self) -> None:
        self.app.seen.append((413,))
        self.request.respond(413, b"", b"no")

    def left(self) -> None: ...


def _check(request: Any, body: bytes) -> None:
    """What any other reader of this request must have understood as well."""
    names = [name for name, _ in request.headers]
    assert request.target.startswith(b"/") or request.target == b"*"
    assert not set(request.target) & set(b" \t\r\n\0")
    assert names.count(b"host") <= 1
    assert b"content-length" not in names
    assert (request.length is not None) + names.count(b"transfer-encoding") <= 1
    assert b"host" in names or not request.http11
    for name, value in request.headers:
        assert name.strip() == name != b""
        assert not set(name) & set(b" \t\r\n\0:")
        assert not set(value) & set(b"\r\n\0")
    assert dict(request.headers) == request.fields
    if request.length is not None:
        assert request.length == len(body)
    elif b"transfer-encoding" not in request.fields:
        assert body == b""


def _transcript(chunks: list[bytes]) -> list[tuple[Any, ...]]:
    app = _App()
    server = Server(app, _Wheel(), None)  # type: ignore[arg-type]
    connection, transport = server(), _Transport()
    connection.connection_made(transport)  # type: ignore[arg-type]
    for chunk in chunks:
        connection.data_received(chunk)
    _Answers().read(transport.written)
    return app.seen


class _Answers:
    """Reads answers as a client does."""

    def __init__(self) -> None:
        self.whole = True

    def read(self, data: bytes) -> None:
        data = data.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
        if data:
            # an answer to HEAD has a length and no body, so that only heads are looked at
            for head in data.split(b"HTTP/1.1 ")[1:]:
                alone = httptools.HttpResponseParser(self)
                alone.feed_data(b"HTTP/1.1 " + head.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
                assert alone.get_status_code() in _STATUSES


_STATUSES = {200, 400, 405, 408, 413, 417, 431, 505}


def http(data: bytes) -> None:
    """A connection. The first two bytes say where the rest is cut."""
    data = data[:MOST]
    cut, data = int.from_bytes(data[:2], "big"), data[2:]
    whole = _transcript([data])
    at = cut % (len(data) + 1)
    assert whole == _transcript([data[:at], data[at:]])
    if len(data) < 500:
        assert whole == _transcript([data[i : i + 1] for i in range(len(data))])


# JSON


def readers(data: bytes) -> None:
    """Every reader of a body."""
    data = data[:MOST]
    for door in DOORS:
        with suppress(MalformedError, FieldError):
            door.peek(data)
    for served in SERVED.values():
        with suppress(MalformedError, FieldError):
            _say(served.read_ask(data))
    for embeds in SERVED_EMBEDDINGS.values():
        with suppress(MalformedError, FieldError):
            ask = embeds.read_ask(data)
            for other in SPOKEN_EMBEDDINGS.values():
                with suppress(CannotSayError):
                    other.write_ask(ask)
                with suppress(BadAnswerError):
                    other.read_reply(data, ask)
    for spoken in SPOKEN.values():
        assert spoken.read_error(500, data).message
        with suppress(BadAnswerError):
            reply = spoken.read_reply(data)
            for served in SERVED.values():
                with suppress(BadAnswerError, CannotSayError):
                    served.write_reply(reply, Ask("m", []))


def _say(ask: Ask) -> None:
    for spoken in SPOKEN.values():
        with suppress(CannotSayError):
            spoken.write_ask(ask)


# streams


def streams(data: bytes) -> None:
    """Every reader of a stream. The first two bytes say where the rest is cut."""
    data = data[:MOST]
    cut, data = int.from_bytes(data[:2], "big"), data[2:]
    at = cut % (len(data) + 1)
    chunks = [data[:at], data[at:]]
    framer = Framer()
    blocks = [framer.feed(chunk) for chunk in chunks]
    assert b"".join(blocks) + framer.rest == data
    for block in blocks:
        assert b"".join(raw for raw, _ in sse.events(block)) == block
    with suppress(BrokenMessageError):
        reader = Reader()
        for chunk in chunks:
            reader.feed(chunk)
    for spoken in SPOKEN.values():
        _pass_on(spoken.event_reader(), chunks)


def _pass_on(reader: Any, chunks: list[bytes]) -> None:
    writers = [served.event_writer(Ask("m", [])) for served in SERVED.values()]
    with suppress(BadAnswerError):
        for chunk in chunks:
            for event in reader.feed(chunk):
                for writer in writers:
                    with suppress(CannotSayError):
                        assert isinstance(writer.write(event), bytes)


TARGETS: dict[str, Callable[[bytes], None]] = {"http": http, "readers": readers, "streams": streams}
