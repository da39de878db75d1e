"""Gates beside errors and quality: what their evidence says, and what it lacks."""

import json
import random

import pytest

from volano.releases import gates
from volano.releases.experiment.measure import Measure
from volano.releases.gates import Evidence
from volano.releases.gates.lack import lack, of_units
from volano.releases.gates.windows import Windows
from volano.releases.plan import Plan
from volano.releases.rollout import State, decide

S = 1_000_000
SHARE = 250_000
THUMBS = Measure("thumbs", "score", "mean", "more", said="thumbs")
SALE = Measure("sale", "yes", "any", "more", zero=True, said="sale")
WORSE = Measure("complaints", "score", "mean", "less", said="complaints")


def plan(margins, steps="25%,100%", **more):
    return Plan.parse(steps, gates=margins, **more)


def fed(plan, metric, draw, n, *, others="baseline", seed=0):
    """n units of the candidate and as many of the cohort."""
    rng, evidence = random.Random(seed), Evidence(plan)
    for k in range(n):
        for arm in ("candidate", others):
            value = draw(rng, arm == "candidate")
            evidence.observe(metric, f"{arm}{k}", arm, SHARE, value)
    return evidence


def slower(factor, sigma=0.4):
    return lambda rng, mine: rng.lognormvariate(13, sigma) * (factor if mine else 1)


def coin(mine_p, others_p):
    return lambda rng, mine: float(rng.random() < (mine_p if mine else others_p))


TABLE = {
    "no refusals at all": ("refusals", 0.05, coin(0, 0), 100, "pass", False),
    "many more refusals": ("refusals", 0.05, coin(0.4, 0.02), 200, "fail", True),
    "few answers to schema": ("schema", 0.05, coin(0.05, 0.05), 30, "wait", False),
    "answers break the schema": ("schema", 0.05, coin(0.5, 0), 150, "fail", True),
    "slow more often": ("latency:2s", 0.05, coin(0.5, 0.1), 200, "fail", True),
    "p50 as ever": ("p50", 0.1, slower(1.0), 5000, "pass", False),
    "p50 not known yet": ("p50", 0.1, slower(1.0), 100, "wait", False),
    "p50 much slower": ("p50", 0.1, slower(1.6), 1500, "fail", True),
    "cost as ever": ("cost", 0.15, slower(1.0), 1500, "pass", False),
    "cost of too few": ("cost", 0.15, slower(3.0), 99, "wait", False),
    "cost much more": ("cost", 0.15, slower(2.0), 500, "fail", True),
}


@pytest.mark.parametrize("case", TABLE)
def test_each_gate_has_three_answers_and_knows_harm(case):
    metric, margin, draw, n, outcome, harmful = TABLE[case]
    planned = plan({metric: margin})
    evidence = fed(planned, metric, draw, n)
    verdict = gates.promotion(planned, metric, evidence, SHARE)
    assert (verdict.outcome, verdict.reason.partition(":")[0]) == (
        outcome,
        metric.partition(":")[0],
    )
    assert gates.harm(metric, evidence).outcome == ("fail" if harmful else "pass")
    json.dumps([dict(verdict.evidence), evidence.to_dict()], allow_nan=False)


def test_tails_are_compared_with_the_cohort_and_rates_with_all():
    planned = plan({"p50": 0.1, "refusals": 0.05})
    evidence = Evidence(planned)
    for arm in ("stable", "baseline", "candidate"):
        for k in range(10):
            evidence.observe("p50", f"{arm}{k}", arm, SHARE, 1e6)
            evidence.observe("refusals", f"{arm}{k}", arm, SHARE, 0.0)
    assert evidence.step(SHARE).n("p50") == (10, 10)
    assert evidence.step(SHARE).n("refusals") == (10, 20)


def test_half_and_half_needs_no_cohort():
    planned = plan({"p50": 0.1}, "50%,100%")
    evidence = Evidence(planned)
    evidence.observe("p50", "a", "stable", 500_000, 1e6)
    assert evidence.step(500_000).n("p50") == (0, 1)


def test_a_judge_score_that_falls_is_harm_beyond_what_is_tolerated():
    planned = plan({"thumbs": {"margin": 0.1, "tolerance": 0.02}}, meanings={"thumbs": THUMBS})
    worse = fed(planned, "thumbs", coin(0.6, 0.9), 400)
    alike = fed(planned, "thumbs", coin(0.9, 0.9), 400)
    assert "more than 2 points worse" in gates.harm("thumbs", worse).reason
    assert gates.harm("thumbs", worse).outcome == "fail"
    assert gates.harm("thumbs", alike).outcome == "pass"


def test_the_harm_that_is_proven_takes_it_back_with_its_numbers():
    planned = plan({"p50": 0.1})
    decision = decide(planned, State(), fed(planned, "p50", slower(1.6), 1500), 10 * S)
    assert decision.action == "back"
    assert "Taken back: p50: 1500 candidate and 1500 baseline units, " in decision.reason
    assert "more than 10 % higher" in decision.reason


def test_harm_alpha_is_split_over_all_that_is_watched():
    evidence = Evidence(plan({"errors": 0.05, "p95": 0.1, "cost": 0.1, "refusals": 0.02}))
    assert {one.alpha for one in evidence.harm.values()} == {0.0125}


# --- what is missing -------------------------------------------------------


def served(planned, n, failed=0):
    evidence = Evidence(planned)
    for k in range(n):
        evidence.observe_call(f"c{k}", "candidate", SHARE, k < failed)
        evidence.observe_call(f"s{k}", "stable", SHARE, k < failed)
    return evidence


