"""Reads the records of a rollout into its evidence: calls, then what was said of them.

Feedback may be recorded before its trace. It is not held in memory until then:
when the trace comes, what was said on it is looked up. So nothing is lost,
however long it takes and however much there is, and feedback on trace ids that
never come costs nothing. What is said of a user or of an own key, and wanted within a window, waits
ten minutes for its unit's first call, among at most two thousand others.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from volano.feedback.keeper import Feedbacks
from volano.feedback.record import Feedback
from volano.releases.channel import MILLION
from volano.releases.contract import Contract
from volano.releases.curve import Curves
from volano.releases.gate import ERRORS, SCHEMA, said_of
from volano.releases.gates import ARMS, COHORT, Evidence
from volano.releases.gates.draws import Draws
from volano.releases.gates.windows import Windows
from volano.releases.pairs.reading import PairReading
from volano.releases.plan import Plan
from volano.releases.rollout import standing
from volano.traces.keeper import Traces
from volano.traces.trace import Trace

FAILED = frozenset({"error", "cut"})
"""Outcomes that are the release's failure; a client that leaves or errs is not."""
BATCH = 2000
MOST_WAITING = 2_000
WAITS_US = 600_000_000


class Reading:
    """How far the records of one rollout were read, and the evidence in them."""

    def __init__(
        self, rollout_id: str, plan: Plan, *, traces: Traces, feedbacks: Feedbacks,
        contract: Contract | None = None,
    ):  # fmt: skip
        self.evidence = Evidence(plan)
        self._of_calls, self._of_scores = Curves("calls"), Curves("scores")
        self._scores = 0
        self._plan = plan
        self._rollout = rollout_id
        self._contract = contract
        self._traces, self._feedbacks = traces, feedbacks
        self._call_seq = self._score_seq = 0
        self._pairs = PairReading(
            rollout_id, self.evidence.pairs, traces=traces, feedbacks=feedbacks
        )
        gates = self.evidence.gates.values()
        self._told = [one for one in gates if one.of_calls and one.name != ERRORS]
        named = [one for one in gates if one.of == "feedback"]
        self._named = {said_of(one.name).partition(":")[0]: one for one in named}
        self._windows = {one.name: Windows(one) for one in named if one.window_us}
        self._waiting: deque[Feedback] = deque(maxlen=MOST_WAITING)
        self._newest_us = 0
        self._draws = Draws(rollout_id)

    @property
    def draws(self) -> dict[str, Any]:
        """Return of each source that draws calls by chance how many of its scores count."""
        return self._draws.to_dict()

    def read(self) -> None:
        """Take calls and scores that were recorded since the last time, in their order."""
        self._pairs.read()
        fresh = self._read_calls()
        if fresh and self._waiting:
            again = list(self._waiting)
            self._waiting.clear()
            self._of_units(again)
        self._read_scores()
        for name, windows in self._windows.items():
            for one in windows.mature(self._newest_us):
                self.evidence.observe(name, one.unit, one.arm, one.share, one.value)

    def _read_calls(self) -> bool:
        read = 0
        while True:
            traces = self._traces.since(self._call_seq, rollout=self._rollout, limit=BATCH)
            early = self._early(traces)
            for trace in traces:
                self._call_seq = trace.seq
                self._observe_call(trace)
                for said in early.get(trace.id, ()):
                    self._observe_said(trace, said)
            read += len(traces)
            if len(traces) < BATCH:
                return read > 0

    def _look(self, curves: Curves, n: int, share: int) -> None:
        """Keep how the gates stand, now and then; a score's gate stands as the scores were read."""
        if not curves.due(n):
            return
        said = standing(self._plan, share, self.evidence)
        calls = {one.name for one in self.evidence.gates.values() if one.of_calls}
        scored = curves is self._of_scores
        curves.add(n, share, [v for v in said if (v.evidence.get("metric") not in calls) is scored])

    @property
    def curves(self) -> list[dict[str, Any]]:
        """How each gate stood, over the calls, or over the scores."""
        return [*self._of_calls.to_dict(), *self._of_scores.to_dict()]

    def _read_scores(self) -> None:
        while True:
            scores = self._feedbacks.since(self._score_seq, limit=BATCH)
            found = self._traces.by_ids(said.trace_id for said in scores if said.trace_id)
            for said in scores:
                self._score_seq = said.seq
                self._observe_said(found.get(said.trace_id), said)
            if self._windows:
                self._of_units(said for said in scores if not said.trace_id)
            if len(scores) < BATCH:
                break

    def _early(self, traces: Sequence[Trace]) -> dict[str, list[Feedback]]:
        """Return what was said and read before these calls were there to bear it.

        A score belongs to the first call of its trace when it came before all
        of them; a trace that was there already has had it. One whose call was
        recorded between the two readings is given a second time, which changes
        nothing: a unit counts once.
        """
        if not self._score_seq:
            return {}
        said = self._feedbacks.on((trace.id for trace in traces), until_seq=self._score_seq)
        first = {one: self._traces.calls(one)[0].seq for one in {each.trace_id for each in said}}
        new = {trace.id for trace in traces if first.get(trace.id) == trace.seq}
        early: dict[str, list[Feedback]] = {}
        for each in said:
            if each.trace_id in new:
                early.setdefault(each.trace_id, []).append(each)
        return early

    def _observe_call(self, trace: Trace) -> None:
        if not _is_evidence(trace) or trace.repeated or trace.outcome not in {"ok", *FAILED}:
            return
        unit, arm, share = _assigned(trace)
        self.evidence.observe_call(unit, arm, share, trace.outcome in FAILED)
        self._newest_us = max(self._newest_us, trace.ended_us)
        for gate in self._told:
            kept = None
            if gate.name == SCHEMA and self._contract is not None and not trace.failed:
                kept = self._contract.kept(trace)
            value = gate.of_call(trace, kept=kept)
            if value is not None:
                self.evidence.observe(gate.name, unit, arm, share, value)
        self._look(self._of_calls, sum(self.evidence.calls.values()), share)
        if 0 < share < MILLION:
            for windows in self._windows.values():
                windows.expose(unit, arm, share, trace.began_us)

    def _observe_said(self, trace: Trace | None, said: Feedback) -> None:
        """Count a score in the order of scores, whether or not its call was counted yet."""
        if trace is None or trace.rollout != self._rollout or not _is_evidence(trace):
            return
        source = said.name, said.source_name
        drawn = said.probability is not None or self._draws.knows(source)
        if said.retracted or not drawn:
            self._count_said(trace, said)
            return
        _, arm, share = _assigned(trace)
        if 0 < share < MILLION:
            mine, chance = arm == "candidate", said.probability or 1.0
            if self._draws.take(source, trace.id, chance, mine=mine):
                self._count_said(trace, said)

    def _count_said(self, trace: Trace, said: Feedback) -> None:
        unit, arm, share = _assigned(trace)
        if said.value is not None:
            self.evidence.observe_score(unit, arm, share, said.value)
            self._scores += 1
            self._look(self._of_scores, self._scores, share)
        gate = self._named.get(said.name)
        if gate is None or gate.measure is None:
            return
        value = None if said.retracted else gate.measure.of_feedback(said)
        if gate.window_us:
            self._windows[gate.name].said(unit, said.thread, value, said.at_us)
        elif value is not None:
            self.evidence.observe(gate.name, unit, arm, share, gate.good(value))

    def _of_units(self, said: Iterable[Feedback]) -> None:
        """Take what was said of users, sessions and own keys; keep what belongs to nobody known yet."""
        mine = [one for one in said if one.name in self._named]
        voices = self._feedbacks.joined(mine) if mine else ()
        calls = self._traces.by_ids(one.place.trace_id for one in voices if one.place is not None)
        for voice in voices:
            one, place = voice.feedback, voice.place
            gate = self._named[one.name]
            if gate.name not in self._windows or gate.measure is None:
                continue
            call = calls.get(place.trace_id) if place is not None else None
            if call is not None and call.rollout != self._rollout:
                continue
            unit = one.subject if call is None else call.unit
            value = None if one.retracted else gate.measure.of_feedback(one)
            known = self._windows[gate.name].said(unit, one.thread, value, one.at_us)
            if not known and one.at_us > self._newest_us - WAITS_US:
                self._waiting.append(one)


def _is_evidence(trace: Trace) -> bool:
    """Whether a call, and what is said of it, speaks of an arm: not when we broke it off or asked."""
    return trace.arm in (*ARMS, COHORT) and not trace.stopped and not trace.replayed


def _assigned(trace: Trace) -> tuple[str, Any, int]:
    """Return unit, arm, and the candidate's share when this call was assigned.

    What stable has is the rest, its cohort among it; a cohort is as large as the candidate's share.
    """
    share = MILLION - trace.share if trace.arm == "stable" else trace.share
    return trace.unit, trace.arm, share
