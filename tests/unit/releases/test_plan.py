import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.core.canon import canonical
from volano.core.errors import InvalidError
from volano.releases.errors import InvalidPlanError
from volano.releases.plan import Guard, Plan


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("5%,25%,100%", (50_000, 250_000, 1_000_000)),
        (" 0.5 %, 10% ,100.0%", (5_000, 100_000, 1_000_000)),
        ("0.0001%,100%", (1, 1_000_000)),
        ("100%", (1_000_000,)),
    ],
)
def test_steps_are_read_from_percentages(text, steps):
    assert Plan.parse(text).steps == steps


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "`` in `` is not a percentage"),
        ("5%,5%,100%", "5 % after 5 % does not rise"),
        ("25%,5%,100%", "5 % after 25 % does not rise"),
        ("5%,101%", "101 % is more than everything"),
        ("5%,50%", "ends at 50 %, not at 100 %"),
        ("0%,100%", "0 % sends nothing"),
        ("5,25,100", "`5` in `5,25,100` is not a percentage"),
        ("2,5%,100%", "`2` in"),
        ("-5%,100%", "not a percentage"),
        ("5%;100%", "not a percentage"),
        ("nan%,100%", "not a percentage"),
        ("1e1%,100%", "not a percentage"),
        ("５％,100%", "not a percentage"),
        ("öt%,100%", "not a percentage"),
        ("5%,,100%", "not a percentage"),
        ("0.00001%,100%", "finer than"),
    ],
)
def test_what_is_no_plan_is_refused_with_a_reason(text, why):
    with pytest.raises(InvalidPlanError) as error:
        Plan.parse(text)
    assert why in str(error.value)
    assert "5%,25%,100%" in error.value.advice


@pytest.mark.parametrize(
    "settings",
    [
        {"margins": {"errors": 0}},
        {"margins": {"errors": math.nan}},
        {"margins": {"speed": 0.1}},
        {"margins": {}},
        {"margins": 0.1},
        {"margins": {"errors": "5%"}},
        {"tolerances": {"errors": 0.9}},
        {"tolerances": {"errors": math.inf}},
        {"required": ("taste",)},
        {"required": "errors"},
        {"margins": {"errors": 0.1}, "required": ("quality",)},
        {"alpha_harm": 0},
        {"alpha_promote": 1},
        {"min_units": 0},
        {"min_units": 1.5},
        {"max_wait_s": -1},
        {"bad_below": 2},
        {"guard": {"failed": 30, "of": 25}},
        {"guard": {"failed": 0}},
        {"guard": {"fails": 3}},
        {"guard": "20 of 25"},
        {"colour": "red"},
    ],
)
def test_a_setting_out_of_range_is_refused(settings):
    with pytest.raises(InvalidError):
        Plan.parse("5%,100%", **settings)


def test_tolerances_may_name_some_metrics_only():
    assert Plan.parse("5%,100%", tolerances={"errors": 2}).tolerances == {
        "errors": 2,
        "quality": 1.0,
    }


@given(
    st.lists(st.integers(1, 999_999), unique=True, max_size=6),
    st.floats(0.001, 0.99),
    st.floats(0.001, 0.49),
)
def test_a_plan_survives_its_json(steps, margin, alpha):
    plan = Plan.parse(
        (*sorted(steps), 1_000_000),
        margins={"errors": margin},
        alpha_harm=alpha,
        guard=Guard(2, 3),
    )
    assert Plan.from_dict(json.loads(canonical(plan.to_dict()))) == plan


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"steps": "5%"},
        {"steps": [0.5, 1.0]},
        {"steps": [True]},
        {"steps": [1_000_000], "x": 1},
    ],
)
def test_what_is_no_stored_plan_is_refused(content):
    with pytest.raises(InvalidPlanError):
        Plan.from_dict(content)


def test_a_plan_reads_as_its_steps():
    assert str(Plan.parse("0.5%,25%,100%")) == "0.5 % → 25 % → 100 %"
