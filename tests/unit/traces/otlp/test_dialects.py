"""The four dialects, from fixtures written by hand after their conventions: one row, whatever the words."""

import json

import pytest

from support.otlp import NOW_US, as_gzip, as_json, as_protobuf, span
from volano.costs.book import Book
from volano.costs.pricing import Pricing
from volano.traces import HotStore, Kind, Recorder, Spool, encode
from volano.traces.frame import Spans as Frame
from volano.traces.spans import Spans

MESSAGES_IN = json.dumps([
    {"role": "system", "parts": [{"type": "text", "content": "Be polite."}]},
    {"role": "user", "parts": [{"type": "text", "content": "Где мой заказ?"}]},
])  # fmt: skip
MESSAGES_OUT = json.dumps([
    {"role": "assistant", "parts": [{"type": "text", "content": "Unterwegs."}], "finish_reason": "stop"},
])  # fmt: skip

FIXTURES = {
    "genai": {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.response.model": "gpt-5-2025-08-07",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.response.time_to_first_chunk": 0.25,
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 200,
        "gen_ai.usage.cache_read.input_tokens": 400,
        "gen_ai.usage.reasoning.output_tokens": 50,
        "gen_ai.conversation.id": "conv-7",
        "user.id": "anna",
        "gen_ai.input.messages": MESSAGES_IN,
        "gen_ai.output.messages": MESSAGES_OUT,
    },
    "genai-1.36": {
        "gen_ai.operation.name": "chat",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.response.finish_reasons": '["stop"]',
        "gen_ai.usage.prompt_tokens": 1000,
        "gen_ai.usage.completion_tokens": 200,
        "gen_ai.usage.cache_read_input_tokens": 400,
        "gen_ai.usage.reasoning_tokens": 50,
        "session.id": "conv-7",
        "enduser.id": "anna",
        "gen_ai.prompt.0.role": "system",
        "gen_ai.prompt.0.content": "Be polite.",
        "gen_ai.prompt.1.role": "user",
        "gen_ai.prompt.1.content": "Где мой заказ?",
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": "Unterwegs.",
    },
    "openinference": {
        "openinference.span.kind": "LLM",
        "llm.provider": "openai",
        "llm.system": "openai",
        "llm.model_name": "gpt-5",
        "llm.token_count.prompt": 1000,
        "llm.token_count.completion": 200,
        "llm.token_count.prompt_details.cache_read": 400,
        "llm.token_count.completion_details.reasoning": 50,
        "llm.finish_reason": "stop",
        "session.id": "conv-7",
        "user.id": "anna",
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": "Be polite.",
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.contents.0.message_content.type": "text",
        "llm.input_messages.1.message.contents.0.message_content.text": "Где мой заказ?",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "Unterwegs.",
        "input.value": '{"messages": []}',
        "output.value": "{}",
    },
    "openllmetry": {
        "llm.request.type": "chat",
        "gen_ai.system": "OpenAI",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.usage.prompt_tokens": 1000,
        "gen_ai.usage.completion_tokens": 200,
        "gen_ai.usage.cache_read_input_tokens": 400,
        "gen_ai.usage.reasoning_tokens": 50,
        "llm.usage.total_tokens": 1200,
        "gen_ai.prompt.0.role": "user",
        "gen_ai.prompt.0.content": "Где мой заказ?",
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": "Unterwegs.",
        "gen_ai.completion.0.finish_reason": "stop",
        "traceloop.association.properties.session_id": "conv-7",
        "traceloop.association.properties.user_id": "anna",
    },
}
RESOURCE = {
    "service.name": "shop",
    "service.version": "2.1",
    "deployment.environment.name": "production",
}


@pytest.fixture
def recorded(tmp_path):
    """Send bodies as the door spools them; get the keeper that reads them."""
    hot = HotStore(tmp_path / "hot.db")
    book = Book()
    spool = Spool(tmp_path / "spool", "worker")
    recorder = Recorder(tmp_path / "spool", hot, annotate=Pricing(lambda: book))

    def record(*bodies, encoding="protobuf", gzipped=False):
        for body in bodies:
            frame = Frame(key_id="k1", group="acme/shop", received_us=NOW_US + 10**6,
                          encoding=encoding, gzipped=gzipped, body=body)  # fmt: skip
            spool.append(Kind.SPANS, encode(frame))
        recorder.drain()
        record.tally = recorder.tally
        return Spans(tmp_path / "hot.db")

    yield record
    spool.close()
    recorder.close()
    hot.close()


