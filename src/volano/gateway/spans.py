"""The door for spans: `POST /v1/traces`, OTLP/HTTP from any application.

As little as possible happens here: whose key is it, is the body whole and of a
bearable size, how many spans are in it. Then the body goes to the spool as one
frame, as it came, and only then the exporter hears yes. What the spans say is the
recorder's business (`traces.otlp`).
"""

import logging
import zlib

from volano.core.errors import UnavailableError, VolanoError
from volano.gateway import errors as no
from volano.gateway import path
from volano.gateway.call import Call, begin_call
from volano.gateway.door import CHAT
from volano.gateway.refusal import status_of
from volano.gateway.state import State
from volano.traces.frame import Kind, Spans, encode
from volano.wire.otlp import json, protobuf
from volano.wire.otlp.answers import JSON, PROTOBUF, TYPES, MalformedError, accepted, refused
from volano.wire.request import Request

PATH = b"/v1/traces"
SCOPE = "traces"
_KIND = int(Kind.SPANS)
_ENCODINGS = {
    b"application/x-protobuf": PROTOBUF,
    b"application/protobuf": PROTOBUF,
    b"application/json": JSON,
}
_COUNT = {PROTOBUF: protobuf.count_spans, JSON: json.count_spans}
_GZIP_WINDOW = 31
_MOST_MEMBERS = 8
_RETRY = b"retry-after: 1\r\n"
_WITHOUT_IDS = "spans without a trace id or a span id cannot be kept"

_log = logging.getLogger("volano.gateway")


def begin_spans(state: State, request: Request) -> "Export | None":
    """The headers of an export are there: return who takes the body, or refuse now."""
    call = begin_call(state, request, CHAT)
    encoding = _encoding(request)
    try:
        return _arrive(call, encoding)
    except VolanoError as error:
        _refuse(request, encoding, error)
        return None


def _arrive(call: Call, encoding: str) -> "Export":
    """Raises: a VolanoError that refuses the export."""
    request, state = call.request, call.state
    if request.method != b"POST":
        method = request.method.decode("latin-1")
        raise no.WrongMethodError(path=PATH.decode(), method=method, allowed="POST")
    path.authenticate(call)
    key = call.key
    assert key is not None
    if key.ips and not key.may_come_from(request.peer):
        raise no.AddressError(address=request.peer, id=key.id)
    if SCOPE not in key.scopes:
        raise no.SpansScopeError(id=key.id)
    kind, coding = _header(request, b"content-type"), _header(request, b"content-encoding")
    if kind not in _ENCODINGS:
        raise no.SpansTypeError(kind=kind.decode("latin-1")[:80])
    if coding not in (b"", b"identity", b"gzip"):
        raise no.SpansCodingError(coding=coding.decode("latin-1")[:40])
    limit = state.routes.snapshot.max_body_bytes
    if int(request.fields.get(b"content-length", b"0")) > limit:
        raise no.BodyTooLargeError(limit=limit)
    request.limit = limit
    return Export(call, encoding, gzipped=coding == b"gzip")


class Export:
    """Owns an export request: takes its body whole."""

    __slots__ = ("_call", "_encoding", "_gzipped")
    streams = endless = False

    def __init__(self, call: Call, encoding: str, *, gzipped: bool):
        self._call = call
        self._encoding = encoding
        self._gzipped = gzipped

    def complete(self, body: bytes) -> None:
        request, encoding = self._call.request, self._encoding
        try:
            rejected = self._keep(body)
        except VolanoError as error:
            _refuse(request, encoding, error)
            return
        message = _WITHOUT_IDS if rejected else ""
        request.respond(200, TYPES[encoding], accepted(encoding, rejected, message))

    def _keep(self, body: bytes) -> int:
        """Append the body to the spool; return how many of its spans cannot be kept.

        Raises:
            VolanoError: nothing of it is kept, and why.
        """
        state, key, limit = self._call.state, self._call.key, self._call.request.limit
        assert key is not None
        try:
            plain = unzipped(body, limit) if self._gzipped else body
            spans, without = _COUNT[self._encoding](plain)
        except MalformedError as error:
            raise no.BadSpansError(reason=error) from None
        if spans > without:
            frame = Spans(
                key_id=key.id, group=key.group, received_us=state.clock.now_us(),
                encoding=self._encoding, gzipped=self._gzipped, body=body,
            )  # fmt: skip
            state.spool.append(_KIND, encode(frame))
        return without

    def too_large(self) -> None:
        request = self._call.request
        _refuse(request, self._encoding, no.BodyTooLargeError(limit=request.limit))

    def chunk(self, data: bytes) -> None:
        """Never called: the body is taken whole."""

    def left(self) -> None:
        """Nothing to undo: what is spooled stays, and is known by its ids when it comes again."""

    def stop(self) -> None:
        """The body did not arrive in time; the exporter sends it again."""
        _refuse(self._call.request, self._encoding, no.SpansStoppedError())

    def pause(self) -> None: ...
    def resume(self) -> None: ...


def unzipped(body: bytes, limit: int) -> bytes:
    """Return what was compressed, never more than `limit` bytes of it.

    Raises:
        MalformedError: it is no gzip, or cut short.
        BodyTooLargeError: it holds more.
    """
    found: list[bytes] = []
    room = limit + 1
    for _ in range(_MOST_MEMBERS):
        member = zlib.decompressobj(_GZIP_WINDOW)
        try:
            found.append(member.decompress(body, room))
        except zlib.error as error:
            raise MalformedError(f"it is no gzip ({error})") from None
        room -= len(found[-1])
        if room <= 0:
            raise no.BodyTooLargeError(limit=limit)
        if not member.eof:
            raise MalformedError("the gzip is cut short")
        body = member.unused_data
        if not body:
            break
    else:
        raise MalformedError(f"the gzip has more than {_MOST_MEMBERS} members")
    return found[0] if len(found) == 1 else b"".join(found)


def _refuse(request: Request, encoding: str, error: VolanoError) -> None:
    status, _ = status_of(error)
    lines = TYPES[encoding]
    if status == 401:
        lines += b"www-authenticate: Bearer\r\n"
    elif status == 405:
        lines += b"allow: POST\r\n"
    elif isinstance(error, UnavailableError):
        lines += _RETRY
        _log.error("Spans are refused: %s", error)
    request.respond(
        status, lines, refused(encoding, status, f"{error.message} {error.advice}".strip())
    )


def _encoding(request: Request) -> str:
    """The encoding to answer in: the request's own; JSON where it is none of ours."""
    return _ENCODINGS.get(_header(request, b"content-type"), JSON)


def _header(request: Request, name: bytes) -> bytes:
    return request.fields.get(name, b"").partition(b";")[0].strip().lower()
