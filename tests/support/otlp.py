"""Export requests as applications send them, in both encodings, from plain Python values."""

import gzip
import json
import secrets
import time
from typing import Any

from google.protobuf.message import Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

NOW_US = 1_790_000_000_000_000


def span(
    name: str = "step", attributes: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """A span in plain words; times are microseconds from `NOW_US`."""
    return {
        "trace_id": more.pop("trace", None) or secrets.token_hex(16),
        "span_id": more.pop("id", None) or secrets.token_hex(8),
        "parent": more.pop("parent", ""),
        "name": name,
        "start_us": NOW_US + more.pop("start", 0),
        "end_us": NOW_US + more.pop("end", 1_000_000),
        "attributes": attributes or {},
        "events": more.pop("events", []),
        "status": more.pop("status", 0),
        "message": more.pop("message", ""),
        **more,
    }


def request(spans: list[dict[str, Any]], resource: dict[str, Any] | None = None,
            scope: str = "test") -> ExportTraceServiceRequest:  # fmt: skip
    made = ExportTraceServiceRequest()
    of_resource = made.resource_spans.add()
    _add(of_resource.resource, {"service.name": "shop"} if resource is None else resource)
    of_scope = of_resource.scope_spans.add()
    of_scope.scope.name = scope
    for said in spans:
        one = of_scope.spans.add()
        one.trace_id = bytes.fromhex(said["trace_id"])
        one.span_id = bytes.fromhex(said["span_id"])
        one.parent_span_id = bytes.fromhex(said["parent"])
        one.name, one.kind = said["name"], 3
        one.start_time_unix_nano = said["start_us"] * 1000
        one.end_time_unix_nano = said["end_us"] * 1000
        one.status.code, one.status.message = said["status"], said["message"]
        _add(one, said["attributes"])
        for name, at_us, attributes in said["events"]:
            event = one.events.add()
            event.name, event.time_unix_nano = name, (NOW_US + at_us) * 1000
            _add(event, attributes)
    return made


def as_protobuf(*spans: dict[str, Any], **more: Any) -> bytes:
    return request(list(spans), **more).SerializeToString()


def as_json(*spans: dict[str, Any], **more: Any) -> bytes:
    """The JSON that OTLP wants: hex ids, camelCase, 64-bit numbers as texts."""
    from google.protobuf.json_format import MessageToDict

    made = MessageToDict(request(list(spans), **more), use_integers_for_enums=True)
    for of_resource in made["resourceSpans"]:
        for of_scope in of_resource["scopeSpans"]:
            for one, said in zip(of_scope["spans"], spans, strict=True):
                one["traceId"], one["spanId"] = said["trace_id"], said["span_id"]
                one["parentSpanId"] = said["parent"]
    return json.dumps(made).encode()


def as_gzip(body: bytes) -> bytes:
    return gzip.compress(body, 1)


def load(count: int, each: int, *, bytes_each: int = 1000) -> list[tuple[bytes, list[str]]]:
    """Bodies of about such spans of a language model's client, and the span ids in each."""
    made = []
    for _ in range(count):
        spans = []
        for n in range(each):
            if n % 8 == 0:
                trace, parent = secrets.token_hex(16), ""
            words = secrets.token_hex(bytes_each // 8)
            spans.append(span("chat gpt-5", {
                "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-5", "gen_ai.response.model": "gpt-5",
                "gen_ai.response.id": f"chatcmpl-{n}", "gen_ai.usage.input_tokens": 100 + n,
                "gen_ai.usage.output_tokens": 50, "gen_ai.conversation.id": f"c{trace[:6]}",
                "user.id": f"u{trace[:2]}", "gen_ai.response.finish_reasons": ["stop"],
                "server.address": "api.openai.com", "server.port": 443,
                "gen_ai.input.messages": json.dumps(
                    [{"role": "user", "parts": [{"type": "text", "content": words}]}]),
                "gen_ai.output.messages": json.dumps([{"role": "assistant", "finish_reason": "stop",
                    "parts": [{"type": "text", "content": words[: len(words) // 3]}]}]),
            }, trace=trace, parent=parent, start=0, start_us=time.time_ns() // 1000 - 1_000_000,
                end_us=time.time_ns() // 1000))  # fmt: skip
            parent = spans[-1]["span_id"]
        made.append((as_protobuf(*spans), [one["span_id"] for one in spans]))
    return made


def _add(holder: Message, attributes: dict[str, Any]) -> None:
    for key, value in attributes.items():
        pair = holder.attributes.add()
        pair.key = key
        _set(pair.value, value)


def _set(to: AnyValue, value: Any) -> None:
    if isinstance(value, bool):
        to.bool_value = value
    elif isinstance(value, int):
        to.int_value = value
    elif isinstance(value, float):
        to.double_value = value
    elif isinstance(value, str):
        to.string_value = value
    elif isinstance(value, bytes):
        to.bytes_value = value
    elif isinstance(value, list):
        to.array_value.SetInParent()
        for one in value:
            _set(to.array_value.values.add(), one)
    elif isinstance(value, dict):
        to.kvlist_value.SetInParent()
        for key, one in value.items():
            pair = to.kvlist_value.values.add()
            pair.key = key
            _set(pair.value, one)
