"""What clients send that is wrong on purpose: refused clearly, and nobody else notices.

A refused request never lets its tail be read as the next request: every attempt
here is followed, in the same write, by a request that a good key would be
answered for.
"""

import json
import re
import socket
from contextlib import suppress

import pytest

from simulators.control import Control
from simulators.line import Line, ask, chat
from simulators.workers import KEY
from support.hostile import NOT_JSON, TOO_DEEP
from support.raw import CHATS, MODELS, OK, everything, lives, start


def refused(gateway, data, status=400):
    """Send this and a good request behind it: the one answer is an error, then it is over."""
    line = Line(gateway.port)
    try:
        line.send(data + MODELS)
        line.socket.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # already closed by the other side: it has answered
    said = everything(line)
    line.close()
    heads = len(re.findall(rb"HTTP/1\.1 \d", said))
    head, _, body = said.partition(b"\r\n\r\n")
    assert heads == 1, said[:2000]
    assert head.startswith(b"HTTP/1.1 %d " % status), said[:500]
    assert b"connection: close" in head
    error = json.loads(body)["error"]
    assert error["message"]
    assert error["type"]
    return error["message"]


FRAMES = {
    "length and chunked": b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "length and identity": b"Content-Length: 3\r\nTransfer-Encoding: identity\r\n\r\nabc",
    "two lengths": b"Content-Length: 3\r\nContent-Length: 0\r\n\r\nabc",
    "the same length twice": b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "lengths in a list": b"Content-Length: 3, 3\r\n\r\nabc",
    "a length with a plus": b"Content-Length: +3\r\n\r\nabc",
    "a negative length": b"Content-Length: -3\r\n\r\nabc",
    "a length in hex": b"Content-Length: 0x3\r\n\r\nabc",
    "a length with an underscore": b"Content-Length: 1_0\r\n\r\n0123456789",
    "an empty length": b"Content-Length: \r\n\r\n",
    "a length in two parts": b"Content-Length: 3 4\r\n\r\nabc",
    "a length beyond 64 bits": b"Content-Length: 99999999999999999999999\r\n\r\n",
    "a space before the colon": b"Content-Length : 3\r\n\r\nabc",
    "chunked with a space before the colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "chunked behind a vertical tab": b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunked before a vertical tab": b"Transfer-Encoding: chunked\x0b\r\n\r\n0\r\n\r\n",
    "a vertical tab in the name": b"Transfer-Encoding\x0b: chunked\r\n\r\n0\r\n\r\n",
    "chunked, then identity": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked twice": b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked over gzip": b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "in two headers": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "in two headers, hidden": b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked in two headers": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked in quotes": b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "no chunked at all": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "an empty coding": b"Transfer-Encoding:\r\n\r\n0\r\n\r\n",
    "a folded coding": b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a bare LF in a header": b"X: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bare CR in a header": b"X: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded header": b"X: a\r\n b\r\n\r\n",
    "a header folded with a tab": b"X: a\r\n\tb\r\n\r\n",
    "NUL in a value": b"X: a\x00b\r\n\r\n",
    "NUL in a name": b"X\x00: a\r\n\r\n",
    "a space in a name": b"X Y: a\r\n\r\n",
    "bytes in a name": b"\xff\xfe: a\r\n\r\n",
    "no name": b": a\r\n\r\n",
    "no colon": b"X\r\n\r\n",
    "two hosts": b"Host: evil.example\r\n\r\n",
    "a chunk of no size": b"Transfer-Encoding: chunked\r\n\r\n\r\nabc\r\n0\r\n\r\n",
    "a chunk beyond 64 bits": b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "a chunk size with 0x": b"Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "a chunk size with a plus": b"Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n",
    "a negative last chunk": b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n-0\r\n\r\n",
    "a chunk size and a space": b"Transfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n",
    "a chunk size with a bare LF": b"Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
    "a chunk size with a bare CR": b"Transfer-Encoding: chunked\r\n\r\n3\rabc\r\n0\r\n\r\n",
    "a bare LF in an extension": b"Transfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n",
    "a chunk longer than it says": b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    "a chunk without its end": b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc0\r\n\r\n",
    "a last chunk with bare LFs": b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\n\n",
    "a length among the trailers": b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
}  # fmt: skip
BEGINNINGS = {
    "an absolute target": start(target=b"http://evil.example/v1/models", method=b"GET") + b"\r\n",
    "our own absolute target": start(target=b"http://127.0.0.1:<port>" + CHATS.encode()) + b"\r\n",
    "an authority as target": start(target=b"evil.example:443", method=b"GET") + b"\r\n",
    "an asterisk": start(target=b"*") + b"\r\n",
    "a target with a space": start(target=b"/v1 /models") + b"\r\n",
    "a target with NUL": start(target=b"/v1/\x00") + b"\r\n",
    "a target in Latin-1": start(target=b"/v1/\xe9") + b"\r\n",
    "a backslash": start(target=b"\\v1\\models") + b"\r\n",
    "bare LFs": start().replace(b"\r\n", b"\n") + b"\n",
    "bare CRs": start().replace(b"\r\n", b"\r") + b"\r",
    "no host": b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    "HTTP/0.9": b"GET /v1/models\r\n\r\n",
    "HTTP/1.10": start(version=b"1.10") + b"\r\n",
    "a space after the version": start().replace(b"HTTP/1.1", b"HTTP/1.1 ") + b"\r\n",
    "a method in lower case": start(method=b"post") + b"\r\n",
    "a tab after the method": start().replace(b"POST ", b"POST\t") + b"\r\n",
    "chunked in HTTP/1.0": start(version=b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "nothing but NUL": b"\x00" * 1000,
}  # fmt: skip


@pytest.mark.parametrize("path", [CHATS, "/api/v1/health"], ids=["door", "relay"])
@pytest.mark.parametrize("rest", FRAMES.values(), ids=FRAMES)
def test_a_request_that_two_parsers_could_read_in_two_ways_is_refused(gateway, rest, path):
    refused(gateway, start(path) + rest)


@pytest.mark.parametrize("head", BEGINNINGS.values(), ids=BEGINNINGS)
def test_a_beginning_that_is_not_http_is_refused(gateway, head):
    refused(gateway, head, 505 if head.startswith(b"GET /v1/models\r") else 400)


def test_the_worker_has_survived_all_that(gateway):
    for rest in [*FRAMES.values(), b"\r\n"]:
        line = Line(gateway.port)
        line.send(start() + rest)
        line.close()  # in the middle of it
    lives(gateway)


@pytest.mark.parametrize("rest", [FRAMES["length and chunked"], FRAMES["a bare LF in a header"]])
def test_behind_a_good_request_a_bad_one_ends_the_connection_in_silence(gateway, rest):
    line = Line(gateway.port)
    line.send(OK + start() + rest + MODELS)
    assert line.answer()[0] == 200
    assert line.closed()


def test_a_bad_request_seen_often_is_refused_each_time(gateway):
    """What is remembered of heads must not go round the checks."""
    body = json.dumps(chat("ok")).encode()
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    for _ in range(5):
        refused(gateway, start(target=b"http://evil.example" + CHATS.encode()) + length + body)
        refused(gateway, start() + b"Host: evil\r\n" + length + body)


GOOD_FRAMES = {
    "a tab before chunked": b"Transfer-Encoding:\tchunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n",
    "an extension": b"Transfer-Encoding: chunked\r\n\r\n%x;name=value\r\n%b\r\n0\r\n\r\n",
    "trailers": b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\nHost: evil\r\nX: y\r\n\r\n",
    "upper case": b"TRANSFER-ENCODING: CHUNKED\r\n\r\n%X\r\n%b\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("frame", GOOD_FRAMES.values(), ids=GOOD_FRAMES)
def test_what_is_unusual_but_clear_is_served_and_so_is_the_next(gateway, frame):
    body = json.dumps(chat("ok")).encode()
    line = Line(gateway.port)
    line.send(start() + frame % (len(body), body) + MODELS)
    assert line.answer()[0] == 200
    assert line.answer()[0] == 200
    line.close()


@pytest.fixture(scope="module")
def control(gateway):
    made = Control(gateway.folder / "run" / "relay.sock")
    yield made
    made.close()


@pytest.mark.parametrize("rest", FRAMES.values(), ids=FRAMES)
def test_control_never_gets_a_second_request_out_of_one(gateway, control, rest):
    before = len(control.seen)
    line = Line(gateway.port)
    line.send(start("/api/v1/x") + rest + start("/api/v1/smuggled", method=b"GET") + b"\r\n")
    line.socket.shutdown(socket.SHUT_WR)
    said = everything(line)
    line.close()
    assert len(re.findall(rb"HTTP/1\.1 \d", said)) <= 1
    assert not any(b"smuggled" in head + body for head, body in control.seen[before:])


def test_control_gets_each_request_framed_anew(gateway, control):
    before = len(control.seen)
    hidden = b"GET /api/v1/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    line = Line(gateway.port)
    line.send(start("/x", target=b"/x") + b"TRANSFER-ENCODING: CHUNKED\r\n\r\n"
              b"%x;a=b\r\n%b\r\n0\r\nX: y\r\n\r\n" % (len(hidden), hidden))  # fmt: skip
    assert line.answer()[0] == 200
    line.send(ask(hidden, "Connection: close, x-volano-relayed", "Te: trailers", path="/y"))
    assert line.answer()[0] == 200
    line.close()
    heads = [head.split(b" ")[1] for head, _ in control.seen[before:]]
    assert heads == [b"/x", b"/y"]
    assert b"evil" not in control.seen[-1][0]
    assert control.seen[-1][0].count(b"x-volano-relayed: 1") == 1


# too much


SIZES = {
    "one long header": start() + b"X: %b\r\n\r\n" % (b"y" * 200_000),
    "one long name": start() + b"%b: y\r\n\r\n" % (b"X" * 200_000),
    "many headers": start() + b"".join(b"X-%d: y\r\n" % n for n in range(20_000)) + b"\r\n",
    "a long target": start(target=b"/v1/" + b"x" * 200_000) + b"\r\n",
    "a long query": start(target=b"/v1/models?" + b"x=y&" * 50_000) + b"\r\n",
}


@pytest.mark.parametrize("data", SIZES.values(), ids=SIZES)
def test_headers_too_large_are_431(gateway, data):
    assert "headers are larger" in refused(gateway, data, 431)
    lives(gateway)


def test_a_method_without_an_end_is_400(gateway):
    refused(gateway, b"M" * 200_000)


@pytest.mark.parametrize("length", [10**12, 2**63, 2**64 - 1])
def test_a_body_announced_too_large_is_413(gateway, length):
    message = refused(gateway, start() + b"Content-Length: %d\r\n\r\n" % length, 413)
    assert "larger than the limit" in message


def test_a_body_too_large_in_chunks_is_413(gateway):
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    body = start() + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 40 + b"0\r\n\r\n"
    assert "larger than the limit" in refused(gateway, body, 413)


@pytest.mark.parametrize(
    "more",
    [b"0\r\n" + b"X: y\r\n" * 100_000, b"0\r\nX: " + b"y" * 600_000,
     b"1;" + b"x" * 600_000, (b"1;" + b"x" * 100 + b"\r\na\r\n") * 6000],
    ids=["trailers", "one trailer", "one extension", "extensions"],
)  # fmt: skip
@pytest.mark.parametrize("path", [CHATS, "/api/v1/x"], ids=["door", "relay"])
def test_more_framing_than_content_is_refused(gateway, control, more, path):
    line = Line(gateway.port)
    with suppress(OSError):
        line.send(start(path) + b"Transfer-Encoding: chunked\r\n\r\n" + more)
    assert line.answer()[0] == 400
    line.close()
    lives(gateway)


def test_chunks_of_one_byte_are_dear_but_served(gateway):
    body = json.dumps(chat("ok", user="u" * 60_000)).encode()
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    line = Line(gateway.port)
    line.send(start() + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    assert line.answer()[0] == 200
    line.close()


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "deflate", "gzip, gzip", "x" * 5000])
@pytest.mark.parametrize("path", [CHATS, "/v1/messages", "/v1/embeddings"])
def test_a_compressed_body_is_415_and_never_unpacked(gateway, coding, path):
    bomb = bytes.fromhex("1f8b08000000000000ff") + b"\x00" * 1000
    line = Line(gateway.port)
    status, _, body = line.send(ask(bomb, f"Content-Encoding: {coding}", path=path)).answer()
    assert status == 415
    assert "compressed" in json.loads(body)["error"]["message"]
    assert len(body) < 1000
    line.close()


def test_identity_is_no_compression(gateway):
    line = Line(gateway.port)
    assert line.send(ask(chat("ok"), "Content-Encoding: Identity")).answer()[0] == 200
    line.close()


# JSON


def _asked(content):
    return b'{"model":"ok","messages":[{"role":"user","content":%b}]}' % content


ODD_JSON = {
    "NaN": _asked(b'"x"')[:-1] + b',"temperature":NaN}',
    "Infinity": _asked(b'"x"')[:-1] + b',"temperature":Infinity}',
    "a comment": b"/* */" + _asked(b'"x"'),
    "two objects": _asked(b'"x"') * 2,
    "bad UTF-8": _asked(b'"\xff\xfe"'),
    "an overlong form": _asked(b'"\xc0\xaf"'),
    "a surrogate in UTF-8": _asked(b'"\xed\xa0\x80"'),
    "a control character": _asked(b'"a\nb"'),
    "half an escape": _asked(b'"\\u12"'),
    "UTF-16": _asked(b'"x"').decode().encode("utf-16"),
    "a huge exponent": b'{"model":"ok","stream":1e999999,"messages":[]}',
    "a model that is huge": b'{"model":%b,"messages":[]}' % (b"9" * 100_000),
}  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [*ODD_JSON.values(), *TOO_DEEP, *NOT_JSON],
    ids=[*ODD_JSON, *(f"deep-{n}" for n in range(len(TOO_DEEP))), *(f"no-{n}" for n in range(9))],
)
def test_json_that_is_none_gets_an_error_and_the_connection_goes_on(gateway, body):
    line = Line(gateway.port)
    for path in (CHATS, "/v1/responses", "/v1/messages", "/v1/embeddings"):
        request = ask(body, path=path) if body else ask(b"", "Content-Length: 0", path=path)
        status, _, said = line.send(request).answer()
        assert status in (400, 404), said  # 404: a lone surrogate is nobody's name
        assert json.loads(said)["error"]["message"]
    assert line.send(OK).answer()[0] == 200
    line.close()


