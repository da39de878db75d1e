"""Rows: a sent span becomes what the table takes, or a reason why it cannot."""

import json
from collections.abc import Mapping
from operator import itemgetter
from typing import Any

import msgspec

from volano.core.ports.annotate import Annotate
from volano.traces.blob import packer
from volano.traces.content import clean
from volano.traces.errors import WithheldError
from volano.traces.frame import Spans
from volano.traces.mask.masking import Masking
from volano.traces.otlp.conventions import EVENTS, EXCEPTION, FIRST_TOKENS, Side
from volano.traces.otlp.messages import finish_of, said, text_of
from volano.traces.otlp.plan import Plan, Plans
from volano.traces.otlp.sent import Sent, Source
from volano.traces.otlp.values import Known, short
from volano.traces.tables import SPAN_COLUMNS
from volano.wire.exchange import Usage

SAID = "said by its sender"
"""What `priced_by` says of a cost that came with the span, where we know no price."""
EARLIEST_US = 946_684_800_000_000
"""2000-01-01: nothing that is older was traced."""
AHEAD_US = 86_400_000_000
"""A clock may be a day ahead of ours."""
LONGEST_US = 366 * 86_400_000_000
_SLACK_US = 1_000_000
"""A span may end this long before it begins: then it is taken as one of no length."""
MAX_ASIDE_CHARS = 1 << 16
_ERROR = 2
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
_ZSTD_LEVEL = -1
"""Quick: these blobs are packed anew, together, when records are sealed."""
_MAX_TAGS = 64
_UNSAID = ("said_nano", "answered_by", "cache_written")
"""What is read of a span on the way to other columns."""
_EMPTY: dict[str, Any] = {
    **dict.fromkeys(SPAN_COLUMNS),
    **dict.fromkeys(("service", "environment", "release", "session", "unit"), ""),
    **dict.fromkeys(("model", "provider"), ""),
    **dict.fromkeys(_UNSAID),
    "target": "",
    "door": "otlp",
    "held_nano": None,
    "usage": None,
}
_values = itemgetter(*SPAN_COLUMNS, "attributes")


class UnfitError(ValueError):
    """This span cannot be taken for what it is; the message says why."""


class Base(msgspec.Struct, gc=False):
    """What all spans of one source have in common."""

    row: dict[str, Any]
    resource: msgspec.Raw
    scope: msgspec.Raw


class Aside:
    """Keeps what was said of spans that cannot be rows."""

    def __init__(self) -> None:
        self._pack = packer(_ZSTD_LEVEL)

    def pack(self, sent: Sent) -> bytes:
        """Return all that was said of a span."""
        try:
            return self._pack(msgspec.json.encode(sent))
        except (OverflowError, TypeError, ValueError, RecursionError):  # a number beyond 64 bits
            return self._pack(repr(sent)[:MAX_ASIDE_CHARS].encode("utf-8", "replace"))


