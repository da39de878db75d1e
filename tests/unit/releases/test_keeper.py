"""Releases are pinned and signed; a channel moves only by one rollout at a time, in transactions."""

import base64
import hashlib
import json

import pytest

from support.workspace import ANNA
from volano.core.digest import Digest
from volano.core.errors import NotFoundError
from volano.core.manifest import Parent
from volano.core.principal import SYSTEM
from volano.core.ref import BadRefError
from volano.models import ModelNotUsableError
from volano.models.errors import StillUsedError
from volano.releases.errors import (
    AlreadyServedError,
    BadChannelNameError,
    InvalidPlanError,
    NothingMovesError,
    RolloutInProgressError,
    RolloutOverError,
    StrangeReportError,
    UnknownChannelError,
    UnknownRolloutError,
    UnknownUnitError,
)
from volano.store.errors import UnknownArtifactError

BACK = {"reason": "worse"}


def told(workspace, subject="channel/support"):
    """What the ledger says of a subject, oldest first."""
    return [event.verb for event in reversed(workspace.ledger.list(subject=subject))]


def kinds(workspace, rollout):
    return [event.kind for event in workspace.releases.rollout_events(rollout.id)]


def report_on(workspace, subject):
    """A report as an evaluation leaves it, on a subject or on nothing."""
    parents = [Parent("subject", subject.digest)] if subject else []
    return workspace.catalog.record(
        "report", "quality", files={"report.json": b"{}"}, parents=parents, by=ANNA
    )


def test_a_release_pins_the_flow_and_all_it_needs(workspace):
    flow = workspace.flow()
    report = report_on(workspace, flow)
    release = workspace.releases.cut("support", flow=flow.ref, reports=[report.ref], by=ANNA)
    assert release.ref == "support@1"
    roles = [parent.role for parent in release.manifest.parents]
    assert roles == ["flow", "model", "prompt", "report"]
    assert release.manifest.parents[0].digest == flow.digest
    assert release.manifest.parents[-1].digest == report.digest
    assert release.manifest.meta["pins"]["report"] == "quality@1"
    assert workspace.releases.flow_of(release).digest == flow.digest
    assert workspace.releases.verify("support@1").digest == release.digest
    assert [one.ref for one in workspace.releases.list()] == ["support@1"]


def test_a_report_speaks_of_the_flow_or_of_its_model(workspace):
    flow, other = workspace.flow(), workspace.flow("other")
    [model] = [p.digest for p in flow.manifest.parents if p.role == "model"]
    good = [report_on(workspace, flow), report_on(workspace, workspace.catalog.by_digest(model))]
    release = workspace.releases.cut("a", flow=flow.ref, reports=[r.ref for r in good], by=ANNA)
    assert [p.role for p in release.manifest.parents].count("report") == 2
    prompt = workspace.prompts.get("support")
    for subject, told in ((other, "flow `other@1`"), (prompt, "`support@1`"), (None, "nothing")):
        strange = report_on(workspace, subject)
        with pytest.raises(StrangeReportError, match=told) as caught:
            workspace.releases.cut("a", flow=flow.ref, reports=[good[0].ref, strange.ref], by=ANNA)
        assert f"`{strange.ref}` speaks of" in caught.value.message
        assert "volano eval run support@1" in caught.value.advice
    assert [one.ref for one in workspace.releases.list()] == ["a@1"]


def test_the_same_pins_are_the_same_release(workspace):
    flow = workspace.flow()
    first = workspace.releases.cut("support", flow=flow.ref, by=ANNA)
    again = workspace.releases.cut("support", flow=flow.ref, by=ANNA)
    assert (again.ref, again.digest) == (first.ref, first.digest)


