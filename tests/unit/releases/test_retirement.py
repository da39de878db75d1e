"""What is used is not ended, and who uses it is said; what is retired never serves again."""

import pytest

from support.workspace import ANNA
from volano.core.principal import SYSTEM
from volano.releases.callers import Callers
from volano.releases.errors import (
    ChannelUsedError,
    ReleaseUsedError,
    RetiredReleaseError,
    UnknownChannelError,
)


def arrive(workspace, release, channel="support"):
    workspace.clock.advance(1)
    rollout = workspace.releases.promote(release.ref, channel=channel, plan="100%", by=ANNA)
    workspace.releases.end(rollout, "arrived", {"reason": "all"}, by=SYSTEM)


def test_what_serves_or_moves_is_not_retired(workspace):
    workspace.serve()
    with pytest.raises(ReleaseUsedError, match="channel support serves it"):
        workspace.retirements.retire("support@1", by=ANNA)
    new = workspace.cut()
    rollout = workspace.releases.promote(new.ref, channel="support", by=ANNA)
    with pytest.raises(ReleaseUsedError, match=f"rollout {rollout.id} moves support to it"):
        workspace.retirements.retire(new.ref, by=ANNA)
    workspace.deprecations.deprecate("support@1", on="9d", successor=new.ref, by=ANNA)
    workspace.releases.abort("support", by=ANNA)
    with pytest.raises(ReleaseUsedError, match="support@1 names it as its successor"):
        workspace.retirements.retire(new.ref, by=ANNA)
    assert workspace.retirements.list() == []


def test_a_rival_of_an_experiment_is_not_retired(street, desk):
    desk.serve()
    rival = desk.cut()
    arms = ["support@1", rival.ref]
    street.experiments.compare(arms, channel="support", goal="refusals", by=ANNA)
    with pytest.raises(ReleaseUsedError, match="moves support to it"):
        desk.retirements.retire(rival.ref, by=ANNA)


def test_what_is_retired_never_serves_again(workspace):
    workspace.serve()
    new = workspace.cut()
    arrive(workspace, new)
    ended = workspace.retirements.retire("support@1", why="hibás", by=ANNA)
    assert workspace.retirements.list() == [ended]
    assert workspace.retirements.of(ended.digest) == ended
    for go in (
        lambda: workspace.releases.promote("support@1", channel="support", by=ANNA),
        lambda: workspace.releases.promote("support@1", channel="new", by=ANNA),
        lambda: workspace.releases.rollback("support", by=ANNA),
        lambda: workspace.releases.rollback("support", to="support@1", by=ANNA),
        lambda: workspace.retirements.retire("support@1", by=ANNA),
    ):
        with pytest.raises(RetiredReleaseError, match=r"retired since .* \(hibás\)"):
            go()
    assert workspace.releases.channel("support").stable_ref == new.ref
    assert [c.name for c in workspace.releases.channels()] == ["support"]


def test_it_is_no_rival_in_an_experiment_and_no_winner(street, desk):
    desk.serve()
    gone = desk.cut()
    desk.retirements.retire(gone.ref, by=ANNA)
    with pytest.raises(RetiredReleaseError):
        street.experiments.compare(
            ["support@1", gone.ref], channel="support", goal="errors", by=ANNA
        )


def test_one_that_is_retired_while_it_is_promoted_does_not_serve(workspace, monkeypatch):
    """Between the question whether it may move and the writing of its rollout."""
    workspace.serve()
    new = workspace.cut()
    let_move = workspace.releases.let_move

    def slowly(*args, **more):
        found = let_move(*args, **more)
        workspace.retirements.retire(new.ref, by=ANNA)
        return found

    monkeypatch.setattr(workspace.releases, "let_move", slowly)
    with pytest.raises(RetiredReleaseError):
        workspace.releases.promote(new.ref, channel="support", by=ANNA)
    assert workspace.releases.channel("support").rollout_id is None


def test_a_channel_is_closed_and_its_name_is_free(workspace):
    workspace.serve("old")
    workspace.deprecations.deprecate_channel("old", on="9d", by=ANNA)
    published = len(workspace.published)
    closed = workspace.retirements.close("old", why="vége", by=ANNA)
    assert (closed.served, closed.why) == ("old@1", "vége")
    assert len(workspace.published) == published + 1
    assert workspace.deprecations.list() == []
    with pytest.raises(UnknownChannelError):
        workspace.releases.channel("old")
    with pytest.raises(UnknownChannelError):
        workspace.retirements.close("old", by=ANNA)
    arrive(workspace, workspace.releases.get("old@1"), "old")
    assert workspace.releases.channel("old").stable_ref == "old@1"


def test_what_follows_a_closed_channel_is_remembered_until_its_name_is_closed_again(workspace):
    for name in ("régi", "new"):
        workspace.serve(name)
    workspace.deprecations.deprecate_channel("régi", on="9d", successor="new", by=ANNA)
    closed = workspace.retirements.close("régi", by=ANNA)
    assert closed.to_dict()["says"] == "; who calls it is told of new"
    assert workspace.retirements.followed() == {"régi": "new"}
    told = [one for one in workspace.ledger.list() if one.verb == "channel.close"]
    assert told[0].content["successor"] == "new"
    arrive(workspace, workspace.releases.get("régi@1"), "régi")
    assert workspace.retirements.close("régi", by=ANNA).to_dict()["says"] == ""
    assert workspace.retirements.followed() == {}


def test_a_channel_that_is_used_is_not_closed(workspace):
    workspace.serve("old")
    workspace.serve("new")
    close = workspace.retirements.close
    workspace.deprecations.deprecate_channel("old", on="9d", successor="new", by=ANNA)
    with pytest.raises(ChannelUsedError, match="old names it as its successor"):
        close("new", by=ANNA)
    workspace.environments.order("new", order=("old", "new"), by=ANNA)
    with pytest.raises(ChannelUsedError, match="it is an environment of new"):
        close("old", by=ANNA)
    workspace.environments.order("new", off=True, by=ANNA)
    release = workspace.cut("old")
    workspace.releases.promote(release.ref, channel="old", by=ANNA)
    with pytest.raises(ChannelUsedError, match="moves it"):
        close("old", quiet="0s", by=ANNA)


def test_who_called_is_told_and_keeps_a_channel_open(street, desk):
    desk.serve()
    key, _ = desk.keys.create("Zoë", scopes=("chat:support",), by=ANNA)
    callers = Callers(
        traces=street.traces, channel=desk.releases.channel, keys=desk.keys.list, clock=desk.clock
    )
    for who in (key.id, key.id, "gone"):
        desk.clock.advance(60)
        street.call("support", "stable", key_id=who, group="shop/ümit")
    street.call("support", "stable", key_id=key.id, tags={"replay": "ab"})
    street.call("support", "stable", key_id="long", began_us=5, ended_us=6)
    street.tick()
    gone, zoe = callers.callers("support", days=7)
    assert (gone.key, gone.name, gone.calls) == ("gone", "", 1)
    assert (zoe.name, zoe.group, zoe.calls) == ("Zoë", "shop/ümit", 2)
    assert gone.last_us - zoe.last_us == 60_000_000
    with pytest.raises(UnknownChannelError):
        callers.callers("nowhere")
    with pytest.raises(ChannelUsedError, match="key gone called it 1 times; key Zoë called it 2"):
        desk.retirements.close("support", quiet="7d", by=ANNA)
    desk.clock.advance(3 * 86_400)
    desk.retirements.close("support", quiet="2d", by=ANNA)
    assert desk.releases.channels() == []
