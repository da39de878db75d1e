"""The JSON form of an export request (OTLP 1.x, "JSON Protobuf Encoding").

It differs from protobuf's own JSON: ids are hex, kinds and codes are numbers,
64-bit integers may be texts, unknown fields are skipped. Kinds and codes by
name, which protobuf's own JSON has, are taken too.
"""

from collections.abc import Iterator

import msgspec

from volano.wire.otlp.answers import MalformedError


class _Struct(msgspec.Struct, rename="camel", gc=False):
    pass


class Value(_Struct):
    """One value; at most one of these is given."""

    string_value: str | None = None
    int_value: int | str | None = None
    double_value: float | str | None = None
    bool_value: bool | None = None
    bytes_value: str | None = None
    array_value: "Values | None" = None
    kvlist_value: "Pairs | None" = None


class Values(_Struct):
    """A list."""

    values: list[Value] = []


class Pair(_Struct):
    """An attribute."""

    key: str = ""
    value: Value | None = None


class Pairs(_Struct):
    """An object."""

    values: list[Pair] = []


class Event(_Struct):
    """Something that happened within a span."""

    time_unix_nano: int | str = 0
    name: str = ""
    attributes: list[Pair] = []


class Link(_Struct):
    """Another span that this one has to do with."""

    trace_id: str = ""
    span_id: str = ""
    trace_state: str = ""
    attributes: list[Pair] = []


class Status(_Struct):
    """How a span ended: 0 not said, 1 ok, 2 error."""

    message: str = ""
    code: int | str = 0


class Span(_Struct):
    """One span."""

    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    trace_state: str = ""
    name: str = ""
    kind: int | str = 0
    start_time_unix_nano: int | str = 0
    end_time_unix_nano: int | str = 0
    attributes: list[Pair] = []
    events: list[Event] = []
    links: list[Link] = []
    status: Status | None = None


class Scope(_Struct):
    """Which library made the spans."""

    name: str = ""
    version: str = ""
    attributes: list[Pair] = []


class ScopeSpans(_Struct):
    """The spans of one library."""

    scope: Scope | None = None
    spans: list[Span] = []


class Resource(_Struct):
    """Which program made the spans."""

    attributes: list[Pair] = []


class ResourceSpans(_Struct):
    """The spans of one program."""

    resource: Resource | None = None
    scope_spans: list[ScopeSpans] = []


class Request(_Struct):
    """All of an export request."""

    resource_spans: list[ResourceSpans] = []


_decode = msgspec.json.Decoder(Request).decode


def read(body: bytes) -> Request:
    """Read a request.

    Raises:
        MalformedError: it is no JSON, or a field has the wrong type.
    """
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(str(error)) from None


def count_spans(body: bytes) -> tuple[int, int]:
    """Return how many spans there are, and how many of them lack an id.

    Raises:
        MalformedError: it is no JSON, or a field has the wrong type.
    """
    spans = list(all_spans(read(body)))
    return len(spans), sum(not has_ids(span) for span in spans)


def all_spans(request: Request) -> Iterator[Span]:
    """Give every span."""
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            yield from scope.spans


def has_ids(span: Span) -> bool:
    """Whether both ids are there, of the right length and not all zero."""
    return _is_id(span.trace_id, 32) and _is_id(span.span_id, 16)


def _is_id(text: str, digits: int) -> bool:
    if len(text) != digits or not text.isascii() or not text.isalnum():
        return False
    try:
        return int(text, 16) != 0
    except ValueError:
        return False
