"""Afterwards: a release that has arrived, while what it replaced is kept hot.

Two things take it back by themselves. The count guard acts within a second on gross
failure. A slower one counts each user once, by the first call since it arrived: when
the share of those that failed is proven to lie more than the plan's margin above that
of the release before, as it was recorded, it goes back. The two did not serve at the
same time, so this says less than a canary does; it is no proof of who is to blame.

Time is counted by the monotonic clock and written every few seconds.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from volano.core.clock import Clock
from volano.core.principal import SYSTEM
from volano.releases.burning import Counts, burns, looks
from volano.releases.channel import Channel
from volano.releases.errors import NothingKeptError
from volano.releases.keeper import Releases
from volano.releases.kept import Kept
from volano.releases.plan import ERRORS, Plan
from volano.releases.reading import FAILED
from volano.stats.average import RunningMean
from volano.traces.keeper import Traces
from volano.traces.trace import Trace

log = logging.getLogger(__name__)

WRITE_EVERY_US = 10_000_000
BEFORE = 2000
"""So many calls of the release before are looked at."""
BATCH = 2000
MOST_UNITS = 100_000


@dataclass
class Units:
    """Each unit once, by its first call: the share of those that failed."""

    mean: RunningMean = field(default_factory=RunningMean)
    seen: set[str] = field(default_factory=set)

    def observe(self, call: Trace) -> None:
        """Take a call that says something of its release."""
        counts = call.outcome in {"ok", *FAILED} and not (call.replayed or call.stopped)
        new = call.unit not in self.seen and len(self.seen) < MOST_UNITS
        if counts and new and not call.repeated and not call.shadowed:
            self.seen.add(call.unit)
            self.mean.observe(float(call.outcome in FAILED))


@dataclass
class Looking:
    """What one control process knows of one kept release."""

    left_us: int
    looked_us: int
    written_us: int
    plan: Plan
    before: Units
    counts: Counts = field(default_factory=looks)
    now: Units = field(default_factory=Units)
    seq: int = 0


class Afterwards:
    """Watches what arrived, and lets go what was kept when its time is over."""

    def __init__(
        self,
        *,
        releases: Releases,
        traces: Traces,
        counts: Callable[[str, str], tuple[int, int]],
        clock: Clock,
    ):
        self._releases = releases
        self._traces = traces
        self._counts = counts
        self._clock = clock
        self._looking: dict[str, Looking] = {}

    def tick(self) -> bool:
        """Look at each channel that keeps something hot; return whether one does."""
        found = [(one, one.kept) for one in self._releases.keeping() if one.kept]
        for channel, kept in found:
            try:
                self._tick(channel, kept)
            except NothingKeptError as error:
                log.info("%s", error)  # a person was faster
            except Exception:
                log.exception("what %s keeps hot", channel.name)
        alive = {kept.rollout_id for _, kept in found}
        self._looking = {key: one for key, one in self._looking.items() if key in alive}
        return bool(found)

    def _tick(self, channel: Channel, kept: Kept) -> None:
        looking = self._look(channel, kept)
        now = self._clock.monotonic_us()
        looking.left_us -= now - looking.looked_us
        looking.looked_us = now
        if looking.left_us <= 0:
            self._releases.drop(channel.name, why="its time is over", by=SYSTEM)
            return
        if now - looking.written_us >= WRITE_EVERY_US:
            looking.written_us = now
            self._releases.keep(kept, looking.left_us)
        why = None if channel.rollout_id else self._harm(channel, looking)
        if why:  # while a rollout moves the channel, its own gates decide
            log.warning("%s goes back to %s: %s", channel.name, kept.release, why)
            self._releases.rollback(channel.name, to=kept.release, why=why, by=SYSTEM)

    def _look(self, channel: Channel, kept: Kept) -> Looking:
        found = self._looking.get(kept.rollout_id)
        if found is None:
            rollout, now = self._releases.rollout(kept.rollout_id), self._clock.monotonic_us()
            assert isinstance(rollout.plan, Plan)
            before = Units()
            for call in self._traces.list(channel=channel.name, release=kept.release, limit=BEFORE):
                before.observe(call)
            found = Looking(kept.left_us, now, now, rollout.plan, before)
            found.seq = self._first(channel, rollout.ended_us)
            self._looking[kept.rollout_id] = found
        return found

    def _first(self, channel: Channel, since_us: int | None) -> int:
        """Return after which record to read on: what was recorded before it arrived says nothing."""
        last = self._traces.list(channel=channel.name, until_us=since_us, limit=1)
        return last[0].seq if last else 0

    def _harm(self, channel: Channel, looking: Looking) -> str | None:
        """Say why what arrived must go, if it must."""
        looking.counts.append(self._counts(channel.name, channel.stable))
        guard = looking.plan.guard
        if burns(looking.counts, guard):
            return f"guard: {guard} after it had arrived (shared counters)"
        self._read(channel, looking)
        margin = looking.plan.margins.get(ERRORS)
        if margin is None:
            return None
        alpha = looking.plan.alpha_harm / 2
        low, high = looking.now.mean.lower(alpha), looking.before.mean.upper(alpha)
        if low - high <= margin:
            return None
        failed, n = looking.now.mean.total, looking.now.mean.n
        return (
            f"errors: {failed:.0f} of {n} users failed since it arrived, at least {low:.1%}; "
            f"before at most {high:.1%}, margin {margin:.1%}"
        )

    def _read(self, channel: Channel, looking: Looking) -> None:
        while True:
            calls = self._traces.since(looking.seq, channel=channel.name, limit=BATCH)
            for call in calls:
                looking.seq = call.seq
                if call.release == channel.stable_ref:
                    looking.now.observe(call)
            if len(calls) < BATCH:
                return