def test_what_is_not_there_cannot_be_pinned(workspace):
    with pytest.raises(UnknownArtifactError):
        workspace.releases.cut("support", flow="support@1", by=ANNA)
    flow = workspace.flow()
    with pytest.raises(UnknownArtifactError):
        workspace.releases.cut("support", flow=flow.ref, reports=["quality"], by=ANNA)
    with pytest.raises(BadRefError):
        workspace.releases.cut("not a name", flow=flow.ref, by=ANNA)
    assert workspace.releases.list() == []


def test_the_first_release_opens_the_channel_and_has_all_of_it(workspace):
    release = workspace.cut()
    rollout = workspace.releases.promote(release.ref, channel="support", by=ANNA)
    channel = workspace.releases.channel("support")
    assert (channel.stable, channel.candidate, channel.share) == (release.digest, None, 0)
    assert (channel.rollout_id, channel.group) == (rollout.id, "shop/support")
    [arm] = workspace.releases.arms(channel)
    assert (arm.release, arm.share, arm.role) == ("support@1", 1_000_000, "stable")
    assert (rollout.state, rollout.baseline, rollout.by) == ("warming", None, "person:anna")
    assert rollout.plan.steps == (50_000, 250_000, 1_000_000)
    assert workspace.published == [1]
    assert told(workspace) == ["release.promote"]


def test_a_second_release_takes_its_share_from_the_first(workspace):
    first, second = workspace.serve(), workspace.cut()
    rollout = workspace.releases.promote(second.ref, channel="support", plan="5%,100%", by=ANNA)
    before = workspace.releases.channel("support")
    assert (before.stable_ref, before.candidate_ref, before.share) == ("support@1", "support@2", 0)
    moved = workspace.releases.advance(rollout, step=0, content={"reason": "it answers"}, by=SYSTEM)
    assert (moved.state, moved.step, moved.share) == ("moving", 0, 50_000)
    channel = workspace.releases.channel("support")
    stable, candidate = workspace.releases.arms(channel)
    assert (stable.release_digest, stable.share) == (first.digest, 950_000)
    assert (candidate.release_digest, candidate.share) == (second.digest, 50_000)
    assert stable.rollout_id == candidate.rollout_id == rollout.id
    assert channel.salt == rollout.salt


def test_arriving_moves_the_channel(workspace):
    workspace.serve()
    second = workspace.cut()
    rollout = workspace.releases.promote(second.ref, channel="support", by=ANNA)
    workspace.releases.advance(rollout, step=0, content={}, by=SYSTEM)
    ended = workspace.releases.end(rollout, "arrived", {"reason": "proven"}, by=SYSTEM)
    assert (ended.state, ended.share, ended.outcome) == ("arrived", 1_000_000, {"reason": "proven"})
    assert ended.ended_us == workspace.clock.now_us()
    channel = workspace.releases.channel("support")
    assert (channel.stable, channel.candidate, channel.rollout_id) == (second.digest, None, None)
    assert kinds(workspace, rollout) == ["promoted", "advanced", "arrived"]
    assert told(workspace) == [
        "release.promote", "rollout.arrived", "release.promote", "rollout.advance",
        "rollout.arrived",
    ]  # fmt: skip
    assert workspace.ledger.verify()


@pytest.mark.parametrize("state", ["back", "failed", "aborted"])
def test_going_back_leaves_the_channel_as_it_was(workspace, state):
    first = workspace.serve()
    rollout = workspace.releases.promote(workspace.cut().ref, channel="support", by=ANNA)
    workspace.releases.advance(rollout, step=1, content={}, by=SYSTEM)
    ended = workspace.releases.end(rollout, state, BACK, by=SYSTEM)
    assert (ended.state, ended.share) == (state, 0)
    channel = workspace.releases.channel("support")
    assert (channel.stable, channel.candidate, channel.share) == (first.digest, None, 0)
    assert workspace.releases.active() == []


