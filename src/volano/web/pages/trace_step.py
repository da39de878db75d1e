"""The details of one step: what was said as messages, its facts, its events, all its attributes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from volano.core.errors import NotFoundError
from volano.traces.conversation import Said, asked, told
from volano.traces.step import Outline
from volano.web.pages import links, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.plain import parse
from volano.web.pages.trace_tree import address, cost, name_of, tokens
from volano.web.pages.view import (
    Cell,
    Code,
    Column,
    Conversation,
    Facts,
    Message,
    Row,
    Section,
    State,
    Table,
)

_EVENTS = 100


@dataclass(frozen=True, slots=True)
class Details:
    """One step as the panel shows it."""

    span_id: str
    title: str
    kind: str
    state: State
    sections: Sequence[Section]
    below: str
    closed: str


def details(app: Any, outline: Outline, span_id: str) -> Details:
    """Return all that is known of one step.

    Raises:
        UnknownSpanError: it is not there.
    """
    step = app.steps.get(outline.id, span_id)
    offset = words.duration(max(0, step.began_us - outline.began_us))
    sections = (_of_call if step.what == "call" else _of_span)(app, outline, span_id, offset)
    bad = step.outcome in ("error", "cut")
    state = State(_(step.outcome), "bad" if bad else "good" if step.outcome == "ok" else "wait")
    below = address(outline.id, under=span_id) if step.children else ""
    return Details(
        span_id, name_of(step), step.kind, state, sections, below, address(outline.id, at=span_id)
    )


def messages(said: Sequence[Said]) -> list[Message]:
    """Return messages as the conversation's template draws them."""
    return [Message(one.role, one.text) for one in said]


def _of_span(app: Any, outline: Outline, span_id: str, offset: str) -> Sequence[Section]:
    span = app.spans.get(outline.id, span_id)
    said = app.spans.said(span)
    attributes = said.get("attributes") or {}
    turns = [
        *(told("input", attributes) or _text("user", span.input_text)),
        *(told("output", attributes) or _text("assistant", span.output_text)),
    ]
    facts = [
        *_facts(span, offset),
        (_("provider"), Cell("text", span.provider or "–")),
        (_("service"), Cell("text", span.service or "–")),
        (_("release"), Cell("text", span.release or "–")),
        *_whose(span),
        *((name, Cell("text", value)) for name, value in sorted(span.tags.items())),
    ]
    rest = {name: value for name, value in said.items() if name not in ("attributes", "events")}
    return (
        *_conversation(turns, span.error),
        Facts(_("Measured"), facts),
        *_events(said.get("events") or (), outline),
        _values(_("Attributes"), attributes),
        Code(_("Resource, scope, links"), _pretty(rest)),
    )


def _of_call(app: Any, outline: Outline, span_id: str, offset: str) -> Sequence[Section]:
    call = next((c for c in app.traces.calls(outline.id) if c.span_id == span_id), None)
    if call is None:
        raise NotFoundError(_("This call is not there any more."))
    bodies = app.traces.bodies(call)
    turns = [*(asked(bodies.request) or _text("user", call.input_text)),
             *_text("assistant", call.output_text)]  # fmt: skip
    release = links.item("releases", call.release) if call.release else None
    facts = [
        *_facts(call, offset),
        (_("release"), Cell("ref", call.release or "–", href=release)),
        (_("target"), Cell("text", call.target or "–")),
        (_("status"), Cell("number", str(call.status))),
        (_("door"), Cell("text", call.door)),
        *_whose(call),
        *((name, Cell("text", value)) for name, value in sorted(call.tags.items())),
    ]
    return (
        *_conversation(turns, call.error),
        Facts(_("Measured"), facts),
        Code(_("Request body"), _pretty(parse(bodies.request) or _raw(bodies.request))),
        Code(_("Response body"), _pretty(parse(bodies.response) or _raw(bodies.response))),
    )


def _conversation(turns: Sequence[Said], error: str | None) -> Sequence[Section]:
    if not turns and not error:
        return ()
    return (Conversation(_("What was said"), messages(turns), note=error or ""),)


def _text(role: str, text: str | None) -> tuple[Said, ...]:
    return (Said(role, text),) if text else ()


def _facts(step: Any, offset: str) -> list[tuple[str, Cell]]:
    return [
        (_("began after"), Cell("number", offset)),
        (_("took"), Cell("number", words.duration(step.latency_us))),
        (_("first token"), Cell("number", words.duration(step.ttft_us))),
        (_("model"), Cell("text", step.model or "–")),
        (_("tokens"), Cell("number", tokens(step) or "–")),
        (_("cost"), Cell("number", cost(step) or "–")),
    ]


def _whose(step: Any) -> list[tuple[str, Cell]]:
    session = ("session", Cell("ref", step.session, href=links.item("sessions", step.session)))
    return [
        *([(_(session[0]), session[1])] if step.session else []),
        (_("unit"), Cell("text", step.unit or "–")),
        (_("span"), Cell("code", step.span_id)),
    ]


def _events(events: Sequence[Any], outline: Outline) -> Sequence[Section]:
    rows = []
    for event in [each for each in events if isinstance(each, Mapping)][:_EVENTS]:
        at_us = int(event.get("time_unix_nano") or 0) // 1000
        when = words.duration(at_us - outline.began_us) if at_us >= outline.began_us else "–"
        said = ", ".join(f"{k}: {_short(v)}" for k, v in (event.get("attributes") or {}).items())
        rows.append(Row("", (Cell("text", str(event.get("name", ""))), Cell("number", when),
                             Cell("text", words.clip(said, 400))), event))  # fmt: skip
    columns = (Column(_("Event")), Column(_("After"), number=True), Column(_("Said")))
    return (Table(_("Events"), columns, rows),) if rows else ()


def _values(title: str, values: Mapping[str, Any]) -> Section:
    cells = [(str(name), Cell("text", _short(value))) for name, value in sorted(values.items())]
    return Facts(title, cells)


def _short(value: Any) -> str:
    if isinstance(value, str) and value[:1] in ("[", "{"):
        value = parse(value) or value  # JSON in a text: its letters as they are
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return words.clip(text, 400)


def _pretty(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def _raw(data: bytes) -> str:
    return data.decode("utf-8", "replace")
