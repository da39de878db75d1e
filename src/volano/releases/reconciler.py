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
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from volano.core.clock import Clock
from volano.core.principal import SYSTEM, Principal
from volano.feedback.keeper import Feedbacks
from volano.releases.afterwards import Afterwards
from volano.releases.burning import Counts, burns, looks
from volano.releases.channel import Channel
from volano.releases.contract import Contract
from volano.releases.errors import HarmProvenError, RolloutMovedError, RolloutOverError
from volano.releases.experiments import Experiments
from volano.releases.gates import Evidence
from volano.releases.keeper import Releases
from volano.releases.plan import Plan
from volano.releases.progress import Rollout
from volano.releases.reading import Reading
from volano.releases.rehearsed import Rehearse, Rehearsed
from volano.releases.rolling import Replicas, first_share, replaced
from volano.releases.rollout import Decision, State, decide, over
from volano.releases.shadow import Purse
from volano.releases.stage import WHOLE
from volano.traces.keeper import Traces

log = logging.getLogger(__name__)

NOTE_EVERY_US = 10_000_000
WARM_WITHIN_US = 60_000_000
LOOK_EVERY_US = 5_000_000
ASK_EVERY_US = 2_000_000
"""How often alerts and budgets are asked about a rollout."""


class Serving(Protocol):
    """What the reconciler asks of the data plane."""

    def ready(self, release_digest: str) -> bool:
        """Whether everything that this release needs answers."""
        ...

    def outage(self, release_digest: str) -> tuple[int, int] | None:
        """From when to when calls to all its targets got no answer, by the monotonic clock; None: they do."""
        ...

    def answered_us(self, release_digest: str) -> int:
        """When any of its targets answered last, by the monotonic clock; 0: that was not seen."""
        ...

    def replicas(self, release_digest: str) -> Replicas:
        """How many of the engines that replace others are warm, of how many."""
        ...

    def counts(self, channel: str, release_digest: str) -> tuple[int, int]:
        """Calls and errors of this release on a channel, over all workers, from shared memory."""
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
    purse: Purse
    seen_us: int
    """When this control saw it first; like all times here by the monotonic clock."""
    begun_us: int
    stepped_us: int
    """When it came to its step, or to its share in it."""
    at: tuple[int, int]
    """Step and share."""
    counts: Counts = field(default_factory=looks)
    noted_us: int | None = None
    drained_us: int = 0
    """When the last engine that was replaced was still seen to answer calls."""
    reason: str = ""
    spent_step: int = -1
    """The step of a shadow whose budget it knows to be spent."""
    down_us: int | None = None
    """Since when what the candidate needs does not answer, while what was served does."""
    silent_s: float = 0.0
    """For how long nobody whom the candidate's targets were asked for got an answer, while others did."""
    asked_us: int | None = None
    looked_us: int | None = None
    alarm: str = ""

    @property
    def evidence(self) -> Evidence:
        """What it has seen so far."""
        return self.reading.evidence

    @property
    def shown(self) -> dict[str, Any]:
        """Its evidence in plain values, with how each gate stood, and what was drawn by chance."""
        told = {"curves": self.reading.curves, "draws": self.reading.draws}
        return {**self.evidence.to_dict(), **told}


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
        rehearse: Rehearse | None = None,
        alarms: Outside | None = None,
    ):
        self._alarms = alarms
        self._releases = releases
        self._traces = traces
        self._feedbacks = feedbacks
        self._serving = serving
        self._clock = clock
        self._experiments = experiments
        self._rehearse = rehearse
        self._watches: dict[str, Watch] = {}
        self._afterwards = Afterwards(
            releases=releases, traces=traces, counts=serving.counts, clock=clock
        )

    def tick(self) -> bool:
        """Bring each rollout as far as its evidence allows; return whether there is any to watch.

        What has arrived is watched as long as what it replaced is kept hot. One failing rollout stops no other.
        """
        active = self._releases.active()
        for rollout in active:
            try:
                self._tick(rollout)
            except (RolloutOverError, RolloutMovedError) as error:
                log.info("%s", error)  # a person was faster
            except Exception:
                log.exception("rollout %s of %s", rollout.id, rollout.channel)
        alive = {rollout.id for rollout in active}
        self._watches = {k: v for k, v in self._watches.items() if k in alive}
        if self._experiments is not None:
            self._experiments.forget(alive)
        return self._afterwards.tick() or bool(active)

    def status(self, channel: str) -> dict[str, Any]:
        """Return the channel, its last rollout, what it brought along, and what each gate says now."""
        found = self._status(channel)
        return {**found, **self._releases.brought(found["rollout"])}

    def _status(self, channel: str) -> dict[str, Any]:
        found = self._releases.channel(channel)
        rollout = self._last(found)
        if rollout is None:
            return {"channel": found, "rollout": None, "decision": None, "evidence": None}
        if rollout.is_experiment and self._experiments is not None:
            standing = self._experiments.standing(rollout)
            return {"channel": found, "rollout": rollout, **standing}
        watch = self._watches.get(rollout.id)
        if not rollout.is_active or watch is None or rollout.state == "warming":
            return {
                "channel": found,
                "rollout": rollout,
                "decision": rollout.outcome,
                "evidence": None,
            }
        decision = self._decide(rollout, watch)
        return {
            "channel": found, "rollout": rollout, "decision": decision.to_dict(),
            "evidence": watch.shown,
            **_shadow(rollout, watch),
        }  # fmt: skip

    def step_over(self, rollout: Rollout, why: str, *, by: Principal) -> None:
        """Go to the next step of a rollout although gates wait; to its end, when none is left.

        Raises:
            HarmProvenError: the evidence says that it must go back.
            RolloutOverError, RolloutMovedError: somebody was faster.
        """
        watch = self._watches.get(rollout.id)
        if watch is None:  # nobody ticks in this process
            watch = self._begin(rollout, self._clock.monotonic_us())
            watch.reading.read()
        decision = self._decide(rollout, watch)
        if decision.action == "back":
            raise HarmProvenError(
                release=rollout.candidate_ref, channel=rollout.channel, why=decision.reason
            )
        self._releases.steer(rollout, "skipped", why, by=by)
        told = f"{why} ({by})"
        self._act(rollout, over(_plan(rollout), self._state(rollout, watch), decision, told), watch)

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
        self._spend(rollout, watch)
        self._look_outside(rollout, watch)
        watch.reading.read()
        decision = self._decide(rollout, watch)
        self._act(rollout, decision, watch)

    def _watch(self, rollout: Rollout) -> Watch:
        """Return what is known of a rollout; note when it has come to another step."""
        now = self._clock.monotonic_us()
        watch = self._watches.get(rollout.id)
        if watch is None:
            watch = self._watches[rollout.id] = self._begin(rollout, now)
        if (rollout.step, rollout.share) != watch.at or rollout.state in ("warming", "paused"):
            watch.at = (rollout.step, rollout.share)
            watch.stepped_us = now  # what is paused does not wait
        return watch

    def _begin(self, rollout: Rollout, now: int) -> Watch:
        """Begin to watch a rollout; nothing of it is read yet."""
        begun = stepped = now
        if rollout.state != "warming":  # from before this control: how old, by the wall clock
            wall = self._clock.now_us()
            begun -= max(0, wall - rollout.created_us)
            stepped -= max(0, wall - rollout.updated_us)
        reading = Reading(
            rollout.id, _plan(rollout), traces=self._traces, feedbacks=self._feedbacks,
            contract=Contract(rollout.candidate, self._releases.schema_of),
        )  # fmt: skip
        purse = Purse(rollout.id, self._traces)
        return Watch(reading, purse, now, begun, stepped, (rollout.step, rollout.share))

    def _warm(self, rollout: Rollout, watch: Watch) -> None:
        """The candidate gets its first share when its engines answer, not before.

        How long they may take is counted from when this control saw the rollout.
        """
        if self._serving.ready(rollout.candidate):
            verify = _plan(rollout).stages[0].verify if rollout.baseline is not None else 0
            self._open(rollout, self._rehearsed(rollout, verify), watch)
        elif self._clock.monotonic_us() - watch.seen_us > WARM_WITHIN_US:
            reason = f"{rollout.candidate_ref} did not become ready to answer within 60 s"
            self._releases.end(rollout, "failed", {"reason": reason}, by=SYSTEM)

    def _rehearsed(self, rollout: Rollout, verify: int) -> Rehearsed:
        """Have it warmed by requests, and verified with so many; it goes on meanwhile."""
        if self._rehearse is None:
            return Rehearsed(done=True, reason="it answers")
        return self._rehearse(rollout, verify)

    def _open(self, rollout: Rollout, rehearsed: Rehearsed, watch: Watch) -> None:
        """Give it its first share once it is warm and verified; end it when it failed."""
        if rehearsed.failed:
            reason = f"{rollout.candidate_ref} failed before anybody saw it: {rehearsed.reason}"
            content = {"reason": reason, **rehearsed.facts}
            self._releases.end(rollout, "failed", content, by=SYSTEM)
        elif rehearsed.done:
            share = first_share(_plan(rollout).stages[0], 0, self._replicas(rollout))
            content = {"reason": rehearsed.reason, **rehearsed.facts}
            self._releases.advance(rollout, step=0, share=share, content=content, by=SYSTEM)
            watch.at = (0, share)

    def _replicas(self, rollout: Rollout) -> Replicas:
        """Return how far the engines are, where they are replaced one by one."""
        if _plan(rollout).stages[-1].kind != "rolling" or rollout.baseline is None:
            return Replicas()
        found = self._serving.replicas(rollout.candidate)
        done = replaced(rollout.share, found.of)
        rehearses = self._rehearse is not None and rollout.state != "warming"
        if rehearses and found.warm > done and not self._rehearsed(rollout, 0).done:
            return replace(found, warm=done)
        return found

    def _guard(self, rollout: Rollout, watch: Watch) -> str | None:
        """Count guard over shared memory: it needs no recorder and no statistics."""
        watch.counts.append(self._serving.counts(rollout.channel, rollout.candidate))
        guard = rollout.plan.guard
        if burns(watch.counts, guard):
            return f"Taken back: guard: {guard} at the candidate (shared counters)."
        return None

    def _spend(self, rollout: Rollout, watch: Watch) -> None:
        """Let a shadow copy no more when that has cost what it may."""
        stage = rollout.stage
        if stage is None or stage.kind != "shadow":
            return
        watch.purse.read()
        if watch.spent_step != rollout.step and watch.purse.is_spent(stage):
            self._releases.stop_copies(rollout, watch.purse.told(stage))
            watch.spent_step = rollout.step

    def _look_outside(self, rollout: Rollout, watch: Watch) -> None:
        """Note since when the candidate is down, and now and then what alerts and budgets say."""
        now = self._clock.monotonic_us()
        if watch.asked_us is None or now - watch.asked_us >= ASK_EVERY_US:
            watch.asked_us = now  # an engine that hangs takes a second to say so: not at each tick
            down = rollout.baseline is not None and not self._serving.ready(rollout.candidate)
            if down and self._serving.ready(rollout.baseline or ""):  # else going back helps nobody
                watch.down_us = now if watch.down_us is None else watch.down_us
            else:
                watch.down_us = None
            watch.silent_s = self._silent_s(rollout, watch)
        fresh = watch.looked_us is not None and now - watch.looked_us < LOOK_EVERY_US
        first = _plan(rollout).stages[0]
        at_once = first.share == WHOLE and first.kind != "rolling"  # so is every way back
        gated = rollout.baseline is not None and not at_once
        if self._alarms is not None and gated and not fresh:
            watch.looked_us, watch.alarm = now, self._alarms.of(rollout)

    def _silent_s(self, rollout: Rollout, watch: Watch) -> float:
        """Return how long calls to the candidate's targets were seen to get no answer, since it is watched.

        Only where the old release's gave one since: else it may be as dead, and going back helps nobody.
        """
        if rollout.baseline is None:
            return 0.0
        found = self._serving.outage(rollout.candidate)
        if found is None or found[1] <= watch.seen_us:
            return 0.0
        if self._serving.answered_us(rollout.baseline) <= found[0]:
            return 0.0
        return max(0.1, (found[1] - max(found[0], watch.seen_us)) / 1e6)

    def _decide(self, rollout: Rollout, watch: Watch) -> Decision:
        state, now = self._state(rollout, watch), self._clock.monotonic_us()
        return decide(_plan(rollout), state, watch.evidence, now)

    def _state(self, rollout: Rollout, watch: Watch) -> State:
        now, replicas = self._clock.monotonic_us(), self._replicas(rollout)
        if replicas.draining:
            watch.drained_us = now
        late_s = (now - max(watch.stepped_us, watch.drained_us)) / 1e6
        down_s = 0.0 if watch.down_us is None else max(0.1, (now - watch.down_us) / 1e6)
        return State(
            rollout.step, watch.stepped_us, rollout.baseline is not None,
            self._releases.paused(rollout),
            share=rollout.share, replicas=replace(replicas, late_s=late_s),
            alarm=watch.alarm, down_s=max(down_s, watch.silent_s),
        )  # fmt: skip

    def _act(self, rollout: Rollout, decision: Decision, watch: Watch) -> None:
        if decision.action == "back":
            self._end(rollout, "back", decision.to_dict(), watch)
        elif decision.action == "done":
            self._end(rollout, "arrived", decision.to_dict(), watch)
        elif decision.action == "advance":
            stage = rollout.stage
            stays = stage is not None and rollout.share < stage.share
            self._releases.advance(
                rollout, step=rollout.step + (not stays), share=decision.share,
                content=decision.to_dict(), by=SYSTEM,
            )  # fmt: skip
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
        applied = {"took_us": self._serving.applied_us(), "evidence": watch.shown}
        self._releases.note(ended, "applied", applied)


def _shadow(rollout: Rollout, watch: Watch) -> dict[str, Any]:
    """Return what copies have cost, while there are any."""
    stage = rollout.stage
    if stage is None or stage.kind != "shadow":
        return {}
    return {"shadow": watch.purse.told(stage)}


def _plan(rollout: Rollout) -> Plan:
    """Return the plan of a rollout that moves; those that compare are not read here."""
    assert isinstance(rollout.plan, Plan)
    return rollout.plan
