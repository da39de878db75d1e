"""The protobuf form of an export request, walked without reading what the spans say.

    ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
    ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
    ScopeSpans { InstrumentationScope scope = 1; repeated Span spans = 2; }
    Span { bytes trace_id = 1; bytes span_id = 2; ... }

Every field is a tag (number << 3 | wire type) and a value; only values with a
length (type 2) hold messages, all others are stepped over. A step costs about a
microsecond, so that a gateway can look at each span before it says yes, without
loading a library of messages into every worker.
"""

from collections.abc import Iterator

from volano.wire.otlp.answers import MalformedError

MAX_FIELDS = 200_000
"""So many fields are stepped over in one body: more is no export, but work for nothing."""
_VARINT, _I64, _LEN, _I32 = 0, 1, 2, 5
_IDS = b"\x0a\x10", b"\x12\x08"
"""How a span begins that was written in the order of its fields: 16 bytes, then 8."""


def count_spans(body: bytes) -> tuple[int, int]:
    """Return how many spans there are, and how many of them lack an id.

    Raises:
        MalformedError: this is no whole message.
    """
    spans = without = 0
    steps = _Steps()
    for _, _, (start, end) in _places(body, steps):
        spans += 1
        if not _has_ids(body, start, end, steps):
            without += 1
    return spans, without


Place = tuple[int, int]
"""Where a message begins and ends."""


def places(body: bytes) -> Iterator[tuple[Place, Place, Place]]:
    """Give the places of each span, with those of its ResourceSpans and its ScopeSpans.

    Raises:
        MalformedError: this is no whole message.
    """
    yield from _places(body, _Steps())


def field(data: bytes, at: int, end: int, number: int) -> bytes:
    """Return the field of this number of the message at this place; empty where there is none.

    Where it stands twice the last one holds, as protobuf has it.
    """
    return _last(data, at, end, number, _Steps())


def _places(body: bytes, steps: "_Steps") -> Iterator[tuple[Place, Place, Place]]:
    for resource in _messages(body, 0, len(body), 1, steps):
        for scope in _messages(body, *resource, 2, steps):
            for span in _messages(body, *scope, 2, steps):
                yield resource, scope, span


class _Steps:
    """How many fields were stepped over so far."""

    __slots__ = ("taken",)

    def __init__(self) -> None:
        self.taken = 0


def _messages(
    data: bytes, at: int, end: int, number: int, steps: _Steps
) -> Iterator[tuple[int, int]]:
    """Give the places of the messages in the field of this number; the others are stepped over."""
    wanted = number << 3 | _LEN
    try:
        while at < end:
            steps.taken += 1
            if steps.taken > MAX_FIELDS:
                raise MalformedError(f"it has more than {MAX_FIELDS} fields; send less at once")
            tag = data[at]
            at += 1
            if tag > 127:
                tag, at = _varint(data, at - 1)
            kind = tag & 7
            if kind == _LEN:
                size = data[at]
                at += 1
                if size > 127:
                    size, at = _varint(data, at - 1)
                if at + size > end:
                    raise MalformedError("a field is longer than its message")
                if tag == wanted:
                    yield at, at + size
                at += size
            elif kind == _VARINT:
                _, at = _varint(data, at)
            elif kind in (_I64, _I32):
                at += 8 if kind == _I64 else 4
            else:
                raise MalformedError(f"there is no wire type {kind}")
    except IndexError:
        raise MalformedError("it ends in the middle of a field") from None
    if at > end:
        raise MalformedError("a field is longer than its message")


def _has_ids(data: bytes, at: int, end: int, steps: _Steps) -> bool:
    """Whether both ids are there, of the right length and not all zero."""
    first, second = _IDS
    if data[at : at + 2] == first and data[at + 18 : at + 20] == second and at + 28 <= end:
        trace, span = data[at + 2 : at + 18], data[at + 20 : at + 28]
    else:
        trace, span = (_last(data, at, end, number, steps) for number in (1, 2))
    return len(trace) == 16 and len(span) == 8 and any(trace) and any(span)


def _last(data: bytes, at: int, end: int, number: int, steps: _Steps) -> bytes:
    found = b""
    for start, stop in _messages(data, at, end, number, steps):
        found = data[start:stop]
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise MalformedError("a number is longer than 64 bits")
