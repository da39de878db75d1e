"""Lean messages: an export request, read only as far as to its spans' attributes.

Field numbers and types are OpenTelemetry's (trace.proto, trace_service.proto of
OTLP 1.x), but what hangs on a span is left as the bytes that it is: an attribute
that was seen before need then not be read again, and one that was not is read
with OpenTelemetry's own message. Reading is done by the protobuf library; a
field that is not named here is stepped over by it.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "volano.otlp.lean"
_MESSAGES: dict[str, tuple[tuple[int, str, str], ...]] = {
    "Span": (
        (1, "trace_id", "bytes"),
        (2, "span_id", "bytes"),
        (3, "trace_state", "string"),
        (4, "parent_span_id", "bytes"),
        (5, "name", "string"),
        (6, "kind", "int32"),
        (7, "start_time_unix_nano", "fixed64"),
        (8, "end_time_unix_nano", "fixed64"),
        (9, "attributes", "bytes*"),
        (11, "events", "bytes*"),
        (13, "links", "bytes*"),
        (15, "status", "bytes"),
    ),
    "ScopeSpans": ((1, "scope", "bytes"), (2, "spans", "Span*")),
    "ResourceSpans": ((1, "resource", "bytes"), (2, "scope_spans", "ScopeSpans*")),
    "Request": ((1, "resource_spans", "ResourceSpans*"),),
}
"""Message -> its fields: number, name, type; a star for those that stand there many times."""
_TYPES = {
    "bytes": _FIELD.TYPE_BYTES,
    "string": _FIELD.TYPE_STRING,
    "int32": _FIELD.TYPE_INT32,
    "fixed64": _FIELD.TYPE_FIXED64,
}


def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="volano/otlp/lean.proto", package=_PACKAGE, syntax="proto3"
    )
    for message, fields in _MESSAGES.items():
        made = file.message_type.add(name=message)
        for number, name, kind in fields:
            many = _FIELD.LABEL_REPEATED if kind.endswith("*") else _FIELD.LABEL_OPTIONAL
            field = made.field.add(name=name, number=number, label=many)
            kind = kind.rstrip("*")
            if kind in _TYPES:
                field.type = _TYPES[kind]
            else:
                field.type, field.type_name = _FIELD.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _MESSAGES
    }


_CLASSES = _classes()
Request: Any = _CLASSES["Request"]
Span: Any = _CLASSES["Span"]
