"""Experiments: what is proven, how the evidence grew, and whether its split is to be trusted."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from volano.web.pages import gates, links, steering, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.view import (
    Cell,
    Column,
    Drawing,
    Facts,
    Gates,
    Item,
    Row,
    Section,
    State,
    Table,
    Timeline,
)

_WIDE, _HIGH, _LEFT, _RIGHT, _TOP = 640, 190, 70, 16, 26
_SCALED = 0.25
"""The scale is that of the last three quarters of the units: the first intervals are very wide."""


def item(app: Any, rollout: Any, told: Timeline, now_us: int) -> Item:
    """Show one experiment: the verdict, a curve for each rival, the arms in numbers, the checks."""
    standing = app.experiments.standing(rollout)
    decision, evidence = standing["decision"] or {}, standing["evidence"]
    return Item(
        title=_("{arms} on {channel}").format(
            arms=_(" against ").join(dict.fromkeys((*rollout.names[1:], rollout.names[0]))),
            channel=rollout.channel,
        ),
        headline=_headline(rollout, decision, now_us),
        state=state(rollout, decision),
        sections=[
            *steering.compared(app, rollout, decision),
            *(_curves(rollout, evidence) if evidence else []),
            *([_arms(rollout, evidence)] if evidence else []),
            *_checks(decision),
            told,
        ],
        aside=[_facts(rollout), _design(rollout)],
        data={"rollout": rollout, **standing},
        live=rollout.ended_us is None,
        crumb=rollout.candidate_ref,
    )


def state(rollout: Any, decision: Mapping[str, Any]) -> State:
    """Return where an experiment stands, in words."""
    if rollout.ended_us is None:
        return (
            State(_("decided"), "good")
            if decision.get("decided")
            else State(_("comparing"), "busy")
        )
    known = {
        "concluded": State(_("concluded"), "good"),
        "stopped": State(_("stopped"), "bad"),
        "back": State(_("taken back"), "bad"),
    }
    return known.get(rollout.state, State(rollout.state, "off"))


def _headline(rollout: Any, decision: Mapping[str, Any], now_us: int) -> Markup:
    """Return the verdict as the first line; before there is one, what is waited for."""
    if reason := decision.get("reason"):
        return escape(words.visible(reason))
    return escape(_("The arms warm up since {when}; nothing is compared yet.")).format(
        when=words.time_tag(rollout.created_us, now_us)
    )


def _curves(rollout: Any, evidence: Mapping[str, Any]) -> list[Section]:
    goal = rollout.plan.goal
    found: list[Section] = []
    for one in evidence["against"]:
        if len(one["series"]) < 2:
            continue
        name = _("{goal}: {arm} against {first}").format(
            goal=goal.name, arm=rollout.names[one["arm"]], first=rollout.names[0]
        )
        note = _(
            "The difference with an interval that holds at every look ({sure} %), by units whose window is "
            "over. It is proven where the band leaves the zero line; {better} is better."
        ).format(
            sure=f"{100 * (1 - rollout.plan.alpha):g}",
            better=_("above") if goal.better == "more" else _("below"),
        )
        found.append(Drawing(name, picture(one["series"], goal, name), note))
    return found


def picture(series: Sequence[Sequence[float]], goal: Any, name: str) -> Markup:
    """Draw a band around the difference, and the zero line, over the units that entered."""
    tail = [point for point in series if point[0] >= series[-1][0] * _SCALED] or series
    reach = max(max(abs(low), abs(high)) for _n, _value, low, high in tail) * 1.05 or 1.0
    first, last = series[0][0], max(series[-1][0], series[0][0] + 1)
    base = _TOP + _HIGH

    def x(n: float) -> float:
        return _LEFT + (n - first) / (last - first) * (_WIDE - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _TOP + (1 - min(max(value / reach, -1), 1)) / 2 * _HIGH

    upper = [f"{x(n):.1f} {y(high):.1f}" for n, _value, _low, high in series]
    lower = [f"{x(n):.1f} {y(low):.1f}" for n, _value, low, _high in reversed(series)]
    line = " L".join(f"{x(n):.1f} {y(value):.1f}" for n, value, _low, _high in series)
    ticks = Markup("").join(
        Markup(
            '<line class="{}" x1="{}" x2="{}" y1="{y:.1f}" y2="{y:.1f}"/>'
            '<text x="{}" y="{:.1f}" text-anchor="end">{}</text>'
        ).format("zero" if not value else "tick", _LEFT, _WIDE - _RIGHT, _LEFT - 6,
                 y(value) + 4, _short(goal, value), y=y(value))
        for value in (-reach, 0.0, reach)
    )  # fmt: skip
    n, value, low, high = series[-1]
    now = _("now {value}, between {low} and {high}").format(
        value=_told(goal, value), low=_told(goal, low), high=_told(goal, high)
    )
    ends = Markup(
        '<text class="name" x="{}" y="{}">{}</text><text x="{}" y="{y}">{}</text>'
        '<text x="{}" y="{y}" text-anchor="end">{}</text>'
    ).format(_LEFT, _TOP - 10, now, _LEFT, words.count(int(first)), _WIDE - _RIGHT,
             _("{n} units").format(n=words.count(int(n))), y=base + 20)  # fmt: skip
    return Markup(
        '<svg class="front evidence" viewBox="0 0 {w} {h}" role="img" aria-label="{label}">'
        '<path class="band" d="M{band} Z"/>{ticks}<path class="edge" d="M{line}"/>{ends}</svg>'
    ).format(
        w=_WIDE, h=base + 30, label=f"{name}: {now}", band=" L".join([*upper, *lower]),
        ticks=ticks, line=line, ends=ends,
    )  # fmt: skip


def _arms(rollout: Any, evidence: Mapping[str, Any]) -> Table:
    """Return the arms in numbers: units, those within their window, the mean of each measure."""
    design = rollout.plan
    columns = [
        Column(_("Arm")), Column(_("Asked"), 2, number=True), Column(_("Units"), number=True),
        Column(_("Pending"), 2, number=True), Column(_("State"), 3),
        *(Column(one.name, 1 if n == 0 else 3, number=True) for n, one in enumerate(design.measures)),
    ]  # fmt: skip
    rows = []
    for name, share, one in zip(rollout.names, design.shares, evidence["arms"], strict=True):
        means = (one["measures"][measure.name] for measure in design.measures)
        out = State(_("out"), "bad") if one["out"] else State(_("in"), "good")
        href = links.item("releases", name)
        rows.append(Row(
            href,
            (Cell("ref", name, href=href), Cell("share", share),
             Cell("number", words.count(one["entered"])), Cell("number", words.count(one["pending"])),
             Cell("state", out),
             *(Cell("number", _mean(measure, mean)) for measure, mean in zip(design.measures, means, strict=True))),
            one,
        ))  # fmt: skip
    return Table(_("The arms"), columns, rows)


def _checks(decision: Mapping[str, Any]) -> list[Section]:
    verdicts = [one for one in decision.get("verdicts") or () if isinstance(one, Mapping)]
    return [Gates(_("Checks"), [gates.gate(one) for one in verdicts])] if verdicts else []


def _facts(rollout: Any) -> Facts:
    return Facts(
        _("Facts"),
        [
            (_("channel"), Cell("ref", rollout.channel, href=links.listing("traces", channel=rollout.channel))),
            *((_("arm"), Cell("ref", name, href=links.listing("traces", release=name)))
              for name in dict.fromkeys(rollout.names)),
            (_("began"), Cell("time", rollout.created_us)),
            (_("ended"), Cell("time", rollout.ended_us)),
            (_("id"), Cell("code", rollout.id)),
        ],
    )  # fmt: skip


def _design(rollout: Any) -> Facts:
    design = rollout.plan
    guarded = ", ".join(one.said or one.name for one in design.guardrails)
    return Facts(
        _("Design"),
        [
            (_("goal"), Cell("text", design.goal.said or design.goal.name)),
            (_("guardrails"), Cell("text", guarded or "–")),
            (_("unit"), Cell("text", design.unit)),
            (_("smallest difference"), Cell("text", design.goal.told(design.detect))),
            (_("window of a unit"), Cell("text", words.duration(design.window_us))),
            (_("overdue after"), Cell("text", words.duration(round(design.max_wait_s * 1e6)))),
            (_("left out"), Cell("text", ", ".join(design.exclude) or "–")),
            (_("when decided"), Cell("text", _("promote by {plan}").format(plan=design.plan)
                                     if design.then == "promote" else _("wait for a person"))),
        ],
    )  # fmt: skip


def _told(goal: Any, value: float) -> str:
    told = str(goal.told(abs(value)))
    return f"−{told}" if value < 0 and told != goal.told(0.0) else told


def _short(goal: Any, value: float) -> str:
    """Return a tick's value; only the zero is named plainly."""
    return "0" if not value else _told(goal, value).partition(" ")[0]


def _mean(measure: Any, found: Mapping[str, Any]) -> str:
    if found["mean"] is None:
        return "–"
    if measure.kind in ("money", "cost", "number"):
        return str(measure.told(found["mean"]))
    return f"{100 * found['mean']:.1f}\u202f%"
