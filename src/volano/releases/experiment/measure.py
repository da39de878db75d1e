"""A Measure: one number of a unit, placed on 0 to 1, and which end of it is good.

    errors            share of its calls that failed        less is better
    refusals          share that the model refused to answer
    latency:2s        share that took longer than 2 s
    ttft:1s           share of its streams whose first token took longer
    cost:0.05         mean cost of a call, counted up to 0.05
    sale              a yes-or-no outcome: whether it ever came (none told is no)
    revenue:100       money, summed, counted up to 100 (none told is 0)
    thumbs            any other feedback: its mean (none told is not counted)

Caps are stated before the experiment begins and belong to the measure: what is
compared is the mean of the capped values.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from volano.feedback.metric import Metric
from volano.feedback.record import Feedback
from volano.releases.experiment.errors import BadMeasureError
from volano.traces.trace import Trace

How = Literal["mean", "any", "sum"]
Better = Literal["more", "less"]
Kind = Literal["errors", "refusals", "latency", "ttft", "cost", "yes", "money", "number", "score"]

_LIMITED = {"latency": "2s", "ttft": "1s"}
_TIMED = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s)")
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?")
_REFUSED = frozenset({"content_filter", "refusal", "SAFETY", "safety"})
EVENTS = ("errors", "refusals", "latency", "ttft")
"""What happens or not on one call: harm is judged by each unit's first."""
_CALLS = (*EVENTS, "cost")


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure. A value of 1 stands for `scale` in `unit`; `metric` is the version it was made by."""

    name: str
    kind: Kind
    how: How
    better: Better
    scale: float = 1.0
    unit: str = "points"
    zero: bool = False
    metric: str = ""
    said: str = ""

    @property
    def of_calls(self) -> bool:
        """Whether calls themselves tell it; feedback does otherwise."""
        return self.kind in _CALLS

    @property
    def is_event(self) -> bool:
        """Whether it happens or not on each call."""
        return self.kind in EVENTS

    @property
    def sign(self) -> int:
        """1 where more is better, else -1."""
        return 1 if self.better == "more" else -1

    def of_call(self, trace: Trace) -> float | None:
        """Return its value of one call, on 0 to 1; None where the call does not tell."""
        if self.kind == "errors":
            return float(trace.failed)
        if trace.failed:
            return None
        if self.kind == "refusals":
            return float(trace.finish in _REFUSED)
        if self.kind == "latency":
            return float(trace.latency_us > self.scale)
        if self.kind == "ttft":
            slow = trace.ttft_us
            return None if slow is None or not trace.streamed else float(slow > self.scale)
        if trace.cost_nano is None or (self.unit and trace.cost_currency != self.unit):
            return None
        return _within(trace.cost_nano / 1e9 / self.scale)

    def of_feedback(self, said: Feedback) -> float | None:
        """Return its value of one thing said, on 0 to 1; None where it says nothing of it."""
        if self.kind == "yes":
            return said.number if said.number is not None else said.value
        if self.kind == "money":
            right = said.nano is not None and said.currency == self.unit
            return said.nano / 1e9 / self.scale if right and said.nano is not None else None
        if self.kind == "number":
            return None if said.number is None else _within(said.number / self.scale)
        return said.value

    def together(self, values: Mapping[str, float] | tuple[int, float]) -> float:
        """Return a unit's value from what was told of it: by thread, or number and sum."""
        n, total = values if isinstance(values, tuple) else (len(values), sum(values.values()))
        if self.how == "any":
            return float(total > 0)
        return _within(total if self.how == "sum" else total / n)

    def told(self, value: float) -> str:
        """Return a difference of values in words: `1.2 points`, `0.40 EUR`."""
        if self.kind in ("money", "cost", "number"):
            return f"{value * self.scale:.3g} {self.unit}".rstrip()
        return f"{100 * value:.1f} points"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def measure(said: str, metric: Metric | None = None) -> Measure:
    """Read `NAME` or `NAME:LIMIT`; `metric` is what the name means among feedback, if anything.

    Raises:
        BadMeasureError: it cannot be measured, and why.
    """
    name, colon, limit = said.strip().partition(":")
    if name in ("errors", "refusals"):
        if colon:
            raise BadMeasureError(said=said, why=f"{name} takes no limit")
        return Measure(name, name, "mean", "less", said=said)  # type: ignore[arg-type]
    if name in _LIMITED:
        at_us = _moment(said, limit or _LIMITED[name])
        return Measure(name, name, "mean", "less", at_us, said=said)  # type: ignore[arg-type]
    if name == "cost":
        cap, _, currency = limit.partition(" ")
        return Measure(
            name, "cost", "mean", "less", _cap(said, cap), currency.strip() or "USD", said=said
        )
    return _of_feedback(said, name, limit, metric)


def _of_feedback(said: str, name: str, limit: str, metric: Metric | None) -> Measure:
    if not re.fullmatch(r"[a-z][a-z0-9_.-]{0,63}", name):
        raise BadMeasureError(said=ascii(said)[1:-1][:80], why="it is no name of feedback")
    if metric is None:
        return Measure(name, "score", "mean", "more", said=said)
    ref, better = metric.ref, metric.direction
    if metric.type in ("comment", "correction", "demonstration"):
        raise BadMeasureError(said=said, why=f"{ref} is words, not a number")
    if metric.type == "money":
        cap, _, currency = limit.partition(" ")
        unit = metric.currency or currency.strip()
        if not unit:
            raise BadMeasureError(said=said, why="its currency is open: say `revenue:100 EUR`")
        return Measure(name, "money", "sum", better, _cap(said, cap), unit,  # type: ignore[arg-type]
                       metric.outcome, ref, said)  # fmt: skip
    if metric.type == "boolean" and metric.outcome:
        return Measure(name, "yes", "any", better, zero=True, metric=ref, said=said)  # type: ignore[arg-type]
    if metric.type == "number" and (metric.low is None or metric.high is None):
        return Measure(name, "number", "mean", better, _cap(said, limit), metric.unit,  # type: ignore[arg-type]
                       metric=ref, said=said)  # fmt: skip
    if metric.type == "category" and not metric.good:
        raise BadMeasureError(
            said=said, why=f"{ref} says of none of its categories that it is good"
        )
    return Measure(name, "score", "mean", "more", metric=ref, said=said)


def _moment(said: str, text: str) -> float:
    found = _TIMED.fullmatch(text.strip())
    if found is None or not float(found[1]):
        raise BadMeasureError(said=said, why="its limit is a time, such as 2s or 800ms")
    return float(found[1]) * (1_000 if found[2] == "ms" else 1_000_000)


def _cap(said: str, text: str) -> float:
    if not _NUMBER.fullmatch(text.strip()) or not float(text):
        raise BadMeasureError(
            said=said, why="what has no bound takes a cap behind a colon, such as 100"
        )
    return float(text)


def _within(value: float) -> float:
    return min(1.0, max(0.0, value))
