"""An Arrival: how a release came to serve a channel, and what it showed there since.

Read from the rollouts of the channel, their events and the traces: nothing of it is kept twice.
The wall clock may jump; a time that would be negative counts as none.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from volano.core.clock import Clock
from volano.releases.progress import Progress, Rollout
from volano.store.artifact import Artifact
from volano.store.catalog import Catalog
from volano.store.db import Database

ARRIVED, BACK = "arrived", "back"
_LOOKED_AT = 10_000
_STEPS = (("d", 86_400), ("h", 3_600), ("min", 60))

Answers = Callable[[str, str, int], int]
"""How many calls a release answered on a channel since a moment: `(channel, release, since_us)`."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where a release stands on one channel.

    `rollout` is the one by which it arrived; without it, it did not, or was taken back since
    (`left` says so). `carried` is its evidence there, behind what it brought along itself.
    """

    channel: str
    rollout: Rollout | None
    moving: bool
    left: str
    served_us: int
    calls: int
    carried: Sequence[Mapping[str, Any]]

    def lacks(self, least_us: int, least_calls: int) -> tuple[str, str]:
        """Say what is missing before it may go on, and what to do next; nothing when it may."""
        if self.rollout is None:
            status = f"volano release status {self.channel}"
            if self.moving:
                return f"it is still on its way to {self.channel}", status
            if self.left:
                return f"it was taken back from {self.channel}: {self.left}", status
            promote = "volano release promote {ref} --channel {channel}"
            return f"it has not arrived on {self.channel}", promote
        wait = f"volano channel callers {self.channel}"
        if self.served_us < least_us:
            why = f"it served {self.channel} for {_span(self.served_us)} of {_span(least_us)}"
            return why, wait
        if self.calls < least_calls:
            return f"it answered {self.calls} of {least_calls} calls on {self.channel}", wait
        return "", ""


class Arrivals:
    """Looks up how releases came to channels."""

    def __init__(self, *, db: Database, catalog: Catalog, clock: Clock, answers: Answers):
        self._progress = Progress(db)
        self._catalog = catalog
        self._clock = clock
        self._answers = answers

    def of(self, release: Artifact, channel: str) -> Arrival:
        """Return where a release stands on a channel, by its last rollout there that ended."""
        known = sorted(self._progress.list(channel, limit=_LOOKED_AT), key=_begun)
        mine = [one for one in known if one.candidate == str(release.digest)]
        ended = [one for one in mine if one.state in (ARRIVED, BACK)]
        moving = any(one.is_active and not one.is_experiment for one in mine)
        if not ended:
            return Arrival(channel, None, moving, "", 0, 0, ())
        last = ended[-1]
        after = next((one for one in known if _follows(one, last)), None)
        left = self._left(last, after)
        if left:
            return Arrival(channel, None, moving, left, 0, 0, ())
        until = after.ended_us if after and after.ended_us else self._clock.now_us()
        served_us = max(0, until - (last.ended_us or until))
        calls = self._answers(channel, release.ref, last.ended_us or 0)
        carried = self._carried(last, release, served_us, calls)
        return Arrival(channel, last, moving, "", served_us, calls, carried)

    def _left(self, last: Rollout, after: Rollout | None) -> str:
        """Say why it serves no more where it was taken back, by a gate or by a person."""
        if last.state == BACK:
            return str((last.outcome or {}).get("reason", "harm")).removeprefix("Taken back: ")
        if after is None:
            return ""
        first = self._first(after)
        return str(first["rollback"]) if "rollback" in first else ""

    def _carried(
        self, rollout: Rollout, release: Artifact, served_us: int, calls: int
    ) -> Sequence[Mapping[str, Any]]:
        """Return what it brought along, then what it showed here: plain JSON values."""
        outcome = rollout.outcome or {}
        applied = [one for one in self._progress.events(rollout.id) if one.kind == "applied"]
        pinned = [p.digest for p in release.manifest.parents if p.role == "report"]
        here = {
            "environment": rollout.channel,
            "rollout": rollout.id,
            "release": release.ref,
            "arrived_us": rollout.ended_us,
            "served_s": served_us // 1_000_000,
            "answered": calls,
            "reason": outcome.get("reason", ""),
            "verdicts": outcome.get("verdicts", []),
            "calls": outcome.get("calls", {}),
            "took_s": outcome.get("took_s"),
            "figures": applied[-1].content.get("evidence", {}) if applied else {},
            "reports": [self._catalog.by_digest(digest).ref for digest in pinned],
        }
        return (*self._first(rollout).get("carried", ()), here)

    def _first(self, rollout: Rollout) -> Mapping[str, Any]:
        events = self._progress.events(rollout.id)
        return events[0].content if events else {}


def words(one: Mapping[str, Any]) -> str:
    """Say in a few words what was carried along from one environment."""
    at = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime((one["arrived_us"] or 0) // 1_000_000))
    said = f"{one['environment']} at {at} by rollout {one['rollout']}"
    served = f"served {_span(one['served_s'] * 1_000_000)}, {one['answered']} calls answered"
    reports = f"; reports: {', '.join(one['reports'])}" if one["reports"] else ""
    return f"{said}: {served}{reports}"


def _begun(rollout: Rollout) -> tuple[int, str]:
    return rollout.created_us, rollout.id


def _follows(rollout: Rollout, last: Rollout) -> bool:
    """Whether this rollout took the channel away from the other's release."""
    later = _begun(rollout) > _begun(last)
    takes = rollout.state == ARRIVED or rollout.is_active
    return later and takes and rollout.baseline == last.candidate


def _span(us: int) -> str:
    seconds = us // 1_000_000
    for unit, length in _STEPS:
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds} s"