def test_a_first_release_that_goes_back_takes_the_channel_with_it(workspace):
    rollout = workspace.releases.promote(workspace.cut().ref, channel="support", by=ANNA)
    workspace.releases.end(rollout, "failed", BACK, by=SYSTEM)
    with pytest.raises(UnknownChannelError):
        workspace.releases.channel("support")
    workspace.releases.promote("support@1", channel="support", by=ANNA)
    assert workspace.releases.channel("support").stable_ref == "support@1"


def test_one_rollout_a_channel(workspace):
    workspace.serve()
    second, third = workspace.cut(), workspace.cut()
    workspace.releases.promote(second.ref, channel="support", by=ANNA)
    count = len(workspace.published)
    with pytest.raises(RolloutInProgressError, match="support@2") as caught:
        workspace.releases.promote(third.ref, channel="support", by=ANNA)
    assert "release abort support" in caught.value.advice
    assert len(workspace.releases.rollouts("support")) == 2
    assert len(workspace.published) == count
    workspace.releases.promote(third.ref, channel="support/staging", by=ANNA)
    assert {r.channel for r in workspace.releases.active()} == {"support", "support/staging"}


def test_the_first_rollout_counts_too(workspace):
    workspace.releases.promote(workspace.cut().ref, channel="support", by=ANNA)
    with pytest.raises(RolloutInProgressError):
        workspace.releases.promote(workspace.cut().ref, channel="support", by=ANNA)


def test_what_is_served_is_not_promoted_again(workspace):
    release = workspace.serve()
    with pytest.raises(AlreadyServedError):
        workspace.releases.promote(release.ref, channel="support", by=ANNA)
    assert len(workspace.releases.rollouts()) == 1


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"plan": "25%,5%,100%"}, "does not rise"),
        ({"plan": "5%"}, "not at 100 %"),
        ({"plan": ""}, "not a percentage"),
        ({"require": ["speed"]}, "no margin"),
        ({"margins": {"errors": 7}}, "may not be"),
        ({"margins": {}}, "no metric"),
        ({"margins": ["errors"]}, "name a number"),
    ],
)
def test_a_plan_that_cannot_be_used_changes_nothing(desk, given, why):
    release = desk.cut()
    with pytest.raises(InvalidPlanError, match=why):
        desk.releases.promote(release.ref, channel="support", **given, by=ANNA)
    assert desk.releases.rollouts() == []
    assert desk.releases.channels() == []
    assert desk.published == []


@pytest.mark.parametrize("channel", ["", "a b", "../x", "x" * 101, "a\nb"])
def test_a_channel_has_a_name(desk, channel):
    release = desk.cut()
    with pytest.raises(BadChannelNameError):
        desk.releases.promote(release.ref, channel=channel, by=ANNA)


def test_what_sticks_is_the_channels_until_it_is_said_anew(workspace):
    def unit(**given):
        rollout = workspace.releases.promote(
            workspace.cut().ref, channel="support", **given, by=ANNA
        )
        workspace.releases.end(rollout, "arrived", {}, by=ANNA)
        return workspace.releases.channel("support").unit

    assert [unit(), unit(unit="request"), unit(), unit(unit="user")] == [
        "user", "request", "request", "user",
    ]  # fmt: skip
    with pytest.raises(UnknownUnitError, match="planet"):
        workspace.releases.promote("support@1", channel="support", unit="planet", by=ANNA)


def test_abort_takes_it_back_at_once_and_says_who(workspace):
    workspace.serve()
    rollout = workspace.releases.promote(workspace.cut().ref, channel="support", by=ANNA)
    workspace.releases.advance(rollout, step=1, content={}, by=SYSTEM)
    ended = workspace.releases.abort("support", by=ANNA)
    assert (ended.state, ended.outcome) == ("aborted", {"reason": "aborted by person:anna"})
    assert workspace.releases.channel("support").share == 0
    with pytest.raises(NothingMovesError):
        workspace.releases.abort("support", by=ANNA)
    with pytest.raises(UnknownChannelError):
        workspace.releases.abort("nowhere", by=ANNA)


