"""Judge: what a rule says of now. Pure questions and comparisons; nothing is remembered here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from volano.core.ports.drifted import Drifted
from volano.monitor.amount import shown, span, window
from volano.monitor.errors import NoSLOError
from volano.monitor.kpi import kpi, ratio
from volano.monitor.machine import GAUGES, Machine, measure
from volano.monitor.rule import Rule
from volano.monitor.season import HOUR_US, MOST_WEEKS, season
from volano.monitor.series import Series
from volano.monitor.slo import SLO

MOST_GROUPS = 200
"""Alerts of one rule at the same time; who groups by key may have thousands."""
_WEEKS_US = (MOST_WEEKS * 168 + 2) * HOUR_US


@dataclass(frozen=True, slots=True)
class Finding:
    """What is found of one group. `bad` is None where nothing can be said; `told` says why."""

    by: tuple[str, ...]
    bad: bool | None
    value: float | None
    told: str


class Judge:
    """Judges rules by the sums, the SLOs and what drift watches found."""

    def __init__(
        self, series: Series, slos: Callable[[], Sequence[SLO]], drifted: Drifted | None = None,
        machine: Machine | None = None,
    ):  # fmt: skip
        self._series, self._machine = series, machine
        self._slos = slos
        self._drifted = drifted
        self._kinds: dict[str, Callable[[Rule, int], Sequence[Finding]]] = {
            "threshold": self._threshold, "ratio": self._ratio, "burn": self._burn,
            "absence": self._absence, "anomaly": self._anomaly, "drift": self._drift,
            "cost": self._cost,
        }  # fmt: skip

    def __call__(self, rule: Rule, now_us: int) -> Sequence[Finding]:
        """Return what the rule finds, by group.

        Raises:
            VolanoError: it cannot be judged now.
        """
        found = self._kinds[rule.kind](rule, now_us)
        return sorted(found, key=lambda one: not one.bad)[:MOST_GROUPS]

    def _ask(self, rule: Rule, since_us: int, until_us: int, **more: Any) -> Sequence[Any]:
        asked = {"by": rule.by, "where": rule.where} | more
        name = asked.pop("measure", rule.measure)
        if name not in GAUGES:
            asked["currency"] = rule.currency
            return self._series.ask(name, since_us=since_us, until_us=until_us, **asked)
        if self._machine is None:
            return []
        return self._machine.ask(name, since_us=since_us, until_us=until_us, **asked)

    def _threshold(self, rule: Rule, now_us: int) -> Sequence[Finding]:
        unit = measure(rule.measure).unit
        over = f"over {span(rule.window_us)}"
        return [
            _compared(rule, p.by, p.value, p.count, lambda v: f"{rule.measure} is {shown(v, unit, rule.currency)} {over}", unit)
            for p in self._ask(rule, now_us - rule.window_us, now_us)
        ]  # fmt: skip

    def _ratio(self, rule: Rule, now_us: int) -> Sequence[Finding]:
        """Compare with another measure, with other calls, or with some time before."""
        back = window(rule.of["before"]) if "before" in rule.of else 0
        parts = self._ask(rule, now_us - rule.window_us, now_us)
        wholes = self._ask(
            rule, now_us - back - rule.window_us, now_us - back, measure=rule.of["measure"],
            where=rule.of.get("where") or rule.where,
        )  # fmt: skip
        of = {p.by: p.value for p in wholes}
        name = rule.of["measure"] + (f" {rule.of['before']} ago" if back else "")
        return [
            _compared(
                rule, p.by, None if p.value is None else ratio(p.value, of.get(p.by) or 0), p.count,
                lambda v: f"{rule.measure} is {v:.3g} of {name}", "count",
            )
            for p in parts
        ]  # fmt: skip

    def _cost(self, rule: Rule, now_us: int) -> Sequence[Finding]:
        over = f"over {span(rule.window_us)}"
        return [
            _compared(rule, p.by, p.value, p.count, lambda v: f"calls cost {shown(v, 'money', rule.currency)} {over}", "money")
            for p in self._ask(rule, now_us - rule.window_us, now_us, measure="cost")
        ]  # fmt: skip

    def _burn(self, rule: Rule, now_us: int) -> Sequence[Finding]:
        """Both windows of a pair burn too fast: the long one says it matters, the short one that it goes on."""
        slo = next((one for one in self._slos() if one.name == rule.slo), None)
        if slo is None:
            raise NoSLOError(name=rule.slo)
        spans = sorted({us for long, short, _ in rule.pairs for us in (long, short)})
        burns: dict[tuple[str, ...], dict[int, float | None]] = {}
        for us in spans:
            for sums in self._series.sums(
                by=rule.by, where=slo.where, since_us=now_us - us, until_us=now_us,
                sketches=slo.sketches,
            ):  # fmt: skip
                enough = slo.share(sums)[0] >= rule.least
                burns.setdefault(sums.by, {})[us] = slo.burn(sums) if enough else None
        return [_burnt(rule, slo, by, found) for by, found in burns.items()]

    def _absence(self, rule: Rule, now_us: int) -> Sequence[Finding]:
        """Nothing came of what was seen before; by nothing: nothing came at all."""
        came = {p.by for p in self._ask(rule, now_us - rule.window_us, now_us, measure="requests")}
        before = self._ask(rule, now_us - rule.seen_us, now_us, measure="requests")
        told = f"no call for {span(rule.window_us)}"
        if not before and not rule.by:
            return [Finding((), None, None, f"no call was ever seen within {span(rule.seen_us)}")]
        return [
            Finding(p.by, p.by not in came, 0.0, told if p.by not in came else "calls come")
            for p in before
        ]

    def _anomaly(self, rule: Rule, now_us: int) -> Sequence[Finding]:
        """Is the last hour like the same hour of other weeks?"""
        wanted = kpi(rule.measure)
        hours: dict[tuple[str, ...], dict[int, float]] = {}
        for p in self._ask(rule, now_us - _WEEKS_US, now_us - HOUR_US, each_us=HOUR_US):
            if p.value is not None and p.count >= rule.least:
                hours.setdefault(p.by, {})[p.at_us // HOUR_US] = p.value
        found = []
        for p in self._ask(rule, now_us - HOUR_US, now_us):
            usual = season(hours.get(p.by, {}), now_us - HOUR_US // 2)
            if usual is None or p.value is None or p.count < rule.least:
                why = "not enough history: three weeks with this hour are needed"
                found.append(
                    Finding(p.by, None, p.value, why if usual is None else "too few calls")
                )
                continue
            score = usual.score(p.value)
            told = (
                f"{rule.measure} is {shown(p.value, wanted.unit)} in the last hour; usual at this "
                f"hour of the week is {shown(usual.middle, wanted.unit)} ({score:+.1f} deviations, "
                f"{usual.weeks} weeks)"
            )
            found.append(Finding(p.by, abs(score) > rule.tolerance, p.value, told))
        return found

    def _drift(self, rule: Rule, now_us: int) -> Sequence[Finding]:  # noqa: ARG002 - it says when itself
        if self._drifted is None:
            return [Finding((), None, None, "nothing watches for drift yet")]
        found = [one for one in self._drifted() if rule.watch in ("", one.watch)]
        if not found:
            watch = f"`{rule.watch}` " if rule.watch else ""
            return [Finding((), None, None, f"no watch for drift {watch}has looked yet")]
        return [
            Finding(
                (one.watch, one.subject), None if one.found == "unsure" else one.found == "moved",
                None, one.told or one.found,
            )
            for one in found
        ]  # fmt: skip


def _compared(
    rule: Rule, by: tuple[str, ...], value: float | None, count: int,
    say: Callable[[float], str], unit: Any,
) -> Finding:  # fmt: skip
    if count < rule.least:
        return Finding(by, None, value, f"too few calls to say: {count}")
    if value is None:
        return Finding(by, None, None, _unknown(rule))
    limit, word = (rule.above, "above") if rule.above is not None else (rule.below, "below")
    assert limit is not None
    bad = value > limit if word == "above" else value < limit
    kept = "" if bad else "not "
    return Finding(
        by, bad, value, f"{say(value)}, {kept}{word} {shown(limit, unit, rule.currency)}"
    )


def _unknown(rule: Rule) -> str:
    """Say why there are calls and yet no value."""
    name = "cost" if rule.kind == "cost" else rule.measure
    if name.startswith("cost"):
        money = f"price in {rule.currency}" if rule.currency else "price in one currency"
        return f"no {money} is known of these calls"
    if rule.kind == "ratio":
        return f"there is nothing to hold {name} against"
    return f"none of these calls has {name}"


def _burnt(rule: Rule, slo: SLO, by: tuple[str, ...], burns: dict[int, float | None]) -> Finding:
    for long, short, limit in rule.pairs:
        of_long, of_short = burns.get(long), burns.get(short)
        if of_long is not None and of_short is not None and min(of_long, of_short) > limit:
            told = (
                f"the error budget of {slo.name} ({slo.sentence()}) burns {of_long:.1f} times too "
                f"fast over {span(long)} and {of_short:.1f} times over {span(short)}; "
                f"{limit:g} is the limit"
            )
            return Finding(by, True, of_long, told)
    known = [value for value in burns.values() if value is not None]
    if not known:
        return Finding(by, None, None, "too few calls to say")
    return Finding(by, False, max(known), f"the error budget of {slo.name} lasts")
