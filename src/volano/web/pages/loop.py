"""The home page: the flywheel with what is at each station, and what serves now.

`look` reads the keepers once. The page and its live stream draw the same
picture; the stream sends it again only when it has changed.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from volano.web.pages import happenings, links, rollouts, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.plain import plain
from volano.web.pages.view import Happening, State

RECENT = 9
MANY = 1_000
"""Feedback is counted up to here: the wheel is read every second."""


@dataclass(frozen=True, slots=True)
class Station:
    """One station of the wheel: a count that leads to its list; `busy` while things move there."""

    key: str
    title: str
    count: int
    unit: str
    href: str
    busy: bool = False


@dataclass(frozen=True, slots=True)
class Traffic:
    """One channel: what serves, what is coming, and how the gates stand."""

    name: str
    stable: str
    candidate: str | None
    share: int
    rollout: str | None
    state: State
    told: str


@dataclass(frozen=True, slots=True)
class Picture:
    """All that the home page shows."""

    headline: Markup
    stations: Sequence[Station]
    channels: Sequence[Traffic]
    events: Sequence[Happening]
    turning: int
    empty: bool

    @property
    def digest(self) -> str:
        """Names what is shown, without the passing of time: the id of a live message."""
        facts = [plain(self.stations), plain(self.channels), self.turning,
                 [(event.at_us, event.text) for event in self.events]]  # fmt: skip
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def look(app: Any, now_us: int) -> Picture:
    """Read the keepers and return the picture."""
    channels = list(app.releases.channels())
    recent = list(app.releases.rollouts(limit=50))
    minute = app.traces.counts(now_us - words.MINUTE_US).calls
    traffic = [_traffic(app, channel, recent) for channel in channels]
    stations = _stations(app, minute, any(channel.rollout for channel in traffic), now_us)
    return Picture(
        headline=_headline(channels, recent, app, now_us),
        stations=stations,
        channels=traffic,
        events=happenings.recent(app, RECENT),
        turning=_speed(minute),
        empty=not any(station.count for station in stations),
    )


def _stations(app: Any, minute: int, moving: bool, now_us: int) -> list[Station]:
    made = app.catalog.counts()
    day = now_us - words.DAY_US
    said = len(app.feedbacks.list(since_us=day, limit=MANY))
    seen = app.traces.counts(0).calls
    versions, per_minute = _("versions"), _("in the last minute")
    return [
        Station("data", _("data"), made.get("dataset", 0), versions, links.listing("datasets")),
        Station("prompts", _("prompts"), made.get("prompt", 0), versions, links.listing("prompts")),
        Station("models", _("models"), made.get("model", 0), versions, links.listing("models")),
        Station("flows", _("flows"), made.get("flow", 0), versions, links.listing("flows")),
        Station("evals", _("evals"), made.get("report", 0), _("reports"), links.listing("reports")),
        Station("releases", _("releases"), made.get("release", 0), versions,
                links.listing("releases"), moving),
        Station("gateway", _("gateway"), minute, per_minute,
                links.listing("traces", since="15m"), minute > 0),
        Station("traces", _("traces"), seen, _("kept"), links.listing("traces")),
        Station("feedback", _("feedback"), said, _("in the last day"), links.listing("feedback")),
    ]  # fmt: skip


def _traffic(app: Any, channel: Any, recent: Sequence[Any]) -> Traffic:
    mine = [each for each in recent if each.channel == channel.name]
    moving = next((each for each in mine if each.ended_us is None), None)
    if moving is not None:
        state, told = rollouts.state(moving), rollouts.gate_words(app, moving)
    elif mine and rollouts.is_back(mine[0]):
        state, told = State(_("steady"), "good"), _("{release} was taken back").format(
            release=mine[0].candidate_ref
        )  # fmt: skip
    elif channel.kept is not None:
        state, told = State(_("steady"), "good"), _kept(channel.kept)
    else:
        state, told = State(_("steady"), "good"), _("nothing is moving")
    return Traffic(
        channel.name,
        channel.stable_ref,
        channel.candidate_ref,
        channel.share_millionths,
        channel.rollout_id,
        state,
        told,
    )


def _kept(kept: Any) -> Markup:
    """Say what is hot for a return at once, with the page that offers it."""
    release = links.link(links.item("rollouts", kept.rollout_id), kept.release)
    until = words.exact(kept.until_us).rpartition(":")[0]
    return escape(_("{release} is kept hot until {when} UTC")).format(release=release, when=until)


def _headline(channels: Sequence[Any], recent: Sequence[Any], app: Any, now_us: int) -> Markup:
    """Answer in one sentence: what serves, and is anything happening to it?"""
    if not channels:
        return escape(_("Nothing serves yet."))
    moving = next((each for each in recent if each.ended_us is None), None)
    first = _named(channels, moving.channel if moving else recent[0].channel if recent else None)
    if moving is not None and first.name == moving.channel:
        return _moving(first, moving, app)
    last = next((each for each in recent if each.channel == first.name), None)
    serves = escape(_("{channel} serves {release}")).format(
        channel=_channel(first.name), release=links.release(first.stable_ref)
    )
    if last is not None and rollouts.is_back(last):
        return serves + escape(_("; {release} was taken back {when}.")).format(
            release=links.link(links.item("rollouts", last.id), last.candidate_ref),
            when=words.time_tag(last.ended_us, now_us),
        )
    if last is not None and last.ended_us:
        return serves + escape(_(", since {when}.")).format(
            when=words.time_tag(last.ended_us, now_us)
        )
    return serves + Markup(".")


def _moving(channel: Any, moving: Any, app: Any) -> Markup:
    steps = max(len(rollouts.stages(moving)), 1)
    return escape(
        _("{channel} serves {release}; {candidate} has {share}, step {step} of {steps}: {gates}.")
    ).format(
        channel=_channel(channel.name),
        release=links.release(channel.stable_ref),
        candidate=links.link(links.item("rollouts", moving.id), moving.candidate_ref),
        share=words.percent(moving.share),
        step=min(moving.step + 1, steps),
        steps=steps,
        gates=rollouts.gate_words(app, moving),
    )


def _named(channels: Sequence[Any], name: str | None) -> Any:
    return next((each for each in channels if each.name == name), channels[0])


def _channel(name: str) -> Markup:
    return links.link(links.listing("traces", channel=name), name)


def _speed(per_minute: int) -> int:
    """Return how fast the wheel turns: 0 stands, 3 is brisk."""
    return sum(per_minute >= limit for limit in (1, 30, 300))
