"""Server-sent events (WHATWG HTML §9.2): cut a byte stream at event boundaries.

A gateway passes events on and reads few of them, so that the framer returns
whole *blocks* of events (any number, ending with a blank line), untouched.
"""

import re
from collections.abc import Iterator

_END = re.compile(rb"\r\n\r\n|\n\n|\r\r|\r\n\n|\n\r\n")


class EventTooLongError(ValueError):
    """One event is longer than the limit; the stream cannot be trusted to end it."""


class Framer:
    """Feed chunks, get blocks that end at an event boundary.

    Raises:
        EventTooLongError: when an unfinished event passes `max_event` bytes.
    """

    __slots__ = ("max_event", "rest")

    def __init__(self, max_event: int = 8 << 20):
        self.rest = b""
        self.max_event = max_event

    def feed(self, chunk: bytes) -> bytes:
        """Return the complete events so far (often just `chunk`), `b""` when there is none."""
        if not self.rest and chunk[-2:] == b"\n\n":
            return chunk
        data = self.rest + chunk if self.rest else chunk
        end = _last_boundary(data, max(0, len(self.rest) - 3))
        self.rest = data[end:] if end else data
        if len(self.rest) > self.max_event:
            raise EventTooLongError
        return data[:end]


def _last_boundary(data: bytes, start: int) -> int:
    """Offset just after the last blank line at or after `start`; 0 when there is none.

    A final CR is not yet a boundary: the LF that belongs to it may still come.
    """
    if b"\r" not in data:
        found = data.rfind(b"\n\n", start)
        return found + 2 if found >= 0 else 0
    end = 0
    for match in _END.finditer(data, start):
        if match.end() < len(data) or not match.group().endswith(b"\r"):
            end = match.end()
    return end


def events(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (raw event with its blank line, its data) for each event of a block."""
    start = 0
    for match in _END.finditer(block):
        raw = block[start : match.end()]
        start = match.end()
        yield raw, data_of(raw)
    if start < len(block):
        yield block[start:], data_of(block[start:])


def data_of(event: bytes) -> bytes:
    """The data field of one event: its lines joined by LF, as the standard says."""
    if event[:6] == b"data: " and event.find(b"\n") >= len(event) - 2 and b"\r" not in event:
        return event[6:].rstrip(b"\n")
    lines = []
    for line in re.split(rb"\r\n|\n|\r", event):
        name, _, value = line.partition(b":")
        if name == b"data":
            lines.append(value.removeprefix(b" "))
    return b"\n".join(lines)


def event(data: bytes) -> bytes:
    """One event with this (single-line) data."""
    return b"data: %b\n\n" % data