DEEP_FIELD = b'"x"}],"zzz":' + b"[" * 100_000 + b"]" * 100_000 + b',"yyy":[{"a":"b"'


@pytest.mark.parametrize(
    "body",
    [_asked(b'"x"')[:-1] + b',"seed":' + b"9" * 5000 + b"}", _asked(b'"\\ud800"'),
     _asked(b'"x"')[:-1] + b',"model":"ok","model":"ok"}', _asked(DEEP_FIELD)],
    ids=["a huge number", "a lone surrogate", "a name twice", "deep where nobody looks"],
)  # fmt: skip
def test_what_only_the_model_can_judge_is_passed_on_or_refused(gateway, body):
    line = Line(gateway.port)
    for path in (CHATS, "/v1/messages", "/v1/responses"):
        asked = body.replace(b'{"model"', b'{"max_tokens":5,"model"', 1)
        status, _, said = line.send(ask(asked, path=path)).answer()
        assert status in (200, 400, 502), said
        json.loads(said)
    line.close()
    lives(gateway)


@pytest.mark.parametrize(
    "header",
    [b"x-volano-unit: \xff\xfe", b"traceparent: \xff", b"x-request-id: \xe4", b"User-Agent: \x80"],
)
def test_bytes_in_headers_do_no_harm(gateway, header):
    line = Line(gateway.port)
    data = OK.replace(b"\r\n\r\n", b"\r\n" + header + b"\r\n\r\n", 1)
    assert line.send(data).answer()[0] == 200
    line.close()


@pytest.mark.parametrize("key", [b"\xff\xfe", b"vk_\xe4", b"'; drop table keys; --", b"x" * 60_000])
def test_a_key_of_nonsense_is_401(gateway, key):
    line = Line(gateway.port)
    line.send(OK.replace(KEY.encode(), key))
    assert line.answer()[0] == 401
    line.close()
