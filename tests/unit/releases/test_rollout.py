import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.releases.errors import InvalidPlanError
from volano.releases.gates import ARMS, Evidence
from volano.releases.plan import Plan
from volano.releases.rollout import State, decide

PLAN = Plan.parse("5%,25%,100%")
BOTH = Plan.parse("5%,25%,100%", required=("errors", "quality"))
S = 1_000_000


def seen(*, calls=(0, 0), failed=(0, 0), scores=(0, 0), wrong=(0, 0), share=50_000, plan=PLAN):
    """Evidence from counts; each pair is (stable, candidate)."""
    evidence = Evidence(plan)
    for side, arm in enumerate(ARMS):
        for k in range(calls[side]):
            evidence.observe_call(f"{arm}{k}", arm, share, k < failed[side])
        for k in range(scores[side]):
            evidence.observe_score(f"{arm}{k}", arm, share, float(k >= wrong[side]))
    return evidence


ENOUGH = {"calls": (1500, 80), "scores": (1500, 80), "wrong": (300, 2)}

TABLE = {
    "nothing seen": ({}, {}, {}, "hold", 50_000),
    "too few units": ({"calls": (400, 20)}, {}, {}, "hold", 50_000),
    "good, errors only": ({"calls": (1500, 80)}, {}, {}, "advance", 250_000),
    "good, both": (ENOUGH, {}, {}, "advance", 250_000),
    "good at the last step but one": (
        {**ENOUGH, "share": 250_000}, {"step": 1}, {}, "done", S,
    ),
    "yesterday's step does not count": (ENOUGH, {"step": 1}, {}, "hold", 250_000),
    "arrived": ({}, {"step": 2}, {}, "done", S),
    "scores are required and lacking": (
        {"calls": (1500, 80)}, {}, {"plan": BOTH}, "hold", 50_000,
    ),
    "scores are there, so they count": (
        {**ENOUGH, "wrong": (30, 4)}, {}, {}, "hold", 50_000,
    ),
    "harm by errors": ({"calls": (1500, 80), "failed": (0, 10)}, {}, {}, "back", 0),
    "harm by quality": (
        {"calls": (400, 20), "scores": (400, 20), "wrong": (8, 14)}, {}, {}, "back", 0,
    ),
    "the guard acts on twenty failures": ({"calls": (0, 20), "failed": (0, 20)}, {}, {}, "back", 0),
    "harm after arrival still goes back": (
        {"calls": (1500, 80), "failed": (0, 10)}, {"step": 2}, {}, "back", 0,
    ),
    "first on its channel": ({}, {"has_baseline": False}, {}, "done", S),
    "first on its channel and broken": (
        {"calls": (0, 20), "failed": (0, 20), "share": S}, {"has_baseline": False}, {}, "back", 0,
    ),
    "everything at once": ({}, {}, {"plan": Plan.parse("100%")}, "done", S),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE)
def test_what_a_rollout_does(case):
    counts, state, more, action, share = TABLE[case]
    plan = more.get("plan", PLAN)
    decision = decide(plan, State(**state), seen(**counts, plan=plan), now_us=10 * S)
    assert (decision.action, decision.share) == (action, share)
    assert decision.reason.endswith(".")
    json.dumps(decision.to_dict(), allow_nan=False)


def test_a_hold_says_what_is_missing():
    decision = decide(BOTH, State(), seen(calls=(400, 20)), 0)
    assert decision.reason == (
        "Stays at 5 %: units: 20 of 50 candidate units at 5 %;"
        " errors: at most 17.4 points more errors so far, 5 points allowed"
        " (0 of 20 units against 0 of 400 units);"
        " quality: no data of the candidate at this step yet."
    )


def test_time_alone_decides_nothing_but_is_told():
    late = decide(PLAN, State(since_us=0), seen(calls=(400, 20)), 3601 * S)
    assert (late.action, late.overdue) == ("hold", True)
    assert late.reason.startswith("Overdue at 5 % after 3601 s: units: 20 of 50")
    early = decide(PLAN, State(since_us=5 * S), seen(), 0)
    assert not early.overdue


def test_going_back_names_the_evidence():
    evidence = seen(calls=(400, 20), scores=(400, 20), wrong=(8, 14))
    decision = decide(PLAN, State(), evidence, 0)
    assert decision.reason.startswith(
        "Taken back: quality: 14 candidate and 8 baseline units scored low,"
        " which is more often than at the baseline (e = "
    )


@pytest.mark.parametrize("step", [-1, 3])
def test_a_step_that_the_plan_does_not_have_is_refused(step):
    with pytest.raises(InvalidPlanError):
        decide(PLAN, State(step=step), seen(), 0)


outcome = st.tuples(
    st.integers(0, 500), st.sampled_from(ARMS), st.sampled_from([50_000, 250_000]), st.booleans()
)


