"""A Rule: when to alert. One kind a way of judging; what a file says becomes a frozen value.

rules:
  - name: failing
    kind: threshold
    measure: error_rate
    above: 20%
    window: 30s
    for: 5s
    by: [channel]
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from volano.core.errors import VolanoError
from volano.core.ref import check_name
from volano.monitor.amount import amount, window
from volano.monitor.kpi import KPIS, guess, kpi
from volano.monitor.machine import GAUGES, REMEMBERED_US, measure
from volano.monitor.series import dimension

MINUTE_US, HOUR_US, DAY_US = 60_000_000, 3_600_000_000, 86_400_000_000
SEVERITIES = ("info", "warning", "critical")
Pair = tuple[int, int, float]
SRE_PAIRS: tuple[Pair, ...] = (
    (HOUR_US, 5 * MINUTE_US, 14.4),
    (6 * HOUR_US, 30 * MINUTE_US, 6.0),
    (3 * DAY_US, 6 * HOUR_US, 1.0),
)
"""Long window, short window, burn rate: The Site Reliability Workbook, ch. 5, table 5-8."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What all kinds have, then what some have. Limits are in the measure's unit."""

    name: str
    kind: str
    severity: str = "warning"
    summary: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    receivers: Sequence[str] = ()
    where: Mapping[str, Any] = field(default_factory=dict)
    by: Sequence[str] = ()
    window_us: int = 5 * MINUTE_US
    for_us: int = 0
    keep_us: int = MINUTE_US
    repeat_us: int = 4 * HOUR_US
    measure: str = ""
    above: float | None = None
    below: float | None = None
    least: int = 1
    of: Mapping[str, Any] = field(default_factory=dict)
    slo: str = ""
    pairs: Sequence[Pair] = SRE_PAIRS
    seen_us: int = DAY_US
    tolerance: float = 6.0
    currency: str = ""
    watch: str = ""


class LineError(Exception):
    """What is wrong with a key of a rule."""

    def __init__(self, key: str, why: str):
        super().__init__(why)
        self.key, self.why = key, why


def read_rule(said: Mapping[str, Any]) -> Rule:
    """Return the rule that was said.

    Raises:
        LineError: it cannot be one; names the key and says why.
    """
    kind = said.get("kind", "threshold")
    if kind not in KINDS:
        meant = guess(str(kind), KINDS) or f"; it is one of {', '.join(KINDS)}"
        raise LineError("kind", f"there is no kind `{kind}`{meant}")
    wanted, known = KINDS[kind], (*COMMON, *KINDS[kind])
    for key in said:
        if key not in known:
            raise LineError(
                key, f"`{key}` says nothing to a rule of kind {kind}{guess(key, known)}"
            )
    values: dict[str, Any] = {"name": _at("name", _name, said.get("name")), "kind": kind}
    for key in ("measure", *(k for k in said if k not in ("name", "kind", "measure"))):
        if key in said:
            name, read = _READ[key]
            values[name] = _at(key, read, said[key], said)
    rule = Rule(**values, currency=_currency(said))
    for key in wanted:
        if key in _NEEDED.get(kind, ()) and key not in said:
            raise LineError("kind", f"a rule of kind {kind} needs `{key}`")
    if rule.measure in GAUGES and rule.window_us > REMEMBERED_US:
        raise LineError("window", f"of {rule.measure} an hour is remembered: no window is longer")
    if kind in ("threshold", "ratio", "cost") and (rule.above is None) == (rule.below is None):
        raise LineError("kind", f"a rule of kind {kind} needs `above` or `below`")
    return rule


COMMON = ("name", "kind", "severity", "summary", "labels", "receivers", "for", "keep", "repeat")
_FILTERS = ("where", "by", "window")
KINDS: dict[str, tuple[str, ...]] = {
    "threshold": ("measure", "above", "below", "least", *_FILTERS),
    "ratio": ("measure", "of", "above", "below", "least", *_FILTERS),
    "burn": ("slo", "windows", "least", "by"),
    "absence": ("seen", "where", "by", "window"),
    "anomaly": ("measure", "tolerance", "least", "where", "by"),
    "drift": ("watch",),
    "cost": ("above", "below", *_FILTERS),
}
"""The kinds, and what a rule of each may say besides what all may say."""
_NEEDED = {
    "threshold": ("measure",), "ratio": ("measure", "of"), "burn": ("slo",), "anomaly": ("measure",),
}  # fmt: skip


