"""What people said of answers on traces, as rows that calibrate a judge."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from volano.evals.judges.judge import Judge
from volano.feedback.keeper import Feedbacks
from volano.feedback.record import Feedback
from volano.traces.keeper import Traces

PAGE = 1000


def from_feedback(
    feedbacks: Feedbacks, traces: Traces, metric: str, judge: Judge
) -> list[dict[str, Any]]:
    """Return a row for each trace on which people gave a verdict by this metric.

    The newest word of each person counts. Of several people the mean counts; for a judge of yes
    and no, what more than half of them said, and a row on which they are split is left out.
    Programs and judges do not count, nor traces whose texts are not kept.
    """
    said: dict[str, dict[str, float]] = {}
    for one in _all(feedbacks, metric):
        own = one.source == "person" and one.level == "trace"
        if own and one.current and not one.retracted and one.value is not None:
            said.setdefault(one.trace_id, {})[one.by] = one.value
    found = traces.by_ids(said)
    rows = []
    for trace_id, by_person in said.items():
        trace = found.get(trace_id)
        label = _label(by_person, judge)
        if trace and trace.input_text and trace.output_text and label is not None:
            rows.append(
                {"id": trace_id, "text": trace.input_text, "answer": trace.output_text,
                 "label": label, "system": trace.release}
            )  # fmt: skip
    return rows


def _all(feedbacks: Feedbacks, metric: str) -> Iterator[Feedback]:
    seq = 0
    while page := feedbacks.since(seq, name=metric, limit=PAGE):
        yield from page
        seq = page[-1].seq


def _label(said: Mapping[str, float], judge: Judge) -> float | None:
    mean = math.fsum(said.values()) / len(said)
    if not judge.binary:
        return mean
    return None if mean == 0.5 else float(mean > 0.5)
