"""`kind: Rollout`: a file starts one rollout, and none over somebody's head."""

import pytest

from support.workspace import ANNA
from volano.core.principal import SYSTEM, Principal
from volano.declared import Declarations
from volano.declared.errors import WrongDocumentError
from volano.releases.declared import KIND, DeclaredRollouts

BOT = Principal("service", "key/git")
SAID = """kind: Rollout
name: support
release: support@{n}
unit: session
scope: {{languages: [hu]}}
steps:
  - shadow: 5%
    pairs: 300
  - canary: 5%
    cohort: true
  - 100%
gates: {{errors: {{margin: 0.02}}, quality: {{tolerance: 2}}}}
guard: 10 of 12
max_wait: 2h
"""


@pytest.fixture
def declared(desk):
    return Declarations({KIND: DeclaredRollouts(lambda: desk.releases)})


def files(text):
    return [{"path": "rollouts/support.yaml", "text": text}]


def said(n, **more):
    text = SAID.format(n=n)
    return files(text + "".join(f"{key}: {value}\n" for key, value in more.items()))


def only(plan):
    [change] = plan.changes
    return change


def test_a_file_starts_one_rollout_with_all_that_it_says(desk, declared):
    desk.serve()
    desk.cut()
    change = only(declared.plan(said(2), by=BOT))
    assert (change.action, change.ref, change.drift) == ("changed", "support@1", ())
    told = str(change.parts)
    assert "shadow 5 % → 5 % → 100 %" in told
    assert "languages: hu; at 100 % for everybody" in told
    assert desk.releases.active() == []
    for _ in range(2):
        assert declared.apply(said(2), by=BOT).ok
    [rollout] = desk.releases.rollouts("support", limit=1)
    assert desk.releases.rollouts("support")[1].state == "arrived"
    plan = rollout.plan
    assert (plan.margins, plan.required) == ({"errors": 0.02, "quality": 0.05}, ("errors",))
    assert plan.tolerances["quality"] == 2
    assert (plan.guard.failed, plan.guard.of, plan.max_wait_s) == (10, 12, 7200)
    assert plan.stages[1].cohort
    assert plan.scope.languages == ("hu",)
    assert desk.releases.channel("support").unit == "session"
    assert desk.releases.origin(rollout) == "rollouts/support.yaml"
    assert only(declared.plan(said(2), by=BOT)).action == "same"


def test_nothing_is_to_do_when_it_has_arrived(desk, declared):
    desk.serve()
    assert only(declared.plan(said(1), by=BOT)).action == "same"
    assert declared.apply(said(1), by=BOT).pending == 0
    assert len(desk.releases.rollouts("support")) == 1


def test_a_file_opens_a_channel(desk, declared):
    desk.cut()
    assert only(declared.plan(said(1), by=BOT)).action == "new"
    declared.apply(said(1), by=BOT)
    assert desk.releases.channel("support").stable_ref == "support@1"


def test_it_does_not_start_over_the_head_of_another_rollout_unless_told(desk, declared):
    desk.serve()
    desk.cut(), desk.cut()
    other = desk.releases.promote("support@2", channel="support", by=ANNA)
    change = only(declared.apply(said(3), by=BOT))
    assert f"it moves to support@2 (rollout {other.id}, by person:anna)" in change.drift
    assert desk.releases.channel("support").candidate_ref == "support@2"
    declared.apply(said(3), overwrite=True, by=BOT)
    assert desk.releases.rollout(other.id).state == "aborted"
    assert desk.releases.channel("support").candidate_ref == "support@3"


def test_other_steps_to_the_same_release_are_told(desk, declared):
    desk.serve()
    desk.cut()
    desk.releases.promote("support@2", channel="support", by=ANNA)
    assert "by other steps" in only(declared.plan(said(2), by=BOT)).drift[0]


@pytest.mark.parametrize("state", ["back", "aborted", "failed"])
def test_a_release_that_was_taken_back_is_not_tried_again_by_every_commit(desk, declared, state):
    desk.serve()
    desk.cut(), desk.cut()
    declared.apply(said(2), by=BOT)
    desk.releases.end(desk.releases.active()[0], state, {"reason": "túl sok hiba"}, by=SYSTEM)
    found = declared.apply(said(2), by=BOT)
    assert not found.ok
    assert "túl sok hiba" in only(found).drift[0]
    assert desk.releases.active() == []
    assert declared.plan(said(3), by=BOT).ok
    declared.apply(said(2), overwrite=True, by=BOT)
    assert desk.releases.active()[0].candidate_ref == "support@2"


def test_a_rollback_at_night_is_not_undone_by_the_next_commit(desk, declared):
    desk.serve()
    desk.cut()
    declared.apply(said(2), by=BOT)
    desk.releases.end(desk.releases.active()[0], "arrived", {"reason": "x"}, by=SYSTEM)
    desk.clock.advance(60)
    night = desk.releases.rollback("support", by=ANNA)
    desk.releases.end(night, "arrived", {"reason": "x"}, by=SYSTEM)
    assert "person:anna moved it to support@1" in only(declared.plan(said(2), by=BOT)).drift[0]


def test_going_back_in_git_is_no_drift(desk, declared):
    desk.serve()
    desk.cut()
    for n in (2, 1):
        desk.clock.advance(60)
        assert declared.apply(said(n), by=BOT).ok
        desk.releases.end(desk.releases.active()[0], "arrived", {"reason": "x"}, by=SYSTEM)
    assert desk.releases.channel("support").stable_ref == "support@1"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("steps: [5%]", "ends at 5 %"),
        ("steps: 7", "steps are a line or a list"),
        ("gates: {speed: {}}", "no metric speed"),
        ("gates: {errors: {margn: 1}}", "no margn"),
        ("gates: [errors]", "gates are an object"),
        ("guard: many", "20 of 25"),
        ("scope: {colour: [red]}", "no colour"),
        ("unit: cat", "unit is one of"),
        ("max_wait: soon", "no time"),
        ("speed: 3", "it has no speed"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(desk, declared, text, why):
    desk.serve()
    with pytest.raises(WrongDocumentError, match=why) as error:
        declared.plan(files(f"kind: Rollout\nname: support\nrelease: support@1\n{text}\n"), by=BOT)
    assert "rollouts/support.yaml:1" in str(error.value)


def test_a_judge_that_is_not_there_is_told_by_the_plan_of_a_file(desk, declared):
    desk.serve()
    desk.cut()
    text = SAID.format(n=2).replace("pairs: 300", "pairs: 300\n    judge: helpful")
    with pytest.raises(WrongDocumentError, match="no such judge"):
        declared.plan(files(text), by=BOT)


def test_a_file_without_a_release_says_nothing(declared):
    with pytest.raises(WrongDocumentError, match="it says no release"):
        declared.plan(files("kind: Rollout\nname: support\n"), by=BOT)


def test_what_stands_in_no_file_any_more_goes_on_serving(desk, declared):
    desk.serve(), desk.serve("other")
    found = declared.apply(said(1), prune=True, by=BOT)
    assert [one.action for one in found.changes] == ["same"]
    assert desk.releases.channel("other").stable_ref == "other@1"
