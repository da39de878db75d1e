"""Export requests in JSON become the same `Sent` spans as those in protobuf."""

from collections.abc import Iterable
from typing import Any

from volano.traces.otlp.sent import Reading, Sent, Source
from volano.wire.otlp import json as wire

_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_CODES = ("UNSET", "OK", "ERROR")


def read(body: bytes) -> Reading:
    """Read a request.

    Raises:
        MalformedError: it is no JSON, or a field has the wrong type.
    """
    for of_resource in wire.read(body).resource_spans:
        pairs = of_resource.resource.attributes if of_resource.resource else ()
        resource = _attributes(pairs)
        for of_scope in of_resource.scope_spans:
            scope = of_scope.scope or wire.Scope()
            said: dict[str, Any] = {"name": scope.name, "version": scope.version}
            if scope.attributes:
                said["attributes"] = _attributes(scope.attributes)
            yield Source(resource, said), map(_sent, of_scope.spans)


def _sent(span: wire.Span) -> Sent:
    try:
        return _read(span)
    except (ValueError, RecursionError) as error:
        return Sent(name=span.name, why=f"a number in it cannot be read ({error})")


def _read(span: wire.Span) -> Sent:
    has_ids = wire.has_ids(span)
    return Sent(
        span.trace_id.lower() if has_ids else "",
        span.span_id.lower() if has_ids else "",
        span.parent_span_id.lower(),
        span.name,
        _code(span.kind, _KINDS),
        int(span.start_time_unix_nano),
        int(span.end_time_unix_nano),
        _attributes(span.attributes),
        [
            {
                "name": event.name,
                "time_unix_nano": int(event.time_unix_nano),
                "attributes": _attributes(event.attributes),
            }
            for event in span.events
        ],
        [
            {
                "trace_id": link.trace_id.lower(),
                "span_id": link.span_id.lower(),
                "attributes": _attributes(link.attributes),
            }
            for link in span.links
        ],
        _code(span.status.code, _CODES) if span.status else 0,
        span.status.message if span.status else "",
        span.trace_state,
    )


def _code(said: int | str, names: tuple[str, ...]) -> int:
    if isinstance(said, int):
        return said
    name = said.rpartition("_")[2]
    return names.index(name) if name in names else int(said)


def _attributes(pairs: Iterable[wire.Pair]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: wire.Value | None) -> Any:
    if value is None:
        return None
    if value.string_value is not None:
        return value.string_value
    if value.int_value is not None:
        return int(value.int_value)
    if value.bool_value is not None:
        return value.bool_value
    if value.double_value is not None:
        return float(value.double_value)
    if value.array_value is not None:
        return [_value(one) for one in value.array_value.values]
    if value.kvlist_value is not None:
        return _attributes(value.kvlist_value.values)
    return value.bytes_value