class SpanRows:
    """Makes rows of what the rules of masking left, with what a higher room adds to them (prices)."""

    def __init__(self, annotate: Annotate | None = None, masking: Masking | None = None):
        self._annotate, self._masking = annotate, masking
        self._plans, self._names = Plans(), Known(short)
        self._squeeze = packer(_ZSTD_LEVEL)
        self._encode = msgspec.json.Encoder().encode

    def base(self, source: Source, frame: Spans) -> Base:
        """Return what the spans of this source have in common."""
        if self._masking is not None and self._masking.active:
            source = self._masking.source(source)
        row = {**_EMPTY, "key_id": frame.key_id, "group": frame.group, "tags": {}}
        plan = self._plans.of(source.resource)
        _fill(row, plan, source.resource)
        row["tags"] = _tags(plan, source.resource)
        return Base(
            row,
            msgspec.Raw(self._encode(source.resource)),
            msgspec.Raw(self._encode(source.scope)),
        )

    def make(self, sent: Sent, base: Base, received_us: int) -> tuple[Any, ...]:
        """Return the values of one row.

        Raises:
            UnfitError: the span has no ids, or times that cannot be.
            Exception: whatever `annotate` raises; then `withheld` gives a row without content.
        """
        row = self._read(sent, base, received_us)
        if self._masking is not None and self._masking.active:
            row = self._masked(self._masking, row)
        if self._annotate is not None:
            row = self._price(self._annotate(row))
        elif row["said_nano"] is not None:
            row = self._price(row)
        return self._close(row)

    def left_of(self, sent: Sent) -> Sent:
        """Return what the rules of masking leave of a span, before anything is made of it."""
        masking = self._masking
        return masking.sent(sent) if masking is not None and masking.active else sent

    @staticmethod
    def _masked(masking: Masking, row: dict[str, Any]) -> dict[str, Any]:
        """What was put together out of masked pieces is searched once more, as a whole."""
        try:
            return masking.texts(row)
        except WithheldError:
            hidden: dict[str, Any] = {
                "input_text": None,
                "output_text": None,
                "unit": "",
                "tags": {},
            }
            return row | hidden | {"name": "", "attributes": {}}

    def withheld(self, sent: Sent, base: Base, received_us: int) -> tuple[Any, ...]:
        """Return the row of this span without any of its content. Raises: UnfitError."""
        row = self._read(sent, base, received_us)
        hidden: dict[str, Any] = {"input_text": None, "output_text": None, "unit": "", "tags": {}}
        return self._close(row | hidden | {"attributes": {}})

    def _read(self, sent: Sent, base: Base, received_us: int) -> dict[str, Any]:
        attributes = sent.attributes
        plan = self._plans.of(attributes)
        row = base.row.copy()
        row["began_us"], row["ended_us"] = began_us, ended_us = _times(sent, received_us)
        row["id"], row["span_id"] = sent.trace_id, sent.span_id
        row["parent_span_id"] = sent.parent_id or None
        row["name"] = self._names[sent.name] or ""
        row["latency_us"] = ended_us - began_us
        row["dialect"] = plan.dialect
        _fill(row, plan, attributes)
        row["kind"] = _kind(plan, attributes, row)
        if plan.tags or plan.tag_lists:
            row["tags"] = base.row["tags"] | _tags(plan, attributes)
        for read in plan.inputs:
            if (text := read(attributes)) is not None:
                row["input_text"] = clean(text)
                break
        for read in plan.outputs:
            if (text := read(attributes)) is not None:
                row["output_text"] = clean(text)
                break
        failed = sent.status == _ERROR
        row["outcome"] = "error" if failed else "ok"
        if sent.events:
            _read_events(row, sent)
        _settle(row, sent, attributes, failed=failed)
        row["attributes"] = self._all(sent, base)
        return row

    @staticmethod
    def _all(sent: Sent, base: Base) -> dict[str, Any]:
        """All that was said of it, for `attributes`."""
        said: dict[str, Any] = {"attributes": sent.attributes, "resource": base.resource,
                                "scope": base.scope, "kind": sent.kind}  # fmt: skip
        if sent.events:
            said["events"] = sent.events
        if sent.links:
            said["links"] = sent.links
        if sent.status or sent.message:
            said["status"] = {"code": sent.status, "message": sent.message}
        if sent.trace_state:
            said["trace_state"] = sent.trace_state
        return said

    def _price(self, row: dict[str, Any]) -> dict[str, Any]:
        """Try the name of the model that answered, then what the sender says."""
        asked, answered_by = row["model"], row["answered_by"]
        open_ = row["cost_nano"] is None and row["usage"] is not None
        if open_ and answered_by and answered_by != asked and self._annotate is not None:
            row = self._annotate(row | {"model": answered_by}) | {"model": asked}
        if row["cost_nano"] is None and row["said_nano"] is not None:
            row["cost_nano"], row["cost_currency"] = row["said_nano"], "USD"
            row["priced_by"] = SAID
        return row

    def _close(self, row: dict[str, Any]) -> tuple[Any, ...]:
        tags = row["tags"]
        row["tags"] = json.dumps(tags, ensure_ascii=False) if tags else "{}"
        row["attributes"] = self._squeeze(self._encode(row["attributes"]))
        values: tuple[Any, ...] = _values(row)
        return values


