"""KPIs, each defined once: what docs, alerts, pages and commands say comes from here.

A formula takes the sums of a window (`traces.sums.Sums`) and its length in seconds,
and gives a number in the KPI's unit, or None where nothing was there to measure. Those
that the business asks for, made of feedback and outcomes, are in `worth`.
"""

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from volano.monitor.errors import UnknownMeasureError
from volano.traces.sums import Sums

Unit = Literal["count", "per second", "share", "us", "money"]
Formula = Callable[[Sums, float], float | None]
Part = Callable[[Sums], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class KPI:
    """One measure. `better` says which way is good; `sketches`: it is asked of distributions.

    A share has a `part`: how many of how many calls, which its interval is made of.
    """

    name: str
    says: str
    formula: str
    unit: Unit
    better: Literal["lower", "higher", "neither"]
    of: Formula
    sketches: bool = False
    part: Part | None = None
    kind: str = "technical"

    def to_dict(self) -> dict[str, str]:
        """What doors show of it."""
        return {
            "name": self.name, "says": self.says, "formula": self.formula,
            "unit": "seconds" if self.unit == "us" else self.unit, "better": self.better,
            "kind": self.kind,
        }  # fmt: skip


def ratio(part: float, whole: float) -> float | None:
    """Return the share, None of nothing."""
    return part / whole if whole else None


def tried(sums: Sums) -> int:
    """Return the calls that we took on: what was refused at the door is not in it."""
    return sums.count - sums.refused


def _latency(q: float) -> Formula:
    return lambda sums, _: sums.latency.quantile(q)


def _ttft(q: float) -> Formula:
    return lambda sums, _: sums.ttft.quantile(q)


def _cost(sums: Sums) -> float | None:
    """Return the cost in nano-units; None when it is in several currencies, or no price is known."""
    if len(sums.nano) > 1 or (tried(sums) and not sums.nano):
        return None
    return float(sum(sums.nano.values()))


def _cost_each(sums: Sums, of: int) -> float | None:
    cost = _cost(sums)
    return ratio(cost, of) if cost is not None and sums.nano else None


_ALL = (
    KPI("requests", "Calls that ended.", "count of calls", "count", "neither",
        lambda s, _: float(s.count)),
    KPI("request_rate", "Calls that ended, a second.", "requests / seconds", "per second",
        "neither", lambda s, seconds: s.count / seconds),
    KPI("errors", "Calls that failed or were cut off.", "count of calls with outcome error or cut",
        "count", "lower", lambda s, _: float(s.failed)),
    KPI("error_rate", "The share of calls that failed, of those that were taken on.",
        "errors / (requests - refused)", "share", "lower", lambda s, _: ratio(s.failed, tried(s)),
        part=lambda s: (s.failed, tried(s))),
    KPI("availability", "The share of calls that did not fail, of those that were taken on.",
        "1 - errors / (requests - refused)", "share", "higher",
        lambda s, _: ratio(tried(s) - s.failed, tried(s)),
        part=lambda s: (tried(s) - s.failed, tried(s))),
    KPI("refusal_rate", "The share of calls that were refused at the door: limits, budgets, no room.",
        "refused / requests", "share", "lower", lambda s, _: ratio(s.refused, s.count),
        part=lambda s: (s.refused, s.count)),
    *(
        KPI(f"latency_p{q}", f"{q} % of the answered calls took no longer, from first byte to last.",
            f"{q} % quantile of latency of calls with outcome ok (within 1 %)", "us", "lower",
            _latency(q / 100), sketches=True)
        for q in (50, 95, 99)
    ),
    *(
        KPI(f"ttft_p{q}", f"{q} % of the answered streams began no later.",
            f"{q} % quantile of the time to the first token of streams with outcome ok (within 1 %)",
            "us", "lower", _ttft(q / 100), sketches=True)
        for q in (50, 95, 99)
    ),
    KPI("tokens", "Tokens sent and answered.", "prompt tokens + tokens of answers", "count",
        "neither", lambda s, _: float(s.prompt_tokens + s.completion_tokens)),
    KPI("throughput", "Tokens answered a second, all calls together.", "tokens of answers / seconds",
        "per second", "higher", lambda s, seconds: s.completion_tokens / seconds),
    KPI("tokens_per_s", "How fast an answer is written: tokens a second of a call.",
        "tokens of answers / summed latency of calls with outcome ok", "per second", "higher",
        lambda s, _: ratio(s.completion_tokens * 1e6, s.answered_busy_us)),
    KPI("concurrency", "Calls under way at the same time, in the mean: how saturated it is.",
        "summed latency / seconds (Little's law)", "count", "neither",
        lambda s, seconds: s.busy_us / 1e6 / seconds),
    KPI("cost", "What the calls cost, of which a price is known.", "sum of costs, one currency",
        "money", "lower", lambda s, _: _cost(s)),
    KPI("cost_per_request", "What a call (a query) cost.", "cost / (requests - refused)", "money", "lower",
        lambda s, _: _cost_each(s, tried(s))),
    KPI("cost_per_answer", "What a call cost that went well: failures are paid too.",
        "cost / calls with outcome ok", "money", "lower", lambda s, _: _cost_each(s, s.answered)),
)  # fmt: skip

KPIS = {kpi.name: kpi for kpi in _ALL}


def kpi(name: str) -> KPI:
    """Return the KPI of this name.

    Raises:
        UnknownMeasureError: there is none.
    """
    if name not in KPIS:
        raise UnknownMeasureError(name=name[:60], guess=guess(name, KPIS))
    return KPIS[name]


def guess(given: str, known: Iterable[str]) -> str:
    """Return what was probably meant, as the end of a sentence."""
    near = difflib.get_close_matches(str(given), [*known], n=1)
    return f" (did you mean `{near[0]}`?)" if near else ""
