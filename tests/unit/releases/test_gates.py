import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.core.errors import InvalidError
from volano.releases import gates
from volano.releases.gates import Evidence, UnknownArmError, step
from volano.releases.plan import Plan

PLAN = Plan.parse("5%,25%,100%")
SHARE = 50_000


def calls(evidence, arm, n, *, failed=0, share=SHARE, prefix=""):
    for k in range(n):
        evidence.observe_call(f"{prefix}{arm}{k}", arm, share, k < failed)
    return evidence


def scores(evidence, arm, n, *, wrong=0, share=SHARE):
    for k in range(n):
        evidence.observe_score(f"{arm}{k}", arm, share, float(k >= wrong))
    return evidence


def errors_gate(evidence, share=SHARE, plan=PLAN):
    return gates.promotion(plan, "errors", evidence, share)


def test_no_errors_in_either_arm_can_pass():
    evidence = calls(calls(Evidence(PLAN), "stable", 1425), "candidate", 75)
    verdict = errors_gate(evidence)
    assert verdict.outcome == "pass"
    assert verdict.reason == (
        "errors: at most 5.0 points more errors, 5 points allowed"
        " (0 of 75 units against 0 of 1425 units)"
    )


def test_a_few_units_without_errors_are_not_enough():
    evidence = calls(calls(Evidence(PLAN), "stable", 1425), "candidate", 60)
    assert errors_gate(evidence).outcome == "wait"


@pytest.mark.parametrize(("failed", "outcome"), [(0, "pass"), (8, "wait"), (60, "fail")])
def test_the_error_gate_has_three_answers(failed, outcome):
    evidence = calls(Evidence(PLAN), "stable", 3000)
    calls(evidence, "candidate", 150, failed=failed)
    assert errors_gate(evidence).outcome == outcome


@pytest.mark.parametrize(("wrong", "outcome"), [(2, "pass"), (30, "wait"), (100, "fail")])
def test_the_quality_gate_has_three_answers(wrong, outcome):
    evidence = scores(Evidence(PLAN), "stable", 1500, wrong=300)
    scores(evidence, "candidate", 150, wrong=wrong)
    assert gates.promotion(PLAN, "quality", evidence, SHARE).outcome == outcome


def test_a_verdict_prints_margins_counts_and_bounds():
    evidence = calls(calls(Evidence(PLAN), "stable", 500, failed=5), "candidate", 100, failed=1)
    facts = errors_gate(evidence).evidence
    assert facts["margin"] == 0.05
    assert facts["alpha"] == 0.05
    assert facts["candidate"]["n"] == 100
    assert facts["stable"]["total"] == 5
    assert 0 <= facts["candidate"]["low"] < 0.01 < facts["candidate"]["high"]
    assert facts["loss_high"] == pytest.approx(facts["candidate"]["high"] - facts["stable"]["low"])
    json.dumps(facts, allow_nan=False)


def test_each_step_counts_for_itself():
    evidence = calls(calls(Evidence(PLAN), "stable", 1425), "candidate", 100)
    assert errors_gate(evidence).outcome == "pass"
    assert errors_gate(evidence, 250_000).outcome == "wait"
    assert "no data of the candidate" in errors_gate(evidence, 250_000).reason


def test_a_unit_counts_once_at_a_step_and_again_at_the_next():
    evidence = Evidence(PLAN)
    for _ in range(5):
        evidence.observe_call("anna", "candidate", SHARE, False)
    evidence.observe_call("anna", "candidate", 250_000, False)
    assert evidence.step(SHARE).means["candidate", "errors"].n == 1
    assert evidence.step(250_000).means["candidate", "errors"].n == 1
    assert evidence.calls["candidate"] == 6


def test_only_a_units_first_failure_counts_for_harm_also_when_it_was_not_its_first_call():
    evidence = Evidence(PLAN)
    evidence.observe_call("анна", "candidate", SHARE, False)
    for share in (SHARE, SHARE, 250_000):
        evidence.observe_call("анна", "candidate", share, True)
    assert evidence.harm["errors"].candidate == 1


