import pytest

from volano.feedback.metric import Metric
from volano.feedback.record import Feedback
from volano.releases.experiment.errors import BadMeasureError
from volano.releases.experiment.measure import Measure, measure

SALE = Metric("sale", 1, "boolean", outcome=True)
MONEY = Metric("revenue", 1, "money", outcome=True, currency="EUR")


def said(**more):
    return Feedback(id="", trace_id="", at_us=0, by="", group="", name="x", **more)


def test_a_conversion_counts_as_no_where_nothing_was_told_and_a_score_does_not_count():
    assert measure("sale", SALE).zero
    assert measure("revenue:100", MONEY).zero
    assert not measure("thumbs", Metric("thumbs", 1, "boolean")).zero
    assert not measure("hilfreich").zero


def test_a_complaint_that_did_not_come_is_no_complaint():
    complaint = measure(
        "complaint", Metric("complaint", 1, "boolean", direction="less", outcome=True)
    )
    assert complaint.better == "less"
    assert complaint.of_feedback(said(value=0.0, number=1.0)) == 1.0
    assert complaint.together({"a": 0.0, "b": 1.0}) == 1.0


def test_money_is_summed_up_to_its_cap():
    revenue = measure("revenue:100", MONEY)
    amounts = [revenue.of_feedback(said(nano=n * 10**9, currency="EUR")) for n in (30, 20)]
    assert revenue.together(dict(enumerate(amounts))) == pytest.approx(0.5)
    assert revenue.together({"a": 3.0}) == 1.0
    assert revenue.together({"a": 0.3, "refund": -0.5}) == 0.0
    assert revenue.of_feedback(said(nano=10**9, currency="USD")) is None
    assert revenue.told(0.125) == "12.5 EUR"


def test_other_feedback_is_its_mean():
    stars = measure("stars", Metric("stars", 1, "number", low=1, high=5))
    assert stars.together({"a": 0.25, "b": 0.75}) == 0.5
    assert stars.told(0.034) == "3.4 points"


def test_limits_are_read():
    assert measure("latency:800ms").scale == 800_000
    assert measure("ttft").scale == 1_000_000
    assert measure("cost:0.05 EUR") == Measure(
        "cost", "cost", "mean", "less", 0.05, "EUR", said="cost:0.05 EUR"
    )
    assert measure("errors").is_event


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        ("latency:fast", None), ("latency:0s", None), ("cost", None), ("cost:-1", None),
        ("errors:5", None), ("revenue", MONEY), ("revenue:100", Metric("revenue", 1, "money")),
        ("note", Metric("note", 1, "comment")), ("Überschuss", None), ("满意", None), ("", None),
        ("kind", Metric("kind", 1, "category", categories=("a", "b"))),
        ("seconds", Metric("seconds", 1, "number", low=0)),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_is_refused_with_the_reason(text, metric):
    with pytest.raises(BadMeasureError) as failure:
        measure(text, metric)
    assert "latency:2s" in failure.value.advice
