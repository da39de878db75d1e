"""Moves channels, in the manner of a reconciler: read plan, read evidence, decide, act.

`tick()` may be called at any moment and as often as one likes; nothing that it
needs to go on is only in memory. After a restart of control the evidence is
read again from the traces, in the same order, so that the sequential tests
stand where they stood.

The wall clock decides nothing here, because it may be set at any moment: what
belongs to a rollout is what its traces say, and waiting is measured by the
monotonic clock. Only a control that finds a rollout already under way asks the
wall clock how old it is, for the figures that it shows.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from volano.core.clock import Clock
from volano.core.principal import SYSTEM
from volano.feedback.keeper import Feedbacks
from volano.releases.burning import Counts, burns, looks
from volano.releases.channel import Channel
from volano.releases.contract import Contract
from volano.releases.errors import RolloutOverError
from volano.releases.experiments import Experiments
from volano.releases.gates import Evidence
from volano.releases.keeper import Releases
from volano.releases.plan import Plan
from volano.releases.progress import Rollout
from volano.releases.reading import Reading
from volano.releases.rollout import Decision, State, decide
from volano.traces.keeper import Traces

log = logging.getLogger(__name__)

NOTE_EVERY_US = 10_000_000
WARM_WITHIN_US = 60_000_000
LOOK_EVERY_US = 5_000_000
"""How often alerts and budgets are asked about a rollout."""


class Serving(Protocol):
    """What the reconciler asks of the data plane."""

    def ready(self, release_digest: str) -> bool:
        """Whether everything that this release needs answers."""
        ...

    def counts(self, release_digest: str) -> tuple[int, int]:
        """Calls and errors of this release over all workers, from shared memory."""
        ...

    def applied_us(self) -> int | None:
        """Microseconds that the last publication took to reach all workers, if it has."""
        ...


class Outside(Protocol):
    """What else may take a rollout back: alerts and budgets."""

    def of(self, rollout: Rollout) -> str:
        """Return why it must go back, in words; empty where nothing says so."""
        ...


@dataclass
class Watch:
    """What one control process knows of a rollout it watches."""

    reading: Reading
    seen_us: int
    """When this control saw it first; like all times here by the monotonic clock."""
    begun_us: int
    stepped_us: int
    """When it came to its step."""
    step: int
    counts: Counts = field(default_factory=looks)
    noted_us: int | None = None
    reason: str = ""
    down_us: int | None = None
    """Since when what the candidate needs does not answer, while what was served does."""
    looked_us: int | None = None
    alarm: str = ""

    @property
    def evidence(self) -> Evidence:
        """What it has seen so far."""
        return self.reading.evidence


class Reconciler:
    """Ticks all rollouts under way."""

    def __init__(
        self,
        *,
        releases: Releases,
        traces: Traces,
        feedbacks: Feedbacks,
        serving: Serving,
        clock: Clock,
        experiments: Experiments | None = None,
        alarms: Outside | None = None,
    ):
        self._alarms = alarms
        self._releases = releases
        self._traces = traces
        self._feedbacks = feedbacks
        self._serving = serving
        self._clock = clock
        self._experiments = experiments
        self._watches: dict[str, Watch] = {}

    def tick(self) -> bool:
        """Bring each rollout as far as its evidence allows; return whether there was any.

        One failing rollout stops no other.
        """
        active = self._releases.active()
        for rollout in active:
            try:
                self._tick(rollout)
            except RolloutOverError as error:
                log.info("%s", error)  # a person was faster
            except Exception:
                log.exception("rollout %s of %s", rollout.id, rollout.channel)
        alive = {rollout.id for rollout in active}
        self._watches = {k: v for k, v in self._watches.items() if k in alive}
        if self._experiments is not None:
            self._experiments.forget(alive)
        return bool(active)

    def status(self, channel: str) -> dict[str, Any]:
        """Return the channel, its last rollout, and what each gate says now."""
        found = self._releases.channel(channel)
        rollout = self._last(found)
        if rollout is None:
            return {"channel": found, "rollout": None, "decision": None, "evidence": None}
        if rollout.is_experiment and self._experiments is not None:
            standing = self._experiments.standing(rollout)
            return {"channel": found, "rollout": rollout, **standing}
        watch = self._watches.get(rollout.id)
        if not rollout.is_active or watch is None:
            return {
                "channel": found,
                "rollout": rollout,
                "decision": rollout.outcome,
                "evidence": None,
            }
        decision = self._decide(rollout, watch)
        evidence = {**watch.evidence.to_dict(), "curves": watch.reading.curves}
        return {
            "channel": found, "rollout": rollout, "decision": decision.to_dict(), "evidence": evidence,
        }  # fmt: skip

    def curves(self, rollout_id: str) -> list[dict[str, Any]]:
        """Return how each gate of a rollout under way stood; nothing where none is watched."""
        watch = self._watches.get(rollout_id)
        return watch.reading.curves if watch is not None else []

    def _last(self, channel: Channel) -> Rollout | None:
        """Return the rollout under way, else the newest: after a clock was set back, not the same."""
        if channel.rollout_id is not None:
            return self._releases.rollout(channel.rollout_id)
        return next(iter(self._releases.rollouts(channel.name, limit=1)), None)

    def _tick(self, rollout: Rollout) -> None:
        if rollout.is_experiment:
            if self._experiments is not None:
                self._experiments.tick(rollout)
            return
        watch = self._watch(rollout)
        if rollout.state == "warming":
            self._warm(rollout, watch)
            return
        tripped = self._guard(rollout, watch)
        if tripped:
            self._end(rollout, "back", {"reason": tripped}, watch)
            return
        self._look_outside(rollout, watch)
        watch.reading.read()
        decision = self._decide(rollout, watch)
        self._act(rollout, decision, watch)

    def _watch(self, rollout: Rollout) -> Watch:
        """Return what is known of a rollout; note when it has come to another step."""
        now = self._clock.monotonic_us()
        watch = self._watches.get(rollout.id)
        if watch is None:
            begun = stepped = now
            if rollout.state != "warming":  # from before this control: how old, by the wall clock
                wall = self._clock.now_us()
                begun -= max(0, wall - rollout.created_us)
                stepped -= max(0, wall - rollout.updated_us)
            reading = Reading(
                rollout.id, _plan(rollout), traces=self._traces, feedbacks=self._feedbacks,
                contract=Contract(rollout.candidate, self._releases.schema_of),
            )  # fmt: skip
            watch = Watch(reading, now, begun, stepped, rollout.step)
            self._watches[rollout.id] = watch
        if rollout.step != watch.step or rollout.state == "warming":
            watch.step, watch.stepped_us = rollout.step, now
        return watch

    def _warm(self, rollout: Rollout, watch: Watch) -> None:
        """The candidate gets its first share when its engines answer, not before.

        How long they may take is counted from when this control saw the rollout.
        """
        if self._serving.ready(rollout.candidate):
            self._releases.advance(rollout, step=0, content={"reason": "it answers"}, by=SYSTEM)
        elif self._clock.monotonic_us() - watch.seen_us > WARM_WITHIN_US:
            reason = f"{rollout.candidate_ref} did not become ready to answer within 60 s"
            self._releases.end(rollout, "failed", {"reason": reason}, by=SYSTEM)

    def _guard(self, rollout: Rollout, watch: Watch) -> str | None:
        """Count guard over shared memory: it needs no recorder and no statistics."""
        watch.counts.append(self._serving.counts(rollout.candidate))
        guard = rollout.plan.guard
        if burns(watch.counts, guard):
            return f"Taken back: guard: {guard} at the candidate (shared counters)."
        return None

    def _look_outside(self, rollout: Rollout, watch: Watch) -> None:
        """Note since when the candidate is down, and now and then what alerts and budgets say."""
        now = self._clock.monotonic_us()
        down = rollout.baseline is not None and not self._serving.ready(rollout.candidate)
        if down and self._serving.ready(rollout.baseline or ""):  # else going back helps nobody
            watch.down_us = now if watch.down_us is None else watch.down_us
        else:
            watch.down_us = None
        fresh = watch.looked_us is not None and now - watch.looked_us < LOOK_EVERY_US
        if self._alarms is not None and not fresh:
            watch.looked_us, watch.alarm = now, self._alarms.of(rollout)

    def _decide(self, rollout: Rollout, watch: Watch) -> Decision:
        down_s = 0.0
        if watch.down_us is not None:
            down_s = max(0.1, (self._clock.monotonic_us() - watch.down_us) / 1e6)
        state = State(rollout.step, watch.stepped_us, rollout.baseline is not None,
                      alarm=watch.alarm, down_s=down_s)  # fmt: skip
        return decide(_plan(rollout), state, watch.evidence, self._clock.monotonic_us())

    def _act(self, rollout: Rollout, decision: Decision, watch: Watch) -> None:
        if decision.action == "back":
            self._end(rollout, "back", decision.to_dict(), watch)
        elif decision.action == "done":
            self._end(rollout, "arrived", decision.to_dict(), watch)
        elif decision.action == "advance":
            self._releases.advance(
                rollout, step=rollout.step + 1, content=decision.to_dict(), by=SYSTEM
            )
        else:
            self._hold(rollout, decision, watch)

    def _hold(self, rollout: Rollout, decision: Decision, watch: Watch) -> None:
        """Note why it stays, when the reason is new and the last note is not fresh."""
        now = self._clock.monotonic_us()
        fresh = watch.noted_us is not None and now - watch.noted_us < NOTE_EVERY_US
        if decision.reason != watch.reason and not fresh:
            watch.reason, watch.noted_us = decision.reason, now
            self._releases.note(rollout, "holds", decision.to_dict())

    def _end(self, rollout: Rollout, state: str, content: Mapping[str, Any], watch: Watch) -> None:
        calls = watch.evidence.calls
        seconds = (self._clock.monotonic_us() - watch.begun_us) / 1e6
        outcome = {
            "reason": content["reason"],
            "verdicts": content.get("verdicts", []),
            "calls": {"candidate": calls["candidate"], "stable": calls["stable"]},
            "took_s": round(seconds, 3),
        }
        ended = self._releases.end(rollout, state, outcome, by=SYSTEM)
        evidence = {**watch.evidence.to_dict(), "curves": watch.reading.curves}
        applied = {"took_us": self._serving.applied_us(), "evidence": evidence}
        self._releases.note(ended, "applied", applied)


def _plan(rollout: Rollout) -> Plan:
    """Return the plan of a rollout that moves; those that compare are not read here."""
    assert isinstance(rollout.plan, Plan)
    return rollout.plan
