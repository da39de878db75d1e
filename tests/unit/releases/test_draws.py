"""Scores of calls that were drawn with different chances are made alike, or count for nothing."""

import random

import pytest

from support.workspace import ANNA
from volano.releases.gates import Evidence, harm
from volano.releases.gates.draws import Draws
from volano.releases.plan import Plan

JUDGE = ("helpful", "evaluator helpful@1")
SHARE = 200_000


def take(draws, trace, probability, *, mine, source=JUDGE):
    return draws.take(source, f"{trace:032x}", probability, mine=mine)


def test_one_chance_for_both_arms_counts_every_score_once_both_were_seen():
    draws = Draws("r")
    assert not take(draws, 1, 0.05, mine=True)
    assert not take(draws, 2, 0.05, mine=True)
    assert take(draws, 3, 0.05, mine=False)
    assert take(draws, 4, 0.05, mine=True)
    told = draws.to_dict()["helpful by evaluator helpful@1"]
    assert told == {"probability": 0.05, "counted": 2, "left_out": 2}


def test_who_looks_at_one_arm_alone_is_never_counted():
    draws = Draws("r")
    assert not any(take(draws, n, 1.0, mine=True) for n in range(50))
    assert not take(draws, 1, 0.5, mine=False, source=("helpful", "evaluator helpful@2"))


def test_what_was_said_of_one_arm_alone_is_not_held_against_it_later():
    draws = Draws("r")
    assert not any(take(draws, n, 1.0, mine=True) for n in range(500))
    assert take(draws, 500, 1.0, mine=False)
    assert draws.to_dict()["helpful by evaluator helpful@1"]["counted"] == 1


def test_the_larger_chance_is_thinned_to_the_smaller():
    draws = Draws("r")
    assert not take(draws, 0, 1.0, mine=True)
    assert take(draws, 1, 0.25, mine=False)
    mine = [take(draws, n, 1.0, mine=True) for n in range(2, 4000)]
    assert 0.22 < sum(mine) / len(mine) < 0.28
    assert all(take(draws, n, 0.25, mine=False) for n in range(4000, 4500))


def test_the_choice_is_the_same_at_every_reading_and_another_in_another_rollout():
    def kept(salt):
        draws = Draws(salt)
        take(draws, 0, 0.5, mine=False)
        return [n for n in range(1, 200) if take(draws, n, 1.0, mine=True)]

    assert kept("r") == kept("r")
    assert kept("r") != kept("s")


def streams(seed, *, through):
    """No difference: half of the users ask ten times as often, and score low more often."""
    rng = random.Random(seed)
    evidence = Evidence(Plan.parse("20%,100%", gates={"quality": 0.05}))
    draws = Draws(f"r-{seed}")
    arms = {n: rng.random() < SHARE / 1e6 for n in range(600)}
    for trace in range(6000):
        unit = rng.randrange(300) if rng.random() < 0.9 else rng.randrange(300, 600)
        mine, value = arms[unit], float(rng.random() > (0.4 if unit < 300 else 0.1))
        probability = 1.0 if mine else 0.05
        if rng.random() >= probability:
            continue
        if not through or take(draws, trace, probability, mine=mine):
            arm = "candidate" if mine else "stable"
            evidence.observe_score(str(unit), arm, SHARE, value)
    return harm("quality", evidence).outcome == "fail"


def test_a_candidate_that_is_looked_at_more_closely_is_not_taken_back_for_that():
    """Of 200 harmless ones at most 5 % may be: 18 or more have a chance below 2 % then."""
    assert all(streams(seed, through=False) for seed in range(5))
    assert sum(streams(seed, through=True) for seed in range(200)) < 18


def judged(street, trace, probability):
    said = {"name": "helpful", "value": 0.1, "source": "judge", "source_name": "judge j@1"}
    said |= {"subject": f"trace:{trace}", "probability": probability}
    street.feedbacks.batch([said], by=ANNA)


@pytest.mark.parametrize("baseline", [0.05, None])
def test_a_judge_of_the_candidate_alone_takes_nothing_back(desk, street, baseline):
    desk.serve()
    rollout = desk.releases.promote(
        desk.cut().ref, channel="support", plan="20%,100%", margins={"errors": 0.05, "quality": 0.05},
        by=ANNA,
    )  # fmt: skip
    street.tick()
    for n in range(60):
        judged(street, street.call("support", "candidate"), 1.0)
        trace = street.call("support", "stable")
        if baseline and n % 20 == 0:
            judged(street, trace, baseline)
    street.tick()
    assert desk.releases.rollout(rollout.id).state == "moving"
    told = street.reconciler.status("support")["evidence"]["draws"]["helpful by judge j@1"]
    assert told["counted"] + told["left_out"] == (63 if baseline else 60)
    assert bool(told["counted"]) is (baseline is not None)


def test_what_people_say_is_not_drawn_and_counts_at_once(desk, street):
    desk.serve()
    desk.releases.promote(desk.cut().ref, channel="support", plan="20%,100%", by=ANNA)
    street.tick()
    street.say(street.call("support", "candidate"), 0.9)
    street.tick()
    evidence = street.reconciler.status("support")["evidence"]
    assert evidence["draws"] == {}
    assert evidence["steps"]["200000"]["candidate_quality"]["n"] == 1