def test_the_guard_watches_calls_not_units():
    evidence = Evidence(PLAN)
    for _ in range(19):
        evidence.observe_call("one user", "candidate", SHARE, True)
    assert gates.guard(PLAN, evidence)
    evidence.observe_call("one user", "candidate", SHARE, True)
    verdict = gates.guard(PLAN, evidence)
    assert verdict.outcome == "fail"
    assert "20 of the last 25 calls failed" in verdict.reason


def test_the_guard_forgets_failures_that_are_far_apart():
    evidence = Evidence(PLAN)
    for k in range(500):
        evidence.observe_call(f"u{k}", "candidate", SHARE, k % 2 == 0)
        evidence.observe_call(f"s{k}", "stable", SHARE, True)
    assert gates.guard(PLAN, evidence)


@pytest.mark.parametrize("share", [0, 1_000_000])
def test_without_chance_in_the_assignment_nothing_is_compared(share):
    evidence = calls(Evidence(PLAN), "candidate", 30, failed=10, share=share)
    assert evidence.harm["errors"].candidate == 0
    assert not evidence.has("errors")
    assert evidence.calls["candidate"] == 30


def test_alpha_is_split_over_the_metrics_for_harm():
    assert Evidence(PLAN).harm["errors"].alpha == 0.025
    assert Evidence(Plan.parse("5%,100%", margins={"errors": 0.1})).harm["errors"].alpha == 0.05


def test_a_metric_that_is_not_watched_is_not_counted():
    evidence = Evidence(Plan.parse("5%,100%", margins={"errors": 0.1}))
    evidence.observe_score("u", "candidate", SHARE, 0.0)
    assert not evidence.has("quality")


def test_a_step_stops_counting_units_when_it_is_full(monkeypatch):
    monkeypatch.setattr(step, "MAX_UNITS", 10)
    evidence = calls(Evidence(PLAN), "candidate", 30, failed=30)
    assert evidence.step(SHARE).means["candidate", "errors"].n == 10
    assert evidence.harm["errors"].candidate == 30


def test_strange_arms_and_scores_are_refused():
    evidence = Evidence(PLAN)
    with pytest.raises(UnknownArmError):
        evidence.observe_call("u", "", SHARE, False)
    with pytest.raises(InvalidError):
        evidence.observe_score("u", "candidate", SHARE, float("nan"))
    with pytest.raises(InvalidError):
        evidence.observe_score("u", "candidate", SHARE, 1.5)
    assert not evidence.has("quality")
    assert evidence.harm["quality"].candidate == 0


outcome = st.tuples(
    st.sampled_from("abcdefgh"), st.sampled_from(gates.ARMS),
    st.sampled_from([SHARE, 250_000]), st.booleans(),
)  # fmt: skip


@given(st.lists(outcome, max_size=40))
def test_the_same_outcomes_give_the_same_evidence(stream):
    first, second = Evidence(PLAN), Evidence(PLAN)
    for unit, arm, share, failed in stream:
        for evidence in (first, second):
            evidence.observe_call(unit, arm, share, failed)
            evidence.observe_score(unit, arm, share, float(not failed))
    assert first.to_dict() == second.to_dict()
    json.dumps(first.to_dict(), allow_nan=False)


@given(st.lists(st.booleans(), max_size=60), st.lists(st.booleans(), max_size=60))
def test_a_unit_of_quality_lost_is_a_unit_of_errors_gained(candidate, stable):
    """Score 1 - failed: both gates must say the same."""
    evidence = Evidence(PLAN)
    for arm, stream in (("candidate", candidate), ("stable", stable)):
        for k, failed in enumerate(stream):
            evidence.observe_call(f"{arm}{k}", arm, SHARE, failed)
            evidence.observe_score(f"{arm}{k}", arm, SHARE, float(not failed))
    errors, quality = errors_gate(evidence), gates.promotion(PLAN, "quality", evidence, SHARE)
    assert errors.outcome == quality.outcome
    assert errors.evidence["loss_high"] == pytest.approx(quality.evidence["loss_high"], abs=1e-6)
