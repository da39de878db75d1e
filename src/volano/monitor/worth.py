"""What calls are worth: the KPIs that are made of feedback and outcomes, each defined once.

A formula takes what was told of the calls of a window (`Told`) and gives an `Answer`: a
number with its interval, or why there is none. "Not measured" is never 0.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from volano.monitor.kpi import KPI, Unit, tried
from volano.stats.intervals import wilson
from volano.traces.sums import Sums


@dataclass(frozen=True, slots=True)
class Answer:
    """A number in its KPI's unit (money: nano-units of `currency`), or `why` there is none.

    `n` calls, voices or outcomes stand behind it; `low` and `high` are the 95 % interval of
    a share.
    """

    value: float | None = None
    n: int = 0
    low: float | None = None
    high: float | None = None
    currency: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of calls: their sums, how many voices were content, how many tasks done.

    `done` counts traces, each once; `nano` is what they brought in by currency, in `amounts`
    many outcomes.
    """

    sums: Sums
    content: tuple[int, int] = (0, 0)
    done: tuple[int, int] = (0, 0)
    nano: Mapping[str, int] = field(default_factory=dict)
    amounts: int = 0
    unsaid: Mapping[str, str] = field(default_factory=dict)
    """Why a KPI has no metric to be made of."""


@dataclass(frozen=True, slots=True)
class Worth:
    """One such KPI. `metrics`: the owner may say which metrics it is made of."""

    name: str
    says: str
    formula: str
    unit: Unit
    better: Literal["lower", "higher", "neither"]
    of: Callable[[Told], Answer]
    metrics: str = ""
    kind: str = "business"

    def to_dict(self) -> dict[str, str]:
        """What doors show of it."""
        return {
            "name": self.name, "says": self.says, "formula": self.formula, "unit": self.unit,
            "better": self.better, "kind": self.kind,
        }  # fmt: skip


def measured(kpi: KPI, sums: Sums, seconds: float) -> Answer:
    """Return the answer of a technical KPI, with Wilson's interval where it is a share."""
    value = kpi.of(sums, seconds)
    if value is None:
        return Answer(n=sums.count, why=_why_not(kpi, sums))
    low = high = None
    if kpi.part is not None:
        low, high = wilson(*kpi.part(sums))
    currency = next(iter(sums.nano), "") if kpi.unit == "money" else ""
    return Answer(value, sums.count, low, high, currency)


def _why_not(kpi: KPI, sums: Sums) -> str:
    if not sums.count:
        return "no call"
    if kpi.unit != "money":
        return "no stream was answered" if kpi.name.startswith("ttft") else "no call of this kind"
    if len(sums.nano) > 1:
        return f"it is in several currencies: {', '.join(sorted(sums.nano))}"
    return "no call went well" if sums.nano else "no price is known"


def _share(name: str, part: tuple[int, int], told: Told, none: str) -> Answer:
    if not part[1]:
        return Answer(why=told.unsaid.get(name) or none)
    return Answer(part[0] / part[1], part[1], *wilson(*part))


def _cost(told: Told) -> Answer:
    """Return what the calls cost, where that is one number."""
    if not told.sums.count:
        return Answer(why="no call")
    if len(told.sums.nano) != 1:
        currencies = ", ".join(sorted(told.sums.nano))
        several = f"it is in several currencies: {currencies}"
        return Answer(why=several if currencies else "no price is known")
    [(currency, nano)] = told.sums.nano.items()
    return Answer(float(nano), tried(told.sums), currency=currency)


def _per_success(told: Told) -> Answer:
    cost = _cost(told)
    if not told.done[1]:
        why = told.unsaid.get("task_completion") or "no outcome was told"
        return Answer(why=why)
    if cost.value is None:
        return cost
    if not told.done[0]:
        return Answer(why="no task was done")
    return Answer(cost.value / told.done[0], told.done[0], currency=cost.currency)


def _revenue(told: Told) -> Answer:
    if not told.amounts:
        return Answer(why=told.unsaid.get("revenue") or "no amount was told")
    if len(told.nano) > 1:
        return Answer(why=f"it is in several currencies: {', '.join(sorted(told.nano))}")
    [(currency, nano)] = told.nano.items()
    return Answer(float(nano), told.amounts, currency=currency)


def _with_cost(told: Told, of: Callable[[float, float], Answer]) -> Answer:
    revenue, cost = _revenue(told), _cost(told)
    if revenue.value is None or cost.value is None:
        return Answer(why=revenue.why or cost.why)
    if revenue.currency != cost.currency:
        return Answer(why=f"revenue is in {revenue.currency}, cost in {cost.currency}")
    return of(revenue.value, cost.value)


def _margin(told: Told) -> Answer:
    currency = next(iter(told.nano), "")
    return _with_cost(told, lambda r, c: Answer(r - c, told.amounts, currency=currency))


def _return(told: Told) -> Answer:
    return _with_cost(
        told,
        lambda r, c: Answer(r / c, told.amounts) if c else Answer(why="the calls cost nothing"),
    )


def _revenue_per_request(told: Told) -> Answer:
    revenue, calls = _revenue(told), tried(told.sums)
    if revenue.value is None or not calls:
        return Answer(why=revenue.why or "no call")
    return Answer(revenue.value / calls, revenue.n, currency=revenue.currency)


_ALL = (
    Worth("satisfaction", "The share of voices that were content.",
          "content voices / voices that judge; of the metrics that the owner names (content: above the "
          "middle), else of what people said with yes or no, outcomes aside", "share", "higher",
          lambda t: _share("satisfaction", t.content, t, "nobody judged"), metrics="judge"),
    Worth("task_completion", "The share of tasks that were done, of those whose end was told.",
          "traces with a good outcome / traces with an outcome, each by the last thing told; of the metrics "
          "that the owner names, else of the outcome `task` or `done`, else of the only outcome of yes and no",
          "share", "higher", lambda t: _share("task_completion", t.done, t, "no outcome was told"),
          metrics="outcome"),
    Worth("cost_per_success", "What a task cost that was done: all calls are paid, few succeed.",
          "cost of all calls / traces with a good outcome", "money", "lower", _per_success),
    Worth("revenue", "What the calls brought in or saved, as outcomes tell.",
          "sum of money outcomes whose more is better - sum of those whose less is better, one currency; of the "
          "metrics that the owner names, else of all of money", "money", "higher", _revenue, metrics="money"),
    Worth("revenue_per_request", "What a call brought in or saved, in the mean.",
          "revenue / (requests - refused)", "money", "higher", _revenue_per_request),
    Worth("margin", "What is left of what the calls brought in when they are paid.", "revenue - cost",
          "money", "higher", _margin),
    Worth("return", "How many times its cost a call brought in: above 1 it is worth it.",
          "revenue / cost", "count", "higher", _return),
)  # fmt: skip

WORTH = {one.name: one for one in _ALL}
