"""A Gate: one measure that a rollout watches, how much worse it may be, and what then.

    errors           share of the users that failed             absolute margin: 0.02 is 2 points
    refusals         that the model refused to answer
    schema           whose answer breaks the schema that the release's prompt declares
    latency:2s       that waited longer than 2 s; ttft:1s for the first token of a stream
    quality          the mean of any feedback, 1 is good
    thumbs           the mean of one name of feedback; `thumbs 24h`: of what came within a day
    sale 3d          a yes-or-no outcome within three days; revenue:100 EUR 3d is money
    p95              a quantile of latency; p50 ttft            a ratio: 0.1 is 10 % more
    cost             the usual cost of a call (geometric mean)  a ratio
    cost:0.05 EUR    the mean cost of a call, counted up to 0.05 EUR

What belongs to users is counted once for each of them. `p95`, `p50 ttft` and `cost` compare the candidate
with a baseline cohort of its own size, because time and money have tails that a share of 5 to
95 does not forgive.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from volano.access.moment import duration_us
from volano.releases.errors import InvalidPlanError
from volano.releases.experiment.errors import BadMeasureError
from volano.releases.experiment.measure import Measure, measure
from volano.traces.trace import Trace

Kind = Literal["event", "score", "mean", "quantile"]
ERRORS, QUALITY, SCHEMA = "errors", "quality", "schema"
BUILT_IN = (ERRORS, QUALITY, "refusals", SCHEMA, "latency:2s", "ttft:1s", "p95", "p95 ttft", "cost")
_EVENTS = frozenset({"refusals", "latency", "ttft"})
_QUANTILE = re.compile(r"p([1-9][0-9]?(?:\.[0-9])?)(?: (latency|ttft))?")
_WINDOW = re.compile(r"(.+?) ([1-9][0-9]{0,5}[smhdw])")
_BUILT = re.compile(
    r"(?:errors|quality|refusals|schema|latency|ttft|cost|p[1-9][0-9]?(?:\.[0-9])?)(?:[: ].*)?"
)


@dataclass(frozen=True, slots=True)
class Gate:
    """One measure of a plan.

    - `kind`: what happens or not (event), a value in [0, 1] where 1 is good (score), what has a
      tail (mean, quantile).
    - `margin`: how much worse is still good enough for the next step; of a mean or quantile a ratio.
    - `tolerance`: what is harm when it is proven: of an event (and of quality) so many times as
      often, of the others so much worse.
    - `window_us`: what is said of a unit within it, from its first call on, counts together.
    """  # fmt: skip

    name: str
    kind: Kind
    margin: float
    tolerance: float
    measure: Measure | None = None
    p: float = 0.0
    of: str = ""
    window_us: int = 0

    @property
    def is_relative(self) -> bool:
        """Whether its margin is a ratio, and it wants a baseline cohort."""
        return self.kind in ("mean", "quantile")

    @property
    def of_calls(self) -> bool:
        """Whether calls themselves tell it; feedback does otherwise."""
        return self.name == ERRORS or (self.name != QUALITY and self.of != "feedback")

    @property
    def logged(self) -> bool:
        """Whether logs are averaged, for want of a cap."""
        return self.kind == "mean" and self.measure is None

    def of_call(self, trace: Trace, *, kept: bool | None = None) -> float | None:
        """Return its value of one call, None where the call does not tell. `kept`: the schema was."""
        if self.name == ERRORS:
            return float(trace.failed)
        if trace.failed or not self.of_calls:
            return None
        if self.name == SCHEMA:
            return None if kept is None else float(not kept)
        if self.kind == "quantile":
            first = trace.ttft_us if trace.streamed else None
            return trace.latency_us if self.of == "latency" else first
        if self.measure is not None:
            return self.measure.of_call(trace)
        return None if trace.cost_nano is None else max(0.0, trace.cost_nano / 1e9)

    def good(self, value: float) -> float:
        """Return a value of its feedback so that 1 is good."""
        less = self.measure is not None and self.measure.better == "less"
        inside = min(1.0, max(0.0, value))
        return 1 - inside if less else inside


def gate(
    name: str, *, margin: float, tolerance: float | None = None, meaning: Measure | None = None
) -> Gate:
    """Return the gate of a measure as a plan names it; `meaning` is what a name of feedback measures.

    Raises:
        InvalidPlanError: it is no measure of a rollout, and why.
    """
    if name in (ERRORS, QUALITY, SCHEMA):
        kind: Kind = "score" if name == QUALITY else "event"
        return Gate(name, kind, margin, 1.0 if tolerance is None else tolerance)
    found = _QUANTILE.fullmatch(name)
    wide = margin if tolerance is None else tolerance
    if found is not None:
        return Gate(
            name, "quantile", margin, wide, p=float(found[1]) / 100, of=found[2] or "latency"
        )
    if name == "cost":
        return Gate(name, "mean", margin, wide)
    if meaning is None and not is_feedback(name):
        meaning = _read(name)
        if meaning.kind in _EVENTS:
            return Gate(name, "event", margin, 1.0 if tolerance is None else tolerance, meaning)
        return Gate(name, "mean", margin, wide, meaning)
    if meaning is None:
        raise InvalidPlanError(
            why=f"there is no metric {name} (known: {', '.join(BUILT_IN)}, and metrics of feedback)"
        )
    window = window_us(name)
    if meaning.how in ("any", "sum") and not window:
        raise InvalidPlanError(why=f"what comes of a user in time takes it behind: `{name} 24h`")
    return Gate(name, "score", margin, wide, meaning, of="feedback", window_us=window)


def is_feedback(name: str) -> bool:
    """Whether a name is one of feedback, or means nothing."""
    return not _BUILT.fullmatch(name)


def said_of(name: str) -> str:
    """Return the measure without its window: `revenue:100 EUR 3d` -> `revenue:100 EUR`."""
    found = _WINDOW.fullmatch(name)
    return found[1] if found else name


def window_us(name: str) -> int:
    """Return the window that stands behind a measure; 0 where none does."""
    found = _WINDOW.fullmatch(name)
    return duration_us(found[2]) if found else 0


def meanings(said: Mapping[str, Any]) -> dict[str, Measure]:
    """Return what names of feedback measure, from plain values.

    Raises:
        InvalidPlanError: they are none.
    """
    try:
        return {
            name: one if isinstance(one, Measure) else Measure(**one) for name, one in said.items()
        }
    except (TypeError, AttributeError):
        raise InvalidPlanError(why="what its metrics mean cannot be read") from None


def _read(name: str) -> Measure:
    try:
        return measure(name)
    except BadMeasureError as error:
        raise InvalidPlanError(why=error.message.rstrip(".")) from error
