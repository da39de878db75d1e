"""A judge scores both answers of each pair: once, within its budget, and takes up after a kill."""

import pytest

from support.workspace import ANNA
from volano.costs.price import Price, Rates
from volano.releases.errors import UnknownPlanJudgeError
from volano.releases.pairs.judging import REST_US

GOOD, BAD = "Itt van. [good]", "Nincs. [bad]"


def asked(mirror):
    return len(mirror.live.server.seen)


@pytest.fixture(autouse=True)
def nothing_seen(server):
    server.seen.clear()


def scores(mirror):
    return {one.trace_id: one.value for one in mirror.live.said(name="release.pairs.helpful")}


def test_both_answers_are_scored_and_the_scores_are_feedback_on_both_traces(mirror):
    mirror.live.judge()
    mirror.begin(judge="helpful")
    first, second = mirror.pair(GOOD, BAD)
    assert mirror.judge() == 1
    assert scores(mirror) == {first: 1.0, second: 0.0}
    assert asked(mirror) == 2
    [helpful] = mirror.evidence["scored"].values()
    assert (helpful["n"], helpful["difference"]) == (1, -1.0)
    assert mirror.judge() == 0


def test_the_judge_is_not_told_whose_answer_it_sees(mirror):
    mirror.live.judge()
    rollout = mirror.begin(judge="helpful")
    mirror.pair("einzig [good]", "anders [good]")
    mirror.judge()
    one, other = (str(body["messages"]) for body in mirror.live.server.seen)
    assert sorted(("einzig" in one, "einzig" in other)) == [False, True]
    for said in (one, other):
        assert not any(word in said for word in ("candidate", "stable", "shadow", rollout.id))


def test_answers_that_say_the_same_are_judged_once(mirror):
    mirror.live.judge()
    mirror.begin(judge="helpful")
    first, second = mirror.pair("Egy  kettő [good]", "Egy kettő [good]")
    mirror.judge()
    assert asked(mirror) == 1
    assert scores(mirror) == {first: 1.0, second: 1.0}


def test_a_pairwise_judge_sees_both_in_both_orders_and_has_no_favourite_place(mirror):
    mirror.pairwise("judge,first=1")
    mirror.begin(judge="better")
    mirror.pair(GOOD, BAD)
    mirror.judge()
    assert asked(mirror) == 2
    assert mirror.evidence["scored"]["better"]["difference"] == 0.0


def test_what_one_answer_wins_before_a_pairwise_judge_the_other_loses(mirror):
    mirror.pairwise()
    mirror.begin(judge="better")
    mirror.pair(GOOD, BAD)
    mirror.pair(GOOD, GOOD)
    mirror.judge()
    assert asked(mirror) == 2
    assert mirror.evidence["scored"]["better"]["difference"] == -0.5


def test_one_pair_of_each_unit_is_judged_and_no_failed_one(mirror):
    mirror.live.judge()
    mirror.begin(judge="helpful")
    mirror.pair(outcomes=("ok", "error"), unit="a")
    for _ in range(5):
        mirror.pair(GOOD, BAD, unit="b")
    assert mirror.judge() == 1
    assert asked(mirror) == 2


def test_a_worse_candidate_goes_back_by_its_judge_and_a_good_one_goes_on(mirror):
    mirror.live.judge("judge,se=0.9,sp=0.9")
    mirror.begin(judge="helpful", pairs=100)
    for n in range(160):
        mirror.pair(f"{n} [good]", f"{n} {'[bad]' if n % 2 else '[good]'}!")
    mirror.judge()
    mirror.tick()
    assert mirror.state[0] == "back"
    reason = mirror.shop.releases.rollout(mirror.rollout.id).outcome["reason"]
    assert "quality of copies" in reason
    assert "by helpful" in reason
    mirror.begin(judge="helpful", pairs=100)
    for n in range(150):
        mirror.pair(f"{n} [good]", f" {n} [good]")
    mirror.judge()
    mirror.tick()
    assert mirror.state == ("moving", 1)


def test_a_control_that_was_killed_does_not_ask_again(mirror):
    mirror.live.judge()
    mirror.begin(judge="helpful")
    for n in range(6):
        mirror.pair(f"{n} {GOOD}", f"{n} {BAD}")
    mirror.judge()
    before = asked(mirror), scores(mirror)
    mirror.restart()
    assert mirror.judge() == 0
    assert (asked(mirror), scores(mirror)) == before