@pytest.mark.parametrize("dialect", FIXTURES)
@pytest.mark.parametrize("form", ["protobuf", "json", "gzip"])
def test_a_models_call_is_the_same_row_in_every_dialect(recorded, dialect, form):
    sent = span("chat gpt-5", FIXTURES[dialect])
    write = as_json if form == "json" else as_protobuf
    body = write(sent, resource=RESOURCE)
    spans = recorded(
        as_gzip(body) if form == "gzip" else body,
        encoding="json" if form == "json" else "protobuf", gzipped=form == "gzip",
    )  # fmt: skip
    (found,) = spans.list()
    assert (found.id, found.span_id, found.parent_span_id) == (
        sent["trace_id"],
        sent["span_id"],
        None,
    )
    assert (found.dialect, found.kind, found.model, found.provider) == (
        dialect,
        "llm",
        "gpt-5",
        "openai",
    )
    assert (found.prompt_tokens, found.completion_tokens) == (1000, 200)
    assert (found.cached_tokens, found.reasoning_tokens, found.finish) == (400, 50, "stop")
    assert (found.input_text, found.output_text) == ("Где мой заказ?", "Unterwegs.")
    assert (found.session, found.unit, found.service) == ("conv-7", "anna", "shop")
    assert (found.release, found.environment) == ("2.1", "production")
    assert (found.key_id, found.group, found.outcome, found.error) == (
        "k1",
        "acme/shop",
        "ok",
        None,
    )
    assert (found.began_us, found.latency_us) == (NOW_US, 1_000_000)
    assert found.cost_nano == 600 * 1250 + 400 * 125 + 200 * 10_000
    assert (found.cost_currency, found.tags) == ("USD", {})
    said = spans.said(found)
    assert said["attributes"] == sent["attributes"]
    assert said["resource"] == RESOURCE


def test_first_tokens_errors_and_texts_told_as_events(recorded):
    events = [
        ("gen_ai.user.message", 1, {"content": "Grüezi"}),
        ("gen_ai.choice", 2, {"index": 0, "message": '{"role": "assistant", "content": "你好"}'}),
        ("First Token Stream Event", 200_000, {}),
        ("exception", 3, {"exception.type": "Timeout", "exception.message": "too slow"}),
    ]
    sent = span("chat", {"gen_ai.system": "openai", "gen_ai.operation.name": "chat"},
                events=events, status=2)  # fmt: skip
    (found,) = recorded(as_protobuf(sent)).list()
    assert (found.input_text, found.output_text, found.ttft_us) == ("Grüezi", "你好", 200_000)
    assert (found.outcome, found.error) == ("error", "too slow")


