"""Harm, over the whole rollout: is it proven that the candidate is worse than it may be?

rates     of all first failures, do too many belong to the candidate? (`stats.attribution`)
quality   the same of units that scored below `bad_below`
scores    is its mean lower, block by block? (`stats.blocks`)
means     is the ratio above what is tolerated? (`stats.ratio`, with a baseline cohort)
quantiles the same of a quantile (`stats.quantile`)
"""

from collections.abc import Mapping
from typing import Any

from volano.core.verdict import Verdict
from volano.releases.gate import ERRORS, QUALITY, Gate
from volano.releases.gates.evidence import Evidence
from volano.stats.attribution import Attribution


def harm(metric: str, evidence: Evidence) -> Verdict:
    """Say whether it is proven that the candidate is worse than it may be."""
    gate, test = evidence.gates[metric], evidence.harm[metric]
    plain = test.to_dict()
    facts = {"gate": "harm", "metric": metric, **plain}
    if isinstance(test, Attribution):
        return _rate(gate, test, facts)
    seen = f"{metric}: {plain['candidate_units']} candidate and {plain['baseline_units']} baseline units"
    limit = _limit(gate)
    if test.rejected:
        return Verdict("fail", f"{seen}, {_found(gate, plain)}, which is {limit}", facts)
    return Verdict("pass", f"{seen}{_so_far(gate, plain)}; {limit} is not proven", facts)


def _rate(gate: Gate, test: Attribution, facts: Mapping[str, Any]) -> Verdict:
    metric = gate.name
    what = {ERRORS: "failed", QUALITY: "scored low"}.get(metric, "had it")
    counts = f"{test.candidate} candidate and {test.baseline} baseline units {what}"
    limit = "more often than at the baseline"
    if test.ratio > 1:
        limit = f"more than {test.ratio:g} times as often"
    if test.rejected:
        numbers = f"e = {test.peak:.3g}, {1 / test.alpha:.3g} is proof"
        return Verdict("fail", f"{metric}: {counts}, which is {limit} ({numbers})", facts)
    numbers = f"e = {test.e_value:.2g} of {1 / test.alpha:.3g}"
    return Verdict("pass", f"{metric}: {counts}; {limit} is not proven ({numbers})", facts)


def _limit(gate: Gate) -> str:
    if gate.kind == "score":
        return f"more than {100 * gate.tolerance:g} points worse" if gate.tolerance else "worse"
    return f"more than {100 * gate.tolerance:g} % higher" if gate.tolerance else "higher"


def _found(gate: Gate, plain: Mapping[str, Any]) -> str:
    """Return what was seen of both arms, in words."""
    if gate.kind == "score":
        mine, others = plain["candidate_mean"], plain["baseline_mean"]
        return f"means {100 * mine:.1f} % and {100 * others:.1f} %"
    if gate.kind == "mean":
        return f"a ratio of {plain['ratio']:.2f} ({plain['low']:.2f} to {plain['high']:.2f})"
    mine, others = plain["candidate_quantile"], plain["baseline_quantile"]
    return f"{mine / 1e6:.3g} s and {others / 1e6:.3g} s"


def _so_far(gate: Gate, plain: Mapping[str, Any]) -> str:
    names = ("ratio",) if gate.kind == "mean" else ("candidate_units", "baseline_units")
    return f", {_found(gate, plain)}" if all(plain[name] for name in names) else ""
