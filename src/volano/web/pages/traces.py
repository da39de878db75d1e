"""Traces: what was asked, what was answered, by which release, how fast, and what people said."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup, escape

from volano.core.errors import NotFoundError
from volano.costs.energy import figure
from volano.costs.price import HELD
from volano.traces.curl import as_curl
from volano.traces.span import Span as Stage
from volano.web.pages import links, words
from volano.web.pages.feedback import feedback_table
from volano.web.pages.i18n import gettext as _
from volano.web.pages.plain import parse, plain
from volano.web.pages.view import (
    Cell,
    Code,
    Column,
    Conversation,
    Facts,
    Item,
    Message,
    Row,
    Span,
    Spans,
    State,
    Table,
)
from volano.web.pages.words import money

SINCE = {"15m": 15 * words.MINUTE_US, "1h": words.HOUR_US, "1d": words.DAY_US,
         "7d": 7 * words.DAY_US, "30d": 30 * words.DAY_US, "90d": 90 * words.DAY_US}  # fmt: skip
OUTCOMES = {
    "ok": State("answered", "good"),
    "error": State("failed", "bad"),
    "cut": State("cut off", "bad"),
    "left": State("client left", "wait"),
    "refused": State("refused", "wait"),
}


def item(app: Any, key: str, now_us: int) -> Item:
    """Show one trace. The key `last` leads to the newest."""
    trace = app.traces.last() if key == "last" else _call(app, key)
    if trace is None:
        raise NotFoundError(_("There is no trace yet."))
    if isinstance(trace, Stage):
        return sent(app, trace, now_us)
    bodies = app.traces.bodies(trace)
    again = _again(app, trace, bodies.request)
    given = app.feedbacks.about(trace)
    return Item(
        title=words.clip(trace.input_text, 90) or trace.id,
        headline=_sentence(trace, now_us),
        state=outcome(trace),
        sections=[
            Conversation(_("What was said"), _turns(trace, bodies.request), note=trace.error or ""),
            feedback_table(given, trace_id=trace.id),
            _spans(trace),
            Code(_("Request body"), _pretty(bodies.request)),
            Code(_("Response body"), _pretty(bodies.response)),
            *([Code(_("As curl"), again, note=_("the key is $VOLANO_KEY there"))] if again else []),
        ],
        aside=[_route(trace), _cost(trace), _price(app, trace), _from(trace)],
        data={**plain(trace), **plain(bodies), "feedback": plain(list(given))},
    )


def sent(app: Any, root: Stage, now_us: int) -> Item:
    """Show a trace that only an application's spans tell of."""
    steps = app.traces.steps(root.id)
    told = _("{name} of {service} took {time}, {when}.")
    return Item(
        title=words.clip(root.input_text, 90) or root.name,
        headline=escape(told).format(
            name=root.name, service=root.service or _("an application"),
            time=words.duration(root.latency_us), when=words.time_tag(root.began_us, now_us),
        ),
        state=outcome(root),
        sections=[
            Conversation(_("What was said"), [Message("user", root.input_text or ""),
                                              Message("assistant", root.output_text or "")],
                         note=root.error or ""),
            Table(
                _("Steps"),
                (Column(_("Step")), Column(_("Kind"), 2), Column(_("Outcome")),
                 Column(_("Took"), number=True), Column(_("When"), 2)),
                [_step(each) for each in steps],
            ),
        ],
        aside=[
            Facts(_("Trace"), [
                (_("service"), Cell("text", root.service or "–")),
                (_("session"), Cell("text", root.session or "–")),
                (_("model"), Cell("text", root.model or "–")),
                (_("trace"), Cell("code", root.id)),
                (_("compare"), _compare(root)),
            ]),
        ],
        data=plain(list(steps)),
    )  # fmt: skip


def _step(step: Any) -> Row:
    name = step.name if isinstance(step, Stage) else step.channel
    kind = step.kind if isinstance(step, Stage) else _("call")
    return Row(
        "",
        (Cell("text", name or "–"), Cell("text", kind), Cell("state", outcome(step)),
         Cell("number", words.duration(step.latency_us)), Cell("time", step.began_us)),
        step,
    )  # fmt: skip


def _call(app: Any, key: str) -> Any:
    """Return the newest call of a trace; where it has none, the root of its spans."""
    try:
        return app.traces.get(key)
    except NotFoundError:
        steps = app.traces.steps(key)
        return next((step for step in steps if step.parent_span_id is None), steps[0])


def _again(app: Any, trace: Any, request: bytes) -> str:
    """Return the curl command that asks this again; nothing where the body was not kept."""
    scheme = "https" if getattr(app.settings, "tls", None) else "http"
    try:
        return as_curl(trace, request, f"{scheme}://127.0.0.1:{app.settings.port}")
    except NotFoundError:
        return ""


def _compare(trace: Any) -> Cell:
    return Cell("ref", _("with another trace"), href=f"/traces/diff?{urlencode({'a': trace.id})}")


def outcome(trace: Any) -> State:
    """Return how the call ended, in words."""
    state = OUTCOMES.get(trace.outcome, State(trace.outcome, "off"))
    return State(_(state.word), state.tone)


def _sentence(trace: Any, now_us: int) -> Markup:
    told = {
        "ok": _("{release} answered in {time}, {when}."),
        "error": _("{release} failed after {time}, {when}."),
        "cut": _("The answer of {release} was cut off after {time}, {when}."),
        "left": _("The client left {release} after {time}, {when}."),
        "refused": _("The request was refused, {when}."),
    }.get(trace.outcome, "{release}, {time}, {when}.")
    return escape(told).format(
        release=links.release(trace.release) if trace.release else _("The gateway"),
        time=words.duration(trace.latency_us),
        when=words.time_tag(trace.began_us, now_us),
    )