def test_what_waits_says_how_many_more_and_how_long():
    planned = plan({"errors": 0.05})
    decision = decide(planned, State(), served(planned, 60), 60 * S)
    [text] = decision.lacks
    assert text.startswith("errors: about ")
    assert text.endswith("at this rate")
    assert f"Missing: {text}." in decision.reason


@pytest.mark.parametrize(("n", "failed"), [(40, 0), (60, 0), (80, 2)])
def test_the_forecast_holds_when_both_go_on_as_they_did(n, failed):
    planned = plan({"errors": 0.05})
    short = lack(planned, "errors", planned.stages[0], served(planned, n, failed), n / 2)
    assert short.seconds == pytest.approx(short.units / 2)
    grown = n + short.units
    after = served(planned, grown, round(failed * grown / n))
    assert gates.promotion(planned, "errors", after, SHARE).outcome == "pass"
    early = n + short.units // 3
    before = served(planned, early, round(failed * early / n))
    assert gates.promotion(planned, "errors", before, SHARE).outcome == "wait"


def test_the_forecast_of_a_quantile_and_of_a_cost_hold_roughly():
    for metric, margin in (("p50", 0.2), ("cost", 0.2)):
        planned = plan({metric: margin})
        short = lack(planned, metric, planned.stages[0], fed(planned, metric, slower(1), 150), 10)
        after = fed(planned, metric, slower(1), 150 + 3 * short.units, seed=0)
        assert gates.promotion(planned, metric, after, SHARE).outcome == "pass"


def test_what_can_never_be_shown_is_said():
    planned = plan({"errors": {"margin": 0.02, "tolerance": 50}})
    evidence = Evidence(planned)
    for k in range(200):
        evidence.observe_call(f"c{k}", "candidate", SHARE, k % 20 == 0)
        evidence.observe_call(f"s{k}", "stable", SHARE, k % 60 == 0)
    decision = decide(planned, State(), evidence, 60 * S)
    assert decision.lacks == ("errors: cannot be shown with this margin as it is",)


def test_a_forecast_beyond_the_longest_wait_says_so():
    planned = plan({"errors": 0.01}, "25% ..2m,100%")
    decision = decide(planned, State(), served(planned, 60), 60 * S)
    assert decision.lacks[0].endswith("longer than this step may take")
    late = decide(planned, State(), served(planned, 60), 121 * S)
    assert late.overdue
    assert "Inconclusive: errors: about" in late.reason


def test_units_are_forecast_too_and_nothing_is_without_data_or_time():
    planned = plan({"errors": 0.05})
    stage = planned.stages[0]
    assert str(of_units(planned, stage, served(planned, 10), 10)) == (
        "units: about 40 more candidate units, 40 s at this rate"
    )
    assert of_units(planned, stage, Evidence(planned), 10) is None
    assert lack(planned, "errors", stage, served(planned, 10), 0) is None
    assert decide(planned, State(), Evidence(planned), 60 * S).lacks == ()


# --- from outside ----------------------------------------------------------


def test_down_holds_and_then_goes_back():
    planned = plan({"errors": 0.05})
    good = served(planned, 100)
    assert decide(planned, State(), good, S).action == "done"
    down = decide(planned, State(down_s=5), good, S)
    assert down.action == "hold"
    assert "what the candidate needs is down for 5 s" in down.reason
    gone = decide(planned, State(down_s=61), good, S)
    assert (gone.action, gone.share) == ("back", 0)


def test_an_alarm_takes_it_back_whatever_the_gates_say():
    planned = plan({"errors": 0.05})
    decision = decide(planned, State(alarm="alert 7 (burning): 40 % fail"), served(planned, 100), S)
    assert decision.action == "back"
    assert decision.reason == "Taken back: alert 7 (burning): 40 % fail."


# --- windows ---------------------------------------------------------------


def windows(measure, name="thumbs 1h"):
    return Windows(plan({name: 0.1}, "25% ..3h,100%", meanings={name: measure}).gates[0])


H = 3_600 * S


def test_a_unit_counts_when_its_window_is_over_with_all_that_was_told():
    one = windows(THUMBS)
    one.expose("anna", "candidate", SHARE, 0)
    one.expose("boris", "baseline", SHARE, 10)
    one.expose("anna", "candidate", SHARE, 20)
    assert one.said("anna", "a", 1.0, 5)
    assert one.said("anna", "b", 0.0, 6)
    assert list(one.mature(H - 1)) == []
    [anna] = one.mature(H)
    assert (anna.unit, anna.arm, anna.value) == ("anna", "candidate", 0.5)
    assert one.pending == 1
    assert list(one.mature(2 * H)) == []  # of boris nothing was told


def test_what_is_told_before_or_after_the_window_or_taken_back_does_not_count():
    one = windows(THUMBS)
    one.expose("anna", "candidate", SHARE, 100)
    assert one.said("anna", "early", 0.0, 99)
    assert one.said("anna", "late", 0.0, 101 + H)
    assert one.said("anna", "mind", 0.0, 200)
    assert one.said("anna", "mind", 1.0, 300)
    assert one.said("anna", "gone", 0.0, 200)
    assert one.said("anna", "gone", None, 300)
    assert not one.said("boris", "x", 1.0, 200)
    [anna] = one.mature(3 * H)
    assert anna.value == 1.0
    assert not one.said("anna", "x", 1.0, 3 * H)


def test_no_sale_is_a_sale_of_nothing_and_less_is_better_of_complaints():
    sale, worse = windows(SALE, "sale 1h"), windows(WORSE, "complaints 1h")
    for one in (sale, worse):
        one.expose("anna", "stable", SHARE, 0)
    worse.said("anna", "a", 1.0, 1)
    assert [one.value for one in sale.mature(H)] == [0.0]
    assert [one.value for one in worse.mature(H)] == [0.0]
