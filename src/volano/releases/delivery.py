"""Delivery: how often releases reach people, how soon, how many go wrong, how soon that is mended.

The four figures of DORA (Forsgren, Humble, Kim: Accelerate, 2018; dora.dev/guides), from
the rollouts of channels and nothing else:

- deployment frequency: rollouts that arrived, a week;
- lead time for changes: from the release being cut to its arrival;
- change failure rate: of the changes that ended, the share that was taken back by a gate or by
  a person (`back`, `aborted` after it had a share), or that arrived and was rolled back;
- time to restore: from the beginning of a failed change, whose users come right after, to the
  channel being wholly on another release again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from volano.core.clock import Clock
from volano.releases.keeper import Releases
from volano.releases.plan import Plan
from volano.releases.progress import Rollout
from volano.stats.intervals import wilson

DAY_US = 86_400_000_000
WEEK_DAYS = 7
MOST = 10_000
ARRIVED, BACK, ABORTED = "arrived", "back", "aborted"


@dataclass(frozen=True, slots=True)
class Delivery:
    """The figures of a time; None where nothing happened that they could be of.

    Times are medians in seconds. `failure_rate` lies in [`failure_low`, `failure_high`] with
    95 % confidence (Wilson): a handful of releases says little, and the interval says so.
    """

    days: int
    channel: str | None
    changes: int
    deployments: int
    deployments_a_week: float
    lead_time_s: float | None
    failures: int
    failure_rate: float | None
    failure_low: float | None
    failure_high: float | None
    restore_s: float | None
    failed: tuple[Mapping[str, Any], ...]


class Deliveries:
    """Reads the figures off the rollouts of a workspace."""

    def __init__(self, releases: Releases, clock: Clock):
        self._releases = releases
        self._clock = clock

    def figures(self, *, days: int = 30, channel: str | None = None) -> Delivery:
        """Return the four figures of the last days, of one channel or of all."""
        now = self._clock.now_us()
        since = now - days * DAY_US
        rollouts = sorted(self._releases.rollouts(channel, limit=MOST), key=_begun)
        ended = [one for one in rollouts if one.ended_us is not None and one.ended_us >= since]
        return figures(ended, rollouts, self._cut_us, days=days, channel=channel)

    def _cut_us(self, rollout: Rollout) -> int:
        return self._releases.get(rollout.candidate_ref).created_us


def figures(
    ended: Sequence[Rollout],
    known: Sequence[Rollout],
    cut_us: Callable[[Rollout], int],
    *,
    days: int,
    channel: str | None = None,
) -> Delivery:
    """Return the figures of rollouts that `ended`; `known` also holds those before, oldest first.

    A return to a release that its channel served before is the mending of a change, and no
    change itself.
    """
    returns = {one.id for one in known if _is_return(one, known)}
    changes = [one for one in ended if one.id not in returns and _reached(one)]
    arrived = [one for one in changes if one.state == ARRIVED]
    failed = [(one, end) for one in changes if (end := _restored_us(one, known, returns))]
    low, high = wilson(len(failed), len(changes)) if changes else (None, None)
    return Delivery(
        days, channel, len(changes), len(arrived),
        round(len(arrived) * WEEK_DAYS / days, 3) if days else 0.0,
        _middle((one.ended_us or 0) - cut_us(one) for one in arrived),
        len(failed), len(failed) / len(changes) if changes else None, low, high,
        _middle(end - one.created_us for one, end in failed),
        tuple(_told(one, end) for one, end in failed),
    )  # fmt: skip


def _begun(rollout: Rollout) -> tuple[int, str]:
    return rollout.created_us, rollout.id


def _reached(rollout: Rollout) -> bool:
    """Whether anybody can have been answered by it: not where it ended while it warmed up."""
    outcome = rollout.outcome or {}
    calls = outcome.get("calls") or {}
    if rollout.state == ARRIVED:
        return True
    if isinstance(rollout.plan, Plan) and rollout.plan.stages[rollout.step].kind == "shadow":
        return False
    if rollout.state == BACK:
        return True
    return rollout.state == ABORTED and (rollout.step > 0 or bool(calls.get("candidate")))


def _is_return(rollout: Rollout, known: Iterable[Rollout]) -> bool:
    """Whether its channel served this release before, and it is a way back, not a change."""
    return rollout.state == ARRIVED and any(
        one.channel == rollout.channel
        and one.state == ARRIVED
        and one.created_us < rollout.created_us
        and rollout.candidate in (one.candidate, one.baseline)
        for one in known
    )


def _restored_us(rollout: Rollout, known: Iterable[Rollout], returns: set[str]) -> int | None:
    """Return when a failed change was no longer served; None where it did not fail."""
    if rollout.state != ARRIVED:
        return rollout.ended_us
    later = [
        one for one in known
        if one.channel == rollout.channel and one.baseline == rollout.candidate
        and one.state == ARRIVED and one.created_us > rollout.created_us
    ]  # fmt: skip
    return later[0].ended_us if later and later[0].id in returns else None


def _middle(durations_us: Iterable[int]) -> float | None:
    found = [max(0, one) / 1e6 for one in durations_us]
    return round(median(found), 3) if found else None


def _told(rollout: Rollout, restored_us: int) -> dict[str, Any]:
    reason = (rollout.outcome or {}).get("reason", "")
    return {
        "rollout": rollout.id, "channel": rollout.channel, "release": rollout.candidate_ref,
        "reason": reason if rollout.state != ARRIVED else "rolled back after it had arrived",
        "restored_us": restored_us,
    }  # fmt: skip
