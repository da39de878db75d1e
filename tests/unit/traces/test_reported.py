"""What applications report that they spent: each money once, whoever tells it."""

import pytest

from support.otlp import NOW_US, as_protobuf, span
from unit.traces.test_recorder import a_call
from volano.costs.dimension import reported_column
from volano.costs.errors import BadDimensionError
from volano.traces import reported as module
from volano.traces.errors import TooMuchReportedError
from volano.traces.frame import Kind, Spans, encode
from volano.traces.hot import HotStore
from volano.traces.keeper import Traces
from volano.traces.recorder import Recorder
from volano.traces.spool import Spool

TRACE, OTHER = "1" * 32, "2" * 32
HOUR = 3_600_000_000


def llm(id_, cost=None, **more):
    said = {"openinference.span.kind": "LLM", "llm.model_name": more.pop("model", "m"),
            "volano.tag.region": "eu", "llm.token_count.prompt": 10}  # fmt: skip
    if cost is not None:
        said["llm.cost.total"] = cost
    return span("chat", said, id=id_ * 16, **{"trace": TRACE} | more)


def step(id_, **more):
    return span("step", id=id_ * 16, **{"trace": TRACE} | more)


@pytest.fixture
def of(tmp_path):
    def asked(*spans, calls=(), by=("model", "currency")):
        hot = HotStore(tmp_path / "records" / "hot.db")
        with Spool(tmp_path / "spool", "w") as spool:
            spool.append(
                Kind.SPANS, encode(Spans(body=as_protobuf(*spans), received_us=NOW_US + HOUR))
            )
            for call in calls:
                spool.append(Kind.CALL, encode(call))
        recorder = Recorder(tmp_path / "spool", hot)
        recorder.drain()
        recorder.close()
        hot.close()
        traces = Traces(tmp_path / "records" / "hot.db")
        rows = traces.reported(by=by, since_us=NOW_US - HOUR, until_us=NOW_US + HOUR)
        return {name: (s.calls, s.unpriced, s.nano, s.prompt_tokens) for name, s in rows}

    return asked


def test_what_went_past_the_gateway_is_summed(of):
    told = of(llm("a", 0.5), llm("b", 0.25, trace=OTHER), llm("c", model="x"), step("d"))
    assert told == {("m", "USD"): (2, 0, 750_000_000, 20), ("x", ""): (1, 1, 0, 10)}


def test_the_span_around_a_call_of_the_gateway_is_not_paid_again(of):
    call = a_call(1, id=TRACE, parent_span_id="b" * 16, began_us=NOW_US, ended_us=NOW_US + 1)
    told = of(llm("a", 0.5), step("b", parent="a" * 16), llm("c", 0.25), calls=[call])
    assert told == {("m", "USD"): (1, 0, 250_000_000, 10)}, "c stands beside it"


def test_of_spans_within_spans_the_lowest_counts(of):
    told = of(
        llm("a", 0.75, model="agent"), step("b", parent="a" * 16), llm("c", 0.5, parent="b" * 16),
        llm("d", 0.25, parent="b" * 16), llm("e", model="asked", parent="d" * 16),
    )  # fmt: skip
    assert told == {("m", "USD"): (2, 0, 750_000_000, 20), ("asked", ""): (1, 1, 0, 10)}


def test_a_ring_of_parents_ends(of):
    told = of(llm("a", 0.5, parent="b" * 16), llm("b", 0.5, parent="a" * 16))
    assert told == {}


def test_it_is_summed_by_service_tag_and_day(of):
    told = of(llm("a", 0.5), by=("service", "tag:region", "day"))
    assert told == {("shop", "eu", "2026-09-21"): (1, 0, 500_000_000, 10)}


def test_too_much_is_refused_and_not_cut(of, monkeypatch):
    monkeypatch.setattr(module, "MOST", 1)
    with pytest.raises(TooMuchReportedError):
        of(llm("a", 0.5), llm("b", 0.5))


def test_nothing_recorded_is_nothing(tmp_path):
    assert Traces(tmp_path / "hot.db").reported(by=["model"], since_us=0) == []


def test_a_dimension_that_spans_lack_is_refused():
    assert reported_column("region") == "tag:region"
    with pytest.raises(BadDimensionError, match="channel"):
        reported_column("channel")
