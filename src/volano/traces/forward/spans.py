"""Spans: rows as OTLP/JSON, calls by the conventions of OpenTelemetry for generative AI.

Source: OTLP 1.x, JSON protobuf encoding (ids in hex, 64-bit numbers as text); semantic
conventions for generative AI, the names that `traces.otlp.conventions` reads first.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import zstandard

CALL_COLUMNS = (
    *("seq", "id", "span_id", "parent_span_id", "began_us", "ended_us", "ttft_us", "channel"),
    *("release", "unit", "door", "target", "model", "provider", "status", "outcome", "error"),
    *("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens", "finish"),
    *("environment", "session", "tags", "input_text", "output_text"),
)
SPAN_COLUMNS = (
    *("seq", "id", "span_id", "parent_span_id", "began_us", "ended_us", "name", "outcome"),
    *("error", "attributes"),
)
_MAGIC = b"\x28\xb5\x2f\xfd"
_CLIENT, _OK, _ERROR = 3, 1, 2
_FAILED = ("error", "cut", "refused", "left")
_OPERATIONS = {"openai.embeddings": "embeddings", "openai.completions": "text_completion"}


def of_calls(rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Return calls of the gateway as spans of the service `volano`, by environment."""
    by_place: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        call = dict(zip(CALL_COLUMNS, row, strict=True))
        by_place.setdefault(call["environment"], []).append(_call(call))
    return [
        _group({"service.name": "volano", "deployment.environment.name": place or None},
               {"name": "volano.gateway"}, spans)
        for place, spans in by_place.items()
    ]  # fmt: skip


def of_spans(rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Return spans of applications as they were sent, and masked."""
    return [_sent(dict(zip(SPAN_COLUMNS, row, strict=True))) for row in rows]


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    operation = _OPERATIONS.get(call["door"], "chat")
    failed = call["outcome"] in _FAILED
    ttft_us = call["ttft_us"]
    said = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": call["provider"] or None,
        "gen_ai.request.model": call["model"] or None,
        "gen_ai.usage.input_tokens": call["prompt_tokens"],
        "gen_ai.usage.output_tokens": call["completion_tokens"],
        "gen_ai.usage.cache_read.input_tokens": call["cached_tokens"],
        "gen_ai.usage.reasoning.output_tokens": call["reasoning_tokens"],
        "gen_ai.response.finish_reasons": [call["finish"]] if call["finish"] else None,
        "gen_ai.response.time_to_first_chunk": None if ttft_us is None else ttft_us / 1e6,
        "gen_ai.conversation.id": call["session"] or None,
        "gen_ai.input.messages": _message("user", call["input_text"]),
        "gen_ai.output.messages": _message("assistant", call["output_text"]),
        "user.id": call["unit"] or None,
        "error.type": (str(call["status"] or "") or call["outcome"]) if failed else None,
        "volano.channel": call["channel"] or None,
        "volano.release": call["release"] or None,
        "volano.target": call["target"] or None,
        "volano.outcome": call["outcome"],
        **{f"volano.tag.{name}": value for name, value in _tags(call["tags"]).items()},
    }
    name = f"{operation} {call['model']}".strip()
    status = {"code": _ERROR, "message": call["error"] or ""} if failed else {}
    return _span(call, name, _CLIENT, said, status)


def _sent(row: Mapping[str, Any]) -> dict[str, Any]:
    data = row["attributes"] or b"{}"
    said = json.loads(zstandard.decompress(data) if data[:4] == _MAGIC else data)
    status = said.get("status") or {}
    if not status and row["outcome"] == "error":
        status = {"code": _ERROR, "message": row["error"] or ""}
    span = _span(row, row["name"], said.get("kind", 0), said.get("attributes") or {}, status)
    events, links = said.get("events") or (), said.get("links") or ()
    if events:
        span["events"] = [
            {"name": event["name"], "timeUnixNano": str(event["time_unix_nano"]),
             "attributes": _pairs(event.get("attributes") or {})}
            for event in events
        ]  # fmt: skip
    if links:
        span["links"] = [
            {"traceId": link["trace_id"], "spanId": link["span_id"],
             "attributes": _pairs(link.get("attributes") or {})}
            for link in links
        ]  # fmt: skip
    if said.get("trace_state"):
        span["traceState"] = said["trace_state"]
    scope = said.get("scope") or {}
    named = {name: str(scope[name]) for name in ("name", "version") if scope.get(name)}
    return _group(said.get("resource") or {}, named, [span])


def _span(
    row: Mapping[str, Any], name: str, kind: int, said: Mapping[str, Any], status: Mapping[str, Any]
) -> dict[str, Any]:
    span = {
        "traceId": row["id"], "spanId": row["span_id"], "name": name, "kind": kind,
        "startTimeUnixNano": str(row["began_us"] * 1000),
        "endTimeUnixNano": str(row["ended_us"] * 1000),
        "attributes": _pairs(said), "status": dict(status),
    }  # fmt: skip
    if row["parent_span_id"]:
        span["parentSpanId"] = row["parent_span_id"]
    return span


def _group(
    resource: Mapping[str, Any], scope: Mapping[str, Any], spans: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "resource": {"attributes": _pairs(resource)},
        "scopeSpans": [{"scope": scope, "spans": spans}],
    }


def _pairs(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": k, "value": _value(v)} for k, v in said.items() if v is not None]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(one) for one in value if one is not None]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _pairs(value)}}
    return {"stringValue": str(value)}


def _message(role: str, text: str | None) -> str | None:
    if text is None:
        return None
    return json.dumps(
        [{"role": role, "parts": [{"type": "text", "content": text}]}], ensure_ascii=False
    )


def _tags(tags: Any) -> dict[str, str]:
    found = json.loads(tags) if isinstance(tags, str | bytes) else tags
    return found if isinstance(found, dict) else {}
