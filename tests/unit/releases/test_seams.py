"""Where the pieces of a rollout meet: keeping and retiring, alarms and the way back, warming and verdicts."""

import pytest

from support.workspace import ANNA
from volano.releases.errors import InvalidPlanError, ReleaseUsedError
from volano.releases.experiment.measure import measure
from volano.releases.gates import Evidence
from volano.releases.outlook import Outlooks
from volano.releases.plan import Plan
from volano.releases.rolling import Replicas
from volano.releases.rollout import State, decide, over


class Alarm:
    """Says always that a rollout must go back."""

    def of(self, rollout):
        return "the budget of the channel is spent"


@pytest.fixture
def street(street):
    """A street on which a first release serves."""
    street.workspace.serve()
    return street


def arrive(street, plan):
    rollout = street.workspace.releases.promote(
        street.workspace.cut().ref, channel="support", plan=plan, by=ANNA
    )
    street.tick()
    street.tick()
    return street.workspace.releases.rollout(rollout.id)


def test_what_is_kept_hot_cannot_be_retired(street):
    old = street.workspace.releases.channel("support").stable_ref
    assert arrive(street, "switch keep 24h").state == "arrived"
    with pytest.raises(ReleaseUsedError, match="keeps it hot"):
        street.workspace.retirements.retire(old, by=ANNA)
    street.workspace.releases.drop("support", by=ANNA)
    street.workspace.retirements.retire(old, by=ANNA)


def test_the_way_back_without_a_name_goes_to_what_is_kept(street):
    releases = street.workspace.releases
    first = releases.channel("support").stable_ref
    second = arrive(street, "100%").candidate_ref
    third = arrive(street, "100%").candidate_ref
    releases.promote(second, channel="support", plan="switch keep 24h", by=ANNA)
    street.tick()
    street.tick()
    assert (releases.channel("support").stable_ref, releases.channel("support").kept.release) == (
        second, third,
    )  # fmt: skip
    releases.rollback("support", by=ANNA)
    assert releases.channel("support").stable_ref == third != first


def test_an_alarm_takes_back_a_canary_but_no_way_back(street):
    releases = street.workspace.releases
    second = arrive(street, "100%").candidate_ref
    street.reconciler._alarms = Alarm()
    canary = releases.promote(
        street.workspace.cut().ref, channel="support", plan="5%,100%", by=ANNA
    )
    street.tick()
    street.tick()
    assert releases.rollout(canary.id).state == "back"
    releases.rollback("support", by=ANNA)
    street.tick()
    street.tick()
    assert releases.channel("support").stable_ref != second


def test_what_warms_up_is_no_success_yet(street):
    release = street.workspace.cut()
    street.serving.unready.add(str(release.digest))
    street.workspace.releases.promote(
        release.ref, channel="support", plan="switch verify 20", by=ANNA
    )
    street.tick()
    found = Outlooks(street.reconciler).verdict("support")
    assert (found.verdict, found.value) == ("running", 0)


def test_one_name_of_feedback_is_watched_in_one_way():
    with pytest.raises(InvalidPlanError, match="thumbs can be watched in one way only"):
        Plan.parse(
            "10%,100%", gates={"errors": 0.05, "thumbs": 0.1, "thumbs 24h": 0.1},
            meanings={"thumbs": measure("thumbs"), "thumbs 24h": measure("thumbs")},
        )  # fmt: skip


def test_late_advance_does_not_go_on_with_a_candidate_that_is_down():
    plan = Plan.parse("5% ..1m late advance,100%")
    late, evidence = 120 * 1_000_000, Evidence(plan)
    assert decide(plan, State(0, 0), evidence, late).action == "done"
    assert decide(plan, State(0, 0, down_s=5), evidence, late).action == "hold"


def test_skipping_while_engines_roll_goes_one_engine_on():
    plan = Plan.parse("rolling")
    waits = decide(plan, State(0, 0), Evidence(plan), 0)
    state = State(0, 0, share=250_000, replicas=Replicas(warm=2, of=4))
    assert over(plan, state, waits, "so").share == 500_000
