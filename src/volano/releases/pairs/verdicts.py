"""What the pairs say, in words: what a shadow step waits for, and what takes a candidate back."""

from volano.core.verdict import Outcome, Verdict
from volano.releases.pairs.evidence import Compared, PairEvidence
from volano.releases.plan import ERRORS, QUALITY, Plan
from volano.releases.stage import Stage

PAIRS = 50
"""Pairs that a shadow step needs where it says no number."""


def pair_harm(evidence: PairEvidence) -> tuple[Verdict, ...]:
    """Say for each measure whether it is proven that the candidate's answers are worse."""
    found = []
    if evidence.errors is not None and evidence.pairs:
        found.append(_harm(ERRORS, "", evidence.errors, evidence))
    for judge, one in evidence.scored.items():
        if one.n:
            found.append(_harm(QUALITY, judge, one, evidence))
    return tuple(found)


def pair_gates(plan: Plan, stage: Stage, evidence: PairEvidence) -> tuple[Verdict, ...]:
    """Say what a shadow step waits for: so many pairs, no more failures, no lower scores.

    What the copies cost is told, and holds nothing up.
    """
    found = [_count(stage, evidence)]
    if evidence.errors is not None:
        found.append(_within(ERRORS, "", evidence.errors, evidence))
    scored = evidence.scored.get(stage.judge)
    if scored is not None and (stage.judge or scored.n or QUALITY in plan.required):
        found.append(_within(QUALITY, stage.judge, scored, evidence))
    return (*found, *_told(evidence))


def _count(stage: Stage, evidence: PairEvidence) -> Verdict:
    judged = evidence.scored.get(stage.judge) if stage.judge else None
    counted = judged or evidence.errors
    seen = counted.n if counted is not None else evidence.pairs
    needed = stage.pairs or PAIRS
    facts = {"gate": "pairs", "seen": seen, "needed": needed, "judge": stage.judge}
    what = f"pairs scored by {stage.judge}" if judged is not None else "pairs"
    outcome: Outcome = "pass" if seen >= needed else "wait"
    return Verdict(outcome, f"pairs: {seen} of {needed} {what}, one of each unit", facts)


def _harm(metric: str, judge: str, one: Compared, evidence: PairEvidence) -> Verdict:
    facts = {"gate": "harm", "metric": metric, "pairs": True, "judge": judge, **one.to_dict()}
    what = _what(metric, judge, one, evidence)
    worse = "worse than what is served"
    if one.ratio > 1:
        worse = f"more than {one.ratio:g} times as bad as what is served"
    test = one.harm
    if test.rejected:
        numbers = f"e = {test.peak:.3g}, {1 / test.alpha:.3g} is proof"
        return Verdict("fail", f"{metric} of copies: {what}, which is {worse} ({numbers})", facts)
    numbers = f"e = {test.e_value:.2g} of {1 / test.alpha:.3g}"
    return Verdict("pass", f"{metric} of copies: {what}; {worse} is not proven ({numbers})", facts)


def _within(metric: str, judge: str, one: Compared, evidence: PairEvidence) -> Verdict:
    facts = {"gate": "promotion", "metric": metric, "pairs": True, "judge": judge, **one.to_dict()}
    allowed = f"{100 * one.margin:g} points allowed"
    if not one.n:
        who = f"by `{judge}` " if judge else ""
        lacking = (
            f"no pair has a score {who}on both answers yet" if metric == QUALITY else "none yet"
        )
        return Verdict("wait", f"{metric} of copies: {lacking}", facts)
    what = _what(metric, judge, one, evidence)
    if one.within.rejected:
        return Verdict("pass", f"{metric} of copies: {what}, within {allowed}", facts)
    return Verdict(
        "wait", f"{metric} of copies: {what}, not yet proven within {allowed}", facts
    )  # fmt: skip


def _what(metric: str, judge: str, one: Compared, evidence: PairEvidence) -> str:
    low, high = (100 * bound for bound in one.interval)
    if metric == ERRORS:
        formless = evidence.formless[1]
        broke = f", {formless} of all broke their form" if formless else ""
        return (
            f"{one.copy:.0f} copies failed and {one.original:.0f} of the calls they copy, "
            f"of {one.n} units{broke}"
        )
    points, by = 100 * (one.difference or 0.0), f" by {judge}" if judge else ""
    return f"{points:+.1f} points{by} on {one.n} pairs ({low:+.1f} to {high:+.1f})"


def _told(evidence: PairEvidence) -> tuple[Verdict, ...]:
    """Tell what the copies cost and how they differ: facts that hold nothing up."""
    if not evidence.pairs:
        return ()
    parts = [f"{evidence.differing} of {evidence.equal + evidence.differing} answers differ"]
    if evidence.cost.ratio is not None:
        parts.append(f"copies cost {evidence.cost.ratio:.2f} times as much")
    if evidence.slower is not None:
        parts.append(f"take {evidence.slower:.2f} times as long")
    if any(evidence.refused):
        parts.append(f"{evidence.refused[1]} copies refuse, {evidence.refused[0]} originals")
    facts = {"gate": "told", **{k: v for k, v in evidence.to_dict().items() if k != "scored"}}
    return (Verdict("pass", f"told: {', '.join(parts)}", facts),)
