"""Reads the records of a rollout into its evidence: calls, then what was said of them.

Feedback may be recorded before its trace. It is not held in memory until then:
when the trace comes, what was said on it is looked up. So nothing is lost,
however long it takes and however much there is, and feedback on trace ids that
never come costs nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from volano.feedback.keeper import Feedbacks
from volano.releases.channel import MILLION
from volano.releases.curve import Curves
from volano.releases.gates import Arm, Evidence
from volano.releases.pairs.reading import PairReading
from volano.releases.plan import QUALITY, Plan
from volano.releases.rollout import standing
from volano.traces.keeper import Traces
from volano.traces.trace import Trace

FAILED = frozenset({"error", "cut"})
"""Outcomes that are the release's failure; a client that leaves or errs is not."""
BATCH = 2000
COUNTED: Mapping[str, Arm] = {"stable": "stable", "baseline": "stable", "candidate": "candidate"}
"""The arm of a trace, and the one that it is evidence for: a baseline cohort is the stable release."""


class Reading:
    """How far the records of one rollout were read, and the evidence in them."""

    def __init__(self, rollout_id: str, plan: Plan, *, traces: Traces, feedbacks: Feedbacks):
        self.evidence = Evidence(plan)
        self._of_calls, self._of_scores = Curves("calls"), Curves("scores")
        self._scores = 0
        self._plan = plan
        self._rollout = rollout_id
        self._traces, self._feedbacks = traces, feedbacks
        self._call_seq = self._score_seq = 0
        self._pairs = PairReading(
            rollout_id, self.evidence.pairs, traces=traces, feedbacks=feedbacks
        )

    def read(self) -> None:
        """Take calls and scores that were recorded since the last time, in their order."""
        self._pairs.read()
        self._read_calls()
        self._read_scores()

    def _read_calls(self) -> None:
        while True:
            traces = self._traces.since(self._call_seq, rollout=self._rollout, limit=BATCH)
            early = self._early(traces)
            for trace in traces:
                self._call_seq = trace.seq
                self._observe_call(trace)
                for value in early.get(trace.id, ()):
                    self._observe_score(trace, value)
            if len(traces) < BATCH:
                break

    def _look(self, curves: Curves, n: int, trace: Trace) -> None:
        """Keep how the gates stand, now and then; a score's gate stands as the scores were read."""
        if not curves.due(n):
            return
        share = _assigned(trace)[-1]
        said = standing(self._plan, share, self.evidence)
        scored = curves is self._of_scores
        curves.add(n, share, [v for v in said if (v.evidence.get("metric") == QUALITY) is scored])

    @property
    def curves(self) -> list[dict[str, Any]]:
        """How each gate stood, over the calls, or over the scores."""
        return [*self._of_calls.to_dict(), *self._of_scores.to_dict()]

    def _read_scores(self) -> None:
        while True:
            scores = self._feedbacks.since(self._score_seq, limit=BATCH)
            found = self._traces.by_ids(said.trace_id for said in scores if said.value is not None)
            for said in scores:
                self._score_seq = said.seq
                if said.value is not None:
                    self._observe_score(found.get(said.trace_id), said.value)
            if len(scores) < BATCH:
                break

    def _early(self, traces: Sequence[Trace]) -> dict[str, list[float]]:
        """Return the scores that were read before these calls were there to bear them.

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
        early: dict[str, list[float]] = {}
        for each in said:
            if each.value is not None and each.trace_id in new:
                early.setdefault(each.trace_id, []).append(each.value)
        return early

    def _observe_call(self, trace: Trace) -> None:
        if _is_evidence(trace) and not trace.repeated and trace.outcome in {"ok", *FAILED}:
            self.evidence.observe_call(*_assigned(trace), trace.outcome in FAILED)
            self._look(self._of_calls, sum(self.evidence.calls.values()), trace)

    def _observe_score(self, trace: Trace | None, value: float) -> None:
        """Count a score in the order of scores, whether or not its call was counted yet."""
        if trace is not None and trace.rollout == self._rollout and _is_evidence(trace):
            self.evidence.observe_score(*_assigned(trace), value)
            self._scores += 1
            self._look(self._of_scores, self._scores, trace)


def _is_evidence(trace: Trace) -> bool:
    """Whether a call, and what is said of it, speaks of an arm: not when we broke it off or asked."""
    return trace.arm in COUNTED and not trace.stopped and not trace.replayed


def _assigned(trace: Trace) -> tuple[str, Arm, int]:
    """Return unit, arm, and the candidate's share when this call was assigned.

    A baseline cohort is as large as the candidate's share.
    """
    share = MILLION - trace.share if trace.arm == "stable" else trace.share
    return trace.unit, COUNTED[trace.arm], share
