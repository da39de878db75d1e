"""A channel moves only to what was checked as it stands; an emergency goes without, on record."""

from dataclasses import replace

import pytest

from support.workspace import ANNA
from volano.core.principal import SYSTEM
from volano.core.verdict import Verdict
from volano.releases.compatibility.outcome import told
from volano.releases.demands import Check
from volano.releases.errors import BadCheckError, UncheckedError


@pytest.fixture
def asking(workspace):
    """A channel that serves and demands two gates."""
    workspace.serve()
    workspace.demands.require("support", require=["schema", "flips"], by=ANNA)
    return workspace


def promote(workspace, release, **more):
    return workspace.releases.promote(release.ref, channel="support", by=ANNA, **more)


def keep(workspace, release, *, run="r1", **said):
    """A kept check of this release against what the channel serves; all gates said yes unless told."""
    workspace.clock.advance(1)
    channel = workspace.releases.channel("support")
    rule = workspace.demands.of("support")
    found = {"schema": Verdict("pass", "s"), "flips": Verdict("pass", "f"), **said}
    check = Check(
        run, str(release.digest), release.ref, channel.stable, channel.stable_ref, "support",
        rule.set_us, "passed", "", tuple(told(found)), rule.limits, workspace.clock.now_us(), "x",
    )  # fmt: skip
    workspace.demands.keep(check, by=ANNA)
    return check


def test_unchecked_it_stays_and_checked_it_goes(asking):
    release = asking.cut()
    with pytest.raises(UncheckedError, match="never checked"):
        promote(asking, release)
    keep(asking, release)
    assert promote(asking, release).state == "warming"


@pytest.mark.parametrize(
    ("verdict", "why"),
    [(Verdict("fail", "$.team is gone"), r"says no: schema: \$.team is gone"),
     (Verdict("unmeasured", "nobody knows"), "could not tell: schema: nobody knows"),
     (Verdict("wait", "too few"), "could not tell: schema: too few")],
)  # fmt: skip
def test_anything_but_a_yes_is_none(asking, verdict, why):
    release = asking.cut()
    keep(asking, release, schema=verdict)
    with pytest.raises(UncheckedError, match=why):
        promote(asking, release)


def test_a_gate_that_is_not_demanded_may_say_what_it_likes(asking):
    release = asking.cut()
    keep(asking, release, replay=Verdict("fail", "no"))
    promote(asking, release)


def test_the_newest_check_decides(asking):
    release = asking.cut()
    keep(asking, release, run="r1")
    keep(asking, release, run="r2", flips=Verdict("fail", "row 7"))
    with pytest.raises(UncheckedError, match="row 7"):
        promote(asking, release)
    assert [one.run for one in asking.demands.checks("support")] == ["r2", "r1"]


def test_it_is_stale_when_the_channel_serves_something_else(asking):
    release, other = asking.cut(), asking.cut()
    keep(asking, release, run="r1")
    keep(asking, other, run="r2")
    asking.releases.end(promote(asking, other), "arrived", {"reason": "all"}, by=SYSTEM)
    with pytest.raises(UncheckedError, match=r"stale: it was made against support@1"):
        promote(asking, release)


def test_it_is_stale_when_the_demand_is_set_anew(asking):
    release = asking.cut()
    check = keep(asking, release)
    asking.clock.advance(1)
    asking.demands.require("support", require=["schema"], by=ANNA)
    with pytest.raises(UncheckedError, match="set anew"):
        promote(asking, release)
    assert "set anew" in asking.demands.standing(check)


def test_a_check_for_another_channel_or_release_is_none(asking):
    release, other = asking.cut(), asking.cut()
    check = keep(asking, other)
    asking.demands.keep(
        replace(check, run="r9", release=str(release.digest), channel="staging"), by=ANNA
    )
    with pytest.raises(UncheckedError, match="never checked"):
        promote(asking, release)


def test_an_emergency_goes_without_and_stays_on_record(asking):
    release = asking.cut()
    promote(asking, release, emergency="rossz a válasz")
    [event] = [
        e for e in asking.ledger.list(subject="channel/support") if e.verb == "release.unchecked"
    ]
    assert str(release.digest) in map(str, event.digests)


def test_an_emergency_that_goes_unchecked_is_owed_its_review_once(asking):
    release = asking.cut()
    rollout = promote(asking, release, emergency="rossz a válasz")
    [one] = asking.approvals.list("support")
    assert (one.kind, one.owed, one.why) == ("emergency", True, "rossz a válasz")
    first = asking.releases.rollout_events(rollout.id)[0].content
    assert first["unchecked"]["lacks"]


def test_a_checked_release_is_owed_nothing_though_an_emergency_was_said(asking):
    release = asking.cut()
    keep(asking, release)
    promote(asking, release, emergency="ha kell")
    assert asking.approvals.list("support") == []


def test_the_way_back_and_a_new_channel_ask_for_nothing(asking):
    release = asking.cut()
    keep(asking, release)
    asking.releases.end(promote(asking, release), "arrived", {"reason": "all"}, by=SYSTEM)
    assert asking.releases.rollback("support", by=ANNA).state == "warming"
    asking.demands.require("fresh", by=ANNA)
    asking.releases.promote(release.ref, channel="fresh", by=ANNA)


def test_without_a_demand_nothing_is_asked(asking):
    asking.demands.require("support", off=True, by=ANNA)
    assert asking.demands.list() == []
    promote(asking, asking.cut())


def test_a_check_of_a_run_is_kept_once(asking):
    check = keep(asking, asking.cut())
    asking.demands.keep(replace(check, outcome="stopped"), by=ANNA)
    [kept] = asking.demands.checks()
    assert kept == check
    events = [e for e in asking.ledger.list(subject="channel/support") if e.verb == "release.check"]
    assert len(events) == 1


def test_a_demand_that_cannot_be_is_refused(workspace):
    with pytest.raises(BadCheckError):
        workspace.demands.require("support", require=["sechma"], by=ANNA)
    with pytest.raises(BadCheckError):
        workspace.demands.require("support", cost=0.0, by=ANNA)
