"""Real instrumentations: the official client, instrumented twice, sends its spans to the same door."""

from collections.abc import Iterator

import httpx2
import openai
import pytest
from openinference.instrumentation.openai import OpenAIInstrumentor as OpenInference
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor as GenAI
from opentelemetry.propagate import inject
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from simulators.workers import SENDER
from volano.traces import HotStore, Recorder, Traces
from volano.traces.spans import Spans
from volano.traces.tree import tree

QUESTION = "Wo ist mein Paket? 我的包裹呢？"


class Records:
    """What the gateway spooled, read back as anybody reads it."""

    def __init__(self, spool, path):
        self._hot = HotStore(path)
        self._recorder = Recorder(spool, self._hot)
        self.traces, self.spans = Traces(path), Spans(path)

    def tree(self, trace: str):
        self._recorder.drain()
        return tree(self.traces.calls(trace), self.spans.of_trace(trace))

    def close(self):
        self._recorder.close()
        self._hot.close()


@pytest.fixture
def records(gateway, tmp_path) -> Iterator[Records]:
    made = Records(gateway.folder / "spool", tmp_path / "hot.db")
    yield made
    made.close()


@pytest.fixture
def tracing(gateway) -> Iterator[TracerProvider]:
    """What an application sets up: a resource, a batch, an exporter to our door."""
    resource = {"service.name": "shop", "service.version": "7", "deployment.environment.name": "ci"}
    provider = TracerProvider(resource=Resource(resource))
    exporter = OTLPSpanExporter(
        endpoint=f"{gateway.url}/traces",
        headers={"authorization": f"Bearer {SENDER}"},
        compression=Compression.Gzip,
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    yield provider
    provider.shutdown()


def client(gateway) -> openai.OpenAI:
    """The official client; its HTTP client says the trace, as an instrumented one does."""
    hooks = {"request": [lambda request: inject(request.headers)]}
    http = httpx2.Client(event_hooks=hooks)
    return openai.OpenAI(base_url=gateway.url, api_key=SENDER, http_client=http, max_retries=0)


@pytest.mark.parametrize(
    ("instrumentor", "dialect"), [(GenAI, "genai"), (OpenInference, "openinference")]
)
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_the_clients_spans_and_our_call_are_one_tree(
    gateway, providers, records, tracing, monkeypatch, instrumentor, dialect, streamed
):
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental")
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")
    made = instrumentor()
    made.instrument(tracer_provider=tracing)
    try:
        with (
            client(gateway) as asking,
            tracing.get_tracer("shop").start_as_current_span("answer a customer") as root,
        ):
            more = {"stream_options": {"include_usage": True}} if streamed else {}
            answer = asking.chat.completions.create(
                model="openai.chat", messages=[{"role": "user", "content": QUESTION}],
                stream=streamed, **more,
            )  # fmt: skip
            if streamed:
                text = "".join(c.choices[0].delta.content or "" for c in answer if c.choices)
            else:
                text = answer.choices[0].message.content
        assert tracing.force_flush()
    finally:
        made.uninstrument()
    trace = f"{root.get_span_context().trace_id:032x}"
    steps = records.tree(trace)
    assert [(step.depth, step.what, step.kind) for step in steps] == [
        (0, "span", "other"), (1, "span", "llm"), (2, "call", "call"),
    ]  # fmt: skip
    (call,) = records.traces.calls(trace)
    said = records.spans.get(trace, steps[1].span_id)
    assert (said.dialect, said.service, said.release, said.environment) == (
        dialect,
        "shop",
        "7",
        "ci",
    )
    assert (
        (said.input_text, said.output_text)
        == (QUESTION, text)
        == (call.input_text, call.output_text)
    )
    assert said.prompt_tokens == call.prompt_tokens
    assert said.completion_tokens == call.completion_tokens
    assert said.outcome == "ok"