def _times(sent: Sent, received_us: int) -> tuple[int, int]:
    """Return when the span began and ended. Raises UnfitError: it cannot have."""
    if sent.why:
        raise UnfitError(sent.why)
    if len(sent.trace_id) != 32 or sent.trace_id == _NO_TRACE:
        raise UnfitError("it has no trace id")
    if len(sent.span_id) != 16 or sent.span_id == _NO_SPAN:
        raise UnfitError("it has no span id")
    began_us, ended_us = sent.start_ns // 1000, sent.end_ns // 1000
    if not EARLIEST_US <= began_us <= received_us + AHEAD_US:
        raise UnfitError("it begins before the year 2000, or more than a day from now")
    if not began_us - _SLACK_US <= ended_us <= began_us + LONGEST_US:
        raise UnfitError("it ends before it begins, or lasts longer than a year")
    return began_us, max(began_us, ended_us)


def _fill(row: dict[str, Any], plan: Plan, attributes: Mapping[str, Any]) -> None:
    for column, name, known in plan.columns:
        value = attributes[name]
        kind = type(value)
        found = known[value] if kind is str or kind is int else known.read(value)
        if found is not None:
            row[column] = found


def _kind(plan: Plan, attributes: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    for name, meanings in plan.kinds:
        value = attributes[name]
        if isinstance(value, str) and (kind := meanings.get(value) or meanings.get(value.upper())):
            return kind
    return "llm" if row["model"] and row["completion_tokens"] is not None else "other"


def _tags(plan: Plan, attributes: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for tag, name in plan.tags:
        found[short(tag) or tag] = short(text_of(attributes[name])) or ""
    for name in plan.tag_lists:
        value = attributes[name]
        for tag in value if isinstance(value, list) else [value]:
            if isinstance(tag, str) and tag:
                found[short(tag) or tag] = "true"
    return dict(list(found.items())[:_MAX_TAGS])


def _read_events(row: dict[str, Any], sent: Sent) -> None:
    """Take content, the first token and the exception where they are told as events."""
    texts: dict[Side, str] = {}
    for event in sent.events:
        name, attributes = event["name"], event["attributes"]
        for side, field in EVENTS.get(name, ()):
            text = said(side, attributes.get(field)) if attributes.get(field) else None
            if text and (side == "input" or side not in texts):
                texts[side] = text
        if name == EXCEPTION:
            found = attributes.get("exception.message") or attributes.get("exception.type")
            row["error"] = row["error"] or short(found)
        elif name in FIRST_TOKENS and row["ttft_us"] is None:
            row["ttft_us"] = max(0, event["time_unix_nano"] // 1000 - row["began_us"])
    for side, text in texts.items():
        if row[f"{side}_text"] is None:
            row[f"{side}_text"] = clean(text)


def _settle(
    row: dict[str, Any], sent: Sent, attributes: Mapping[str, Any], *, failed: bool
) -> None:
    """Fill what follows from the rest: error, finish, usage."""
    row["error"] = (short(sent.message) or row["error"] or "error") if failed else None
    if row["finish"] is None and "gen_ai.output.messages" in attributes:
        row["finish"] = short(finish_of(attributes["gen_ai.output.messages"]))
    prompt, completion = row["prompt_tokens"], row["completion_tokens"]
    if prompt is not None and (completion is not None or row["kind"] == "embedding"):
        row["usage"] = Usage(
            prompt,
            completion or 0,
            row["cached_tokens"] or 0,
            row["cache_written"] or 0,
            row["reasoning_tokens"] or 0,
        )