def test_a_rollout_that_is_over_stays_over(workspace):
    """A tick that has read its evidence must not undo what a person said meanwhile."""
    first = workspace.serve()
    rollout = workspace.releases.promote(workspace.cut().ref, channel="support", by=ANNA)
    seen = workspace.releases.advance(rollout, step=0, content={}, by=SYSTEM)
    workspace.releases.abort("support", why="enough", by=ANNA)
    count = len(workspace.published)
    with pytest.raises(RolloutOverError, match="aborted"):
        workspace.releases.advance(seen, step=1, content={}, by=SYSTEM)
    with pytest.raises(RolloutOverError):
        workspace.releases.end(seen, "arrived", {}, by=SYSTEM)
    kept = workspace.releases.rollout(rollout.id)
    assert (kept.state, kept.share, kept.outcome) == ("aborted", 0, {"reason": "enough"})
    assert workspace.releases.channel("support").stable == first.digest
    assert kinds(workspace, rollout) == ["promoted", "advanced", "aborted"]
    assert len(workspace.published) == count
    assert workspace.releases.active() == []


def test_a_change_that_fails_leaves_nothing(workspace, monkeypatch):
    release = workspace.cut()

    def refuse(*_given, **_more):
        raise RuntimeError("the ledger says no")

    monkeypatch.setattr(workspace.ledger, "append", refuse)
    with pytest.raises(RuntimeError):
        workspace.releases.promote(release.ref, channel="support", by=ANNA)
    assert workspace.releases.channels() == []
    assert workspace.releases.rollouts() == []
    assert workspace.published == []


def test_rollouts_are_found_by_the_beginning_of_their_id(workspace):
    rollout = workspace.releases.promote(workspace.cut().ref, channel="support", by=ANNA)
    workspace.clock.advance(3600)
    workspace.releases.promote(workspace.cut("other").ref, channel="other", by=ANNA)
    assert workspace.releases.rollout(rollout.id).id == rollout.id
    assert workspace.releases.rollout(rollout.id[:11]).id == rollout.id
    assert workspace.releases.rollout(rollout.id).plan == rollout.plan
    for text in (rollout.id[:3], "%", "_", "nothing", ""):
        with pytest.raises(UnknownRolloutError):
            workspace.releases.rollout(text)


def test_events_are_numbered_and_in_order(workspace):
    rollout = workspace.releases.promote(workspace.cut().ref, channel="support", by=ANNA)
    for n in range(12):
        workspace.clock.advance(1)
        workspace.releases.note(rollout, "holds", {"n": n})
    events = workspace.releases.rollout_events(rollout.id)
    assert [event.n for event in events] == list(range(1, 14))
    assert [event.content.get("n") for event in events[1:]] == list(range(12))
    assert events[-1].at_us == workspace.clock.now_us()


def test_lists_come_newest_first_and_narrow(workspace):
    for name in ("a", "b", "a/staging"):
        workspace.releases.promote(workspace.cut("x").ref, channel=name, by=ANNA)
        workspace.clock.advance(1)
    assert [r.channel for r in workspace.releases.rollouts()] == ["a/staging", "b", "a"]
    assert [r.channel for r in workspace.releases.rollouts(limit=1)] == ["a/staging"]
    assert [r.channel for r in workspace.releases.rollouts("b")] == ["b"]
    assert [c.name for c in workspace.releases.channels()] == ["a", "a/staging", "b"]


def test_what_a_channel_stands_on_is_in_use(workspace):
    first = workspace.serve()
    second = workspace.cut()
    parts = [parent.digest for parent in first.manifest.parents]
    for digest in (first.digest, *parts):
        assert workspace.releases.in_use(digest) == ["channel support"]
    flow = second.manifest.parents[0].digest
    assert workspace.releases.in_use(flow) == []
    workspace.releases.promote(second.ref, channel="support", by=ANNA)
    assert workspace.releases.in_use(flow) == ["channel support"]
    assert workspace.releases.in_use(Digest.of(b"anything")) == []


