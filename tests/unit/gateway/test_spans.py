"""The door for spans: what is taken, what is refused and how it is said, in both encodings."""

import json
import resource
import zlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from simulators.line import Line, ask
from simulators.workers import KEY, NARROW, OLD, SENDER, Workers, snapshot, until
from support.otlp import as_gzip, as_json, as_protobuf, request, span
from volano.wire.otlp import json as otlp_json
from volano.wire.otlp import protobuf
from volano.wire.otlp.answers import MalformedError, accepted

PROTOBUF = "Content-Type: application/x-protobuf"
JSON = "Content-Type: application/json"
GZIP = "Content-Encoding: gzip"
SPANS = 5


def send(gateway, body, *headers, key=SENDER, **more):
    line = Line(gateway.port)
    try:
        return line.send(ask(body, *headers, key=key, path="/v1/traces", **more)).answer()
    finally:
        line.close()


def taken(gateway):
    return [frame.body for frame in gateway.frames(SPANS)]


@pytest.mark.parametrize("headers", [(PROTOBUF,), (JSON,), (PROTOBUF, GZIP), (JSON, GZIP)])
def test_an_export_is_spooled_as_it_came_before_it_is_answered(gateway, headers):
    body = (as_json if JSON in headers else as_protobuf)(span("one"), span("two"))
    body = as_gzip(body) if GZIP in headers else body
    status, said, answer = send(gateway, body, *headers)
    assert (status, answer) == (200, b"{}" if JSON in headers else b"")
    assert said["content-type"] == headers[0].partition(": ")[2]
    frame = gateway.frames(SPANS)[-1]
    assert (frame.body, frame.key_id, frame.group) == (body, "stuvwxyz", "team/b")
    assert (frame.encoding, frame.gzipped) == (
        "json" if JSON in headers else "protobuf",
        GZIP in headers,
    )


def test_spans_without_ids_are_told_and_the_others_taken(gateway):
    spans = [span("good"), span("bad", trace="0" * 32), span("bad", id="0" * 16)]
    answer = ExportTraceServiceResponse.FromString(send(gateway, as_protobuf(*spans), PROTOBUF)[2])
    assert answer.partial_success.rejected_spans == 2
    assert "trace id" in answer.partial_success.error_message
    said = json.loads(send(gateway, as_json(*spans), JSON)[2])
    assert said["partialSuccess"]["rejectedSpans"] == "2"
    before = len(taken(gateway))
    assert send(gateway, as_protobuf(spans[1]), PROTOBUF)[0] == 200
    assert len(taken(gateway)) == before


def test_what_is_refused_is_said_as_otlp_says_it(gateway):
    body = as_protobuf(span())
    bomb = zlib.compress(bytes(40 << 20), 9, wbits=31)
    wrong = {
        (400, 3): [(b"\x0a\xff", PROTOBUF), (b"{", JSON), (body, PROTOBUF, GZIP), (b"[]", JSON),
                   (as_gzip(body)[:-9], PROTOBUF, GZIP), (b"\x0a\x02" * 10, PROTOBUF)],
        (413, 3): [(bomb, PROTOBUF, GZIP), (bytes(2 << 20), PROTOBUF)],
        (415, 3): [(body, "Content-Type: text/plain"), (body, PROTOBUF, "Content-Encoding: br")],
    }  # fmt: skip
    before = taken(gateway)
    for (status, code), cases in wrong.items():
        for data, *headers in cases:
            got, said, answer = send(gateway, data, *headers)
            assert got == status
            if said["content-type"] == "application/json":
                assert json.loads(answer)["code"] == code
            else:
                assert answer.startswith(bytes((8, code, 18)))
    for key, status in ((None, 401), (OLD, 401), (NARROW, 403), (KEY, 403)):
        assert send(gateway, body, PROTOBUF, key=key)[0] == status
    assert send(gateway, b"", method="GET")[0] == 405
    assert taken(gateway) == before


def test_a_full_disk_is_503_with_a_time_to_come_back(tmp_path):
    own = Workers(tmp_path / "state")
    try:
        own.publish(snapshot({}))
        own.start(1)
        body = as_protobuf(span())
        assert send(own, body, PROTOBUF)[0] == 200
        limit = len(body) + 60, resource.RLIM_INFINITY
        resource.prlimit(own.processes[0].pid, resource.RLIMIT_FSIZE, limit)
        status, headers, _ = send(own, body, PROTOBUF)
        assert (status, headers["retry-after"]) == (503, "1")
        unlimited = (resource.RLIM_INFINITY,) * 2
        resource.prlimit(own.processes[0].pid, resource.RLIMIT_FSIZE, unlimited)
        until(lambda: send(own, body, PROTOBUF)[0] == 200)
        assert taken(own) == [body, body]
    finally:
        own.close()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 5), st.data())
def test_the_walk_never_fails_but_by_saying_so(count, data):
    body = bytearray(as_protobuf(*(span(str(n), {"a": n}) for n in range(count))))
    assert protobuf.count_spans(bytes(body)) == (count, 0)
    for _ in range(data.draw(st.integers(1, 3))):
        if body:
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    for read in (protobuf.count_spans, otlp_json.count_spans):
        with suppress(MalformedError):
            read(bytes(body))


def test_a_body_made_only_to_be_walked_is_not():
    with pytest.raises(MalformedError, match="fields"):
        protobuf.count_spans(b"\x0a\x00" * 300_000)


def test_ids_count_wherever_they_stand():
    made = request([span("x")]).resource_spans[0].scope_spans[0].spans[0]
    late = made.SerializeToString()[28:] + made.SerializeToString()[:28]
    wrap = b"\x12" + bytes((len(late),)) + late
    body = b"\x0a" + bytes((len(wrap) + 2,)) + b"\x12" + bytes((len(wrap),)) + wrap
    assert protobuf.count_spans(body) == (1, 0)


def test_large_numbers_are_written_as_protobuf_writes_them():
    answer = ExportTraceServiceResponse.FromString(accepted("protobuf", 70_000, "zu viele: ÿ"))
    assert answer.partial_success.rejected_spans == 70_000
    assert answer.partial_success.error_message == "zu viele: ÿ"
