"""What goes round the parser means what the parser would have said, or goes to the parser."""

from itertools import pairwise

import httptools
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from support.examples import examples
from volano.wire import heads
from volano.wire.heads import Heads, PlainAnswers, judge, outline
from volano.wire.http_client import Failure, Upstream
from volano.wire.http_server import Server

HOST = b"Host: a"


class Listener:
    """What llhttp says of one message's head."""

    def __init__(self):
        self.headers, self.url, self.headed, self.body = [], b"", False, b""

    def on_url(self, url):
        self.url += url

    def on_header(self, name, value):
        self.headers.append((name.lower(), value))

    def on_headers_complete(self):
        self.headed = True

    def on_body(self, body):
        self.body += body


def known(head: bytes) -> Heads:
    made = Heads()
    made.learn(head)
    made.learn(head)
    return made


def test_a_head_is_known_when_it_comes_again_with_any_length():
    first = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nX: 1\r\n\r\nabc"
    made = Heads()
    made.learn(first)
    assert made.find(first) is None
    made.learn(first)
    head, start, digits = made.find(first.replace(b": 3", b": 1234"))
    assert (head.method, head.target, digits) == (b"POST", b"/x", b"1234")
    assert head.headers == [(b"host", b"a"), (b"x", b"1")]
    assert start == len(first) - 3 + 3
    for other in (
        first.replace(b"X: 1", b"X: 2"), first.replace(b"POST", b"PUT"), first[:-6],
        first.replace(b": 3", b": 1234567890"), first.replace(b": 3", b": +3"),
        first.replace(b": 3", b": "), first.replace(b": 3", b":  3"), b"\r\n" + first,
        first.replace(b": 3", b": 3 "), first.replace(b"Content-L", b"content-L"),
    ):  # fmt: skip
        assert made.find(other) is None
        assert head.shape.begins(other) is None


@pytest.mark.parametrize(
    "line",
    [
        b"Transfer-Encoding: chunked", b"Expect: 100-continue", b"Connection: close",
        b"Connection: Upgrade\r\nUpgrade: h2c", b"Upgrade: h2c", b"Connection: keep-alive, te",
        b"Content-Length: 3", b"content-length: 4", b"Host: b", b"X: a\r\n b", b"X: a\nY: b",
        b"X : a", b"X\x00: a", b"X: a\x00b", b"X: a\rb", b"",
    ],
)  # fmt: skip
def test_what_is_not_ordinary_is_never_learned(line):
    head = b"POST / HTTP/1.1\r\nHost: a\r\n%b\r\nContent-Length: 3\r\n\r\nabc" % line
    assert known(head).find(head) is None
    other = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n%b\r\n\r\nabc" % line
    assert known(other).find(other) is None or not line


