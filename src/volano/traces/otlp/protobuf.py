"""Export requests in protobuf, read with the protobuf library.

The loops here run for every attribute of every span, 200,000 times a second under
load, and most attributes say what others said before (the model, the provider, the
server): what short ones said is remembered by their bytes.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2 as whole

from volano.traces.otlp import lean
from volano.traces.otlp.sent import Reading, Sent, Source
from volano.wire.otlp.protobuf import field, places

_UNREADABLE = "it is no whole span, or a text in it is no UTF-8"
_MOST_KNOWN = 4096
_LONGEST_KNOWN = 96
"""Bytes of an attribute, its name too: what is longer hardly comes again."""
_LASTING = (str, int, float, bool)


class Reader:
    """Reads requests, and remembers short attributes: forgotten all at once when too many."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[str, Any]] = {}

    def read(self, body: bytes) -> Reading:
        """Read a request; where it is not whole as it stands, span by span.

        Raises:
            MalformedError: not even its frame is whole.
        """
        try:
            request = lean.Request.FromString(body)
        except DecodeError:
            yield from self._piece_by_piece(body)
            return
        for of_resource in request.resource_spans:
            for of_scope in of_resource.scope_spans:
                yield _source(of_resource.resource, of_scope.scope), map(self._sent, of_scope.spans)

    def _piece_by_piece(self, body: bytes) -> Reading:
        """A broken text in one span must not take the others with it."""
        known, source = ((0, 0), (0, 0)), Source({}, {})
        for resource, scope, (start, end) in places(body):
            if (resource, scope) != known:
                known = resource, scope
                source = _source(field(body, *resource, 1), field(body, *scope, 1))
            try:
                span = self._sent(lean.Span.FromString(body[start:end]))
            except DecodeError:
                span = Sent(why=_UNREADABLE)
            yield source, iter((span,))

    def _sent(self, span: Any) -> Sent:
        try:
            return self._read(span)
        except DecodeError:
            return Sent(name=span.name, why=_UNREADABLE)

    def _read(self, span: Any) -> Sent:
        parent, status, events, links = (
            span.parent_span_id, span.status, span.events, span.links,
        )  # fmt: skip
        known, attributes = self._known, {}
        for said in span.attributes:
            pair = known.get(said) or self._pair(said)
            attributes[pair[0]] = pair[1]
        code, message = _status(status) if status else (0, "")
        return Sent(
            span.trace_id.hex(),
            span.span_id.hex(),
            parent.hex() if parent else "",
            span.name,
            span.kind,
            span.start_time_unix_nano,
            span.end_time_unix_nano,
            attributes,
            list(_events(map(whole.Span.Event.FromString, events))) if events else [],
            list(_links(map(whole.Span.Link.FromString, links))) if links else [],
            code,
            message,
            span.trace_state,
        )

    def _pair(self, said: bytes) -> tuple[str, Any]:
        """Return the name and the value of an attribute that is not known. Raises: DecodeError."""
        pair = KeyValue.FromString(said)
        value = (v := pair.value).string_value or v.int_value or _value(v)
        found = pair.key, value
        if len(said) <= _LONGEST_KNOWN and isinstance(value, _LASTING):
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[said] = found
        return found


def _source(resource: bytes, scope: bytes) -> Source:
    try:
        said = _attributes(Resource.FromString(resource).attributes)
        return Source(said, _scope(InstrumentationScope.FromString(scope)))
    except DecodeError:
        return Source({}, {})


def _status(said: bytes) -> tuple[int, str]:
    status = whole.Status.FromString(said)
    return status.code, status.message


def _events(events: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for event in events:
        yield {
            "name": event.name,
            "time_unix_nano": event.time_unix_nano,
            "attributes": _attributes(event.attributes),
        }


def _links(links: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for link in links:
        yield {
            "trace_id": link.trace_id.hex(),
            "span_id": link.span_id.hex(),
            "attributes": _attributes(link.attributes),
        }


def _scope(scope: Any) -> dict[str, Any]:
    said = {"name": scope.name, "version": scope.version}
    attributes = _attributes(scope.attributes)
    return {**said, "attributes": attributes} if attributes else said


def _attributes(pairs: Iterable[Any]) -> dict[str, Any]:
    return {kv.key: kv.value.string_value or _value(kv.value) for kv in pairs}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    found = getattr(value, kind)
    if kind == "array_value":
        return [_value(one) for one in found.values]
    if kind == "kvlist_value":
        return _attributes(found.values)
    if kind == "bytes_value":
        return b64encode(found).decode()
    return found