def _turns(trace: Any, request: bytes) -> list[Message]:
    """Return the messages of the request and the answer; plain text where it is no chat."""
    asked = parse(request)
    messages = asked.get("messages") if isinstance(asked, Mapping) else None
    turns = [
        Message(str(each.get("role", "")), _content(each.get("content")))
        for each in messages or []
        if isinstance(each, Mapping)
    ] or [Message("user", trace.input_text or "")]
    return [*turns, Message("assistant", trace.output_text or "")]


def _content(content: Any) -> str:
    if isinstance(content, str) or content is None:
        return content or ""
    if isinstance(content, list):
        return "\n".join(
            str(part.get("text", f"[{part.get('type', 'part')}]")) if isinstance(part, Mapping)
            else str(part)
            for part in content
        )  # fmt: skip
    return str(content)


def _spans(trace: Any) -> Spans:
    whole = max(trace.latency_us or 0, 1)
    first = trace.ttft_us
    if first is None or not trace.streamed:
        text = words.duration(trace.latency_us)
        return Spans(_("Time"), [Span(_("waiting for the answer"), 0, 1, text, "wait")])
    split = min(max(first / whole, 0.0), 1.0)
    writing = whole - first
    text = words.duration(writing)
    if trace.completion_tokens and writing > 0:
        rate = trace.completion_tokens * 1_000_000 / writing
        text += _(", {n} tokens/s").format(n=f"{rate:.0f}")
    return Spans(
        _("Time"),
        [
            Span(_("until the first token"), 0, split, words.duration(first), "wait"),
            Span(_("writing"), split, 1 - split, text, "busy"),
        ],
    )


def _route(trace: Any) -> Facts:
    arms = {"candidate": _("candidate"), "stable": _("stable")}
    arm = arms.get(trace.arm, trace.arm or "–")
    facts = [
        (_("channel"), Cell("ref", trace.channel or "–",
                            href=links.listing("traces", channel=trace.channel))),
        (_("release"), Cell("ref", trace.release or "–",
                            href=links.item("releases", trace.release) if trace.release else None)),
        (_("arm"), Cell("text", arm)),
        (_("share then"), Cell("number", words.percent(trace.share))),
        (_("target"), Cell("text", trace.target or "–")),
        (_("model"), Cell("text", trace.model or "–")),
    ]  # fmt: skip
    if trace.rollout:
        href = links.item("rollouts", trace.rollout)
        facts.insert(4, (_("rollout"), Cell("ref", trace.rollout[:8], href=href)))
    return Facts(_("Route"), facts)


def _cost(trace: Any) -> Facts:
    sub = _("estimated") if trace.estimated else None

    def tokens(n: int | None) -> Cell:
        return Cell("number", "–" if n is None else words.count(n), sub=sub)

    return Facts(
        _("Measured"),
        [
            (_("first token"), Cell("number", words.duration(trace.ttft_us))),
            (_("total"), Cell("number", words.duration(trace.latency_us))),
            (_("tokens in"), tokens(trace.prompt_tokens)),
            (_("tokens out"), tokens(trace.completion_tokens)),
            (_("status"), Cell("number", str(trace.status))),
            (_("streamed"), Cell("text", _("yes") if trace.streamed else _("no"))),
        ],
    )


def _price(app: Any, trace: Any) -> Facts:
    """Say what the call cost and by which price, and its energy and CO2e: always as ranges."""
    known = trace.cost_nano is not None
    cost = money({trace.cost_currency or "": trace.cost_nano}).strip() if known else _("unknown")
    guessed = known and trace.estimated and trace.priced_by != HELD
    sub = _("estimated") if guessed else None
    facts = [
        (_("cost"), Cell("number", cost, sub=sub)),
        (_("by"), Cell("text", trace.priced_by or "–")),
    ]
    found = app.spending.footprint(trace)
    if found is None:
        return Facts(_("Cost and energy"), [*facts, (_("energy"), Cell("text", _("unknown")))])
    wh, g = (f"{figure(each.low)} – {figure(each.high)}" for each in (found.wh, found.g))
    return Facts(
        _("Cost and energy"),
        [
            *facts,
            (_("energy"), Cell("number", f"{wh}\u202fWh", sub=found.basis)),
            (_("CO₂e"), Cell("number", f"{g}\u202fg")),
        ],
    )


def _from(trace: Any) -> Facts:
    return Facts(
        _("Caller"),
        [
            (_("began"), Cell("time", trace.began_us)),
            (_("unit"), Cell("text", trace.unit or "–")),
            (_("key"), Cell("ref", trace.key_id or "–",
                            href=links.listing("traces", key=trace.key_id))),
            (_("group"), Cell("text", trace.group or "–")),
            (_("door"), Cell("text", trace.door)),
            (_("trace"), Cell("code", trace.id)),
            (_("span"), Cell("code", trace.span_id)),
            (_("compare"), _compare(trace)),
            *([(_("parent"), Cell("code", trace.parent_span_id))] if trace.parent_span_id else []),
            *((name, Cell("text", value)) for name, value in sorted((trace.tags or {}).items())),
        ],
    )  # fmt: skip


def _pretty(body: bytes | str | None) -> str:
    """Return a body as text; JSON is indented, long bodies are cut."""
    value = parse(body)
    if value is not None:
        text = json.dumps(value, ensure_ascii=False, indent=2)
    else:
        text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body or ""
    return words.clip_raw(text, 20_000)
