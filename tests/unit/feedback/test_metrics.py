import pytest

from support.feedback_room import ANNA
from volano.core.errors import InvalidError
from volano.feedback.errors import (
    BadMetricError,
    NotAllowedError,
    RetiredMetricError,
    UnknownMetricError,
)

TRACE = "ab" * 16


def test_versions_are_immutable_and_the_same_definition_makes_none(offices):
    define = offices.metrics.define
    first = define("thumbs", type="boolean", description="Gefällt’s?", by=ANNA)
    assert first.ref == define("thumbs", type="boolean", description="Gefällt’s?", by=ANNA).ref
    second = define("thumbs", type="category", categories=["good", "坏"], good=["good"], by=ANNA)
    assert (first.ref, second.ref) == ("thumbs@1", "thumbs@2")
    assert offices.metrics.get("thumbs@1") == first
    assert offices.metrics.get("thumbs") == second
    assert [m.ref for m in offices.metrics.list()] == ["thumbs@2"]
    assert [m.ref for m in offices.metrics.list(versions=True)] == ["thumbs@1", "thumbs@2"]
    verbs = [e.verb for e in offices.ledger.list(subject="metric/thumbs")]
    assert verbs == ["define", "define"]
    for wrong in ("thumbs@3", "thumbs@x", "nobody"):
        with pytest.raises(UnknownMetricError):
            offices.metrics.get(wrong)


def test_a_retired_metric_refuses_until_it_is_defined_again(office):
    office.metrics.define("thumbs", type="boolean", by=ANNA)
    office.give(TRACE, name="thumbs", value=True)
    assert office.metrics.retire("thumbs", by=ANNA).to_dict()["state"] == "retired"
    with pytest.raises(RetiredMetricError):
        office.give(TRACE, name="thumbs", value=True)
    assert office.metrics.define("thumbs", type="boolean", by=ANNA).ref == "thumbs@2"
    assert office.give(TRACE, name="thumbs", value=True).metric == "thumbs@2"
    assert [f.metric for f in office.read().list()] == ["thumbs@2", "thumbs@1"]


@pytest.mark.parametrize(
    "made",
    [
        {"type": "stars"}, {"type": "number", "low": 5, "high": 1}, {"type": "category"},
        {"type": "boolean", "low": 0}, {"type": "category", "categories": ["a", "a"]},
        {"type": "category", "categories": ["a"], "good": ["b"]}, {"type": "comment", "outcome": True},
        {"type": "money", "currency": "euro"}, {"type": "boolean", "level": "galaxy"},
        {"type": "boolean", "direction": "up"}, {"type": "number", "low": float("nan")},
    ],
    ids=str,
)  # fmt: skip
def test_what_makes_no_sense_is_refused(office, made):
    with pytest.raises(BadMetricError):
        office.metrics.define("odd", **made, by=ANNA)


@pytest.mark.parametrize(
    ("made", "given", "value", "raw"),
    [
        ({"type": "boolean"}, "yes", 1.0, 1.0),
        ({"type": "boolean", "direction": "less"}, True, 0.0, 1.0),
        ({"type": "number", "low": 1, "high": 5}, "4", 0.75, 4.0),
        ({"type": "number", "low": 0, "high": 10, "direction": "less"}, 2.5, 0.75, 2.5),
        ({"type": "number", "unit": "min"}, 90, None, 90.0),
        ({"type": "category", "categories": ["да", "нет"], "good": ["да"]}, "нет", 0.0, "нет"),
        ({"type": "category", "categories": ["a", "b"]}, "b", None, "b"),
        ({"type": "money", "currency": "EUR"}, "12.5", None, "12.50 EUR"),
        ({"type": "money"}, "-0.000000001 HUF", None, "-0.000000001 HUF"),
    ],
)
def test_a_value_is_placed_between_bad_and_good(office, made, given, value, raw):
    office.metrics.define("m", **made, by=ANNA)
    said = office.give(TRACE, name="m", value=given)
    assert (said.value, said.given, said.metric) == (value, raw, "m@1")
    assert office.read().list()[0].given == raw


@pytest.mark.parametrize(
    ("made", "given", "allowed"),
    [
        ({"type": "boolean"}, "maybe", "true or false"),
        ({"type": "number", "low": 1, "high": 5, "unit": "stars"}, 6, "a number from 1 to 5 stars"),
        ({"type": "number"}, True, "a number"),
        ({"type": "category", "categories": ["a", "b"]}, "c", "one of a, b"),
        ({"type": "money"}, "12.50", "12.50 EUR"),
        ({"type": "money", "currency": "EUR"}, "1 USD", "12.50 EUR"),
        ({"type": "comment"}, 1, "a comment"),
        ({"type": "demonstration"}, None, "shows how it is done"),
        ({"type": "boolean", "level": "session"}, True, "feedback on a session"),
    ],
)
def test_what_a_metric_does_not_take_is_told_with_what_it_takes(office, made, given, allowed):
    office.metrics.define("m", **made, by=ANNA)
    with pytest.raises(NotAllowedError, match=allowed) as error:
        office.give(TRACE, name="m", value=given)
    assert "m@1" in error.value.message


def test_free_names_stay_possible_with_a_note(office):
    noted = office.feedbacks.give(TRACE, name="cheerful", value="0.5", by=ANNA)
    assert (noted.value.value, noted.value.metric) == (0.5, "")
    assert "free name" in noted.notes[0]
    with pytest.raises(InvalidError, match="from 0"):
        office.give(TRACE, name="cheerful", value="very")
    assert office.feedbacks.add(TRACE, value=1, by=ANNA).name == "correct"


def test_the_old_sentence_is_checked_by_the_metric_too(office):
    office.metrics.define("stars", type="number", low=1, high=5, by=ANNA)
    said = office.feedbacks.add(TRACE, name="stars", value=5, by=ANNA)
    assert (said.value, said.number, said.metric) == (1.0, 5.0, "stars@1")
    with pytest.raises(NotAllowedError, match="1 to 5"):
        office.feedbacks.add(TRACE, name="stars", value=0, by=ANNA)


def test_a_comment_alone_may_stand_on_any_metric(office):
    office.metrics.define("thumbs", type="boolean", by=ANNA)
    assert office.give(TRACE, name="thumbs", comment="hm").value is None
    with pytest.raises(NotAllowedError, match="nothing"):
        office.give(TRACE, name="thumbs")


@pytest.mark.parametrize(("said", "value"), [(True, 1), (False, 0), ("true", 1), (0.25, 0.25)])
def test_true_and_false_of_a_free_name_are_one_and_zero(office, said, value):
    assert office.give(TRACE, name="hasznos", value=said).value == value
