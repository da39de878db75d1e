"""Gates: what a report must say, in words, so that a release or a merge may go on.

    exact_match >= 0.9
    exact_match >= 90 % with 95 %
    latency <= 300
    exact_match not worse than support-on-tickets@3 by 0.02 with 95 %

A bare limit looks at the value itself. `with 95 %` asks for that much confidence: the
limit must be kept by the end of the interval that is nearest to it, one-sided. "Not worse by"
is a test of non-inferiority on the same rows, row by row: the worst difference that the data
still allow must be smaller than the margin (Wellek, 2010, ch. 1). So few rows make a gate
say no; they never make it say yes.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from volano.evals.errors import BadGateError
from volano.stats.clustered import mean_interval
from volano.stats.gap import gap

Found = Literal["yes", "no", "unmeasured"]

_NUMBER = r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*(%?)"
_WITH = r"(?:\s+with\s+([0-9]+(?:\.[0-9]+)?)\s*%(?:\s+confidence)?)?"
_LIMIT = re.compile(rf"(\S+)\s*(>=|<=|>|<|≥|≤)\s*{_NUMBER}{_WITH}")
_WORSE = re.compile(rf"(\S+)\s+not\s+worse\s+than\s+(\S+)\s+by\s+{_NUMBER}{_WITH}")
_SIGNS = {"≥": ">=", "≤": "<="}
USUAL = 0.95


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition on a score. `than` is a report to compare with; then `value` is the margin."""

    score: str
    sign: str
    value: float
    confidence: float | None = None
    than: str = ""

    def __str__(self) -> str:
        sure = f" with {self.confidence * 100:g} %" if self.confidence else ""
        if self.than:
            return f"{self.score} not worse than {self.than} by {self.value:g}{sure}"
        return f"{self.score} {self.sign} {self.value:g}{sure}"


@dataclass(frozen=True, slots=True)
class Passed:
    """What a gate said: `found` is yes, no or unmeasured; `why` is one sentence with the figures."""

    gate: str
    found: Found
    why: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Values:
    """A score as gates see it: the mean of each row over its repetitions, and each row's cluster."""

    rows: Mapping[str, float]
    bigger: bool = True
    share: bool = True
    clusters: Mapping[str, str] | None = None


def parse(text: str) -> Gate:
    """Read a gate.

    Raises:
        BadGateError: it is no condition, or one that nothing can keep.
    """
    said = " ".join(str(text).split())
    if found := _WORSE.fullmatch(said):
        score, than, number, percent, sure = found.groups()
        return Gate(score, ">=", _number(number, percent), _confidence(sure, said) or USUAL, than)
    if found := _LIMIT.fullmatch(said):
        score, sign, number, percent, sure = found.groups()
        value = _number(number, percent)
        return Gate(score, _SIGNS.get(sign, sign), value, _confidence(sure, said))
    raise BadGateError(gate=said[:120], why="it reads like none of these")


def judge(gate: Gate, mine: Values | None, others: Values | None = None) -> Passed:
    """Return what a gate says of a score, and for a comparison of the other report's score."""
    if mine is None or not mine.rows:
        return Passed(str(gate), "unmeasured", f"no row has a score `{gate.score}`")
    return _against(gate, mine, others) if gate.than else _limit(gate, mine)


def _limit(gate: Gate, mine: Values) -> Passed:
    value = sum(mine.rows.values()) / len(mine.rows)
    below = gate.sign.startswith("<")
    told = f"{gate.score} is {value:.4g} on {len(mine.rows)} rows"
    if gate.confidence:
        low, high = _bounds(mine, gate.confidence)
        value = high if below else low
        told += f", {'at most' if below else 'at least'} {value:.4g} with {gate.confidence:.4g}"
    holds = {
        ">=": value >= gate.value, ">": value > gate.value,
        "<=": value <= gate.value, "<": value < gate.value,
    }[gate.sign]  # fmt: skip
    return Passed(str(gate), "yes" if holds else "no", told)


def _against(gate: Gate, mine: Values, others: Values | None) -> Passed:
    shared = [row for row in mine.rows if others is not None and row in others.rows]
    if others is None or len(shared) < 2:
        why = f"{gate.than} and this report share {len(shared)} rows with a score `{gate.score}`"
        return Passed(str(gate), "unmeasured", why)
    after = replace(mine, rows={row: mine.rows[row] for row in shared})
    low, high = _bounds(after, gate.confidence or USUAL, others.rows)
    mean = sum(after.rows[row] - others.rows[row] for row in shared) / len(shared)
    if not mine.bigger:
        low, high, mean = -high, -low, -mean
    found: Found = "yes" if low > -gate.value else "no"
    words = f"{abs(mean):.4g} {'better' if mean > 0 else 'worse'}" if mean else "equal"
    told = f"{words} on {len(shared)} rows; with {gate.confidence:.4g} confidence "
    told += f"{-low:.4g} worse at most" if low < 0 else f"at least {low:.4g} better"
    return Passed(str(gate), found, told)


def _bounds(
    after: Values, confidence: float, before: Mapping[str, float] | None = None
) -> tuple[float, float]:
    """Return the one-sided bounds of a mean, or of a mean difference: the ends at 2c - 1."""
    rows = [*after.rows]
    values = [after.rows[row] for row in rows]
    clusters = [after.clusters.get(row, "") for row in rows] if after.clusters else None
    both = 2 * confidence - 1
    if before is None:
        mean = mean_interval(values, clusters, share=after.share, confidence=both)
        return mean.low, mean.high
    first = [before[row] for row in rows]
    change = gap(first, values, clusters, share=after.share, confidence=both)
    return change.low, change.high


def _number(number: str, percent: str) -> float:
    return float(number) / 100 if percent else float(number)


def _confidence(text: str | None, said: str) -> float | None:
    if text is None:
        return None
    value = float(text) / 100
    if not 0.5 < value < 1:
        raise BadGateError(gate=said[:120], why="confidence lies between 50 % and 100 %")
    return value


def worst(found: Sequence[Passed]) -> Found:
    """Return what all gates say together: no beats unmeasured, which beats yes."""
    said = {one.found for one in found}
    return "no" if "no" in said else "unmeasured" if "unmeasured" in said else "yes"
