"""An SLO: a share of calls that shall go well over a window; what may fail is its error budget.

Budget and burn rate are those of the SRE books (Beyer et al.: "Site Reliability
Engineering", ch. 4; "The Site Reliability Workbook", ch. 5): with a target of 99.5 %
the budget is 0.5 % of the calls of the window; at a burn rate of 1 it lasts exactly
as long as the window, at 14.4 a window of 30 days is burnt in 50 hours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from volano.monitor.amount import BadAmountError, amount, shown, span, window
from volano.monitor.errors import BadSLOError
from volano.monitor.kpi import guess, tried
from volano.monitor.series import conditions
from volano.traces.sums import Sums

MEASURES = ("availability", "latency", "ttft")


@dataclass(frozen=True, slots=True)
class SLO:
    """`target` is a share. `within_us`: calls that took longer went badly too."""

    name: str
    measure: str
    target: float
    window_us: int
    within_us: int | None = None
    where: Mapping[str, str] = field(default_factory=dict)

    @property
    def sketches(self) -> bool:
        """Whether it is asked of distributions."""
        return self.measure != "availability"

    def share(self, sums: Sums) -> tuple[int, int]:
        """Return how many calls count, and how many of them went badly.

        Of latency, only answered calls count; of ttft, only answered streams.
        """
        if self.measure == "availability":
            return tried(sums), sums.failed
        sketch = sums.latency if self.measure == "latency" else sums.ttft
        return sketch.count, sketch.count - sketch.within(self.within_us or 0)

    def burn(self, sums: Sums) -> float | None:
        """Return how many times faster than allowed the budget goes; None without calls."""
        valid, bad = self.share(sums)
        return bad / valid / (1 - self.target) if valid else None

    def left(self, sums: Sums) -> float:
        """Return the share of the budget that is left; below zero: more was spent than there is."""
        return 1 - (self.burn(sums) or 0.0)

    def sentence(self) -> str:
        """Say it."""
        what = {
            "availability": "of the calls do not fail",
            "latency": f"of the answers take at most {shown(self.within_us, 'us')}",
            "ttft": f"of the streams begin within {shown(self.within_us, 'us')}",
        }[self.measure]
        of = "".join(f", {name} {value}" for name, value in self.where.items())
        return f"{shown(self.target, 'share')} {what} over {span(self.window_us)}{of}"


def read_slo(name: str, said: Mapping[str, Any]) -> SLO:
    """Return the SLO that was said.

    Raises:
        BadSLOError: it cannot be one; says why.
        UnknownDimensionError: it names something else.
    """
    measure, within = said.get("measure", "availability"), said.get("within")
    if measure not in MEASURES:
        why = f"`{measure}` has no budget{guess(str(measure), MEASURES) or '; it is one of ' + ', '.join(MEASURES)}"
        raise BadSLOError(why=why)
    if (measure == "availability") == bool(within):
        raise BadSLOError(
            why="latency and ttft need `within`, such as 2s, and availability has none"
        )
    conditions(where := dict(said.get("where") or {}))
    try:
        target = amount(said.get("target", ""), "share")
        window_us = window(said.get("window", "28d"), least_s=3600)
        within_us = int(amount(within, "us")) if within else None
    except BadAmountError as error:
        raise BadSLOError(why=error.message) from error
    if not 0 < target < 1:
        raise BadSLOError(
            why="its target is between 0% and 100%: whoever allows nothing is always late"
        )
    return SLO(name, measure, target, window_us, within_us, where)
