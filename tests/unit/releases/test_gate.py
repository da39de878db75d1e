"""What a plan may watch, and what it refuses."""

import json

import pytest

from volano.releases.errors import InvalidPlanError
from volano.releases.experiment.measure import Measure
from volano.releases.gate import is_feedback, said_of, window_us
from volano.releases.plan import Plan

THUMBS = Measure("thumbs", "score", "mean", "more", said="thumbs")
SALE = Measure("sale", "yes", "any", "more", zero=True, said="sale")
DAY = "5% ..3d,100%"


def gates(steps="5%,100%", meanings=(), **margins):
    return {one.name: one for one in
            Plan.parse(steps, gates=margins, meanings=dict(meanings)).gates}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("errors", "event"), ("refusals", "event"), ("schema", "event"), ("latency:800ms", "event"),
        ("ttft:1s", "event"), ("quality", "score"), ("p95", "quantile"), ("p99.5 ttft", "quantile"),
        ("cost", "mean"), ("cost:0.05 EUR", "mean"),
    ],
)  # fmt: skip
def test_calls_tell_these(name, kind):
    found = Plan.parse("5%,100%", gates={name: 0.1}).gates[0]
    assert found.kind == kind
    assert found.of_calls is (name != "quality")


def test_a_quantile_says_its_order_and_of_what():
    found = gates(**{"p99.5 ttft": 0.1, "p50": 0.2})
    assert (found["p99.5 ttft"].p, found["p99.5 ttft"].of) == (0.995, "ttft")
    assert (found["p50"].p, found["p50"].of) == (0.5, "latency")


def test_feedback_counts_by_its_metric_and_its_window():
    found = gates(DAY, {"thumbs": THUMBS, "sale 24h": SALE}, thumbs=0.05, **{"sale 24h": 0.02})
    assert found["thumbs"].window_us == 0
    assert found["sale 24h"].window_us == 86_400_000_000
    assert not found["sale 24h"].of_calls


def test_a_gate_says_all_in_one_or_only_its_margin():
    said = {
        "errors": 0.02,
        "thumbs": {"margin": 0.05, "tolerance": 0.1, "require": True, "window": "24h"},
    }
    plan = Plan.parse(DAY, gates=said, meanings={"thumbs 24h": THUMBS})
    assert plan.margins == {"errors": 0.02, "thumbs 24h": 0.05}
    assert plan.tolerances["thumbs 24h"] == 0.1
    assert plan.tolerances["errors"] == 1
    assert set(plan.required) == {"errors", "thumbs 24h"}
    again = Plan.from_dict(json.loads(json.dumps(plan.to_dict())))
    assert again == plan


def test_harm_is_what_lies_beyond_the_margin_where_nothing_else_is_said():
    found = gates(p95=0.2, cost=0.1, errors=0.05)
    assert found["p95"].tolerance == 0.2
    assert found["cost"].tolerance == 0.1
    assert found["errors"].tolerance == 1


def test_what_has_a_tail_brings_a_baseline_cohort():
    plan = Plan.parse("5%,50%,100%", gates={"errors": 0.05, "p95": 0.1})
    assert [one.cohort for one in plan.stages] == [True, False, False]
    assert not any(one.cohort for one in Plan.parse("5%,50%,100%").stages)


@pytest.mark.parametrize(
    ("steps", "said", "why"),
    [
        ("75%,100%", {"p95": 0.1}, "baseline cohort"),
        ("5%,100%", {"thumbs 24h": 0.1}, "..3d"),
        ("5%,100%", {"speed": 0.1}, "no metric speed"),
        ("5%,100%", {"errors.other": 0.1}, "no metric errors.other"),
        ("5%,100%", {"sale": 0.1}, "sale 24h"),
        ("5%,100%", {"cost:much": 0.1}, "cap"),
        ("5%,100%", {"latency:soon": 0.1}, "its limit is a time"),
        ("5%,100%", {"errors": {"margn": 0.1}}, "no margn"),
        ("5%,100%", {"errors": {"tolerance": 2}}, "says no margin"),
        ("5%,100%", {"p95": 2}, "may not be"),
        ("5%,100%", {"refusals": {"margin": 0.1, "tolerance": 0.5}}, "may not be"),
        ("5%,100%", {"p95": {"margin": 0.1, "tolerance": -1}}, "may not be"),
        ("5%,100%", {}, "no metric"),
        ("5%,100%", {7: 0.1}, "no metric"),
    ],
)
def test_what_cannot_be_watched_is_refused_with_the_reason(steps, said, why):
    meanings = {"thumbs 24h": THUMBS, "sale": SALE}
    with pytest.raises(InvalidPlanError, match=why.replace(".", r"\.")):
        Plan.parse(steps, gates=said, meanings=meanings)


def test_a_plan_that_lacks_the_cohort_it_needs_is_refused():
    plan = Plan.parse("5%,100%", gates={"p95": 0.1})
    content = plan.to_dict()
    content["stages"][0].pop("cohort")
    assert Plan.from_dict(content) == plan  # it is read as it was said, and gets its cohort
    with pytest.raises(InvalidPlanError, match="5 % cohort"):
        Plan(
            Plan.parse("5%,100%").stages, margins={"p95": 0.1}, tolerances={"p95": 0.1}, required=()
        )


@pytest.mark.parametrize(
    ("name", "said", "window"),
    [
        ("thumbs 24h", "thumbs", 86_400_000_000), ("revenue:100 EUR 3d", "revenue:100 EUR", 259_200_000_000),
        ("cost:0.05 EUR", "cost:0.05 EUR", 0), ("p50 ttft", "p50 ttft", 0), ("errors", "errors", 0),
    ],
)  # fmt: skip
def test_a_window_stands_behind_its_measure(name, said, window):
    assert (said_of(name), window_us(name)) == (said, window)


def test_names_of_feedback_are_those_that_calls_do_not_tell():
    assert is_feedback("thumbs")
    assert is_feedback("p95_rating")
    assert not is_feedback("p95")
    assert not is_feedback("cost:1")
