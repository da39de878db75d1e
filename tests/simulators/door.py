"""volano's own doors in small, for its SDK: OTLP/JSON as strict as the specification, feedback, prompts.

Every span that comes is read with opentelemetry-proto's own messages, so that a wrong
name, type or id is an error here and not a silence. `answers` says what is answered
next: a status, headers, a body; `hang` answers nothing at all.
"""

import base64
import gzip
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

OK = (200, {}, b"{}")


@dataclass
class Seen:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Door:
    """A server on a free port; `with Door() as door`."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.seen: list[Seen] = []
        self.spans: list[Span] = []
        self.faults: list[str] = []
        self.prompts: dict[str, Any] = {}
        self.hang = threading.Event()
        self.hang.set()
        self.news = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Door":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hang.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait(self, spans: int = 0, requests: int = 0, seconds: float = 20) -> "list[Span]":
        """Wait until so many spans and requests have come; return the spans."""
        with self.news:
            there = lambda: len(self.spans) >= spans and len(self.seen) >= requests  # noqa: E731
            assert self.news.wait_for(there, seconds), (len(self.spans), len(self.seen))
            assert self.faults == []
            return list(self.spans)

    def take(self, seen: Seen) -> tuple[int, dict[str, str], bytes]:
        with self.news:
            answer = self.answers.pop(0) if self.answers else None
            try:
                answer = answer or self._answer(seen)
            except Exception as fault:
                self.faults.append(repr(fault))
                answer = (400, {}, b"{}")
            self.seen.append(seen)
            self.news.notify_all()
        return answer

    def _answer(self, seen: Seen) -> tuple[int, dict[str, str], bytes]:
        if seen.path == "/v1/traces":
            assert seen.headers["content-type"] == "application/json"
            self.spans += read(seen)
            return OK
        if seen.method == "GET":
            ref = unquote(seen.path.split("/")[4])
            found = self.prompts.get(ref)
            if found is None:
                return (
                    404,
                    {},
                    b'{"error": {"code": "x", "message": "No such prompt.", "hint": ""}}',
                )
            return 200, {}, json.dumps(found).encode()
        return 201, {}, b'{"id": "f1"}'


@dataclass
class Span:
    """A span as the protocol's own messages read it."""

    trace_id: str
    span_id: str
    parent: str
    name: str
    kind: int
    began_ns: int
    ended_ns: int
    status: int
    message: str
    attributes: dict[str, Any]
    resource: dict[str, Any]
    events: list[dict[str, Any]] = field(default_factory=list)


def read(seen: Seen) -> list[Span]:
    """Return the spans of a request.

    Raises:
        Exception: it is not OTLP/JSON.
    """
    body = seen.body
    if seen.headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    content = json.loads(body)
    for group in content["resourceSpans"]:
        for scope in group["scopeSpans"]:
            for span in scope["spans"]:
                assert isinstance(span["startTimeUnixNano"], str), span
                for name, size in (("traceId", 16), ("spanId", 8), ("parentSpanId", 8)):
                    if name in span:
                        raw = bytes.fromhex(span[name])
                        assert (
                            len(raw) == size
                            and any(raw)
                            and span[name].islower() | span[name].isdigit()
                        )
                        span[name] = base64.b64encode(raw).decode()
    found = json_format.ParseDict(content, ExportTraceServiceRequest())
    return [
        _span(span, group.resource)
        for group in found.resource_spans
        for scope in group.scope_spans
        for span in scope.spans
    ]


def _span(span: Any, resource: Any) -> Span:
    return Span(
        span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(), span.name, span.kind,
        span.start_time_unix_nano, span.end_time_unix_nano, span.status.code, span.status.message,
        _values(span.attributes), _values(resource.attributes),
        [{"name": event.name, **_values(event.attributes)} for event in span.events],
    )  # fmt: skip


def _values(pairs: Any) -> dict[str, Any]:
    found = {pair.key: _value(pair.value) for pair in pairs}
    assert len(found) == len(pairs), "an attribute is said twice"
    return found


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind)


def _handler(door: Door) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            self.answer(self.rfile.read(int(self.headers["content-length"])))

        def do_GET(self) -> None:
            self.answer(b"")

        def answer(self, body: bytes) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen = Seen(self.command, self.path, headers, body)
            door.hang.wait()
            status, more, content = door.take(seen)
            try:
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                self.close_connection = True

        def log_message(self, *arguments: Any) -> None:
            pass

    return Handler
