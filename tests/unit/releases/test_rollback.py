"""A channel goes back to what it served before, at once, also weeks later; freezes do not hold it."""

import pytest

from support.workspace import ANNA
from volano.core.principal import SYSTEM
from volano.releases.errors import (
    AlreadyServedError,
    BadFreezeError,
    FrozenError,
    NeverServedError,
    NowhereToGoError,
    UnknownFreezeError,
)

WEEK_S = 7 * 86_400


def arrive(workspace, channel="support"):
    release = workspace.cut(channel)
    rollout = workspace.releases.promote(release.ref, channel=channel, by=ANNA)
    workspace.releases.end(rollout, "arrived", {"reason": "all gates hold"}, by=SYSTEM)
    return release


def test_it_goes_back_weeks_later_and_the_ledger_says_why(desk, street):
    workspace = desk
    first = workspace.serve()
    second = arrive(workspace)
    workspace.clock.advance(3 * WEEK_S)
    rollout = workspace.releases.rollback("support", why="sok panasz", by=ANNA)
    assert (rollout.candidate, rollout.baseline) == (str(first.digest), str(second.digest))
    for _ in range(3):
        street.tick()
    assert workspace.releases.channel("support").stable == first.digest
    [event] = [e for e in workspace.ledger.list() if e.verb == "release.rollback"]
    assert event.content["why"] == "sok panasz"


def test_a_rollout_under_way_is_aborted_and_that_is_all(workspace):
    first = workspace.serve()
    second = workspace.cut()
    workspace.releases.promote(second.ref, channel="support", by=ANNA)
    assert workspace.releases.rollback("support", by=ANNA).state == "aborted"
    found = workspace.releases.channel("support")
    assert (found.stable, found.rollout_id) == (first.digest, None)


def test_it_says_how_far_back(workspace):
    first, second, third = workspace.serve(), arrive(workspace), arrive(workspace)
    assert third
    rollout = workspace.releases.rollback("support", to=first.ref, by=ANNA)
    assert rollout.candidate == first.digest
    workspace.releases.end(rollout, "arrived", {"reason": "back"}, by=SYSTEM)
    again = workspace.releases.rollback("support", to=second.ref, by=ANNA)
    assert again.candidate == second.digest


def test_there_is_no_way_back_to_what_never_served(workspace):
    served = workspace.serve()
    other = workspace.cut()
    with pytest.raises(NowhereToGoError):
        workspace.releases.rollback("support", by=ANNA)
    with pytest.raises(NeverServedError):
        workspace.releases.rollback("support", to=other.ref, by=ANNA)
    with pytest.raises(AlreadyServedError):
        workspace.releases.rollback("support", to=served.ref, by=ANNA)


def test_a_freeze_holds_what_is_new_and_not_the_way_back(workspace):
    workspace.serve()
    arrive(workspace)
    frozen = workspace.freezes.freeze("sup*", until="2d", why="ünnep", by=ANNA)
    with pytest.raises(FrozenError, match="ünnep"):
        workspace.releases.promote(workspace.cut().ref, channel="support", by=ANNA)
    assert workspace.releases.rollback("support", by=ANNA).state == "warming"
    workspace.releases.promote(workspace.cut("other").ref, channel="other", by=ANNA)
    assert workspace.freezes.list() == [frozen]


def test_a_freeze_ends_by_time_or_by_command(workspace):
    workspace.serve()
    workspace.freezes.freeze(until="1h", why="demo", by=ANNA)
    workspace.clock.advance(3600)
    assert workspace.freezes.list() == []
    workspace.freezes.check("support")
    later = workspace.freezes.freeze(since="1h", why="год", by=ANNA)
    workspace.freezes.check("support")
    workspace.clock.advance(3601)
    with pytest.raises(FrozenError):
        workspace.freezes.check("support")
    workspace.freezes.thaw(later.id, by=ANNA)
    workspace.freezes.check("support")
    with pytest.raises(UnknownFreezeError):
        workspace.freezes.thaw(later.id, by=ANNA)


@pytest.mark.parametrize("said", [{"why": " "}, {"why": "x", "since": "2h", "until": "1h"}])
def test_a_freeze_that_cannot_be_is_refused(workspace, said):
    with pytest.raises(BadFreezeError):
        workspace.freezes.freeze(**said, by=ANNA)
