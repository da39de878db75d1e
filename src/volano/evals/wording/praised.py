"""Praised: what was answered in recorded traces to questions of train rows, and people liked.

Only rows that a search may learn from are looked up, so that no recorded answer brings in a row
that chooses or judges.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from volano.data.fold import fold
from volano.data.row import Row
from volano.evals.wording.change import MARKS
from volano.feedback.keeper import Feedbacks
from volano.feedback.record import Feedback
from volano.traces.keeper import Traces

MOST, PAGE = 50_000, 2_000
"""So many of the newest voices are heard."""
LEAST = 2
"""Fewer praised answers make no examples."""


@dataclass(frozen=True, slots=True)
class Liked:
    """A recorded answer, and the trace that it stands in."""

    answer: str
    trace: str


Praise = Callable[[Sequence[Row], str | None], Mapping[str, Liked]]
"""Answers by the id of their row; of one metric, or of all."""


def praise(feedbacks: Feedbacks, traces: Traces) -> Praise:
    """Return what looks up praised answers in these records."""

    def found(rows: Sequence[Row], metric: str | None) -> Mapping[str, Liked]:
        return praised(feedbacks, traces, rows, metric)

    return found


def praised(
    feedbacks: Feedbacks, traces: Traces, rows: Sequence[Row], metric: str | None = None
) -> dict[str, Liked]:
    """Return for each row that was asked in life an answer that all who judged it found good.

    A judge's word does not count, nor an answer that somebody corrected; of several good answers
    the newest is taken.
    """
    wanted = {fold(row.text): row.id for row in rows}
    good = _good(_voices(feedbacks, metric))
    liked: dict[str, tuple[int, Liked]] = {}
    for trace_id, trace in traces.by_ids(good).items():
        row = wanted.get(fold(trace.input_text or ""))
        answer = (trace.output_text or "").strip()
        if (
            row is None
            or trace.outcome != "ok"
            or not answer
            or any(mark in answer for mark in MARKS)
        ):
            continue
        if row not in liked or liked[row][0] < trace.began_us:
            liked[row] = (trace.began_us, Liked(answer, trace_id))
    return {row: liked[row][1] for row in sorted(liked)}


def _good(voices: Sequence[Feedback]) -> list[str]:
    """Return the traces that got full marks from everybody, and no correction."""
    said: dict[str, list[float]] = defaultdict(list)
    for one in voices:
        if one.correction:
            said[one.trace_id].append(0.0)
        elif one.value is not None:
            said[one.trace_id].append(one.value)
    return [trace for trace, values in said.items() if math.fsum(values) >= len(values)]


def _voices(feedbacks: Feedbacks, metric: str | None) -> list[Feedback]:
    """Return what people and programs said of whole traces; a correction of any name."""
    found: list[Feedback] = []
    before = None
    while len(found) < MOST:
        page = feedbacks.list(limit=PAGE, before_seq=before)
        found += page
        if len(page) < PAGE:
            break
        before = page[-1].seq
    return [
        one for one in found
        if one.level == "trace" and one.source != "judge" and not one.retracted
        and (one.correction or metric in (None, one.name))
    ]  # fmt: skip
