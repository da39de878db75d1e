"""Experiments: the verbs, and the tick that reads, judges and acts.

An experiment is a rollout that compares. It keeps its shares until a person concludes it, or
until its verdict does where it was told to (`then="promote"`). Nothing that it needs to go on is
only in memory: a control that starts again reads the same evidence from the records.

Windows are measured by what the records say, a unit's window is over by the wall clock.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from volano.access.moment import duration_us
from volano.core.clock import Clock
from volano.core.errors import GateError
from volano.core.principal import SYSTEM, Principal
from volano.core.ref import Ref, check_name
from volano.feedback.keeper import Feedbacks
from volano.feedback.metric import Metric
from volano.releases.burning import Counts, burns, looks
from volano.releases.channel import Channel
from volano.releases.experiment.design import Design, split
from volano.releases.experiment.errors import (
    BadDesignError,
    NotAnExperimentError,
    NoWinnerError,
    UnknownArmOfExperimentError,
)
from volano.releases.experiment.evidence import Evidence
from volano.releases.experiment.measure import Measure, measure
from volano.releases.experiment.reader import Reader
from volano.releases.experiment.verdict import Judgement, decide
from volano.releases.keeper import Releases
from volano.releases.plan import Plan
from volano.releases.progress import Rollout, start
from volano.releases.rival import Rival
from volano.store.artifact import Artifact
from volano.traces.keeper import Traces

log = logging.getLogger(__name__)

NOTE_EVERY_US = 60_000_000
WARM_WITHIN_US = 60_000_000


class Serving(Protocol):
    """What is asked of the data plane."""

    def ready(self, release_digest: str) -> bool:
        """Whether everything that this release needs answers."""
        ...

    def counts(self, channel: str, release_digest: str) -> tuple[int, int]:
        """Calls and errors of this release on a channel, over all workers, from shared memory."""
        ...


class Meanings(Protocol):
    """What is asked of the metrics of feedback."""

    def current(self, name: str) -> Metric | None:
        """Return what a name means now; None for a free name."""
        ...


@dataclass
class Watch:
    """What one control process knows of an experiment."""

    evidence: Evidence
    reader: Reader
    seen_us: int
    counts: dict[int, Counts] = field(default_factory=dict)
    decided: bool = False
    turned_us: int | None = None
    settled: bool = True
    noted_us: int | None = None
    judged: Judgement | None = None


class Experiments:
    """Begins, watches and concludes the experiments of one workspace."""

    def __init__(
        self,
        *,
        releases: Releases,
        traces: Traces,
        feedbacks: Feedbacks,
        metrics: Meanings,
        serving: Serving,
        clock: Clock,
    ):
        self._releases = releases
        self._traces = traces
        self._feedbacks = feedbacks
        self._metrics = metrics
        self._serving = serving
        self._clock = clock
        self._watches: dict[str, Watch] = {}
        self._lock = threading.RLock()

    def compare(
        self,
        arms: Sequence[Ref | str],
        *,
        channel: str,
        goal: str,
        shares: Sequence[str] = (),
        unit: str = "user",
        guardrails: Sequence[str] = ("errors",),
        detect: str | None = None,
        mature: str = "24h",
        max_wait: str = "14d",
        exclude: Sequence[str] = (),
        then: str = "hold",
        plan: str = "25%,100%",
        by: Principal,
    ) -> Rollout:
        """Compare releases on a channel: first what it serves, then its rivals.

        `goal` decides, `guardrails` take an arm out that does harm: errors, refusals,
        latency:2s, ttft:1s, cost:0.05, or names of feedback. `detect` is the smallest
        difference that matters, in the goal's unit or as `2%`. What comes of a unit (user,
        session, request) within `mature` counts. `then`: hold, or promote the winner by `plan`.

        Raises:
            BadDesignError, BadMeasureError, InvalidPlanError: it cannot be so, and why.
            UnknownChannelError: nothing was ever promoted to it.
            TamperedReleaseError, ModelNotUsableError: an arm cannot be served.
            RolloutInProgressError: the channel is already moving, or compares.
            FrozenError, ApprovalMissingError: the channel may not move now, or not to an arm.
        """
        Plan.parse(plan)
        channel = check_name(channel)
        aimed = self._measure(goal)
        releases = [self._releases.servable(arm) for arm in arms]
        for rival in releases[1:]:
            self._releases.let_move(rival, channel, by=by)
        design = Design(
            shares=split(shares, len(releases)),
            goal=aimed,
            guardrails=tuple(map(self._measure, guardrails)),
            unit=unit,
            detect=_detect(detect, aimed),
            mature_s=duration_us(mature) / 1e6,
            max_wait_s=duration_us(max_wait) / 1e6,
            exclude=tuple(exclude),
            then=then,
            plan=plan,
        )

        def make(served: Channel) -> Rollout:
            _check_arms(releases, served)
            rivals = tuple(
                Rival(one.ref, str(one.digest), share)
                for one, share in zip(releases[1:], design.shares[1:], strict=True)
            )
            now = self._clock.now_us()
            return start(releases[1], served.name, design, served, now_us=now, by=by, arms=rivals)

        return self._releases.begin(channel, make, unit=unit, by=by)

    def conclude(
        self,
        channel: str,
        *,
        winner: Ref | str | None = None,
        plan: str | None = None,
        by: Principal,
    ) -> Rollout:
        """End the experiment on a channel; a winner that it does not serve yet begins its rollout.

        Without `winner` it is the one that the verdict names.

        Raises:
            NotAnExperimentError: the channel runs none.
            NoWinnerError: nothing is proven yet, and none is named.
            UnknownArmOfExperimentError: the named one is no arm of it.
            RolloutOverError: it ended in this very moment.
        """
        with self._lock:
            return self._concluded(channel, winner, plan, by)

    def _concluded(
        self, channel: str, winner: Ref | str | None, plan: str | None, by: Principal
    ) -> Rollout:
        rollout = self._running(channel)
        watch = self._watches.get(rollout.id) or self._watch(rollout)
        self._read(rollout, watch)
        judged = self._judge(rollout, watch)
        place = judged.winner
        if winner is not None:
            ref = self._releases.get(winner).ref
            if ref not in rollout.names:
                arms = ", ".join(rollout.names)
                raise UnknownArmOfExperimentError(release=ref, channel=channel, arms=arms)
            place = rollout.names.index(ref)
        if place is None or (winner is None and not judged.decided):
            raise NoWinnerError(channel=channel, verdict=judged.reason.rstrip("."))
        return self._conclude(rollout, watch, judged, place, plan=plan, by=by)

    # the tick

    def tick(self, rollout: Rollout) -> None:
        """Bring one experiment as far as its evidence allows."""
        with self._lock:
            self._tick(rollout)

    def _tick(self, rollout: Rollout) -> None:
        watch = self._watches.get(rollout.id) or self._watch(rollout)
        if rollout.state == "warming":
            self._warm(rollout, watch)
            return
        self._read(rollout, watch)
        judged = self._judge(rollout, watch)
        if judged.action == "stop":
            self._end(rollout, "stopped", judged, watch)
        elif judged.action == "back":
            self._end(rollout, "back", judged, watch)
        elif judged.action == "out":
            reasons = dict.fromkeys(judged.arms, judged.reason)
            self._releases.take_out(rollout, reasons, by=SYSTEM)
        elif judged.action == "conclude":
            try:
                self._conclude(rollout, watch, judged, judged.winner or 0, plan=None, by=SYSTEM)
            except GateError as error:  # frozen, or people are asked: it waits for them
                self._note(rollout, replace(judged, reason=error.message), watch)
        else:
            self._note(rollout, judged, watch)

    def forget(self, alive: set[str]) -> None:
        """Let go of what is over."""
        with self._lock:
            self._watches = {id_: one for id_, one in self._watches.items() if id_ in alive}

    def standing(self, rollout: Rollout) -> dict[str, Any]:
        """Return the verdict and the evidence of an experiment: as it is, else as it ended."""
        with self._lock:
            watch = self._watches.get(rollout.id)
            if rollout.is_active and watch is not None and watch.judged is not None:
                return {"decision": watch.judged.to_dict(), "evidence": watch.evidence.to_dict()}
        events = self._releases.rollout_events(rollout.id)
        found = [event.content for event in events if "evidence" in event.content]
        return {"decision": rollout.outcome, "evidence": found[-1]["evidence"] if found else None}

    # inside

    def _measure(self, said: str) -> Measure:
        name = said.strip().partition(":")[0]
        return measure(said, self._metrics.current(name))

    def _running(self, channel: str) -> Rollout:
        found = self._releases.channel(channel)
        rollout = self._releases.rollout(found.rollout_id) if found.rollout_id else None
        if rollout is None or not rollout.is_experiment:
            raise NotAnExperimentError(channel=channel)
        return rollout

    def _watch(self, rollout: Rollout) -> Watch:
        assert isinstance(rollout.plan, Design)
        evidence = Evidence(rollout.plan)
        reader = Reader(
            rollout.id, rollout.channel, evidence, calls=self._traces, said=self._feedbacks
        )
        watch = Watch(evidence, reader, self._clock.monotonic_us())
        told = [event.content for event in self._releases.rollout_events(rollout.id)]
        said: Mapping[str, Any] = next((one for one in reversed(told) if "decided" in one), {})
        watch.decided, watch.settled = said.get("decided", False), said.get("settled", True)
        if not said.get("settled", True):
            evidence.settling.wait(said.get("settles_us", 0))
        self._watches[rollout.id] = watch
        return watch

    def _warm(self, rollout: Rollout, watch: Watch) -> None:
        """Arms get their shares when all of them answer, not before."""
        if all(self._serving.ready(one.release_digest) for one in rollout.arms):
            self._releases.advance(
                rollout, step=0, content={"reason": "all arms answer"}, by=SYSTEM
            )
        elif self._clock.monotonic_us() - watch.seen_us > WARM_WITHIN_US:
            reason = "not all arms became ready to answer within 60 s"
            self._releases.end(rollout, "failed", {"reason": reason}, by=SYSTEM)

    def _read(self, rollout: Rollout, watch: Watch) -> None:
        watch.reader.read(rollout.arms, self._clock.now_us())

    def _judge(self, rollout: Rollout, watch: Watch) -> Judgement:
        waited_s = (self._clock.now_us() - rollout.created_us) / 1e6
        tripped = self._tripped(rollout, watch)
        watch.judged = decide(watch.evidence, rollout.names, waited_s=waited_s, tripped=tripped)
        return watch.judged

    def _tripped(self, rollout: Rollout, watch: Watch) -> Mapping[int, str]:
        """Return the arms whose calls fail one after another, by the shared counters."""
        found, guard = {}, rollout.plan.guard
        for n, one in enumerate(rollout.arms, 1):
            if one.out or one.release == rollout.baseline_ref:
                continue
            counts = watch.counts.setdefault(n, looks())
            counts.append(self._serving.counts(rollout.channel, one.release_digest))
            if burns(counts, guard):
                found[n] = f"guard: {guard} at {one.release} (shared counters)"
        return found

    def _note(self, rollout: Rollout, judged: Judgement, watch: Watch) -> None:
        """Note the verdict when it is decided, or is no more as late labels came; else now and then."""
        now = self._clock.monotonic_us()
        turned = (judged.decided, judged.settled) != (watch.decided, watch.settled) and (
            watch.turned_us is None or now - watch.turned_us > NOTE_EVERY_US
        )
        told = {**judged.to_dict(), "settles_us": watch.evidence.settling.until_us}
        if turned and judged.decided and not watch.decided:
            told["evidence"] = watch.evidence.to_dict()
            self._releases.note(rollout, "decided", told)
        elif turned and watch.decided and not judged.decided:
            self._releases.note(rollout, "undecided", told)
        elif (
            turned
            or watch.noted_us is None
            or now - watch.noted_us > NOTE_EVERY_US * _rarely(watch)
        ):
            self._releases.note(rollout, "holds", told)
        else:
            return
        if turned:
            watch.decided, watch.settled, watch.turned_us = judged.decided, judged.settled, now
        watch.noted_us = now

    def _conclude(
        self, rollout: Rollout, watch: Watch, judged: Judgement, winner: int, *,
        plan: str | None, by: Principal,
    ) -> Rollout:  # fmt: skip
        design = rollout.plan
        assert isinstance(design, Design)
        release = rollout.names[winner]
        outcome = {
            **judged.to_dict(), "winner": release, "evidence": watch.evidence.to_dict(),
            "reason": f"{judged.reason} {release} goes on." if judged.decided else judged.reason,
        }  # fmt: skip
        if release == rollout.baseline_ref:
            return self._releases.end(rollout, "concluded", outcome, by=by)
        return self._releases.hand_over(rollout, release, outcome, plan=plan or design.plan, by=by)

    def _end(self, rollout: Rollout, state: str, judged: Judgement, watch: Watch) -> None:
        outcome = {**judged.to_dict(), "evidence": watch.evidence.to_dict()}
        self._releases.end(rollout, state, outcome, by=SYSTEM)


def _rarely(watch: Watch) -> int:
    """Notes become rarer, so that an experiment of weeks does not fill its history."""
    return 1 if watch.noted_us is None else 10


def _check_arms(releases: Sequence[Artifact], served: Channel) -> None:
    refs = [one.ref for one in releases]
    if refs[0] != served.stable_ref:
        raise BadDesignError(why=f"{served.name} serves {served.stable_ref}, which must come first")
    if len(set(refs[1:])) != len(refs) - 1:
        raise BadDesignError(why="a rival stands there twice")


def _detect(text: str | None, goal: Measure) -> float:
    """Return the difference to detect on the scale of 0 to 1."""
    if text is None:
        return 0.02
    number, percent = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        found = float(number)
    except ValueError as error:
        raise BadDesignError(
            why=f"`{text[:40]}` is no difference: say 2%, or a number in the goal's unit"
        ) from error
    has_scale = goal.kind in ("money", "cost", "number")
    return found / 100 if percent else found / goal.scale if has_scale else found
