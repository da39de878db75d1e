"""The figures of DORA, from rollouts alone."""

from support.workspace import ANNA
from volano.core.principal import SYSTEM
from volano.releases.delivery import Deliveries

HOUR_S = 3600


def move(workspace, state, *, waits_s, took_s, calls=5):
    """Cut a release, let it wait, roll it out, and let that end so."""
    release = workspace.cut()
    workspace.clock.advance(waits_s)
    rollout = workspace.releases.promote(release.ref, channel="support", by=ANNA)
    workspace.clock.advance(took_s)
    outcome = {"reason": state, "calls": {"candidate": calls, "stable": 9}}
    workspace.releases.end(rollout, state, outcome, by=SYSTEM)


def test_nothing_happened_is_not_zero(workspace):
    found = Deliveries(workspace.releases, workspace.clock).figures(days=7)
    assert (found.changes, found.deployments_a_week) == (0, 0)
    assert found.lead_time_s is found.failure_rate is found.restore_s is None


def test_frequency_lead_time_failures_and_their_mending(workspace):
    workspace.serve()
    workspace.clock.advance(40 * 24 * HOUR_S)
    move(workspace, "arrived", waits_s=HOUR_S, took_s=HOUR_S)
    move(workspace, "back", waits_s=60, took_s=90)
    move(workspace, "aborted", waits_s=60, took_s=30, calls=0)
    move(workspace, "arrived", waits_s=3 * HOUR_S, took_s=HOUR_S)
    found = Deliveries(workspace.releases, workspace.clock).figures(days=28, channel="support")
    assert (found.changes, found.deployments, found.failures) == (3, 2, 1)
    assert found.deployments_a_week == 0.5
    assert found.lead_time_s == 3 * HOUR_S
    assert found.restore_s == 90
    assert found.failure_rate == 1 / 3
    assert found.failure_low < 1 / 3 < found.failure_high
    assert [one["reason"] for one in found.failed] == ["back"]


def test_a_release_that_was_rolled_back_later_failed_and_its_way_back_is_no_change(workspace):
    workspace.serve()
    workspace.clock.advance(40 * 24 * HOUR_S)
    move(workspace, "arrived", waits_s=60, took_s=60)
    workspace.clock.advance(5 * HOUR_S)
    back = workspace.releases.rollback("support", by=ANNA)
    workspace.clock.advance(10)
    workspace.releases.end(back, "arrived", {"reason": "all"}, by=SYSTEM)
    found = Deliveries(workspace.releases, workspace.clock).figures()
    assert (found.changes, found.deployments, found.failures) == (1, 1, 1)
    assert found.restore_s == 60 + 5 * HOUR_S + 10
    assert found.failed[0]["reason"] == "rolled back after it had arrived"