def test_names_in_any_language(workspace):
    workspace.flow("ügyfél")
    release = workspace.releases.cut("ügyfél-支持", flow="ügyfél", by=ANNA)
    workspace.releases.promote(release.ref, channel="поддержка", by=ANNA)
    assert workspace.releases.channel("поддержка").stable_ref == "ügyfél-支持@1"


def test_a_model_without_parity_gets_no_flow(desk, tmp_path):
    folder = tmp_path / "trained"
    folder.mkdir()
    (folder / "model.gguf").write_bytes(b"GGUF")
    (folder / "recipe.json").write_text('{"prompt": "{text}"}')
    (folder / "card.json").write_text("{}")
    proof = f'{{"n": 100, "equal": 3, "gguf": "{Digest.of(b"GGUF")}", "passed": false}}'
    (folder / "parity.json").write_text(proof)
    desk.models.import_trained("router", folder, by=ANNA)
    with pytest.raises(ModelNotUsableError):
        desk.flows.compose("router", model="router", by=ANNA)
    with pytest.raises(NotFoundError):
        desk.flows.get("router")


def test_a_model_that_serves_stays_and_one_that_is_over_gets_no_release(workspace):
    release = workspace.serve()
    flow = workspace.releases.flow_of(release)
    with pytest.raises(StillUsedError, match="channel support"):
        workspace.lives.move("support@1", "retired", by=ANNA)
    other = workspace.models.add_pointer("other", url="http://127.0.0.1:9", model="m", by=ANNA)
    newer = workspace.flows.compose("support", model=other.ref, by=ANNA)
    newer = workspace.releases.cut("support", flow=newer.ref, by=ANNA)
    rollout = workspace.releases.promote(newer.ref, channel="support", by=ANNA)
    with pytest.raises(StillUsedError):
        workspace.lives.move("support@1", "retired", by=ANNA)
    workspace.releases.end(rollout, "arrived", {}, by=ANNA)
    workspace.lives.move("support@1", "retired", why="other is better", by=ANNA)
    for say in (
        lambda: workspace.flows.compose("x", model="support@1", by=ANNA),
        lambda: workspace.releases.cut("support", flow=flow.ref, by=ANNA),
        lambda: workspace.releases.promote(release.ref, channel="support", by=ANNA),
    ):
        with pytest.raises(ModelNotUsableError, match="it is retired"):
            say()
    assert workspace.releases.channel("support").stable == newer.digest


def test_a_release_has_a_card_that_is_signed_with_it(workspace):
    flow = workspace.flow()
    release = workspace.releases.cut("support", flow=flow.ref, notes="Kürzer, 简短.", by=ANNA)
    told = workspace.releases.card(release.ref)
    for said in ("Kürzer, 简短.", flow.ref, "It was not measured", "## Licences"):
        assert said in told
    again = workspace.releases.cut("support", flow=flow.ref, notes="Kürzer, 简短.", by=ANNA)
    assert again.digest == release.digest or workspace.releases.card(again.ref) == told
    assert workspace.releases.verify(release.ref) == release
    envelope = workspace.releases.envelope(release.ref)["envelope"]
    body = json.loads(base64.b64decode(envelope["payload"]))
    assert body["predicate"]["card"]["sha256"] == hashlib.sha256(told.encode()).hexdigest()


def test_a_card_cannot_break_out_of_its_lines(workspace):
    prompt = {"settings": {"temperature": 0.2, "stop": ["</s>\n# Approved", "`"]}}
    flow = workspace.flow(**prompt)
    told = workspace.releases.card(workspace.releases.cut("support", flow=flow.ref, by=ANNA).ref)
    assert "\n# Approved" not in told
    assert "</s>" not in told
