"""Rollouts: how a release came to its traffic, gate by gate, or was taken back."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from volano.releases.stages import stage
from volano.web.pages import (
    brought,
    experiments,
    facts,
    gates,
    links,
    rollout_evidence,
    steering,
    words,
)
from volano.web.pages.i18n import N_, ngettext
from volano.web.pages.i18n import gettext as _
from volano.web.pages.plain import plain
from volano.web.pages.view import (
    Asked,
    Cell,
    Column,
    Facts,
    Filter,
    Gates,
    Happening,
    Item,
    Listing,
    Row,
    Section,
    State,
    Step,
    Steps,
    Table,
    Timeline,
    Tone,
)

WHOLE = 1_000_000
BACK = frozenset({"back", "taken_back", "rolled_back", "reverted"})
DONE = frozenset({"done", "arrived", "promoted", "finished"})
_SCANNED = 500
_TONES: dict[str, Tone] = {"promoted": "busy", "advanced": "good", "holds": "wait", "applied": "off",
                           "arrived": "good", "failed": "bad", "paused": "wait",
                           "resumed": "busy", "skipped": "wait", "advance": "good", "done": "good", "back": "bad", "abort": "bad",
                           "aborted": "bad", "hold": "wait", "start": "busy", "out": "bad",
                           "decided": "good", "undecided": "wait", "concluded": "good", "stopped": "bad"}  # fmt: skip

_WORDS = {"promoted": N_("begun"), "advanced": N_("a step on"), "holds": N_("held"),
          "arrived": N_("arrived"), "aborted": N_("stopped"), "failed": N_("failed"),
          "applied": N_("at all workers"), "paused": N_("paused"), "resumed": N_("goes on"),
          "skipped": N_("a step skipped"), "start": N_("begun"), "advance": N_("a step on"), "hold": N_("held"),
          "back": N_("taken back"), "done": N_("arrived"), "abort": N_("stopped"),
          "out": N_("an arm taken out"), "decided": N_("decided"), "undecided": N_("no longer decided")}  # fmt: skip


def listing(app: Any, asked: Asked, now_us: int) -> Listing:
    """List rollouts, newest first."""
    everything = app.releases.rollouts(channel=asked.get("channel"), limit=_SCANNED)
    wanted, chosen = asked.q.casefold(), asked.get("state")
    found = [
        each for each in everything
        if (not wanted or wanted in f"{each.channel} {each.candidate_ref}".casefold())
        and (not chosen or _class(each) == chosen)
        and (not asked.before or each.id < asked.before)
    ]  # fmt: skip
    shown, more = found[: asked.limit], len(found) > asked.limit
    return Listing(
        headline=_headline(everything),
        columns=(
            Column(_("Candidate")),
            Column(_("State")),
            Column(_("Channel"), 2),
            Column(_("Against"), 3),
            Column(_("Share"), 2, number=True),
            Column(_("Took"), 3, number=True),
            Column(_("Began")),
        ),
        rows=[_row(each, now_us) for each in shown],
        following=shown[-1].id if more and shown else None,
        filters=[
            Filter("channel", _("Channel"), [(c.name, c.name) for c in app.releases.channels()]),
            Filter("state", _("State"), [("moving", _("moving")), ("done", _("arrived")),
                                         ("back", _("taken back"))]),
        ],
    )  # fmt: skip


def item(app: Any, key: str, now_us: int) -> Item:
    """Show one rollout: its steps, its gates as they stand, and all that happened."""
    rollout = app.releases.rollout(key)
    events = [_event(each) for each in app.releases.rollout_events(key)]
    if getattr(rollout, "is_experiment", False):
        return experiments.item(app, rollout, Timeline(_("What happened"), _told(events)), now_us)
    return Item(
        title=_("{release} to {channel}").format(
            release=rollout.candidate_ref, channel=rollout.channel
        ),
        headline=sentence(rollout, events, now_us) + _kept(app, rollout, now_us),
        state=state(rollout),
        sections=[
            *steering.offered(
                app, rollout, [name or words.percent(share) for share, name in stages(rollout)]
            ),
            _steps(rollout, events, now_us),
            *rollout_evidence.sections(_curves(app, rollout, events)),
            *_gates(events),
            *brought.sections(events),
            Timeline(_("What happened"), _told(events)),
        ],
        aside=[_facts(rollout, now_us), *_outcome(rollout), *_plan(rollout)],
        data={"rollout": rollout, "events": [plain(each) for each in events]},
        live=rollout.ended_us is None,
        crumb=rollout.candidate_ref,
    )


def _curves(
    app: Any, rollout: Any, events: Sequence[tuple[int, int, str, Any]]
) -> Sequence[Mapping[str, Any]]:
    """Return the curves of evidence: as they are now, or as they were when it ended."""
    if rollout.ended_us is None:
        return list(app.reconciler.curves(rollout.id))
    for _n, _at, kind, content in reversed(events):
        if kind == "applied":
            found = content.get("evidence")
            curves = found.get("curves") if isinstance(found, Mapping) else None
            return curves if isinstance(curves, list) else []
    return []


def state(rollout: Any) -> State:
    """Return where a rollout stands, in words."""
    if getattr(rollout, "is_experiment", False):
        return experiments.state(rollout, {})
    if rollout.state == "paused":
        return State(_("paused"), "wait")
    known = {
        "moving": State(_("moving"), "busy"),
        "done": State(_("arrived"), "good"),
        "back": State(_("taken back"), "bad"),
    }
    return known.get(_class(rollout), State(rollout.state.replace("_", " "), "off"))


def is_back(rollout: Any) -> bool:
    """Say whether this rollout was taken back."""
    return _class(rollout) == "back"


def stages(rollout: Any) -> list[tuple[int, str]]:
    """Return the steps of the plan: their shares, and what they are called where not by share."""
    plan = plain(rollout.plan)
    said = plan.get("stages") or plan.get("steps") if isinstance(plan, Mapping) else plan
    kept = map(stage, said or ())
    return [(one.share, "" if one.kind == "canary" else str(one)) for one in kept]


def gate_words(app: Any, rollout: Any) -> str:
    """Say in a few words how the gates of a moving rollout stand."""
    verdicts = _last_verdicts([_event(each) for each in app.releases.rollout_events(rollout.id)])
    outcomes = [str(each.get("outcome")) for each in verdicts]
    if "fail" in outcomes:
        return _("a gate says no")
    waiting = outcomes.count("wait")
    if waiting:
        return ngettext(
            "one gate waits for evidence", "{n} gates wait for evidence", waiting
        ).format(n=waiting)
    return _("all gates hold") if outcomes else _("no gate has spoken yet")


def sentence(rollout: Any, events: Sequence[tuple[int, int, str, Any]], now_us: int) -> Markup:
    """Return the answer to `where does it stand?`."""
    release = links.release(rollout.candidate_ref)
    channel = links.link(links.listing("traces", channel=rollout.channel), rollout.channel)
    if rollout.ended_us is None:
        steps = stages(rollout)
        return escape(
            _("{release} has {share} of {channel}, step {step} of {steps}, since {when}.")
        ).format(
            release=release,
            share=words.percent(rollout.share),
            channel=channel,
            step=min(rollout.step + 1, max(len(steps), 1)),
            steps=max(len(steps), 1),
            when=words.time_tag(_since(rollout, events), now_us),
        )
    told = (
        _("{release} was taken back from {channel} after {time}, {when}.")
        if is_back(rollout)
        else _("{release} arrived at {channel} after {time}, {when}.")
        if _class(rollout) == "done"
        else _("{release} stopped on its way to {channel} after {time}, {when}.")
    )
    return escape(told).format(
        release=release,
        channel=channel,
        time=words.duration(rollout.ended_us - rollout.created_us),
        when=words.time_tag(rollout.ended_us, now_us),
    )


def _kept(app: Any, rollout: Any, now_us: int) -> Markup:
    """Say what it replaced, and until when that is hot; nothing where it is not."""
    hot = steering.kept(app, rollout)
    if hot is None:
        return Markup("")
    told = _(" {release} is kept hot until {when}, for a return at once.")
    return escape(told).format(
        release=links.release(hot.release), when=words.time_tag(hot.until_us, now_us)
    )


def _class(rollout: Any) -> str:
    if rollout.ended_us is None:
        return "moving"
    if rollout.state in BACK:
        return "back"
    return "done" if rollout.state in DONE else rollout.state


def _event(event: Any) -> tuple[int, int, str, Any]:
    n, at_us, kind, content = event
    return n, at_us, kind, plain(content) or {}


def _since(rollout: Any, events: Sequence[tuple[int, int, str, Any]]) -> int:
    moves = [at_us for _n, at_us, kind, _content in events if kind != "hold"]
    return moves[-1] if moves else rollout.created_us


def _headline(everything: Sequence[Any]) -> Markup:
    moving = [each for each in everything if each.ended_us is None]
    if moving:
        told = ngettext(
            "One release is moving: {all}.", "{n} releases are moving: {all}.", len(moving)
        )
        names = Markup(", ").join(
            links.link(links.item("rollouts", each.id), each.candidate_ref) for each in moving[:3]
        )
        return escape(told).format(n=len(moving), all=names)
    back = sum(1 for each in everything if is_back(each))
    total = ngettext("One rollout so far", "{n} rollouts so far", len(everything)).format(
        n=words.count(len(everything))
    )
    return escape(_("{total}, {back} taken back; nothing is moving now.")).format(
        total=total, back=back
    )


def _row(rollout: Any, now_us: int) -> Row:
    href = links.item("rollouts", rollout.id)
    took = (rollout.ended_us or now_us) - rollout.created_us
    against = rollout.baseline_ref
    return Row(
        href,
        (
            Cell("ref", rollout.candidate_ref, href=href),
            Cell("state", state(rollout)),
            Cell("text", rollout.channel),
            Cell("ref", against or "–", href=links.item("releases", against) if against else None),
            Cell("share", rollout.share),
            Cell("number", words.duration(took)),
            Cell("time", rollout.created_us),
        ),
        rollout,
    )


def _steps(rollout: Any, events: Sequence[tuple[int, int, str, Any]], now_us: int) -> Section:
    plan, done, back = stages(rollout), _class(rollout) == "done", is_back(rollout)
    steps = []
    for index, (share, name) in enumerate(plan):
        if done or index < rollout.step:
            steps.append(Step(share, "done", _("passed"), name))
        elif index == rollout.step and back:
            steps.append(Step(share, "back", _("taken back here"), name))
        elif index == rollout.step and rollout.ended_us is None:
            steps.append(Step(share, "now", _("here now"), name))
        else:
            steps.append(Step(share, "ahead", _("not reached") if back else _("ahead"), name))
    end = rollout.ended_us or now_us
    return Steps(_("Steps"), steps, _line(rollout, events, end), rollout.created_us, end)


def _line(
    rollout: Any, events: Sequence[tuple[int, int, str, Any]], end_us: int
) -> list[tuple[float, float]]:
    """Return the share over time as a staircase on 0..1 × 0..1."""
    whole = max(end_us - rollout.created_us, 1)
    moves = [(at_us, content["share"]) for _n, at_us, _kind, content in events
             if isinstance(content.get("share"), int)]  # fmt: skip
    line: list[tuple[float, float]] = []
    level = 0.0
    for at_us, share in moves:
        at = min(max((at_us - rollout.created_us) / whole, 0.0), 1.0)
        line.append((at, level))
        level = min(max(share / WHOLE, 0.0), 1.0)
        line.append((at, level))
    return [*line, (1.0, level)] if line else []


def _last_verdicts(events: Sequence[tuple[int, int, str, Any]]) -> list[Mapping[str, Any]]:
    for _n, _at, _kind, content in reversed(events):
        if verdicts := content.get("verdicts"):
            return [each for each in verdicts if isinstance(each, Mapping)]
    return []


def _gates(events: Sequence[tuple[int, int, str, Any]]) -> list[Section]:
    verdicts = _last_verdicts(events)
    if not verdicts:
        return []
    at_us = next(at for _n, at, _kind, content in reversed(events) if content.get("verdicts"))
    note = _("As judged at {when}.").format(when=words.exact(at_us))
    return [Gates(_("Gates"), [gates.gate(each) for each in verdicts], note)]


def _told(events: Sequence[tuple[int, int, str, Any]]) -> list[Happening]:
    told = []
    for _n, at_us, kind, content in reversed(events):
        share = content.get("share")
        text = Markup("<b>{}</b>").format(
            _(_WORDS[kind]) if kind in _WORDS else kind.replace("_", " ")
        )
        if isinstance(share, int) and (share or kind not in ("advanced", "holds")):
            text += Markup(" · {}").format(words.percent(share))
        if reason := content.get("reason"):
            text += Markup(' <span class="why">{}</span>').format(words.visible(reason))
        inputs = [
            gates.gate(one) for one in content.get("verdicts") or () if isinstance(one, Mapping)
        ]
        told.append(
            Happening(at_us, text, _TONES.get(kind, "off"), str(content.get("by", "")), inputs)
        )
    return told


def _facts(rollout: Any, now_us: int) -> Facts:
    took = (rollout.ended_us or now_us) - rollout.created_us
    against = rollout.baseline_ref
    return Facts(
        _("Facts"),
        [
            (_("channel"), Cell("ref", rollout.channel,
                                href=links.listing("traces", channel=rollout.channel))),
            (_("candidate"), Cell("ref", rollout.candidate_ref,
                                  href=links.item("releases", rollout.candidate_ref))),
            (_("against"), Cell("ref", against or "–",
                                href=links.item("releases", against) if against else None)),
            (_("its traces"), Cell("ref", _("see them"),
                                   href=links.listing("traces", release=rollout.candidate_ref))),
            (_("began"), Cell("time", rollout.created_us)),
            (_("ended"), Cell("time", rollout.ended_us)),
            (_("took"), Cell("number", words.duration(took))),
            (_("id"), Cell("code", rollout.id)),
        ],
    )  # fmt: skip


def _outcome(rollout: Any) -> list[Section]:
    outcome = plain(rollout.outcome) or {}
    shown = facts.of(outcome, skip=frozenset({"verdicts"})) if isinstance(outcome, Mapping) else []
    return [Facts(_("Outcome"), shown)] if shown else []


def _plan(rollout: Any) -> list[Section]:
    plan = plain(rollout.plan)
    shown = facts.of(plan, skip=frozenset({"steps", "stages"})) if isinstance(plan, Mapping) else []
    return [Facts(_("Plan"), shown)] if shown else []


def rollouts_table(rollouts: Sequence[Any]) -> Table:
    """Return rollouts of one release as a small table."""
    columns = (Column(_("Channel")), Column(_("State")), Column(_("Share"), 2, number=True),
               Column(_("Began")))  # fmt: skip
    rows = [
        Row(links.item("rollouts", each.id),
            (Cell("ref", each.channel, href=links.item("rollouts", each.id)),
             Cell("state", state(each)), Cell("share", each.share), Cell("time", each.created_us)),
            each)
        for each in rollouts
    ]  # fmt: skip
    return Table(_("Rollouts"), columns, rows, empty=_("It has never been rolled out."))
