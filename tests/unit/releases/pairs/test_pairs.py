"""Pairs in a rollout: real records and feedback in, a step that is left or a candidate that goes back."""

import random

import pytest

from volano.releases.channel import MILLION
from volano.releases.errors import NoPairsError
from volano.releases.plan import Plan

FORM = {
    "messages": [{"role": "user", "content": "?"}],
    "response_format": {
        "type": "json_schema",
        "json_schema": {"schema": {"type": "object", "required": ["city"]}},
    },
}


def many(mirror, n, *, told=None, **given):
    for _ in range(n):
        mirror.pair(told=told, **given)


def test_a_shadow_step_waits_for_its_pairs_and_users_get_nothing_of_the_candidate(mirror):
    mirror.begin(pairs=60)
    many(mirror, 40)
    mirror.tick()
    assert mirror.state == ("moving", 0)
    assert mirror.shop.releases.channel("support").share == 0
    assert "pairs: 40 of 60 pairs" in mirror.verdicts("pairs")[0]["reason"]
    many(mirror, 40)
    mirror.tick()
    assert mirror.state == ("moving", 1)
    assert mirror.shop.releases.channel("support").share == MILLION // 4


def test_no_failure_in_either_is_within_a_margin_of_5_points_after_70_pairs(mirror):
    mirror.begin(pairs=1)
    seen = []
    for _ in range(70):
        many(mirror, 1)
        mirror.tick()
        seen.append(mirror.state[1])
    assert 40 <= seen.index(1) <= 70
    assert seen[-1] == 1


def test_a_candidate_whose_copies_fail_goes_back_before_any_user_saw_it(mirror):
    mirror.begin(pairs=200)
    for n in range(60):
        mirror.pair(outcomes=("ok", "error" if n % 2 else "ok"))
        mirror.tick()
        if mirror.state[0] != "moving":
            break
    assert mirror.state[0] == "back"
    outcome = mirror.shop.releases.rollout(mirror.rollout.id).outcome
    assert "errors of copies" in outcome["reason"]
    assert "is worse than what is served" in outcome["reason"]
    assert outcome["calls"]["candidate"] == 0
    assert n < 40


def test_failures_that_both_have_take_nobody_back(mirror):
    mirror.begin(pairs=400)
    many(mirror, 120, outcomes=("error", "error"))
    mirror.tick()
    assert mirror.state == ("moving", 0)
    assert mirror.evidence["failed"] == [120, 120]


def test_answers_that_break_the_form_are_failures(mirror):
    mirror.begin(pairs=400)
    for _ in range(3):
        mirror.pair('{"city": "Győr"}', '{"town": "Győr"}', asked=FORM)
        mirror.pair('{"city": "Győr"}', 'Sure: {"city": "Győr"}', asked=FORM)
        mirror.pair('{"city": "Győr"}', '{"city": "成都"}', asked=FORM)
        mirror.pair('{"a": 1}', "a is 1")  # nobody asked for JSON; the other one is
    evidence = mirror.evidence
    assert (evidence["formless"], evidence["failed"]) == ([0, 9], [0, 9])
    mirror.pair("a is 1", '{"a": 1}')
    assert mirror.evidence["formless"] == [1, 9]


def test_a_unit_counts_once_however_often_it_asks(mirror):
    mirror.begin(pairs=60)
    many(mirror, 300, unit="one-and-the-same")
    mirror.tick()
    assert mirror.state == ("moving", 0)
    assert mirror.evidence["errors"]["n"] == 1
    assert mirror.evidence["pairs"] == 300


def test_what_we_broke_off_and_what_clients_left_is_no_pair(mirror):
    mirror.begin()
    mirror.pair(outcomes=("left", "ok"))
    mirror.pair(outcomes=("ok", "refused"))
    mirror.pair(copied="f" * 32)
    evidence = mirror.evidence
    assert (evidence["pairs"], evidence["left_out"]) == (0, 3)


