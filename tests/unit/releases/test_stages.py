from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.releases.errors import InvalidPlanError
from volano.releases.plan import Plan
from volano.releases.stage import KINDS, LATE, Stage
from volano.releases.stages import stage, stages

LINES = {
    "5%": Stage(50_000),
    "5 %": Stage(50_000),
    "canary 2.5%": Stage(25_000),
    "1% 10m": Stage(10_000, at_least_s=600),
    "1% 10m..2h": Stage(10_000, at_least_s=600, at_most_s=7200),
    "1% ..2h late back": Stage(10_000, at_most_s=7200, late="back"),
    "10% cohort 200 units": Stage(100_000, cohort=True, units=200),
    "shadow 5% 300 pairs 2.5 EUR": Stage(
        0, "shadow", mirror=50_000, pairs=300, budget_nano=2_500_000_000, currency="EUR"
    ),
    "shadow 5% judge segítőkész@2 10 pairs": Stage(
        0, "shadow", mirror=50_000, pairs=10, judge="segítőkész@2"
    ),
    "100% keep 24h": Stage(1_000_000, keep_s=86_400),
    "switch keep 24h": Stage(1_000_000, "switch", keep_s=86_400),
    "blue-green": Stage(1_000_000, "switch"),
    "rolling": Stage(1_000_000, "rolling"),
}


@pytest.mark.parametrize("line", LINES)
def test_a_step_is_said_in_words(line):
    assert stage(line) == LINES[line]


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ({"canary": "1%", "at_least": "10m", "at_most": "2h"}, "1% 10m..2h"),
        ({"shadow": "5%", "pairs": 300, "budget": "2.5 EUR"}, "shadow 5% 300 pairs 2.5 EUR"),
        ({"shadow": "5%", "judge": "helpful"}, "shadow 5% judge helpful"),
        ({"canary": "10%", "cohort": True, "units": 200}, "10% cohort 200 units"),
        ({"switch": None, "keep": "24h"}, "switch keep 24h"),
        ({"blue-green": None}, "blue-green"),
        ({"rolling": None}, "rolling"),
    ],
)
def test_an_object_says_what_a_line_says(said, line):
    assert stage(said) == stage(line)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("shadow", "says no percentage"),
        ("shadow 0%,100%", "copies nothing"),
        ("5% 300 pairs,100%", "only a shadow has pairs"),
        ("5% judge helpful,100%", "only a shadow has a judge"),
        ("shadow 5% judge,100%", "after `judge` comes a name"),
        ("shadow 5% judge Hilf!,100%", "the judge of a step is a name"),
        ("5% 2 EUR,100%", "only a shadow has a budget"),
        ("60% cohort,100%", "at most 50 %"),
        ("5% 2h..10m,100%", "at least longer than at most"),
        ("5% keep 1h,100%", "belongs to the last step"),
        ("5% 10x,100%", "says nothing of a step"),
        ("5% 5% ,100%", "says nothing of a step"),
        ("5% 10m 20m,100%", "twice"),
        ("5% late never,100%", "after `late` comes"),
        ("5%,shadow 5%,100%", "before the users do"),
        ("shadow 5%", "ends with a shadow"),
        ("shadow 1%,shadow 5%,100%", "one shadow is enough"),
        ("switch,100%", "does not rise"),
        ("5% keep,100%", "no time"),
        (",".join(["1%"] * 51), "more than 50"),
    ],
)
def test_what_is_no_plan_says_why(line, why):
    with pytest.raises(InvalidPlanError) as error:
        Plan.parse(line)
    assert why in str(error.value)


@pytest.mark.parametrize(
    "said",
    [
        None, 1.5, True, [], {}, {"canary": "5%", "shadow": "5%"}, {"canary": None},
        {"canary": "5%", "pear": 1}, {"shadow": "5%", "pairs": "many"},
        {"canary": "5%", "cohort": "yes"}, {"canary": "5%", "at_least": -3},
        {"shadow": "5%", "budget": "much"}, {"share": 5, "pear": 1}, {"share": "5"},
        {"share": 5, "late": []}, {"canary": {"a": 1}}, {"share": 5, "keep_s": float("nan")},
    ],
)  # fmt: skip
def test_no_object_breaks_the_reader(said):
    with pytest.raises(InvalidPlanError):
        stage(said)


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text):
    with suppress(InvalidPlanError):
        assert all(isinstance(one, Stage) for one in stages(text))


@given(
    share=st.integers(1, 500_000),
    units=st.integers(0, 9999),
    least=st.integers(0, 10**6),
    more=st.integers(0, 10**6),
    late=st.sampled_from(LATE),
    cohort=st.booleans(),
)
def test_a_step_survives_being_kept(share, units, least, more, late, cohort):
    made = Stage(
        share, units=units, at_least_s=float(least), at_most_s=float(least + more), late=late,
        cohort=cohort,
    )  # fmt: skip
    assert stage(made.to_dict()) == made


def test_plans_of_before_are_read():
    old = {
        "steps": [50_000, 1_000_000],
        "margins": {"errors": 0.1},
        "guard": {"failed": 2, "of": 3},
    }
    plan = Plan.from_dict(old)
    assert plan.steps == (50_000, 1_000_000)
    assert {one.kind for one in plan.stages} == {"canary"}
    assert set(KINDS) >= {"canary"}
    assert Plan.from_dict(plan.to_dict()) == plan


def test_a_plan_reads_as_it_is_said():
    plan = Plan.parse(
        "shadow 5% 100 pairs, 5%, switch keep 24h", scope={"keys": ["a"], "tags": "x=1"}
    )
    assert str(plan) == "shadow 5 % → 5 % → switch"
    assert plan.scope.to_dict() == {"keys": ["a"], "tags": ["x=1"]}
    assert Plan.from_dict(plan.to_dict()) == plan


@pytest.mark.parametrize(
    "scope", [{"pear": ["a"]}, {"keys": []}, {"keys": [1]}, {"keys": 5}, "all"]
)
def test_a_scope_that_is_none_is_refused(scope):
    with pytest.raises(InvalidPlanError):
        Plan.parse("100%", scope=scope)
