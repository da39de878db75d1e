"""The envelope of cost and latency: at most so many times what the old release takes.

Both are ratios over the same requests, with the bootstrap over units: who asks often counts
as one. Where the interval does not tell on which side of the limit the truth lies, it waits for
more requests.
"""

from collections.abc import Sequence

from volano.core.verdict import Outcome, Verdict
from volano.releases.compatibility.limits import Limits
from volano.releases.compatibility.rehearsal import ERROR, Pair
from volano.stats.bootstrap import Statistic, ratio_of_quantiles, ratio_of_sums, resampled

LEAST_OF_TAIL = 20
"""A 95th percentile of fewer values is only their largest."""
_CONFIDENCE = 0.9
_ORDER: tuple[Outcome, ...] = ("fail", "unmeasured", "wait", "pass")


def envelope(pairs: Sequence[Pair], limits: Limits, *, why_no_cost: str = "") -> Verdict:
    """Say whether cost and p95 of the latency stay within their limits."""
    both = [one for one in pairs if ERROR not in (one.old.state, one.new.state)]
    found = {"cost": _cost(both, limits, why_no_cost), "latency": _latency(both, limits)}
    outcome = next(one for one in _ORDER if one in {v.outcome for v in found.values()})
    first = sorted(found, key=lambda name: _ORDER.index(found[name].outcome))
    reason = "; ".join(f"{name} {found[name].reason}" for name in first)
    evidence = {
        name: {"outcome": one.outcome, "why": one.reason, **one.evidence}
        for name, one in found.items()
    }
    return Verdict(outcome, reason, {"requests": len(both), **evidence})


def _latency(pairs: Sequence[Pair], limits: Limits) -> Verdict:
    least = max(LEAST_OF_TAIL, limits.least)
    if len(pairs) < least:
        return Verdict("unmeasured", f"was measured on {len(pairs)} requests; {least} are needed")
    columns = [
        [one.old.latency_us / 1000 for one in pairs],
        [one.new.latency_us / 1000 for one in pairs],
    ]
    return _ratio(pairs, columns, ratio_of_quantiles(0.95), limits.latency, "p95", smooth=False)


def _cost(pairs: Sequence[Pair], limits: Limits, why_no_cost: str) -> Verdict:
    known = [
        one for one in pairs if one.old.cost_nano is not None and one.new.cost_nano is not None
    ]
    if why_no_cost or not known:
        return Verdict(
            "unmeasured", f"is not known: {why_no_cost or 'no request tells its tokens'}"
        )
    if len(known) < limits.least:
        why = f"was measured on {len(known)} requests; {limits.least} are needed"
        return Verdict("unmeasured", why)
    columns = [
        [float(one.old.cost_nano or 0) for one in known],
        [float(one.new.cost_nano or 0) for one in known],
    ]
    before, after = sum(columns[0]), sum(columns[1])
    if not before:
        why = f"was nothing, and is {after / 1e9 / len(known):.6f} a request now"
        return Verdict("fail", why) if after else Verdict("pass", "is nothing, as before")
    return _ratio(known, columns, ratio_of_sums, limits.cost, "sum", smooth=True)


def _ratio(
    pairs: Sequence[Pair], columns: Sequence[Sequence[float]], statistic: Statistic, most: float,
    what: str, *, smooth: bool,
) -> Verdict:  # fmt: skip
    units = [one.unit for one in pairs]
    if len(set(units) - {""}) + units.count("") < 2:
        return Verdict("unmeasured", "comes from one unit only, which says nothing of others")
    found = resampled(columns, statistic, units, smooth=smooth, null=1.0, confidence=_CONFIDENCE)
    evidence = {
        "what": what, "ratio": found.value, "low": found.low, "high": found.high, "most": most,
        "n": len(pairs), "method": found.method,
    }  # fmt: skip
    said = (
        f"is {found.value:.2f} times the old one's on {len(pairs)} requests "
        f"(with 95 % confidence on each side {found.low:.2f} to {found.high:.2f}), {most:g} at most"
    )
    if found.low > most:
        return Verdict("fail", said, evidence)
    if found.high > most:
        return Verdict("wait", f"{said}: more requests would tell", evidence)
    return Verdict("pass", said, evidence)
