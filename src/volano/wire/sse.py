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

    __slots__ = ("_parts", "_size", "_tail", "max_event")

    def __init__(self, max_event: int = 8 << 20):
        self._parts: list[bytes] = []
        self._size = 0
        self._tail = b""
        self.max_event = max_event

    @property
    def rest(self) -> bytes:
        """What came of an event that is not complete."""
        return b"".join(self._parts)

    def feed(self, chunk: bytes) -> bytes:
        """Return the complete events so far (often just `chunk`), `b""` when there is none.

        What came before is looked at again for its last three bytes only, however
        many pieces a long event comes in.
        """
        if not self._parts and chunk[-2:] == b"\n\n":
            return chunk
        seen = self._tail + chunk
        end = _last_boundary(seen)
        if not end:
            self._keep(chunk)
            return b""
        data = b"".join((*self._parts, chunk))
        rest = len(seen) - end
        self._parts, self._size, self._tail = [], 0, b""
        self._keep(data[len(data) - rest :])
        return data[: len(data) - rest]

    def _keep(self, part: bytes) -> None:
        if part:
            self._parts.append(part)
            self._size += len(part)
            self._tail = (self._tail + part)[-3:]
        if self._size > self.max_event:
            raise EventTooLongError


def _last_boundary(data: bytes) -> int:
    """Offset just after the last blank line; 0 when there is none.

    A final CR is not yet a boundary: the LF that belongs to it may still come.
    """
    if b"\r" not in data:
        found = data.rfind(b"\n\n")
        return found + 2 if found >= 0 else 0
    end = 0
    for match in _END.finditer(data):
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
