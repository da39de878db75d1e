"""Fills the evidence of pairs: copies in the order of recording, then what was said of both.

A score counts when both answers of a pair have one of the same name, whoever gave it and in
whatever order: what was said of a trace before its copy was recorded is looked up.
"""

from collections.abc import Sequence

from volano.core.errors import VolanoError
from volano.feedback.keeper import Feedbacks
from volano.feedback.record import Feedback
from volano.releases.pairs.evidence import MOST, PairEvidence
from volano.releases.pairs.form import Form, asked_form
from volano.releases.pairs.pair import Pair, paired
from volano.traces.keeper import Traces
from volano.traces.trace import Trace

BATCH = 500


class PairReading:
    """How far the copies of one rollout were read, and which still wait for scores."""

    def __init__(
        self, rollout: str, evidence: PairEvidence, *, traces: Traces, feedbacks: Feedbacks
    ):
        self.evidence = evidence
        self._rollout, self._traces, self._feedbacks = rollout, traces, feedbacks
        self._seq = self._said_seq = 0
        self._pairs: dict[str, tuple[str, str, str]] = {}
        """Original, copy and unit of a pair by the trace id of either."""
        self._said: dict[tuple[str, str], float] = {}
        """The newest score by trace and name, of pairs that wait for the other one."""

    def read(self) -> None:
        """Take copies and scores that were recorded since the last time."""
        if not self.evidence.scored and self.evidence.errors is None:
            return  # a plan without a shadow
        while True:
            found = self._traces.shadows(self._seq, rollout=self._rollout, limit=BATCH)
            new = [pair for copy, original in found if (pair := self._pair(copy, original))]
            self._early(new)
            if len(found) < BATCH:
                break
        while self._pairs or self._seq:
            said = self._feedbacks.since(self._said_seq, limit=BATCH)
            for one in said:
                self._said_seq = one.seq
                self._hear(one)
            if len(said) < BATCH:
                break

    def _pair(self, copy: Trace, original: Trace | None) -> Pair | None:
        self._seq = copy.seq
        pair = pair_of(self._traces, copy, original)
        if pair is None:
            self.evidence.left_out += 1
            return None
        self.evidence.observe(pair)
        if pair.answered and len(self._pairs) < 2 * MOST:
            names = pair.original.trace.id, pair.copy.trace.id, pair.unit
            self._pairs[names[0]] = self._pairs[names[1]] = names
        return pair

    def _early(self, new: Sequence[Pair]) -> None:
        """Take the scores that were read before these pairs were there."""
        if not self._said_seq:
            return
        ids = [side.trace.id for pair in new for side in (pair.original, pair.copy)]
        for one in self._feedbacks.on(ids, until_seq=self._said_seq):
            self._hear(one)

    def _hear(self, one: Feedback) -> None:
        names = self._pairs.get(one.trace_id)
        if names is None or one.value is None or one.retracted or not self.evidence.wants(one.name):
            return
        original, copy, unit = names
        if len(self._said) < 4 * MOST or (one.trace_id, one.name) in self._said:
            self._said[one.trace_id, one.name] = one.value
        both = self._said.get((original, one.name)), self._said.get((copy, one.name))
        if both[0] is not None and both[1] is not None:
            self.evidence.score(unit, one.name, both[0], both[1])
            del self._said[original, one.name], self._said[copy, one.name]


def pair_of(traces: Traces, copy: Trace, original: Trace | None) -> Pair | None:
    """Return the pair of a copy, with the form that its request asks for."""
    if original is None or paired(copy, original, None) is None:
        return None
    return paired(copy, original, _form(traces, original))


def _form(traces: Traces, original: Trace) -> Form | None:
    try:
        return asked_form(traces.bodies(original).request)
    except VolanoError:  # sealed away, or not kept
        return None