def test_what_was_asked_when_it_was_killed_is_lost_and_not_paid_for_twice(mirror, monkeypatch):
    mirror.live.judge()
    mirror.begin(judge="helpful")
    mirror.pair(GOOD, BAD)
    settle = mirror.book.settle

    def killed(found):
        raise SystemExit(9)

    monkeypatch.setattr(mirror.book, "settle", killed)
    with pytest.raises(SystemExit):
        mirror.judge()
    assert asked(mirror) == 1
    assert settle is not None
    mirror.restart()
    mirror.pair(GOOD, GOOD + "!")
    mirror.judge()
    assert asked(mirror) == 3  # both answers of the second pair, none of the first
    assert mirror.evidence["scored"]["helpful"]["n"] == 1
    assert sorted(one.state for one in mirror.book.of(name_of(mirror))) == [
        "lost", "scored", "scored"
    ]  # fmt: skip


def test_scores_that_were_paid_for_and_not_told_are_told_by_the_next_control(mirror, monkeypatch):
    mirror.live.judge()
    mirror.begin(judge="helpful")
    mirror.pair(GOOD, BAD)

    def killed(*_given, **_more):
        raise SystemExit(9)

    monkeypatch.setattr(mirror.live.feedbacks, "batch", killed)
    with pytest.raises(SystemExit):
        mirror.judge()
    monkeypatch.undo()
    mirror.restart()
    mirror.judge()
    assert asked(mirror) == 2
    assert mirror.evidence["scored"]["helpful"]["n"] == 1


def test_a_model_that_does_not_answer_is_asked_later_and_told_of(mirror):
    mirror.live.judge()
    rollout = mirror.begin(judge="helpful")
    mirror.pair(GOOD, BAD)
    mirror.live.down = True
    mirror.judge()
    assert "asleep" in mirror.judging.trouble[rollout.id]
    assert "asleep" in mirror.pairings.list("support").silent
    mirror.live.down = False
    assert mirror.judge() == 0  # it rests
    mirror.tick(seconds=REST_US / 1e6)
    assert mirror.judge() == 1
    assert mirror.judging.trouble == {}


def test_the_budget_of_the_step_is_never_passed(mirror):
    mirror.live.price = Price(Rates(0, 10**12), currency="EUR")  # 1,000 EUR a million
    mirror.live.judge()
    plan = "shadow 20% 300 pairs judge helpful 0.46 EUR, 100%"
    rollout = mirror.begin(plan=plan)
    for n in range(12):
        mirror.pair(f"{n} {GOOD}", f"{n} {BAD}")
    mirror.judge()
    mirror.judge()
    assert 4 <= asked(mirror) < 24
    assert 0 < sum(one.nano for one in mirror.book.of(name_of(mirror))) <= 0.46 * 10**9
    assert "is spent" in mirror.judging.trouble[rollout.id]
    mirror.restart()
    seen = asked(mirror)
    mirror.judge()
    assert asked(mirror) == seen


def test_the_version_that_judged_first_judges_all(mirror):
    mirror.live.judge()
    mirror.begin(judge="helpful")
    mirror.pair(GOOD, BAD)
    mirror.judge()
    mirror.live.judge("judge,se=0,sp=0")  # another version, which says the opposite
    mirror.restart()
    mirror.pair(GOOD + "?", BAD + "?")
    mirror.judge()
    assert mirror.evidence["scored"]["helpful"]["difference"] == -1.0


def test_a_name_that_is_no_judge_is_a_name_of_feedback(mirror):
    mirror.live.metrics.define("exact", type="number", low=0, high=1, by=ANNA)
    mirror.begin(judge="exact", pairs=10)
    for _ in range(4):
        mirror.pair(told=(1, 0))
    first, second = mirror.pair()
    for id_ in (first, second):
        mirror.street.say(id_, 1, name="other")
    assert mirror.judge() == 0
    assert mirror.evidence["scored"]["exact"]["n"] == 4
    assert "4 of 10 pairs scored by exact" in mirror.verdicts("pairs")[0]["reason"]


@pytest.mark.parametrize(
    ("judge", "told"),
    [("helpfull", r"`helpfull` score pairs, .* \(did you mean `helpful`\?\)"),
     ("helpful@9", r"`helpful@9` score pairs, .* \(did you mean `helpful@1`\?\)"),
     ("exact@1", "`exact@1` score pairs, and there is no such judge"),
     ("zz", "`zz` score pairs, and there is no such judge")],
)  # fmt: skip
def test_a_judge_that_is_not_there_is_told_before_anything_moves(mirror, judge, told):
    mirror.live.judge()
    mirror.live.metrics.define("exact", type="number", low=0, high=1, by=ANNA)
    with pytest.raises(UnknownPlanJudgeError, match=told) as refused:
        mirror.begin(judge=judge)
    assert "Judges: helpful@1; `volano judge save FILE`" in refused.value.advice
    assert mirror.shop.releases.active() == []


def name_of(mirror):
    return f"pairs/{mirror.rollout.id}/helpful"