@pytest.mark.parametrize(
    "head",
    [
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n",
        b"POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
        b"POST / HTTP/1.1\nHost: a\r\nContent-Length: 3\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
def test_other_heads_are_never_learned(head):
    assert known(head + b"abc").find(head + b"abc") is None
    assert judge(head, b"3") is None


def test_the_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(heads, "MAX_KNOWN", 4)
    made = Heads()
    for n in range(100):
        head = b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" % n
        made.learn(head)
        made.learn(head)
        assert made.find(head) is not None
        assert len(made._known) <= 4
        assert len(made._seen) <= 16
    long = b"POST / HTTP/1.1\r\nHost: a\r\nX: %b\r\nContent-Length: 0\r\n\r\n" % (b"x" * 4096)
    assert known(long).find(long) is None


names = st.sampled_from(
    [b"Host", b"Content-Length", b"content-length", b"CONTENT-LENGTH", b"Transfer-Encoding",
     b"Connection", b"Expect", b"X-A", b"X-B", b"\r\nContent-Length", b"Upgrade", b"", b" Host"]
)  # fmt: skip
values = st.sampled_from(
    [b"a", b"0", b"3", b"03", b"+3", b"3 ", b" 3", b"3, 3", b"99999999999", b"chunked", b"close",
     b"keep-alive", b"Keep-Alive", b"upgrade", b"", b"a\r\nContent-Length: 3", b"a\r\n b", b"a\nb"]
) | st.binary(max_size=4)  # fmt: skip
colons = st.sampled_from([b": ", b": ", b": ", b":", b" : ", b":\t"])
ends = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r"])
lines = st.tuples(names, colons, values, ends).map(b"".join)
starts = st.sampled_from(
    [b"POST / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\n", b"\r\nPUT /x HTTP/1.1\r\n", b"M",
     b"POST / HTTP/1.0\r\n", b"POST / HTTP/1.1\n", b"GET /?a=\r\nContent-Length: 1 HTTP/1.1\r\n"]
)  # fmt: skip
HOSTED = b"Host: a\r\n"
LENGTH = b"Content-Length: 3\r\n"


@pytest.mark.slow
@examples(1500)
@given(
    starts,
    st.lists(lines | st.sampled_from([HOSTED, LENGTH]), max_size=5),
    st.sampled_from([b"0", b"7", b"007", b"123456789", b"12345678901234567890", b"-1", b"1\r"]),
)
@example(b"POST / HTTP/1.1\r\n", [HOSTED, LENGTH], b"7")
@example(b"POST / HTTP/1.1\r\n", [HOSTED, b"X: a\r\n", LENGTH, b"Connection: keep-alive\r\n"], b"0")
def test_a_known_head_says_what_the_parser_says(start, middle, digits):
    """Whatever was learned: a head taken from memory is read by llhttp in the same way."""
    head = start + b"".join(middle) + b"\r\n"
    made = known(head)
    found = outline(head)
    if found is None:
        return
    at = head.index(b"ontent-Length: " if b"\r\nContent-Length: " in head else b"ontent-length: ")
    other = head[: at + 15] + digits + head[at + 15 + len(found[2]) :]
    taken = made.find(other)
    if taken is None:
        return
    learned, begins, length = taken
    assert learned.shape.begins(other) == (begins, length)
    method, target, headers = learned.method, learned.target, learned.headers
    listener = Listener()
    parser = httptools.HttpRequestParser(listener)
    parser.feed_data(other[: begins - 1])
    assert not listener.headed
    parser.feed_data(other[begins - 1 : begins])
    assert listener.headed
    assert (parser.get_method(), listener.url) == (method, target)
    assert parser.get_http_version() == "1.1"
    assert parser.should_keep_alive()
    assert not parser.should_upgrade()
    assert (b"content-length", length) in listener.headers
    assert [h for h in listener.headers if h[0] != b"content-length"] == headers
    assert learned.fields == dict(headers)
    if int(length) < 100:
        parser.feed_data(b"z" * int(length))
        assert listener.body == b"z" * int(length)


# the same at the level of connections


class Wheel:
    now = 0.0

    def watch(self, thing): ...


class Transport:
    def __init__(self):
        self.written, self.closed = b"", False

    def write(self, data):
        self.written += data

    def close(self):
        self.closed = True

    abort = close

    def can_write_eof(self):
        return False

    def pause_reading(self): ...
    def resume_reading(self): ...


class Never(Heads):
    """Knows nothing, so that all goes to the parser."""

    __slots__ = ()

    def find(self, data):
        return None


class App:
    """Notes what it is asked; `/no` is refused at its head, `/s` takes its body in pieces."""

    def __init__(self):
        self.seen = []

    def begin(self, request):
        if request.target == b"/no":
            self.seen.append(("no", request.method))
            request.respond(403, b"", b"no")
            return None
        request.limit = 6
        return Owner(self, request)

    def refuse(self, request, status, message):
        self.seen.append(("refused", status))
        request.respond(status, b"", b"")


class Owner:
    def __init__(self, app, request):
        self.app, self.request = app, request
        self.streams = request.target == b"/s"
        self.body = b""

    def chunk(self, data):
        self.body += data

    def complete(self, body):
        request = self.request
        self.app.seen.append(
            (request.method, request.target, request.headers, request.fields, self.body + body,
             request.http11, request.keep_alive, request.has_body)
        )  # fmt: skip
        if request.target == b"/boom":
            raise ValueError
        request.respond(200, b"", b"ok:" + self.body + body)

    def too_large(self):
        self.app.seen.append(("too large", self.request.target))
        self.request.respond(413, b"", b"")

    def left(self):
        self.app.seen.append(("left", self.request.target))


def transcript(memory: Heads, chunks: list[bytes]):
    app = App()
    server = Server(app, Wheel(), None)
    server.date = b"now"
    server.heads = memory
    connection = server()
    transport = Transport()
    connection.connection_made(transport)
    for chunk in chunks:
        connection.data_received(chunk)
    return app.seen, transport.written, transport.closed, connection._closing


def request(target=b"/", body=b"", *more, method=b"POST") -> bytes:
    head = [b"%b %b HTTP/1.1" % (method, target), HOST, *more, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


REQUESTS = [
    request(), request(b"/", b"abc"), request(b"/", b"abcde"), request(b"/s", b"abcdefghij"),
    request(b"/no", b"abc"), request(b"/no"), request(b"/", b"much too long"),
    request(b"/boom", b"a"), request(b"/", b"abc", b"Connection: close"),
    request(b"/", b"a", b"Connection: keep-alive"), request(b"/", b"abc", b"Expect: 100-continue"),
    request(b"/", b"a", b"Connection: upgrade", b"Upgrade: h2c"), request(b"/", b"", method=b"HEAD"),
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\r\n", b"M", b"POST", b"\x00",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    request(b"/", b"abc")[:-1], request(b"/", b"abc") + b"d",
]  # fmt: skip


@examples(1000)
@given(
    st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=6),
    st.lists(st.integers(0, 400), max_size=4),
)
@example([request(b"/", b"abc"), request(b"/", b"abcde")], [])
@example([b"M", request(b"/", b"abc")], [1])
@example([request(b"/", b"abc") + b"d", request(b"/", b"abc")], [])
def test_a_connection_does_the_same_with_and_without_its_memory(requests, cuts):
    data = b"".join(requests)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    cut_at_will = [data[a:b] for a, b in pairwise(places)]
    for chunks in (requests, cut_at_will):
        memory = Heads()
        for one in REQUESTS:
            memory.learn(one)
            memory.learn(one)
        assert transcript(memory, chunks) == transcript(Never(), chunks)


def test_known_heads_do_go_round_the_parser():
    memory = known(request(b"/", b"abc"))
    app = App()
    server = Server(app, Wheel(), None)
    server.heads = memory
    connection = server()
    connection.connection_made(Transport())
    connection._parser = None
    data = request(b"/", b"hello")
    for chunks in ([data], [data[:-5], data[-5:]], [data[:-3], data[-3:-1], data[-1:]]):
        for chunk in chunks:
            connection.data_received(chunk)
    assert [seen[4] for seen in app.seen] == [b"hello"] * 3


@pytest.mark.parametrize("apart", [False, True])
def test_a_connection_learns_by_itself(apart):
    server = Server(App(), Wheel(), None)
    connection = server()
    connection.connection_made(Transport())
    for body in (b"a", b"ab", b"abc"):
        whole = request(b"/", body)
        cut = len(whole) - len(body) if apart else len(whole)
        for chunk in filter(None, (whole[:cut], whole[cut:])):
            connection.data_received(chunk)
    assert len(server.heads._known) == 1
    assert [seen[4] for seen in server.app.seen] == [b"a", b"ab", b"abc"]


# answers


class Origin:
    def __init__(self):
        self.wheel = Wheel()
        self.answers = PlainAnswers()
        self.kept = 0

    def keep(self, upstream):
        self.kept += 1

    def forget(self, upstream): ...


class Receiver:
    plain = True

    def __init__(self):
        self.got = None

    def whole(self, body):
        self.got = ("whole", 200, body)

    def head(self, status, headers):
        self.status, self.body = status, b""

    def data(self, chunk):
        self.body += chunk

    def ended(self):
        self.got = ("whole", self.status, self.body)

    def failed(self, failure: Failure):
        self.got = ("failed", failure)


def answered(data: bytes, *, times: int):
    """How an answer was taken, the last of so many times; None when more of it is awaited."""
    origin = Origin()
    for _ in range(times):
        upstream, receiver = Upstream(origin), Receiver()
        upstream.transport = Transport()
        upstream._receiver = receiver
        kept = origin.kept
        upstream.data_received(data)
    return receiver.got, origin.kept - kept


answer_starts = st.sampled_from(
    [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\n",
     b"HTTP/1.1 204 No\r\n", b"HTTP/1.1 500 E\r\n", b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\n"]
)  # fmt: skip


@pytest.mark.slow
@examples(1500)
@given(
    answer_starts,
    st.lists(lines | st.sampled_from([LENGTH, b"Content-Type: application/json\r\n"]), max_size=4),
    st.sampled_from([b"abc", b"abc", b"abc", b"", b"ab", b"abcd", b"3\r\nabc\r\n0\r\n\r\n"]),
)
@example(b"HTTP/1.1 200 OK\r\n", [LENGTH], b"abc")
def test_an_answer_taken_whole_is_what_the_parser_would_have_given(start, middle, body):
    data = start + b"".join(middle) + b"\r\n" + body
    for times in (1, 2):
        upstream = Upstream(Origin())
        receiver = Receiver()
        if not upstream._whole(data, receiver):
            continue
        plain, Receiver.plain = Receiver.plain, False
        try:
            assert answered(data, times=1) == (receiver.got, 1)
        finally:
            Receiver.plain = plain
        assert answered(data, times=times) == (receiver.got, 1)


def test_an_ordinary_answer_goes_round_the_parser_and_others_do_not():
    ordinary = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
    assert Upstream(Origin())._whole(ordinary, Receiver())
    for other in (
        ordinary[:-1], ordinary + b"d", ordinary.replace(b"200", b"201"),
        ordinary.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        ordinary.replace(b"\r\n\r\n", b"\r\ncontent-length: 3\r\n\r\n"),
        ordinary.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ):  # fmt: skip
        assert not Upstream(Origin())._whole(other, Receiver())
