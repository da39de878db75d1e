"""Units, windows, late words: what enters, when, and with which value."""

import random

import pytest

from volano.releases.experiment.design import Design
from volano.releases.experiment.evidence import Evidence
from volano.releases.experiment.measure import Measure
from volano.releases.experiment.verdict import decide

SALE = Measure("sale", "yes", "any", "more", zero=True)
THUMBS = Measure("thumbs", "score", "mean", "more")
ERRORS = Measure("errors", "errors", "mean", "less")
S = 1_000_000
NAMES = ("support@1", "поддержка@2", "客服@3")


def design(goal=SALE, arms=2, **more):
    shares = (1_000_000 // arms,) * (arms - 1)
    return Design((1_000_000 - sum(shares), *shares), goal, (ERRORS,), mature_s=100,
                  max_wait_s=10_000, **more)  # fmt: skip


def lived(evidence, users, rates, *, seed=1, failing=(0.0, 0.0, 0.0), split=None):
    """Let users come one a second; who buys says so some time later."""
    rng, arms = random.Random(seed), len(rates)
    for n in range(users):
        arm, at = rng.choices(range(arms), split or evidence.design.shares)[0], n * S
        evidence.expose(f"u{n}", arm, at)
        evidence.call(f"u{n}", arm, (None, float(rng.random() < failing[arm])), at)
        if rng.random() < rates[arm]:
            evidence.judge(f"u{n}", 0, f"t{n}", 1.0, at + rng.randrange(100 * S))
        evidence.mature(at)
    evidence.mature(users * S + 101 * S)
    return evidence


def means(evidence):
    return [(m.n, m.total, m.squares) for arm in evidence.means for m in arm]


def test_a_unit_enters_when_its_window_is_over_and_not_before():
    evidence = Evidence(design())
    evidence.expose("anna", 1, 0)
    evidence.mature(100 * S - 1)
    assert (evidence.pending, evidence.means[1][0].n) == ([0, 1], 0)
    evidence.mature(100 * S)
    assert (evidence.pending, evidence.means[1][0].n) == ([0, 0], 1)
    assert evidence.means[1][0].total == 0


def test_a_sticky_user_is_one_unit_whatever_he_does():
    evidence = Evidence(design(THUMBS))
    for n in range(50):
        evidence.expose("anna", 1, n * S)
        evidence.call("anna", 1, (None, float(n % 2)), n * S)
        evidence.judge("anna", 0, f"t{n}", float(n % 5 == 0), n * S)
    evidence.mature(10**12)
    thumbs, errors = evidence.means[1]
    assert (thumbs.n, thumbs.total) == (1, pytest.approx(0.2))
    assert (errors.n, errors.total) == (1, 0.5)
    assert evidence.harm[1][1].candidate == 1


def test_silence_is_no_thumb_but_it_is_no_sale():
    for goal, counted in ((THUMBS, 0), (SALE, 1)):
        evidence = Evidence(design(goal))
        evidence.expose("anna", 0, 0)
        evidence.mature(10**12)
        assert evidence.means[0][0].n == counted
        assert evidence.entered[0] == 1


def test_only_what_happened_within_the_window_counts():
    evidence = Evidence(design())
    evidence.expose("anna", 1, 10 * S)
    assert evidence.judge("anna", 0, "before", 1.0, 9 * S)
    assert evidence.judge("anna", 0, "after", 1.0, 111 * S)
    assert not evidence.judge("nobody", 0, "who", 1.0, 20 * S)
    evidence.mature(10**12)
    assert evidence.means[1][0].total == 0
    assert evidence.outside == 2


def test_the_order_of_arrival_changes_no_sum():
    """What is recorded late, though it happened in time, corrects the unit."""
    told = [
        (f"u{n}", n % 2, n * S, n * S + (37 * n % 100) * S, float(n % 3 == 0)) for n in range(400)
    ]
    prompt, late, again = (Evidence(design(THUMBS)) for _ in range(3))
    for unit, arm, at, said_at, value in told:
        prompt.expose(unit, arm, at)
        late.expose(unit, arm, at)
        prompt.judge(unit, 0, unit, value, said_at)
    for one in (prompt, late):
        one.mature(10**12)
    for unit, _, _, said_at, value in reversed(told):
        late.judge(unit, 0, unit, 1 - value, said_at)
        late.judge(unit, 0, unit, value, said_at)
    for unit, arm, at, _, _ in told:
        again.expose(unit, arm, at)
    for unit, _, _, said_at, value in told:
        again.judge(unit, 0, unit, value, said_at)
    again.mature(10**12)
    assert means(late) == means(prompt) == means(again)


def test_who_takes_it_back_has_said_nothing():
    evidence = Evidence(design(THUMBS))
    evidence.expose("anna", 1, 0)
    evidence.judge("anna", 0, "t", 1.0, S)
    evidence.mature(10**12)
    evidence.judge("anna", 0, "t", None, 2 * S)
    assert evidence.means[1][0].n == 0


def test_a_better_arm_is_found_and_said_in_one_sentence():
    judged = decide(lived(Evidence(design()), 6000, (0.1, 0.16)), NAMES[:2])
    assert judged.decided
    assert judged.winner == 1
    assert judged.reason.startswith("поддержка@2 does better than support@1 in sale by ")
    assert "points (95 %, valid at every look)" in judged.reason


def test_a_worse_arm_leaves_the_first_as_winner():
    judged = decide(lived(Evidence(design()), 6000, (0.16, 0.1)), NAMES[:2])
    assert (judged.decided, judged.winner) == (True, 0)
    assert "does worse than" in judged.reason


def test_less_may_be_better():
    complaint = Measure("complaint", "yes", "any", "less", zero=True)
    judged = decide(lived(Evidence(design(complaint)), 6000, (0.16, 0.1)), NAMES[:2])
    assert "does better" in judged.reason
    assert judged.winner == 1


def test_no_difference_is_a_verdict_too():
    judged = decide(lived(Evidence(design(detect=0.06)), 6000, (0.1, 0.1)), NAMES[:2])
    assert judged.decided
    assert judged.reason.startswith("No difference larger than 6.0 points in sale")
    assert judged.winner == 0


def test_what_lacks_is_told_in_units_and_time():
    judged = decide(lived(Evidence(design()), 1000, (0.1, 0.12)), NAMES[:2])
    assert not judged.decided
    assert judged.winner is None
    assert "more users at the present pace" in judged.reason
    early = decide(lived(Evidence(design()), 50, (0.1, 0.1)), NAMES[:2])
    assert "of the 100 users that each arm must have" in early.reason
    silent = decide(lived(Evidence(design()), 1000, (0.0, 0.0)), NAMES[:2])
    assert "10 times in each arm" in silent.reason


def test_a_split_that_is_not_as_asked_stops_it_whatever_the_numbers_say():
    evidence = lived(Evidence(design()), 8000, (0.1, 0.3), split=(0.53, 0.47))
    judged = decide(evidence, NAMES[:2])
    assert judged.action == "stop"
    assert "where 50:50 was asked (p < 0.001): do not trust the numbers" in judged.reason


def test_an_arm_that_does_harm_is_taken_out_and_the_others_go_on():
    evidence = lived(Evidence(design(arms=3)), 4000, (0.1, 0.1, 0.1), failing=(0.02, 0.02, 0.2))
    judged = decide(evidence, NAMES)
    assert (judged.action, judged.arms) == ("out", (2,))
    assert "errors: " in judged.reason
    evidence.take_out(2, "Taken back: errors: 8 of 9.")
    held = decide(evidence, NAMES)
    assert held.action == "hold"
    assert f"{NAMES[2]} was taken out: errors: 8 of 9;" in f"{held.reason.rstrip('.')};"
    assert ".;" not in held.reason
    evidence.expose("new", 2, 10**12)
    assert evidence.split.counts[2] == evidence.exposed[2]


def test_the_only_rival_that_does_harm_takes_the_experiment_back():
    evidence = lived(Evidence(design()), 2000, (0.1, 0.1), failing=(0.02, 0.2))
    assert decide(evidence, NAMES[:2]).action == "back"
    tripped = decide(Evidence(design()), NAMES[:2], tripped={1: "guard: 20 of 25"})
    assert tripped.action == "back"


def test_what_was_found_stays_found():
    evidence = lived(Evidence(design()), 6000, (0.1, 0.16))
    found = evidence.against[0].found_at
    for n in range(10_000):
        evidence.expose(f"x{n}", n % 2, 10**10 + n)
    evidence.mature(10**12)
    assert evidence.against[0].found == "better"
    assert evidence.against[0].found_at == found


def test_the_curve_is_thin_and_ends_where_it_stands():
    evidence = lived(Evidence(design()), 8000, (0.1, 0.1))
    points = evidence.against[0].series.points
    assert 50 < len(points) < 300
    now = evidence.interval(1)
    assert points[-1] == (sum(evidence.entered), *now)


def test_overdue_is_said_and_with_then_promote_it_ends():
    late = decide(lived(Evidence(design()), 500, (0.1, 0.1)), NAMES[:2], waited_s=20_000)
    assert (late.action, late.overdue) == ("hold", True)
    assert late.reason.startswith("Overdue after 6 hours.")
    ended = decide(
        lived(Evidence(design(then="promote")), 500, (0.1, 0.1)), NAMES[:2], waited_s=20_000
    )
    assert (ended.action, ended.winner) == ("conclude", None)


@pytest.mark.parametrize("arms", [2, 3])
def test_null_streams_seldom_claim_anything(arms):
    """A bounded look; `benchmarks/experiments.py` is the full one."""
    claims = 0
    for seed in range(60):
        evidence = lived(Evidence(design(arms=arms)), 1200, (0.2,) * arms, seed=seed)
        claims += any(one.found in ("better", "worse") for one in evidence.against)
    assert claims <= 8


def told(evidence, units, at_us):
    """Tell of units after their windows, and let the moment come."""
    for n in units:
        evidence.judge(f"u{n}", 0, f"t{n}", 1.0, n * S + 5 * S)
    evidence.mature(at_us)
    return decide(evidence, NAMES[:2])


def silent(users, arm_of):
    """Users whose windows are all over, and of whom nothing was told yet."""
    evidence = Evidence(design())
    for n in range(users):
        evidence.expose(f"u{n}", arm_of(n), n * S)
    evidence.mature((users + 100) * S)
    return evidence


def test_what_was_found_because_one_arm_was_told_of_first_is_not_found_any_more():
    evidence = silent(600, lambda n: n % 2)
    buyers = [n for n in range(600) if n % 10 < 4]
    mine, others = ([n for n in buyers if n % 2 == arm] for arm in (1, 0))
    early = told(evidence, others[:12] + mine, 1_000 * S)
    assert (early.decided, early.settled, early.winner) == (False, False, None)
    assert "much is told after the window, and values still change" in early.reason
    assert "does better" in told(evidence, (), 1_200 * S).reason  # nobody told of the others yet
    assert not told(evidence, others[12:], 1_300 * S).decided
    late = told(evidence, (), 1_500 * S)
    assert (late.decided, late.settled) == (False, True)
    assert "does better" not in late.reason


def test_a_few_words_that_came_late_do_not_prove_that_there_is_no_difference():
    rng = random.Random(3)
    evidence = silent(4_000, lambda n: n % 2)
    buyers = [n for n in range(4_000) if rng.random() < (0.2, 0.35)[n % 2]]
    rng.shuffle(buyers)
    for at in range(0, len(buyers), 30):
        judged = told(evidence, buyers[at : at + 30], (5_000 + at) * S)
        assert not judged.decided
    judged = told(evidence, (), 10_000 * S)
    assert (judged.decided, judged.winner) == (True, 1)


def test_a_unit_that_is_put_right_often_is_one_and_nothing_unsettled_ends_by_time():
    evidence = silent(600, lambda n: n % 2)
    told(evidence, range(200), 800 * S)
    for n in range(12):
        evidence.judge("u7", 0, "t7", float(n % 2), 12 * S)
    told(evidence, (), 1_000 * S)
    assert evidence.settling.of_late(1_000 * S) == 1
    late = Evidence(design(then="promote"))
    for n in range(600):
        late.expose(f"u{n}", n % 2, n * S)
    late.mature(700 * S)
    told(late, range(0, 400, 3), 710 * S)
    judged = decide(late, NAMES[:2], waited_s=20_000)
    assert (judged.action, judged.settled, judged.overdue) == ("hold", False, True)
    assert "longer --mature" in judged.reason
    late.mature(1_000 * S)
    assert decide(late, NAMES[:2], waited_s=20_000).action == "conclude"


def test_words_of_few_that_come_late_stop_no_verdict():
    evidence = lived(Evidence(design()), 6_000, (0.1, 0.16))
    judged = told(evidence, (5_001,), 10_000 * S)
    assert (judged.decided, judged.settled, judged.winner) == (True, True, 1)


def test_null_streams_that_are_told_late_claim_no_more_than_others():
    """Looked at after each of 60 batches, with time to settle. All looks anew each time: 6 of 60."""
    claims = 0
    for seed in range(60):
        rng = random.Random(seed)
        arms = [rng.randrange(2) for _ in range(6_000)]
        evidence = silent(6_000, arms.__getitem__)
        buyers = [n for n in range(6_000) if rng.random() < 0.1]
        rng.shuffle(buyers)
        found = set()
        for at in range(0, len(buyers), 10):
            told(evidence, buyers[at : at + 10], (10_000 + 100 * at) * S)
            found |= {one.found for one in evidence.against}
        claims += bool(found & {"better", "worse"})
    assert claims <= 3