@pytest.mark.parametrize(
    ("attributes", "kind", "dialect"),
    [
        ({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.arguments": "{}"}, "tool", "genai"),
        ({"gen_ai.operation.name": "invoke_agent"}, "agent", "genai"),
        ({"mcp.method.name": "tools/call"}, "tool", "genai"),
        ({"traceloop.span.kind": "workflow", "traceloop.entity.input": "a"}, "chain", "openllmetry"),
        ({"openinference.span.kind": "RERANKER"}, "reranker", "openinference"),
        ({"openinference.span.kind": "UNHEARD"}, "other", "openinference"),
        ({"gen_ai.operation.name": "new_thing"}, "other", "genai"),
        ({"http.request.method": "GET", "n": 0, "ok": False, "empty": ""}, "other", ""),
        ({}, "other", ""),
    ],
)  # fmt: skip
def test_kinds(recorded, attributes, kind, dialect):
    (found,) = (spans := recorded(as_protobuf(span("step", attributes)))).list()
    assert (found.kind, found.dialect) == (kind, dialect)
    assert spans.said(found)["attributes"] == attributes


def test_own_attributes_win_and_tags_are_gathered(recorded):
    attributes = {
        "volano.session": "s9", "session.id": "no", "volano.user": "bo", "volano.release": "r3",
        "volano.environment": "staging", "volano.tag.plan": "gold", "volano.tag.n": 7,
        "langfuse.trace.tags": ["beta", "eu"], "traceloop.association.properties.tenant": "acme",
    }  # fmt: skip
    resource = {
        "service.name": "shop", "openinference.project.name": "bots", "cloud.region": "eu-central-1",
    }  # fmt: skip
    (found,) = recorded(as_protobuf(span("x", attributes), resource=resource)).list()
    assert (found.session, found.unit, found.release, found.environment) == (
        "s9",
        "bo",
        "r3",
        "staging",
    )
    assert found.tags == {
        "plan": "gold", "n": "7", "beta": "true", "eu": "true", "tenant": "acme", "project": "bots",
        "region": "eu-central-1",
    }  # fmt: skip


def test_a_region_that_is_said_holds_before_that_of_the_cloud(recorded):
    said = {"volano.tag.region": "eu", "cloud.region": "us-east-1"}
    (found,) = recorded(as_protobuf(span("x", said))).list()
    assert found.tags == {"region": "eu"}


def test_a_cost_that_the_sender_says_counts_where_no_price_is_known(recorded):
    own = {"openinference.span.kind": "LLM", "llm.model_name": "house", "llm.cost.total": 0.25}
    (found,) = recorded(as_protobuf(span("x", own))).list()
    assert (found.cost_nano, found.cost_currency, found.priced_by) == (
        250_000_000, "USD", "said by its sender",
    )  # fmt: skip


def test_bad_spans_are_set_aside_with_a_reason_and_the_others_stay(recorded):
    good = [span("good", {"text": "\0 ok", "n": 2**63 - 1}), span("also good")]
    bad = [
        span("no trace", trace="0" * 32),
        span("no id", id="0" * 16),
        span("too early", start=-NOW_US),
        span("from the future", start=10**12, end=10**12 + 1),
        span("backwards", start=10**7, end=0),
    ]
    spans = recorded(as_protobuf(good[0], *bad, good[1]))
    assert {found.name for found in spans.list()} == {"good", "also good"}
    assert (recorded.tally.spans, recorded.tally.spans_aside, recorded.tally.losses) == (2, 5, 0)
    reasons = {one.name: one.why for one in spans.refused()}
    assert reasons.keys() == {one["name"] for one in bad}
    assert reasons["no id"] == "it has no span id"


def test_a_broken_text_in_one_span_costs_that_span_only(recorded):
    body = as_protobuf(span("first", {"a": "b"}), span("BROKEN"), span("last"), resource=RESOURCE)
    spans = recorded(body.replace(b"BROKEN", b"BRO\xff\xfeN"))
    found = spans.list()
    assert sorted(one.name for one in found) == ["first", "last"]
    assert {one.service for one in found} == {"shop"}
    assert "UTF-8" in spans.refused()[0].why


def test_a_repeated_span_counts_once_and_an_unreadable_frame_is_kept_aside(recorded):
    body = as_protobuf(span("once"))
    spans = recorded(body, body, b"\x0a\xff", as_json(span("json")))
    recorded(as_gzip(body), gzipped=True)
    assert [one.name for one in spans.list()] == ["once"]
    assert (recorded.tally.repeats, recorded.tally.losses) == (2, 2)


def test_pages_of_a_trace_and_of_children(recorded):
    trace = "ab" * 16
    root = span("root", trace=trace)
    steps = [span(f"{n}", trace=trace, parent=root["span_id"], start=n // 3) for n in range(20)]
    spans = recorded(as_protobuf(*reversed(steps), root))
    first = spans.children(trace, root["span_id"], limit=7)
    rest = spans.children(trace, root["span_id"], after=(first[-1].began_us, first[-1].seq))
    assert sorted(int(one.name) for one in (*first, *rest)) == list(range(20))
    assert [one.began_us for one in (*first, *rest)] == sorted(
        one.began_us for one in (*first, *rest)
    )
    assert [one.name for one in spans.children(trace, None)] == ["root"]
    assert (len(spans.of_trace(trace)), spans.count(trace)) == (21, 21)
