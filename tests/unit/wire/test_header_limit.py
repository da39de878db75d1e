"""The limit on a request's headers holds to the byte, however the bytes come in."""

from itertools import pairwise

import pytest

from volano.wire.http_server import MAX_HEAD, Server


class Wheel:
    now = 0.0

    def watch(self, thing):
        pass


class Transport:
    def __init__(self):
        self.written = b""

    def write(self, data):
        self.written += data

    def can_write_eof(self):
        return False

    def is_closing(self):
        return False

    def pause_reading(self):
        pass

    resume_reading = close = abort = pause_reading


class Owner:
    streams = endless = False

    def __init__(self, request):
        self.request = request

    def complete(self, body):
        self.request.respond(200, b"", b"%d" % len(body))


class Later(Owner):
    """Answers when it is told to, so that others queue up behind it."""

    def complete(self, body):
        pass


class App:
    def __init__(self, owner=Owner):
        self.owner = owner
        self.begun = []

    def begin(self, request):
        request.limit = 1 << 20
        self.begun.append(request)
        return self.owner(request)

    def refuse(self, request, status, message):
        request.respond(status, b"", message.encode())


def head(size, *, end=b"Content-Length: 0", padding=b"x"):
    """A request head of exactly so many bytes."""
    fixed = b"POST / HTTP/1.1\r\nHost: a\r\nPad: %b\r\n%b\r\n\r\n"
    return fixed % (padding * (size - len(fixed % (b"", end))), end)


def answers(chunks, app=None):
    connection = Server(app or App(), Wheel(), None)()
    transport = Transport()
    connection.connection_made(transport)
    for chunk in chunks:
        connection.data_received(chunk)
    return [int(part[:3]) for part in transport.written.split(b"HTTP/1.1 ")[1:]]


CUTS = [(), (1,), (1000,), (40_000,), (MAX_HEAD - 1,), (MAX_HEAD,), (30, 50_000, 60_000)]


def cut(data, places):
    edges = [0, *places, len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@pytest.mark.parametrize("places", CUTS)
@pytest.mark.parametrize("padding", [b"x", b" "], ids=["text", "spaces"])
def test_the_last_byte_that_fits_and_the_first_that_does_not(places, padding):
    assert answers(cut(head(MAX_HEAD, padding=padding), places)) == [200]
    assert answers(cut(head(MAX_HEAD + 1, padding=padding), places)) == [431]
    assert answers(cut(head(3 * MAX_HEAD, padding=padding), places)) == [431]


def test_many_small_headers_in_one_read():
    lines = b"".join(b"X-%d: y\r\n" % n for n in range(9000))
    data = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n" + lines + b"\r\n"
    assert len(data) > MAX_HEAD
    assert answers([data]) == [431]


def test_a_large_body_in_one_read_is_no_header():
    body = b"z" * (3 * MAX_HEAD)
    data = head(200, end=b"Content-Length: %d" % len(body)) + body
    assert answers([data]) == [200]
    assert answers([data, data]) == [200, 200]


@pytest.mark.parametrize("size", [50_000, MAX_HEAD - 100])
def test_a_head_behind_a_large_body_in_the_same_read_is_not_taken_for_larger(size):
    body = b"z" * (MAX_HEAD + 20_000)
    first = head(200, end=b"Content-Length: %d" % len(body)) + body
    data = first + head(size)
    for places in [(), (len(first) + 1000,), (len(first) + 1000, len(first) + 2000)]:
        assert answers(cut(data, places)) == [200, 200]


def test_a_head_that_is_too_large_behind_another_request_ends_the_connection():
    small = head(100)
    assert answers([small + head(2 * MAX_HEAD)]) == [200, 431]
    waiting = App(Later)
    assert answers([small + head(2 * MAX_HEAD)], waiting) == []
    assert len(waiting.begun) == 1


def test_nothing_is_parsed_after_nonsense():
    assert answers([b"NONSENSE\r\n" * 30_000]) == [400]