def test_equal_answers_cost_and_latency_are_told(mirror):
    mirror.begin()
    mirror.pair("Igen,  holnap.", "Igen, holnap.")
    mirror.pair("Igen.", "Nem.")
    evidence = mirror.evidence
    assert (evidence["equal"], evidence["differing"]) == (1, 1)
    assert evidence["latency_ratio"] == pytest.approx(1)
    assert "1 of 2 answers differ" in mirror.verdicts("told")[0]["reason"]


def test_refusals_are_told(mirror):
    mirror.begin()
    mirror.pair("Morgen.", "I cannot help with that.")
    assert mirror.evidence["refused"] == [0, 1]


def test_scores_that_a_program_gave_both_take_a_worse_candidate_back(mirror):
    mirror.begin(pairs=500)
    draw = random.Random(1)
    for n in range(300):
        ease = draw.random() * 0.6
        mirror.pair(told=(0.3 + ease, 0.15 + ease))
        if n % 20 == 0:
            mirror.tick()
    mirror.tick()
    assert mirror.state[0] == "back"
    reason = mirror.shop.releases.rollout(mirror.rollout.id).outcome["reason"]
    assert "quality of copies: -15.0 points" in reason


def test_equal_scores_let_it_go_on_and_scores_of_one_alone_count_nothing(mirror):
    mirror.begin(pairs=50)
    for _ in range(100):
        first, _ = mirror.pair()
        mirror.street.say(first, 0.0, name="exact")
    assert mirror.evidence["scored"][""]["n"] == 0
    mirror.shop.releases.abort("support", by=mirror.shop.releases and _anna(), why="again")
    mirror.begin(pairs=50)
    many(mirror, 120, told=(0.5, 0.5))
    mirror.tick()
    assert mirror.state == ("moving", 1)


def test_scores_may_come_before_their_copy_or_long_after(mirror):
    mirror.begin(pairs=10)
    early = mirror.call("stable", "a", unit="e")
    mirror.street.say(early, 0.25, name="exact")
    first, second = mirror.pair("a", "b", unit="l")
    mirror.tick()
    _, copy = mirror.pair("a", "b", copied=early, unit="e")
    mirror.street.say(copy, 0.75, name="exact")
    mirror.tick()
    for id_ in (second, first):
        mirror.street.say(id_, 0.5, name="exact")
        mirror.tick()
    quality = mirror.evidence["scored"][""]
    assert (quality["n"], quality["difference"]) == (2, 0.25)


def test_a_restarted_control_knows_what_it_knew(mirror):
    mirror.begin(pairs=500)
    for n in range(80):
        mirror.pair(told=(0.6, 0.5 if n % 3 else 0.7), outcomes=("ok", "ok"))
    before = mirror.evidence
    mirror.restart()
    mirror.tick()
    assert mirror.evidence == before


def test_a_step_that_requires_quality_waits_for_it(mirror):
    mirror.begin(pairs=50, require=["errors", "quality"])
    many(mirror, 120)
    mirror.tick()
    assert mirror.state == ("moving", 0)
    [wait] = [one for one in mirror.verdicts() if one["outcome"] == "wait"]
    assert "no pair has a score on both answers yet" in wait["reason"]


def test_alpha_is_shared_between_copies_and_users_only_where_there_are_copies():
    with_shadow, without = Plan.parse("shadow 5%,10%,100%"), Plan.parse("10%,100%")
    assert (with_shadow.alpha_shadow, with_shadow.alpha_users) == (0.025, 0.025)
    assert (without.alpha_shadow, without.alpha_users) == (0.0, 0.05)


def test_pairs_are_listed_the_most_different_first(mirror):
    mirror.begin()
    with pytest.raises(NoPairsError):
        mirror.pairings.list("support")
    mirror.pair("the same", "the same")
    mirror.pair("words", "other words entirely")
    scored = mirror.pair("x", "y", told=(1, 0.2))
    failed = mirror.pair(outcomes=("ok", "error"))
    mirror.tick()
    found = mirror.pairings.list("support")
    assert [one.copied for one in found.pairs[:2]] == [failed[0], scored[0]]
    assert found.pairs[1].scores == {"exact": (1.0, 0.2)}
    assert found.pairs[-1].note == "the same"
    assert len(mirror.pairings.list("support", limit=2).pairs) == 2


def _anna():
    from support.workspace import ANNA

    return ANNA