def _at(
    key: str, read: Callable[..., Any], value: Any, said: Mapping[str, Any] | None = None
) -> Any:
    try:
        return read(value) if said is None else read(value, said)
    except VolanoError as error:
        raise LineError(key, error.message.rstrip(".")) from error
    except (TypeError, ValueError, AttributeError) as error:
        raise LineError(key, f"`{key}` cannot be {str(value)[:60]!r}") from error


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise LineError("name", "a rule needs a `name`")
    return check_name(value)


def _text(value: Any, _: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value[:500]


def _texts(value: Any, _: Any) -> tuple[str, ...]:
    return tuple(_text(one, None) for one in ([value] if isinstance(value, str) else [*value]))


def _labels(value: Any, _: Any) -> dict[str, str]:
    return {str(key): _text(one, None) for key, one in value.items()}


def _where(value: Any, said: Mapping[str, Any] | None) -> dict[str, Any]:
    """Read a filter: a value, or a list of which any will do."""
    _check([*value], said)
    return {
        key: _texts(one, None) if isinstance(one, list) else _text(one, None)
        for key, one in value.items()
    }


def _by(value: Any, said: Mapping[str, Any] | None) -> tuple[str, ...]:
    names = _texts(value, None)
    _check(names, said)
    return names


def _check(names: Sequence[str], said: Mapping[str, Any] | None) -> None:
    """See that the measure of a rule can be asked by these."""
    gauge = GAUGES.get(str((said or {}).get("measure", "")))
    if gauge is not None:
        gauge.check(names)
        return
    for name in names:
        dimension(name)


def _severity(value: Any, _: Any) -> str:
    if value not in SEVERITIES:
        meant = guess(str(value), SEVERITIES) or f"; it is one of {', '.join(SEVERITIES)}"
        raise LineError("severity", f"there is no severity `{value}`{meant}")
    return str(value)


def _measure(value: Any, said: Mapping[str, Any]) -> str:
    found = measure(str(value)).name
    if found in GAUGES and said.get("kind", "threshold") != "threshold":
        raise LineError(
            "measure", f"{found} is remembered for an hour: ask it in a rule of kind threshold"
        )
    return found


def _limit(value: Any, said: Mapping[str, Any]) -> float:
    if said.get("kind") == "ratio":
        text = str(value)
        return float(text[:-1]) / 100 if text.endswith("%") else float(text)
    of = measure("cost" if said.get("kind") == "cost" else str(said.get("measure", "")))
    return amount(value, of.unit)


def _currency(said: Mapping[str, Any]) -> str:
    """Return the currency of a rule's limit; none where it does not say one."""
    name = "cost" if said.get("kind") == "cost" else str(said.get("measure", ""))
    if said.get("kind") == "ratio" or name not in KPIS or KPIS[name].unit != "money":
        return ""
    found = re.search("[A-Z]{3}$", str(said.get("above", said.get("below", ""))).strip())
    return found[0] if found else ""


def _of(value: Any, _: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"measure": kpi(value).name}
    if unknown := set(value) - {"measure", "where", "before"}:
        raise LineError(
            "of", f"`of` is a measure, or has measure, where, before; not `{min(unknown)}`"
        )
    if "before" in value:
        window(value["before"])
    return {
        **value,
        "measure": kpi(value["measure"]).name,
        "where": _where(value.get("where", {}), None),
    }


def _pairs(value: Any, _: Any) -> tuple[Pair, ...]:
    found = tuple((window(p["long"]), window(p["short"]), float(p["burn"])) for p in value)
    if not found:
        raise ValueError(value)
    return found


def _whole(value: Any, _: Any) -> int:
    return int(str(value))


def _number(value: Any, _: Any) -> float:
    found = float(str(value))
    if not 1 <= found <= 1000:
        raise ValueError(value)
    return found


def _window(value: Any, _: Any) -> int:
    return window(value)


def _pause(value: Any, _: Any) -> int:
    return window(value, least_s=0)


_READ: dict[str, tuple[str, Callable[[Any, Mapping[str, Any]], Any]]] = {
    "severity": ("severity", _severity), "summary": ("summary", _text), "labels": ("labels", _labels),
    "receivers": ("receivers", _texts), "for": ("for_us", _pause), "keep": ("keep_us", _pause),
    "repeat": ("repeat_us", _window), "where": ("where", _where), "by": ("by", _by),
    "window": ("window_us", _window), "measure": ("measure", _measure), "above": ("above", _limit),
    "below": ("below", _limit), "least": ("least", _whole), "of": ("of", _of), "slo": ("slo", _text),
    "windows": ("pairs", _pairs), "seen": ("seen_us", _window), "tolerance": ("tolerance", _number),
    "watch": ("watch", _text),
}  # fmt: skip