@given(st.lists(outcome, max_size=60), st.integers(0, 2), st.integers(0, 10**10))
def test_back_is_never_taken_back(later, step, now_us):
    evidence = seen(calls=(1500, 80), failed=(0, 10))
    for unit, arm, share, failed in later:
        evidence.observe_call(str(unit), arm, share, failed)
        evidence.observe_score(str(unit), arm, share, float(not failed))
    assert decide(PLAN, State(step), evidence, now_us).action == "back"


@given(st.lists(outcome, max_size=40), st.integers(0, 2), st.booleans())
def test_traffic_only_rises_by_one_step_or_falls_to_nothing(stream, step, has_baseline):
    evidence = Evidence(PLAN)
    for unit, arm, share, failed in stream:
        evidence.observe_call(str(unit), arm, share, failed)
    state = State(step, 0, has_baseline)
    decision = decide(PLAN, state, evidence, 0)
    steps = (*PLAN.steps, S)
    allowed = {
        "back": {0}, "hold": {steps[step]}, "advance": {steps[step + 1]}, "done": {S},
    }  # fmt: skip
    assert decision.share in allowed[decision.action]


# --- the whole loop, simulated --------------------------------------------


def roll(seed, *, right, failing=(0.0, 0.0), users=None, limit=20_000, plan=BOTH, every=25):
    """Send requests one by one until done or back; pairs are (stable, candidate).

    `failing` may be a function of the request's number.
    Returns the action, the requests sent and the candidate's units.
    """
    rng = random.Random(seed)
    state, evidence, served = State(), Evidence(plan), 0
    places = {}
    for n in range(1, limit + 1):
        unit = str(n if users is None else rng.randrange(users))
        share = plan.steps[state.step]
        place = places.setdefault(unit, rng.random())
        arm = "candidate" if place * S < share else "stable"
        side = ARMS.index(arm)
        served += side
        chances = failing(n) if callable(failing) else failing
        failed = rng.random() < chances[side]
        evidence.observe_call(unit, arm, share, failed)
        if not failed:
            evidence.observe_score(unit, arm, share, float(rng.random() < right[side]))
        if n % every:
            continue
        decision = decide(plan, state, evidence, n)
        if decision.action in {"done", "back"}:
            return decision.action, n, served
        if decision.action == "advance":
            state = State(state.step + 1, n)
    return "hold", limit, served


@pytest.mark.slow
def test_a_better_candidate_arrives_after_some_two_thousand_requests():
    runs = [roll(seed, right=(0.8, 0.98)) for seed in range(20)]
    assert [action for action, _, _ in runs].count("done") >= 19
    lengths = sorted(n for _, n, _ in runs)
    assert 1600 <= lengths[10] <= 2300


def test_a_bad_candidate_goes_back_within_twenty_units():
    runs = [roll(seed, right=(0.98, 0.3), every=5) for seed in range(60)]
    assert {action for action, _, _ in runs} == {"back"}
    served = sorted(units for _, _, units in runs)
    assert served[30] <= 8
    assert served[57] <= 20


@pytest.mark.slow
def test_an_equal_candidate_is_not_taken_back():
    """At most alpha_harm = 5 % + 3 standard errors of 30 runs; `benchmarks/rollouts.py` has thousands."""
    runs = [
        roll(seed, right=(0.8, 0.8), failing=(0.05, 0.05), limit=1500, every=100)
        for seed in range(30)
    ]
    assert [action for action, _, _ in runs].count("back") <= 5


def drifting(n):
    """Errors of 10 % swing by 80 % every 600 requests; the candidate has 5 points more."""
    base = 0.1 * (1 + 0.8 * math.sin(n * math.tau / 600))
    return base, base + 0.05


@pytest.mark.slow
@pytest.mark.parametrize("failing", [(0.05, 0.10), (0.0, 0.05), drifting])
def test_a_candidate_at_the_edge_of_the_margin_does_not_arrive(failing):
    """At most alpha_promote = 5 % + 3 standard errors of 30 runs; only the gate can act here."""
    lax = Plan.parse("25%,100%", margins={"errors": 0.05}, tolerances={"errors": 50})
    runs = [
        roll(seed, right=(1, 1), failing=failing, limit=1500, plan=lax, every=25)
        for seed in range(30)
    ]
    assert [action for action, _, _ in runs].count("done") <= 5


def test_two_hundred_sticky_users_suffice_when_they_come_again():
    """Units are few: the last step but one sees 50 of them, a wide margin can still pass."""
    wide = Plan.parse("50%,100%", margins={"errors": 0.1})
    runs = [roll(seed, right=(1, 1), users=200, plan=wide) for seed in range(10)]
    assert {action for action, _, _ in runs} == {"done"}
