r"""Heads seen before: equal bytes mean the same, so that llhttp need not say it again.

On a kept connection a client sends the same head with each request, and an
upstream answers with the same one; only the number after content-length
changes. A message is cut there into its *outline* (the head without that
number) and the number. llhttp judges an outline once; a head with an outline
that it has judged needs one look into a dict. Nothing is guessed: whatever
differs by one byte goes to the parser, and so does every head that says more
than "a request of this length on a connection that stays".

Why an outline is enough: the number stands where the first `\r\nContent-Length: `
ends, in the outline as in every head that has it, so that equal outlines with
equal numbers are equal heads; and the number itself is 1 to 9 ASCII digits,
which llhttp reads as we do.
"""

from typing import Any

import httptools

MAX_HEAD = 4096
"""Longer heads are left to the parser."""
MAX_KNOWN = 1024
"""So many outlines are remembered; then the memory begins anew."""

_TITLE, _LOWER = b"\r\nContent-Length: ", b"\r\ncontent-length: "
_NAME = len(_TITLE)
_NOT_ORDINARY = frozenset((b"transfer-encoding", b"expect", b"upgrade"))


class Shape:
    """A head as bytes, but for the number after content-length.

    `begins` makes the same comparison as outlines do, without making one: what a
    connection said last is what it says next.
    """

    __slots__ = ("_after", "_before", "_cut", "_rest")

    def __init__(self, head: bytes):
        self._cut = _cut(head)
        self._before, self._after = head[: self._cut], head[head.index(b"\r", self._cut) :]
        self._rest = len(self._after)

    def begins(self, data: bytes) -> tuple[int, bytes] | None:
        """(where the body begins, its length in digits) when this head stands here, else None."""
        if not data.startswith(self._before):
            return None
        cut = self._cut
        stop = data.find(b"\r", cut, cut + 10)
        digits = data[cut:stop]
        if stop < 0 or not digits.isdigit() or not data.startswith(self._after, stop):
            return None
        return stop + self._rest, digits


class Head:
    """What an outline means.

    `headers`, and `fields` by name, are without content-length, which differs with each
    request. `ticket` is its owner's: whatever was decided for all requests with this head.
    """

    __slots__ = ("fields", "headers", "method", "shape", "target", "ticket")

    def __init__(
        self,
        method: bytes,
        target: bytes,
        headers: list[tuple[bytes, bytes]],
        raw: bytes,
    ):
        self.method = method
        self.target = target
        self.headers = headers
        self.fields = dict(headers)
        self.ticket: Any = None
        self.shape = Shape(raw)


def outline(data: bytes) -> tuple[bytes, int, bytes] | None:
    """(outline, where the body begins, its length in digits) of the message that begins here.

    None when its head is not all there, or has no plain content-length.
    """
    end = data.find(b"\r\n\r\n", 0, MAX_HEAD)
    if end < 0:
        return None
    at = _cut(data, end)
    if at < 0:
        return None
    stop = data.find(b"\r", at)
    digits = data[at:stop]
    if stop - at > 9 or not digits.isdigit():
        return None
    return data[:at] + data[stop:end], end + 4, digits


def _cut(data: bytes, end: int = MAX_HEAD) -> int:
    """Where the value of content-length begins; below 0 where there is none."""
    at = data.find(_TITLE, 0, end)
    if at < 0 and (at := data.find(_LOWER, 0, end)) < 0:
        return -1
    return at + _NAME


class Heads:
    """The requests' heads that a server knows. One for all connections: bytes mean the same on each."""

    __slots__ = ("_known", "_seen")

    def __init__(self) -> None:
        self._known: dict[bytes, Head] = {}
        self._seen: set[int] = set()

    def find(self, data: bytes) -> tuple[Head, int, bytes] | None:
        """(head, where the body begins, its length in digits), or None: ask the parser."""
        found = outline(data)
        if found is None:
            return None
        head = self._known.get(found[0])
        return None if head is None else (head, found[1], found[2])

    def learn(self, data: bytes) -> None:
        """Remember the head that this message begins with, when it comes for the second time.

        Heads that come once only, for instance with a trace id of their own,
        are thus not worth a judgement. What is remembered of them is a hash: if
        two are equal, a head is judged one time too early.
        """
        found = outline(data)
        if found is None or found[0] in self._known:
            return
        key, start, digits = found
        mark = hash(key)
        if mark not in self._seen:
            if len(self._seen) >= 4 * MAX_KNOWN:
                self._seen.clear()
            self._seen.add(mark)
            return
        head = judge(data[:start], digits)
        if head is not None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[key] = head


def judge(head: bytes, digits: bytes) -> Head | None:
    """Let llhttp say what a request's head means; None when it is not ordinary.

    Ordinary is HTTP/1.1 with a path and a Host, no name twice, exactly this content-length,
    and nothing about transfer, upgrade, expectation or the connection's end.
    """
    probe = _Probe()
    parser: Any = httptools.HttpRequestParser(probe)
    if not probe.takes(parser, head):
        return None
    headers, fields = probe.headers, dict(probe.headers)
    ordinary = (
        parser.get_http_version() == "1.1"
        and parser.should_keep_alive()
        and not parser.should_upgrade()
        and parser.get_method() != b"CONNECT"
        and probe.target.startswith(b"/")
        and len(fields) == len(headers)
        and b"host" in fields
        and _NOT_ORDINARY.isdisjoint(fields)
        and fields.get(b"connection", b"keep-alive").lower() == b"keep-alive"
        and fields.get(b"content-length") == digits
    )
    if not ordinary:
        return None
    headers.remove((b"content-length", digits))
    return Head(parser.get_method(), probe.target, headers, head)


def is_plain_answer(head: bytes, digits: bytes) -> bool:
    """Whether llhttp finds in an answer's head: 200, this length only, a connection that stays."""
    probe = _Probe()
    parser: Any = httptools.HttpResponseParser(probe)
    if not probe.takes(parser, head):
        return False
    names = [name for name, _ in probe.headers]
    return (
        parser.get_status_code() == 200
        and parser.get_http_version() == "1.1"
        and parser.should_keep_alive()
        and not parser.should_upgrade()
        and _NOT_ORDINARY.isdisjoint(names)
        and names.count(b"content-length") == 1
        and (b"content-length", digits) in probe.headers
    )


class PlainAnswers:
    """Which outlines are those of plain answers, asked of llhttp once for each."""

    __slots__ = ("_known", "_usual")

    def __init__(self) -> None:
        self._known: set[bytes] = set()
        self._usual: Shape | None = None

    def begins(self, data: bytes) -> tuple[int, bytes] | None:
        """(where the body begins, its length in digits) of a plain answer, else None."""
        usual = self._usual
        if usual is not None and (begins := usual.begins(data)) is not None:
            return begins
        found = outline(data)
        if found is None:
            return None
        key, start, digits = found
        if key not in self._known:
            if not is_plain_answer(data[:start], digits):
                return None
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known.add(key)
        self._usual = Shape(data[:start])
        return start, digits


class _Probe:
    """Listens to a parser that is given a head only."""

    def __init__(self) -> None:
        self.target = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.heads = 0

    def takes(self, parser: Any, head: bytes) -> bool:
        """Whether this is one head: complete with its last byte and not before."""
        try:
            parser.feed_data(head[:-1])
            early = self.heads
            parser.feed_data(head[-1:])
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return False
        return not early and self.heads == 1

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.heads += 1
