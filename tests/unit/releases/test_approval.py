"""Some channels move only when enough distinct people agree; a yes is to what it was said of."""

import pytest

from support.workspace import ANNA
from volano.core.principal import SYSTEM, Principal
from volano.releases.errors import (
    ApprovalMissingError,
    BadRuleError,
    NoApproverError,
    NoRuleError,
    OwnReleaseError,
)

BORIS, CHEN, DORA = (Principal("person", name) for name in ("Борис", "陈", "Dóra"))


@pytest.fixture
def asking(workspace):
    """A channel that serves and asks two people; Anna cuts."""
    workspace.serve()
    workspace.approvals.require("support", needed=2, by=ANNA)
    workspace.clock.advance(1)
    return workspace


def promote(workspace, release, **more):
    return workspace.releases.promote(release.ref, channel="support", by=ANNA, **more)


def agree(workspace, release, *people):
    for one in people:
        workspace.clock.advance(1)
        workspace.approvals.approve(release.ref, channel="support", by=one)


def test_it_moves_when_enough_others_agree(asking):
    release = asking.cut()
    with pytest.raises(ApprovalMissingError, match="0 of 2"):
        promote(asking, release)
    agree(asking, release, BORIS, BORIS)
    with pytest.raises(ApprovalMissingError, match=r"1 of 2.*Борис"):
        promote(asking, release)
    agree(asking, release, CHEN)
    assert promote(asking, release).state == "warming"


def test_who_cut_it_does_not_count_and_strangers_do_not(asking):
    release = asking.cut()
    with pytest.raises(OwnReleaseError):
        agree(asking, release, ANNA)
    asking.approvals.require("support", needed=1, approvers=[str(BORIS)], by=ANNA)
    with pytest.raises(NoApproverError, match="Борис"):
        agree(asking, release, CHEN)
    agree(asking, release, BORIS)
    promote(asking, release)


def test_a_yes_is_void_when_the_channel_serves_something_else(asking):
    release, other = asking.cut(), asking.cut()
    agree(asking, release, BORIS, CHEN)
    agree(asking, other, BORIS, CHEN)
    asking.releases.end(promote(asking, other), "arrived", {"reason": "all"}, by=SYSTEM)
    with pytest.raises(ApprovalMissingError, match="0 of 2"):
        promote(asking, release)
    assert not any(one.valid for one in asking.approvals.list())


def test_a_yes_is_void_when_the_rule_is_set_anew(asking):
    release = asking.cut()
    agree(asking, release, BORIS, CHEN)
    asking.approvals.require("support", needed=2, by=ANNA)
    with pytest.raises(ApprovalMissingError):
        promote(asking, release)


def test_a_yes_to_one_release_is_none_to_the_next(asking):
    agree(asking, asking.cut(), BORIS, CHEN)
    with pytest.raises(ApprovalMissingError):
        promote(asking, asking.cut())


def test_an_emergency_goes_without_and_is_owed_its_review(asking):
    release = asking.cut()
    promote(asking, release, emergency="a minta rossz számlát ad")
    [owed] = asking.approvals.list("support")
    assert (owed.kind, owed.owed, owed.why) == ("emergency", True, "a minta rossz számlát ad")
    agree(asking, release, BORIS)
    assert asking.approvals.list("support")[-1].owed
    agree(asking, release, DORA)
    assert not asking.approvals.list("support")[-1].owed
    verbs = [event.verb for event in asking.ledger.list(subject="channel/support")]
    assert {"release.emergency", "release.approve", "channel.rule"} <= set(verbs)


def test_the_way_back_asks_nobody(asking):
    release = asking.cut()
    agree(asking, release, BORIS, CHEN)
    asking.releases.end(promote(asking, release), "arrived", {"reason": "all"}, by=SYSTEM)
    assert asking.releases.rollback("support", by=ANNA).state == "warming"


def test_a_channel_without_a_rule_asks_nobody(asking):
    release = asking.cut()
    asking.approvals.require("support", off=True, by=ANNA)
    assert asking.approvals.rules() == []
    with pytest.raises(NoRuleError):
        agree(asking, release, BORIS)
    promote(asking, release)


@pytest.mark.parametrize(
    "rule", [{"needed": 0}, {"needed": 21}, {"needed": 2, "approvers": ["person:a", "person:a"]}]
)
def test_a_rule_that_cannot_be_kept_is_refused(workspace, rule):
    with pytest.raises(BadRuleError):
        workspace.approvals.require("support", **rule, by=ANNA)
